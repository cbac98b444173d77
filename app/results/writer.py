"""One study's results, made step by step and written as a whole."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.results.deidentify import deidentified_result, deidentify
from app.results.folder import FINDINGS_FILE, check_folder, replaced_folder
from app.results.model import ResultWarning, StudyResult
from app.results.options import OutputOptions

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


class StudyWriter:
    """One study's results, made step by step and put in place as a whole.

    The objects are made in memory, in this order: segmentation, structured report (it refers to
    the segmentation), report. `publish` writes them all; until then nothing is on disk.

    Args:
        folder: the study's own folder, such as ``OUT/<study UID>``.
        volume: the CT that was analysed.
        labels: shape (I, R, C) on the volume's grid, unsigned; 0 or the id of a finding.
        result: what was found; ids are 1, 2, ... without a gap.
        options: which files are wanted.
        intermediates: written too when ``options.keep_intermediates``.
        sensitivities: shown in the report.

    Raises:
        NodulusError: OUTPUT_NOT_WRITABLE, naming the folder; INPUT_NOT_READABLE when a source
            image has gone.
        ValueError: ``labels`` are not on the volume's grid.
    """

    def __init__(
        self,
        folder: Path,
        volume: CtVolume,
        labels: Labels,
        result: StudyResult,
        *,
        options: OutputOptions,
        intermediates: Intermediates | None = None,
        sensitivities: Sequence[Sensitivity] = (),
    ) -> None:
        self._started = time.perf_counter()
        if labels.shape != volume.hu.shape:
            raise ValueError(f"labels have shape {labels.shape}, the volume {volume.hu.shape}")
        check_folder(folder)
        self._folder = folder
        self._volume = volume
        self._labels = labels
        self._options = options
        self._kept = intermediates if options.keep_intermediates else None
        if options.deidentify:
            result = deidentified_result(result)
        files, left_out = _planned(volume, result, options, self._kept)
        self._result = result.model_copy(update={"files": files, "files_left_out": left_out})
        self._sources: SourceHeaders | None = None
        if volume.source_images:
            with without_identity_in_warnings():
                self._sources = _sources(volume)
                self._result = _with_source_warning(self._result, self._sources)
        self._planes: Labels | None = None
        self._objects: dict[str, Dataset] = {}
        self._rows: list[tuple[str, Sequence[Picture]]] = []
        self._sensitivities = sensitivities
        self._page = ""
        self._report: str | None = None

    def make_seg(self) -> None:
        """Make the DICOM segmentation, where one is planned."""
        if "seg" not in self._result.files or self._sources is None:
            return
        from app.results.dicom_seg import build_seg
        from app.results.source_masks import labels_on_source

        with without_identity_in_warnings():
            self._planes = labels_on_source(
                self._labels,
                self._volume.geometry,
                self._sources,
                is_source_grid=self._volume.is_source_grid,
                finding_ids=[finding.id for finding in self._result.findings],
            )
            every = self._options.seg_all_frames
            seg = build_seg(self._planes, self._sources, self._result, all_frames=every)
        self._objects[SEG_FILE] = seg

    def make_sr(self) -> None:
        """Make the DICOM structured report, where one is planned; after `make_seg`."""
        if "sr" not in self._result.files or self._sources is None:
            return
        from app.results.dicom_sr import build_sr

        with without_identity_in_warnings():
            seg = self._objects.get(SEG_FILE)
            self._objects[SR_FILE] = build_sr(self._sources, self._result, seg, self._planes)

    def make_report(self) -> None:
        """Make the HTML report and the pictures of what is kept, where they are planned."""
        if self._kept is not None:
            from app.results.intermediates_page import build_intermediates_page

            self._rows = _intermediate_rows(self._volume, self._kept)
            self._page = build_intermediates_page(
                self._volume, self._kept, self._result, self._rows
            )
        if not self._options.report:
            return
        from app.results.report import build_report

        self._report = build_report(
            self._volume,
            self._labels,
            self._result,
            self._sources,
            intermediate_pictures=self._rows,
            sensitivities=self._sensitivities,
        )

    def publish(self) -> StudyResult:
        """Write the folder; it replaces an earlier one as a whole, or leaves it as it was.

        Returns:
            The result as written: with ``files``, ``files_left_out``, the time since the writer
            was made (``timings_s["results"]``) and warnings that arose.

        Raises:
            NodulusError: OUTPUT_NOT_WRITABLE, naming the folder.
        """
        if self._sources is not None:
            with without_identity_in_warnings():
                for dataset in self._objects.values():
                    # Kept away from the libraries until now: they warn of odd names.
                    dataset.PatientName = self._sources.patient_name
                    if self._options.deidentify:
                        deidentify(dataset)
        with replaced_folder(self._folder) as part:
            for name, dataset in self._objects.items():
                dataset.save_as(part / name, enforce_file_format=True)
            if "mask" in self._result.files:
                from app.results.nifti import write_nifti

                write_nifti(part / MASK_FILE, self._labels, self._volume.geometry)
            if self._report is not None:
                (part / REPORT_FILE).write_text(self._report, encoding="utf-8")
            if self._kept is not None:
                _save_intermediates(part / INTERMEDIATES_FOLDER, self._kept, self._rows, self._page)
            seconds = round(time.perf_counter() - self._started, 3)
            timings = {**self._result.timings_s, "results": seconds}
            result = self._result.model_copy(update={"timings_s": timings})
            text = result.model_dump_json(indent=2) + "\n"
            (part / FINDINGS_FILE).write_text(text, encoding="utf-8")
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
def without_identity_in_warnings() -> Iterator[None]:
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
