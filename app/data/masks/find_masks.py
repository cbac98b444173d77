"""Finds the SEG and RTSTRUCT files of a folder, and the series that each was made on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError

from nodulus.app.data.masks.rtstruct import RTSTRUCT_CLASS, read_rtstruct
from nodulus.app.data.masks.seg_reader import SEG_CLASSES, read_seg
from nodulus.app.data.masks.slices import SourceSlices
from nodulus.app.data.masks.structures import StructureMask

_TAGS = (
    "FrameOfReferenceUID",
    "ReferencedFrameOfReferenceSequence",
    "ReferencedSeriesSequence",
    "SOPClassUID",
)


@dataclass(frozen=True)
class MaskFile:
    """One SEG or RTSTRUCT.

    Args:
        path: the file.
        is_rtstruct: False for a SEG.
        series_uids: the series that it says it was made on; empty where it does not say.
        frame_of_reference_uids: where it lies.
    """

    path: Path
    is_rtstruct: bool
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
            MaskError: see :func:`read_seg` and :func:`read_rtstruct`.
        """
        if self.is_rtstruct:
            return read_rtstruct(self.path, source, patterns)
        return read_seg(self.path, source, patterns, threshold)


def find_mask_files(paths: Iterable[Path]) -> list[MaskFile]:
    """The SEG and RTSTRUCT files among files; all others are passed over."""
    found = (_mask_file(path) for path in paths)
    return [file for file in found if file is not None]


def _mask_file(path: Path) -> MaskFile | None:
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
        sop_class == RTSTRUCT_CLASS,
        _uids(series, "SeriesInstanceUID"),
        _uids([dataset, *frames], "FrameOfReferenceUID"),
    )


def _items(dataset: Any, keyword: str) -> list[Any]:
    return list(dataset.get(keyword) or ())


def _uids(items: Iterable[Any], keyword: str) -> frozenset[str]:
    return frozenset(str(item.get(keyword)) for item in items if item.get(keyword))
