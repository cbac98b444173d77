"""What becomes of a series with an odd header: its volume, and every result about it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom

from nodulus.app.errors import NodulusError
from nodulus.app.reading import StudyInput, find_studies
from nodulus.app.result import StudyResult
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results
from nodulus.app.volume import CtVolume
from tests.app.results.synthetic import result_for
from tests.headers.series import FIRST_LPS_MM, SHAPE_IRC, SPACING_RC_MM, STEP_MM, volume_hu

ALL = OutputOptions(key_images=True, pdf=True)
DICOM_FILES = (
    "nodules_seg.dcm",
    "nodules_sr.dcm",
    "key_objects.dcm",
    "key_image_1.dcm",
    "report_pdf.dcm",
)


@dataclass(frozen=True)
class Outcome:
    """One of: the right volume, a refusal with a code, or what is wrong."""

    volume: CtVolume | None
    refused: str | None
    wrong: str | None


def read(folder: Path) -> Outcome:
    """Read the one study of a folder and compare it with what it should be."""
    try:
        found = find_studies(folder)
        studies: tuple[StudyInput, ...] = found.studies
        if len(studies) != 1:
            codes = {problem.code.value for problem in found.problems}
            return Outcome(None, ",".join(sorted(codes)) or None, None if codes else "no study")
        volume = studies[0].load()
    except NodulusError as error:
        code = error.code.value
        return Outcome(None, code, "internal-error" if code == "internal-error" else None)
    except Exception as error:
        return Outcome(None, None, f"{type(error).__name__} in reading: {error}")
    geometry = volume.geometry
    right = (
        volume.hu.shape == SHAPE_IRC
        and np.array_equal(volume.hu, volume_hu())
        and np.allclose(geometry.spacing_irc_mm, (STEP_MM, *SPACING_RC_MM))
        and np.allclose(geometry.index_to_lps((0, 0, 0)), FIRST_LPS_MM)
    )
    return Outcome(volume, None, None if right else "another volume")


def write_all(
    volume: CtVolume, folder: Path, *, validate: bool, labels: np.ndarray | None = None
) -> str | None:
    """Write every result, read them back, and have them validated; give what is wrong."""
    if labels is None:
        labels = np.zeros(volume.hu.shape, np.uint8)
        labels[2:5, 8:14, 9:15] = 1
        labels[7:9, 12:15, 8:12] = 2
    shutil.rmtree(folder, ignore_errors=True)
    try:
        write_results(folder, volume, labels, result_for(volume, labels), options=ALL)
        wrong = _read_back(volume, labels, folder)
    except NodulusError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__} in writing: {error}"
    return _validated(folder) if validate and wrong is None else wrong


def _read_back(volume: CtVolume, labels: np.ndarray, folder: Path) -> str | None:
    result = StudyResult.model_validate_json((folder / "findings.json").read_bytes())
    if any(warning.code == "results-incomplete" for warning in result.warnings):
        return f"results-incomplete: {result.files_left_out}"
    without = _without(volume, result)
    missing = [name for name in (*DICOM_FILES, "report.html") if not (folder / name).is_file()]
    if missing != without or set(missing) & set(result.files.values()):
        return f"not written: {missing}"
    if without:
        return None if (folder / "nodules_mask.nii.gz").is_file() else "no mask"
    seg = pydicom.dcmread(folder / "nodules_seg.dcm")
    images = {image.sop_instance_uid for image in volume.source_images}
    referred = {
        str(item.ReferencedSOPInstanceUID)
        for item in seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    }
    written = [pydicom.dcmread(folder / name) for name in DICOM_FILES]
    checks = {
        "the segmentation has other voxels": not _drawn(int(seg.pixel_array.sum()), volume, labels),
        "the segmentation refers to other images": not referred <= images,
        "an object is of another study": any(
            str(dataset.StudyInstanceUID) != volume.study_uid for dataset in written
        ),
    }
    return next((text for text, holds in checks.items() if holds), None)


def _without(volume: CtVolume, result: StudyResult) -> list[str]:
    """The files that cannot be: an archive takes nothing about what has no UID."""
    said = [
        warning.message
        for warning in volume.warnings
        if warning.code in ("uid-invalid", "sop-instance-uid-repeated")
    ] + [reason for reason in result.files_left_out.values() if "several multi-frame" in reason]
    if not said:
        return []
    return [name for name in DICOM_FILES if "Study" in said[0] or name != "report_pdf.dcm"]


def _drawn(voxels: int, volume: CtVolume, labels: np.ndarray) -> bool:
    """Whether the segmentation has the labels; interpolated slices have no frame for theirs."""
    labelled = int(np.count_nonzero(labels))
    return voxels == labelled if volume.is_source_grid else 0 < voxels <= labelled


def _validated(folder: Path) -> str | None:
    """Give the first error of dciodvfy (David Clunie's dicom3tools)."""
    for name in filter(lambda name: (folder / name).is_file(), DICOM_FILES):
        ran = subprocess.run(
            ["dciodvfy", str(folder / name)], capture_output=True, check=False, errors="replace"
        )
        lines = (ran.stdout + ran.stderr).splitlines()
        errors = [line for line in lines if line.startswith(("Error", "Abort"))]
        if errors:
            return f"{name}: {errors[0]}"
    return None
