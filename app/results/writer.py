"""One study's results, made step by step and written as a whole."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nodulus.app.result import ResultWarning, StudyResult
from nodulus.app.results.encode import encode_objects
from nodulus.app.results.file_plan import (
    INTERMEDIATES_FOLDER,
    KEY_OBJECTS_FILE,
    MASK_FILE,
    PDF_FILE,
    REPORT_FILE,
    SEG_FILE,
    SR_FILE,
    key_image_file,
    planned_files,
    without_references,
)
from nodulus.app.results.folder import FINDINGS_FILE, check_folder, replaced_folder
from nodulus.app.results.options import OutputOptions

if TYPE_CHECKING:
    from pydicom import Dataset

    from nodulus.app.explanation import Sensitivity
    from nodulus.app.results.intermediates import Intermediates
    from nodulus.app.results.label_boxes import Labels
    from nodulus.app.results.pictures import Picture
    from nodulus.app.results.probability import ProbabilityMap
    from nodulus.app.results.sources import SourceHeaders
    from nodulus.app.volume import CtVolume


class StudyWriter:
    """One study's results, made step by step and put in place as a whole.

    The objects are made in memory, in this order: segmentation, structured report (it refers to
    the segmentation), key images, PDF, report. `publish` writes them all; until then nothing is on
    disk.

    Args:
        folder: the study's own folder, such as ``OUT/<study UID>``.
        volume: the CT that was analysed.
        labels: shape (I, R, C) on the volume's grid, unsigned; 0 or the id of a finding.
        result: what was found; ids are 1, 2, ... without a gap.
        options: which files are wanted.
        intermediates: written too when ``options.keep_intermediates``.
        sensitivities: shown in the report.
        probability: of the segmentation; needed where ``options.seg_type`` is ``fractional``.

    Raises:
        NodulusError: OUTPUT_NOT_WRITABLE, naming the folder; INPUT_NOT_READABLE when a source
            image has gone; PACKAGE_MISSING where the options want one that is not installed.
        ValueError: ``labels`` are not on the volume's grid, or the probability is missing.
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
        probability: ProbabilityMap | None = None,
    ) -> None:
        self._started = time.perf_counter()
        if labels.shape != volume.hu.shape:
            raise ValueError(f"labels have shape {labels.shape}, the volume {volume.hu.shape}")
        if options.seg and options.seg_type == "fractional" and probability is None:
            raise ValueError("a fractional segmentation needs the probability")
        options.check()
        check_folder(folder)
        self._folder = folder
        self._volume = volume
        self._labels = labels
        self._options = options
        self._kept = intermediates if options.keep_intermediates else None
        if options.deidentify:
            from nodulus.app.results.deidentify import deidentified_result

            result = deidentified_result(result)
        files, left_out = planned_files(
            result,
            options,
            is_dicom=bool(volume.source_images),
            intermediates=self._kept is not None,
        )
        self._result = result.model_copy(update={"files": files, "files_left_out": left_out})
        self._sources: SourceHeaders | None = None
        if volume.source_images:
            with without_identity_in_warnings():
                self._sources = _sources(volume)
                self._result = _with_source_warning(self._result, self._sources)
                reason = self._sources.no_reference_because
                if reason is not None:
                    self._result = without_references(self._result, reason)
        self._probability = probability
        # Settled before anything is drawn: whatever is made later, in whatever thread, says the
        # same of the study.
        self._planes: Labels | None = None
        if "seg" in self._result.files and self._sources is not None:
            from nodulus.app.results.interpolated_only import say_what_has_no_frame

            with without_identity_in_warnings():
                self._planes = self._on_source(self._labels, self._sources)
                self._result = say_what_has_no_frame(self._result, self._planes)
        self._objects: dict[str, Dataset] = {}
        self._encoded: dict[str, bytes] | None = None
        self._rows: list[tuple[str, Sequence[Picture]]] = []
        self._sensitivities = sensitivities
        self._page = ""
        self._report: str | None = None

    def make_seg(self) -> None:
        """Make the DICOM segmentation, where one is planned."""
        if self._planes is None or self._sources is None or not self._planes.any():
            return
        from nodulus.app.results.dicom_seg import build_seg
        from nodulus.app.results.probability import fractional_planes, territories

        with without_identity_in_warnings():
            fractions = None
            if self._options.seg_type == "fractional" and self._probability is not None:
                grown = territories(self._labels, self._volume.geometry)
                self._planes = self._on_source(grown, self._sources)
                fractions = fractional_planes(self._planes, self._probability, self._sources)
                self._planes[fractions == 0] = 0
            self._objects[SEG_FILE] = build_seg(
                self._planes,
                self._sources,
                self._result,
                fractions=fractions,
                all_frames=self._options.seg_all_frames,
            )

    def make_sr(self) -> None:
        """Make the DICOM structured report, where one is planned; after `make_seg`."""
        if "sr" not in self._result.files or self._sources is None:
            return
        from nodulus.app.results.dicom_sr import build_sr

        with without_identity_in_warnings():
            seg = self._objects.get(SEG_FILE)
            self._objects[SR_FILE] = build_sr(self._sources, self._result, seg, self._planes)

    def make_key_images(self) -> None:
        """Make the key object selection and the secondary captures, where they are planned."""
        if "key_objects" not in self._result.files or self._sources is None:
            return
        from nodulus.app.results.key_images import build_key_images
        from nodulus.app.results.key_objects import build_key_objects

        with without_identity_in_warnings():
            planes = self._on_source(self._labels, self._sources)
            keys = build_key_objects(planes, self._sources, self._result)
            self._objects[KEY_OBJECTS_FILE] = keys
            images = build_key_images(self._pictures, self._sources, self._result)
            for finding, image in zip(self._result.findings, images, strict=True):
                self._objects[key_image_file(finding.id)] = image

    def make_pdf(self) -> None:
        """Make the report as an encapsulated PDF, where one is planned."""
        if "pdf" not in self._result.files or self._sources is None:
            return
        from nodulus.app.results.dicom_pdf import build_encapsulated_pdf
        from nodulus.app.results.report_pdf import build_pdf

        with without_identity_in_warnings():
            pdf = build_pdf(self._result, self._pictures)
            self._objects[PDF_FILE] = build_encapsulated_pdf(pdf, self._sources, self._result)

    def encode(self) -> None:
        """Turn the DICOM objects into the bytes of their files; after the last of them is made."""
        if self._sources is None:
            self._encoded = {}
            return
        with without_identity_in_warnings():
            self._encoded = encode_objects(
                self._objects, self._sources.patient_name, deidentified=self._options.deidentify
            )

    @cached_property
    def _pictures(self) -> list[tuple[Picture, ...]]:
        """The pictures of each finding, in the order of the result's."""
        from nodulus.app.results.label_boxes import boxes_by_label
        from nodulus.app.results.pictures import finding_pictures

        boxes = boxes_by_label(self._labels)
        return [
            finding_pictures(self._volume, self._labels, boxes.get(finding.id), finding)
            for finding in self._result.findings
        ]

    def _on_source(self, labels: Labels, sources: SourceHeaders) -> Labels:
        from nodulus.app.results.source_masks import labels_on_source

        return labels_on_source(
            labels,
            self._volume.geometry,
            sources,
            is_source_grid=self._volume.is_source_grid,
            finding_ids=[finding.id for finding in self._result.findings],
        )

    def make_report(self) -> None:
        """Make the HTML report and the pictures of what is kept, where they are planned."""
        if self._kept is not None:
            from nodulus.app.results.intermediates_page import build_intermediates_page

            self._rows = _intermediate_rows(self._volume, self._kept)
            self._page = build_intermediates_page(
                self._volume, self._kept, self._result, self._rows
            )
        if not self._options.report:
            return
        from nodulus.app.results.report import build_report

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
        if self._encoded is None:
            self.encode()
        assert self._encoded is not None
        with replaced_folder(self._folder) as part:
            for name, content in self._encoded.items():
                (part / name).write_bytes(content)
            if "mask" in self._result.files:
                from nodulus.app.results.nifti import write_nifti

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


@contextmanager
def without_identity_in_warnings() -> Iterator[None]:
    """Silence warnings of the DICOM libraries: they quote patient attributes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _sources(volume: CtVolume) -> SourceHeaders:
    from nodulus.app.results.sources import read_source_headers

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
    from nodulus.app.results.intermediate_pictures import lung_pictures, probability_pictures

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
    from nodulus.app.results.intermediates import write_intermediates

    write_intermediates(folder, intermediates)
    (folder / "index.html").write_text(page, encoding="utf-8")
    for name, (_title, pictures) in zip(("lungs", "probability"), rows, strict=True):
        for picture in pictures:
            picture.flat().save(folder / f"{name}_{picture.caption.lower()}.png")
