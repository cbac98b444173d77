"""Finds the masks of a folder, and the series that each was made on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError

from nodulus.app.data.lidc_labels.xml_reading import is_lidc_xml, read_lidc_xml
from nodulus.app.data.masks.lidc_xml import read_lidc_masks
from nodulus.app.data.masks.rtstruct import RTSTRUCT_CLASS, read_rtstruct
from nodulus.app.data.masks.seg_reader import SEG_CLASSES, read_seg
from nodulus.app.data.masks.slicer_segmentation import read_slicer_segmentation, scan_name
from nodulus.app.data.masks.slices import SourceSlices
from nodulus.app.data.masks.structures import StructureMask

_TAGS = (
    "FrameOfReferenceUID",
    "ReferencedFrameOfReferenceSequence",
    "ReferencedSeriesSequence",
    "SOPClassUID",
)


class MaskKind(Enum):
    """How a file keeps its masks."""

    SEG = "DICOM SEG"
    RTSTRUCT = "DICOM RT Structure Set"
    SLICER = ".seg.nrrd of 3D Slicer"
    LIDC = "XML of LIDC-IDRI"


@dataclass(frozen=True)
class MaskFile:
    """One file with named structures.

    Args:
        path: the file.
        kind: of file.
        series_uids: the series that it says it was made on, a ``.seg.nrrd`` by its name; empty
            where it does not say.
        frame_of_reference_uids: where it lies.
    """

    path: Path
    kind: MaskKind
    series_uids: frozenset[str]
    frame_of_reference_uids: frozenset[str]

    def read(
        self, source: SourceSlices, patterns: Sequence[str] = (), threshold: float = 0.5
    ) -> list[StructureMask]:
        """Read its nodules onto the images.

        Args:
            source: the images of the series.
            patterns: names of the wanted structures (see :func:`structures.choose_structures`).
            threshold: for a fractional SEG.

        Raises:
            MaskError: see :func:`read_seg`, :func:`read_rtstruct`,
                :func:`read_slicer_segmentation` and :func:`read_lidc_masks`.
        """
        if self.kind is MaskKind.RTSTRUCT:
            return read_rtstruct(self.path, source, patterns)
        if self.kind is MaskKind.SLICER:
            return read_slicer_segmentation(self.path, source, patterns)
        if self.kind is MaskKind.LIDC:
            return read_lidc_masks(self.path, source, patterns)
        return read_seg(self.path, source, patterns, threshold)


def find_mask_files(paths: Iterable[Path]) -> list[MaskFile]:
    """The SEG, RTSTRUCT, ``.seg.nrrd`` and LIDC-IDRI's XML among files, and no others."""
    found = (_mask_file(path) for path in paths)
    return [file for file in found if file is not None]


def _mask_file(path: Path) -> MaskFile | None:
    if name := scan_name(path):
        return MaskFile(path, MaskKind.SLICER, frozenset({name}), frozenset())
    if is_lidc_xml(path):
        return _lidc_file(path)
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
    except (InvalidDicomError, OSError, EOFError, ValueError, KeyError, NotImplementedError):
        return None
    sop_class = str(dataset.get("SOPClassUID") or "")
    if sop_class not in SEG_CLASSES and sop_class != RTSTRUCT_CLASS:
        return None
    frames = _items(dataset, "ReferencedFrameOfReferenceSequence")
    series = _items(dataset, "ReferencedSeriesSequence")
    for frame in frames:
        for study in _items(frame, "RTReferencedStudySequence"):
            series += _items(study, "RTReferencedSeriesSequence")
    return MaskFile(
        path,
        MaskKind.RTSTRUCT if sop_class == RTSTRUCT_CLASS else MaskKind.SEG,
        _uids(series, "SeriesInstanceUID"),
        _uids([dataset, *frames], "FrameOfReferenceUID"),
    )


def _lidc_file(path: Path) -> MaskFile | None:
    try:
        series_uid = read_lidc_xml(path).series_uid
    except ValueError:  # it names no series, so that it is of none
        return None
    return MaskFile(path, MaskKind.LIDC, frozenset({series_uid}), frozenset())


def _items(dataset: Any, keyword: str) -> list[Any]:
    return list(dataset.get(keyword) or ())


def _uids(items: Iterable[Any], keyword: str) -> frozenset[str]:
    return frozenset(str(item.get(keyword)) for item in items if item.get(keyword))
