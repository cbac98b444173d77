"""One study's result, written as a whole."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.results.folder import FINDINGS_FILE, check_folder, replaced_folder
from app.results.model import ResultWarning, StudyResult
from app.results.options import OutputOptions, ProgressCallback

if TYPE_CHECKING:
    from pydicom import Dataset

    from app.results.explanation import Sensitivity
    from app.results.intermediates import Intermediates
    from app.results.pictures import Picture
    from app.results.source_masks import Labels
    from app.results.sources import SourceHeaders
    from app.volume import CtVolume

SEG_FILE = "nodules_seg.dcm"
SR_FILE = "nodules_sr.dcm"
MASK_FILE = "nodules_mask.nii.gz"
REPORT_FILE = "report.html"
INTERMEDIATES_FOLDER = "intermediates"
_STEPS = 5


def write_results(
    folder: Path,
    volume: CtVolume,
    labels: Labels,
    result: StudyResult,
    *,
    options: OutputOptions,
    progress: ProgressCallback | None = None,
    intermediates: Intermediates | None = None,
    sensitivities: Sequence[Sensitivity] = (),
) -> StudyResult:
    """Write a study's folder; it replaces an earlier one as a whole, or leaves it as it was.

    Args:
        folder: the study's own folder, such as ``OUT/<study UID>``.
        volume: the CT that was analysed.
        labels: shape (I, R, C) on the volume's grid, unsigned; 0 or the id of a finding.
        result: what was found; ids are 1, 2, ... without a gap.
        options: which files are wanted.
        progress: called with ("write", done, total).
        intermediates: written too when ``options.keep_intermediates``.
        sensitivities: shown in the report.

    Returns:
        The result as written: with ``files``, ``files_left_out``, the time it took
        (``timings_s["results"]``) and warnings that arose.

    Raises:
        NodulusError: OUTPUT_NOT_WRITABLE, naming the folder; INPUT_NOT_READABLE when a source
            image has gone.
        ValueError: ``labels`` are not on the volume's grid.
    """
    started = time.perf_counter()
    if labels.shape != volume.hu.shape:
        raise ValueError(f"labels have shape {labels.shape}, the volume {volume.hu.shape}")
    tell = progress or (lambda _step, _done, _total: None)
    check_folder(folder)
    plan = _planned(volume, result, options, intermediates)
    result = result.model_copy(update={"files": plan[0], "files_left_out": plan[1]})

    report = None
    rows: list[tuple[str, Sequence[Picture]]] = []
    page = ""
    kept = intermediates if options.keep_intermediates else None
    with ThreadPoolExecutor(1) as aside, _without_identity_in_warnings():
        sources = pending = None
        if volume.source_images:
            tell("write", 0, _STEPS)
            sources = _sources(volume)
            result = _with_source_warning(result, sources)
        if sources is not None and (options.seg or options.sr):
            tell("write", 1, _STEPS)
            # In a thread of its own: it computes in Python while the pictures leave Python free.
            pending = aside.submit(_dicom_objects, volume, labels, result, sources, options)
        if kept is not None:
            tell("write", 2, _STEPS)
            rows = _intermediate_rows(volume, kept)
            page = _intermediates_page(volume, kept, result, rows)
        if options.report:
            from app.results.report import build_report

            tell("write", 3, _STEPS)
            report = build_report(
                volume,
                labels,
                result,
                sources,
                intermediate_pictures=rows,
                sensitivities=sensitivities,
            )
        objects: dict[str, Dataset] = {} if pending is None else pending.result()

    tell("write", 4, _STEPS)
    with replaced_folder(folder) as part:
        for name, dataset in objects.items():
            dataset.save_as(part / name, enforce_file_format=True)
        if "mask" in result.files:
            from app.results.nifti import write_nifti

            write_nifti(part / MASK_FILE, labels, volume.geometry)
        if report is not None:
            (part / REPORT_FILE).write_text(report, encoding="utf-8")
        if kept is not None:
            _save_intermediates(part / INTERMEDIATES_FOLDER, kept, rows, page)
        seconds = round(time.perf_counter() - started, 3)
        result = result.model_copy(update={"timings_s": {**result.timings_s, "results": seconds}})
        text = result.model_dump_json(indent=2) + "\n"
        (part / FINDINGS_FILE).write_text(text, encoding="utf-8")
    tell("write", 5, _STEPS)
    return result


def _planned(
    volume: CtVolume,
    result: StudyResult,
    options: OutputOptions,
    intermediates: Intermediates | None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Which files will be written, and which not and why."""
    files = {"findings": FINDINGS_FILE}
    left_out: dict[str, str] = {}
    is_dicom = bool(volume.source_images)
    for name, wanted in (("seg", options.seg), ("sr", options.sr), ("report", options.report)):
        if not wanted:
            left_out[name] = "not asked for"
    if options.seg and is_dicom and result.findings:
        files["seg"] = SEG_FILE
    elif options.seg and is_dicom:
        left_out["seg"] = "no findings"
    elif options.seg:
        files["mask"] = MASK_FILE
        left_out["seg"] = "the source is not DICOM"
    if options.sr and is_dicom:
        files["sr"] = SR_FILE
    elif options.sr:
        left_out["sr"] = "the source is not DICOM"
    if options.report:
        files["report"] = REPORT_FILE
    if options.keep_intermediates and intermediates is not None:
        files["intermediates"] = INTERMEDIATES_FOLDER
    return files, left_out


