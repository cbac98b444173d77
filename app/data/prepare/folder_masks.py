"""Which masks lie in a folder, and of which scans they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodulus.app.data.lidc_labels.xml_reading import is_lidc_xml
from nodulus.app.data.masks.find_masks import MaskFile, find_mask_files
from nodulus.app.data.masks.slicer_segmentation import scan_name
from nodulus.app.data.prepare.dicom_index import DicomIndex, IndexedSeries, index_dicom
from nodulus.app.data.prepare.problems import Problem, ProblemKind
from nodulus.app.reading.files import is_research_format, list_files, stem
from nodulus.app.reading.research import is_label_image

_MODALITIES = ("SEG", "RTSTRUCT")


@dataclass(frozen=True)
class Masks:
    """The masks of a folder.

    Args:
        files: SEG, RTSTRUCT, ``.seg.nrrd`` and LIDC-IDRI's XML.
        images: label images by the name of their scan.
        problems: files that cannot be read.
    """

    files: tuple[MaskFile, ...] = ()
    images: Mapping[str, Path] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def of(self, series: IndexedSeries) -> tuple[MaskFile, ...]:
        """The masks of a DICOM series, by frame of reference where they name no series."""
        found = []
        frame: str | None = None
        for file in self.files:
            if file.series_uids:
                if series.series_uid in file.series_uids:
                    found.append(file)
                continue
            frame = _frame_of_reference(series) if frame is None else frame
            if frame in file.frame_of_reference_uids:
                found.append(file)
        return tuple(found)

    def of_image(self, name: str) -> tuple[MaskFile, ...]:
        """The masks that name a scan that is not DICOM."""
        return tuple(file for file in self.files if name in file.series_uids)

    def names(self, index: DicomIndex) -> Iterator[str]:
        """Every series that a mask is of."""
        yield from self.images
        for file in self.files:
            yield from file.series_uids
        if any(not file.series_uids for file in self.files):
            for uid, series in index.series.items():
                if series.modality == "CT" and self.of(series):
                    yield uid

    def first_file(self, series_uid: str) -> Path | None:
        """A mask that names a series."""
        named = [file.path for file in self.files if series_uid in file.series_uids]
        return next(iter(named), self.images.get(series_uid))


def find_masks(folder: Path, index: DicomIndex | None, images: set[str], scans: set[str]) -> Masks:
    """Find the masks of a folder.

    Args:
        folder: searched to any depth.
        index: of the same folder, where it is known already.
        images: names of the scans that are not DICOM; a label image is of the one that it is
            named after.
        scans: names of all scans, those of DICOM being their series UIDs; a ``.seg.nrrd`` is of the
            one that it is named after.

    Raises:
        NodulusError: the folder cannot be read.
    """
    problems = []
    if index is None:
        index = index_dicom(folder)
        problems = [
            Problem(ProblemKind.MASK_BROKEN, error.message, Path(error.subject or folder))
            for error in index.problems
        ]
    paths = [file for s in index.series.values() if s.modality in _MODALITIES for file in s.files]
    files = list_files(folder).files
    paths += [file for file in files if scan_name(file) in scans or is_lidc_xml(file)]
    labels = {
        stem(file): file
        for file in files
        if is_research_format(file) and stem(file) in images and is_label_image(file)
    }
    return Masks(tuple(find_mask_files(paths)), labels, tuple(problems))


def _frame_of_reference(series: IndexedSeries) -> str:
    import pydicom

    header: Any = pydicom.dcmread(
        series.files[0], stop_before_pixels=True, specific_tags=["FrameOfReferenceUID"]
    )
    return str(header.get("FrameOfReferenceUID") or "")
