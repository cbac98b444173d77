"""Candidates of a DICOM segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.candidates.label_marks import LabelNames, label_marks
from nodulus.app.candidates.placed_marks import placed_marks
from nodulus.app.candidates.problems import invalid, mask_errors
from nodulus.app.candidates.same_space import check_same_space
from nodulus.app.candidates.structures_asked_for import structures_asked_for
from nodulus.app.data.masks.mask_error import MaskError
from nodulus.app.data.masks.seg_reader import (
    SegFrame,
    frames_of,
    open_segmentation,
    structures_of,
)
from nodulus.app.errors import NodulusError
from nodulus.app.marks import Mark, Marks
from nodulus.app.progress import Progress
from nodulus.app.result import SourceForm
from nodulus.app.volume import CtVolume
from nodulus.bundles.common.atomic_files import sha256
from nodulus.transforms.geometry import Geometry

_CUT = 0.5
"""Of the largest possible value, where a fractional segment's voxel belongs to it."""
_SLICE_TOLERANCE = 0.1
"""How far, as a share of the step between slices, a frame may lie from its place."""
_SAME_PLANE_MM = 0.01


class DicomSeg:
    """A DICOM SEG, as TotalSegmentator, nnU-Net's converters, dcmqi and 3D Slicer write it.

    Each connected piece of each segment is a mark. Segments whose code or name says nodule, mass,
    lesion or tumour count; where none does, and none is larger than a mass, all of them.

    Args:
        path: of the file.
        name: of the source.
        label: the number or name of the segment that is a nodule; None for those above.
        named_only: where no code or name says so, none is one.

    Raises:
        NodulusError: ``candidates-invalid``.
    """

    form: SourceForm = "dicom-seg"
    series_uids: frozenset[str] | None = None
    of_any_scan = False

    def __init__(
        self, path: Path, name: str, label: str | None = None, *, named_only: bool = False
    ) -> None:
        self.name = name
        self.sha256 = sha256(path)
        self.path = path
        with mask_errors(
            path,
            "It cannot be used as a segmentation",
            "Give a DICOM SEG with a segment that is a nodule, or name it: FILE#SEGMENT.",
            (MaskError,),
        ):
            seg = open_segmentation(path)
            self._structures = structures_asked_for(
                structures_of(seg), label, path, named_only=named_only
            )
            self._frames = frames_of(seg, _CUT, path)
        self._slice_mm = _stated_slice_mm(seg)
        self._frame_of_reference = str(seg.get("FrameOfReferenceUID") or "") or None
        self._source_series = frozenset(
            str(one.SeriesInstanceUID)
            for one in seg.get("ReferencedSeriesSequence") or []
            if one.get("SeriesInstanceUID")
        )
        self.study_uids: frozenset[str] | None = frozenset({str(seg.get("StudyInstanceUID") or "")})
        self._algorithm = _algorithm(seg, {s.number for s in self._structures})

    def marks(self, volume: CtVolume, report: Progress) -> Marks:
        """See :class:`nodulus.app.marks.CandidateSource`."""
        if volume.study_uid is not None and volume.study_uid not in (self.study_uids or ()):
            report(1, 1)
            return placed_marks([], volume, self.name, self.path, algorithm=self._algorithm)
        warnings = check_same_space(
            volume, self.name, self.path, self._frame_of_reference, self._source_series
        )
        names = LabelNames({s.number: s.name for s in self._structures})
        marks: list[Mark] = []
        for done, structure in enumerate(self._structures, start=1):
            own = [frame for frame in self._frames if frame.number == structure.number]
            if own:
                values, grid = self._stacked(own)
                marks += label_marks(
                    values * structure.number, grid, volume, self.path, names=names
                )
            report(done, len(self._structures))
        return placed_marks(
            marks, volume, self.name, self.path, warnings=warnings, algorithm=self._algorithm
        )

    def _stacked(self, frames: Sequence[SegFrame]) -> tuple[Any, Geometry]:
        """Frames of one segment as a volume; slices without a frame are empty."""
        first = frames[0]
        for one in frames:
            if (
                one.mask.shape != first.mask.shape
                or not np.allclose(one.down, first.down, atol=1e-4)
                or not np.allclose(one.right, first.right, atol=1e-4)
            ):
                raise self._not_a_volume("its frames differ in size, spacing or orientation")
        normal = np.cross(first.right, first.down)
        normal /= np.linalg.norm(normal)
        offset = np.array([(one.origin - first.origin) @ normal for one in frames])
        every = np.array([(one.origin - first.origin) @ normal for one in self._frames])
        step = _step_mm(every) or self._slice_mm
        if step is None:
            raise self._not_a_volume("nothing tells how thick its only slice is")
        lowest = frames[int(offset.argmin())]
        place = (offset - offset.min()) / step
        sideways = np.array([one.origin - lowest.origin for one in frames])
        sideways -= np.outer(offset - offset.min(), normal)
        if (
            np.abs(place - np.rint(place)).max() > _SLICE_TOLERANCE
            or np.linalg.norm(sideways, axis=1).max() > _SLICE_TOLERANCE * step
        ):
            raise self._not_a_volume("its frames are not evenly spaced along one line")
        index = np.rint(place).astype(int)
        values = np.zeros((int(index.max()) + 1, *first.mask.shape), np.uint16)
        for at, one in zip(index, frames, strict=True):
            values[at] |= one.mask
        affine = np.eye(4)
        affine[:3, 0] = normal * step
        affine[:3, 1], affine[:3, 2], affine[:3, 3] = first.down, first.right, lowest.origin
        slices, rows, columns = values.shape
        return values, Geometry((slices, rows, columns), affine)

    def _not_a_volume(self, why: str) -> NodulusError:
        return invalid(
            self.path,
            f"Its frames make no volume: {why}.",
            "Write the segmentation again on the grid of the scan.",
        )


def _step_mm(offsets: NDArray[np.float64]) -> float | None:
    """The distance between slices at these places along their normal; None where all are one."""
    gaps = np.diff(np.sort(offsets))
    gaps = gaps[gaps > _SAME_PLANE_MM]
    if not len(gaps):
        return None
    span = float(offsets.max() - offsets.min())
    return span / max(1, round(span / float(gaps.min())))


def _stated_slice_mm(seg: Any) -> float | None:
    """Distance between slices, or their thickness, where the file says it for all of them."""
    groups = seg.get("SharedFunctionalGroupsSequence") or [None]
    measures = groups[0].get("PixelMeasuresSequence") if groups[0] is not None else None
    if not measures:
        return None
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        if measures[0].get(keyword):
            return abs(float(measures[0].get(keyword)))
    return None


def _algorithm(seg: Any, numbers: set[int]) -> str | None:
    """What made the segments, as the file says."""
    names = {
        str(item.SegmentAlgorithmName)
        for item in seg.SegmentSequence
        if int(item.SegmentNumber) in numbers and item.get("SegmentAlgorithmName")
    }
    return ", ".join(sorted(names)) or None
