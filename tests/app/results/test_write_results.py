"""All results of a study are written, and read again."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import warnings
from pathlib import Path

import jsonschema
import nibabel as nib
import numpy as np
import pytest
from pydicom import dcmread

from nodulus.app.reading import load_volume
from nodulus.app.result import StudyResult
from nodulus.app.results.intermediates import Intermediates
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.schema import findings_schema
from nodulus.app.results.write_results import write_results

from .synthetic import PATIENT_ID, PATIENT_NAME, SHAPE, result_for, two_labels, write_series


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_everything_is_written_and_read_again(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path / "ct"), two_labels()
    steps: list[tuple[str, int, int]] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        written = write_results(
            tmp_path / "out",
            volume,
            labels,
            result_for(volume, labels),
            options=OutputOptions(),
            progress=lambda *step: steps.append(step),
        )
    assert not any("Secret" in str(one.message) for one in caught)
    assert names(tmp_path / "out") == set(written.files.values())
    assert set(written.files) == {"findings", "seg", "sr", "report"}
    text = (tmp_path / "out" / "findings.json").read_text()
    jsonschema.validate(json.loads(text), findings_schema())
    assert StudyResult.model_validate_json(text) == written
    assert written.timings_s["results"] > 0
    assert steps[-1] == ("write", 5, 5)
    assert PATIENT_NAME not in text
    assert PATIENT_ID not in text


def test_second_run_replaces(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path / "ct"), two_labels()
    result = result_for(volume, labels)
    write_results(tmp_path / "out", volume, labels, result, options=OutputOptions())
    empty = np.zeros_like(labels)
    second = write_results(
        tmp_path / "out",
        volume,
        empty,
        result_for(volume, empty),
        options=OutputOptions(report=False),
    )
    assert names(tmp_path / "out") == {"findings.json", "nodules_sr.dcm"}
    assert second.files_left_out == {"seg": "no findings", "report": "not asked for"}


def test_missing_frame_of_reference_is_stated(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path / "ct", identity=False), two_labels()
    written = write_results(
        tmp_path / "out",
        volume,
        labels,
        result_for(volume, labels),
        options=OutputOptions(report=False),
    )
    assert [warning.code for warning in written.warnings] == [
        "thick-slices",
        "frame-of-reference-missing",
    ]


def test_research_format_gets_a_mask(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path / "ct"), two_labels()
    volume = dataclasses.replace(
        volume, source_format="mhd", source_images=(), study_uid=None, series_uid="case_7"
    )
    written = write_results(
        tmp_path / "out", volume, labels, result_for(volume, labels), options=OutputOptions()
    )
    assert set(written.files) == {"findings", "mask", "report"}
    assert written.files_left_out == {
        "seg": "the source is not DICOM",
        "sr": "the source is not DICOM",
    }
    image = nib.load(tmp_path / "out" / "nodules_mask.nii.gz")
    data = np.asarray(image.dataobj)
    assert data.shape == SHAPE[::-1]
    np.testing.assert_array_equal(data.transpose(2, 1, 0), labels)
    corner = image.affine @ [37, 20, 7, 1]
    point_ras_mm = volume.geometry.index_to_lps((7, 20, 37)) * [-1, -1, 1]
    np.testing.assert_allclose(corner[:3], point_ras_mm, atol=1e-4)


def test_intermediates(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path / "ct"), two_labels()
    result = result_for(volume, labels)
    probability = np.where(labels > 0, 0.75, 0.0).astype(np.float16)
    kept = Intermediates(
        volume.hu < -500, volume.geometry, probability, volume.geometry, result.candidates
    )
    write_results(
        tmp_path / "out",
        volume,
        labels,
        result,
        options=OutputOptions(keep_intermediates=True),
        intermediates=kept,
    )
    folder = tmp_path / "out" / "intermediates"
    planes = ("axial", "coronal", "sagittal")
    pictures = {f"{what}_{plane}.png" for what in ("lungs", "probability") for plane in planes}
    assert (
        names(folder)
        == {
            "index.html",
            "lungs.nii.gz",
            "probability.nii.gz",
            "candidates.json",
        }
        | pictures
    )
    saved = np.asarray(nib.load(folder / "probability.nii.gz").dataobj)
    assert saved.max() == pytest.approx(0.75)
    assert len(json.loads((folder / "candidates.json").read_text())) == 3


def test_labels_on_another_grid_are_refused(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path / "ct"), two_labels()
    with pytest.raises(ValueError, match="labels have shape"):
        write_results(
            tmp_path / "out",
            volume,
            labels[1:],
            result_for(volume, labels),
            options=OutputOptions(),
        )


@pytest.mark.real_data
def test_real_ct(real_ct: Path, tmp_path: Path) -> None:
    """The mask of a real scan comes back from its SEG in place, and the validator is content."""
    volume = load_volume(real_ct / "C3N-00247")
    labels = np.zeros(volume.hu.shape, np.uint8)
    i, r, c = np.round(volume.geometry.lps_to_index((-83.0, -192.0, -195.0))).astype(int)
    labels[i - 4 : i + 5, r - 20 : r + 20, c - 22 : c + 22] = 1
    write_results(
        tmp_path / "out", volume, labels, result_for(volume, labels), options=OutputOptions()
    )
    seg = dcmread(tmp_path / "out" / "nodules_seg.dcm")
    assert seg.NumberOfFrames == 9
    place = {image.sop_instance_uid: n for n, image in enumerate(volume.source_images)}
    for frame, mask in zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array, strict=True):
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        n = place[source.ReferencedSOPInstanceUID]
        np.testing.assert_array_equal(mask, labels[n])
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        assert list(position) == pytest.approx(volume.source_images[n].position_lps_mm)
    if shutil.which("dciodvfy"):
        for name in ("nodules_seg.dcm", "nodules_sr.dcm"):
            ran = subprocess.run(
                ["dciodvfy", str(tmp_path / "out" / name)], capture_output=True, check=False
            )
            assert b"Error" not in ran.stdout + ran.stderr