@contextmanager
def _without_identity_in_warnings() -> Iterator[None]:
    """Silence warnings of the DICOM libraries: they quote patient attributes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _sources(volume: CtVolume) -> SourceHeaders:
    from app.results.sources import read_source_headers

    return read_source_headers(volume)


def _with_source_warning(result: StudyResult, sources: SourceHeaders) -> StudyResult:
    if not sources.frame_of_reference_missing:
        return result
    warning = ResultWarning(
        code="frame-of-reference-missing",
        message="The source has no FrameOfReferenceUID; the segmentation and the structured "
        "report carry one that was made from the series UID.",
    )
    return result.model_copy(update={"warnings": (*result.warnings, warning)})


def _dicom_objects(
    volume: CtVolume,
    labels: Labels,
    result: StudyResult,
    sources: SourceHeaders,
    options: OutputOptions,
) -> dict[str, Dataset]:
    """Make the SEG and the SR, by file name."""
    from app.results.dicom_seg import build_seg
    from app.results.dicom_sr import build_sr
    from app.results.source_masks import labels_on_source

    objects: dict[str, Dataset] = {}
    planes = seg = None
    if "seg" in result.files:
        planes = labels_on_source(
            labels,
            volume.geometry,
            sources,
            is_source_grid=volume.is_source_grid,
            finding_ids=[finding.id for finding in result.findings],
        )
        seg = build_seg(planes, sources, result, all_frames=options.seg_all_frames)
        objects[SEG_FILE] = seg
    if "sr" in result.files:
        objects[SR_FILE] = build_sr(sources, result, seg, planes)
    for dataset in objects.values():
        # Kept away from the libraries until now: they warn of odd names and quote them.
        dataset.PatientName = sources.patient_name
    return objects


def _intermediate_rows(
    volume: CtVolume, intermediates: Intermediates
) -> list[tuple[str, Sequence[Picture]]]:
    from app.results.intermediate_pictures import (
        lung_pictures,
        probability_pictures,
    )

    return [
        ("Lungs that were searched", lung_pictures(volume, intermediates)),
        ("Nodule probability and candidates", probability_pictures(volume, intermediates)),
    ]


def _intermediates_page(
    volume: CtVolume,
    intermediates: Intermediates,
    result: StudyResult,
    rows: Sequence[tuple[str, Sequence[Picture]]],
) -> str:
    from app.results.intermediates_page import build_intermediates_page

    return build_intermediates_page(volume, intermediates, result, rows)


def _save_intermediates(
    folder: Path,
    intermediates: Intermediates,
    rows: Sequence[tuple[str, Sequence[Picture]]],
    page: str,
) -> None:
    from app.results.intermediates import write_intermediates

    write_intermediates(folder, intermediates)
    (folder / "index.html").write_text(page, encoding="utf-8")
    for name, (_title, pictures) in zip(("lungs", "probability"), rows, strict=True):
        for picture in pictures:
            picture.flat().save(folder / f"{name}_{picture.caption.lower()}.png")
