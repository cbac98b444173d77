"""Reads a DICOM segmentation (PS3.3 A.51) onto the images of a CT series.

Frames are placed by their own position, orientation and spacing, never by their order: empty
frames may have been left out, and several segments may share a plane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.sr.coding import Code

from nodulus.app.data.masks.mask_error import MaskError, MaskProblem
from nodulus.app.data.masks.nodule_codes import is_nodule_code
from nodulus.app.data.masks.slices import SourceSlices
from nodulus.app.data.masks.structures import (
    Structure,
    StructureMask,
    StructurePlane,
    assemble,
    choose_structures,
)

SEG_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.66.4",  # Segmentation Storage
        "1.2.840.10008.5.1.4.1.1.66.7",  # Label Map Segmentation Storage
    }
)
_PIXEL_TOLERANCE = 0.1
"""How far, in pixels, a segmentation's grid may lie from that of the CT."""


@dataclass(frozen=True, eq=False)
class SegFrame:
    """One segment's pixels in one frame.

    Args:
        number: SegmentNumber.
        origin: LPS mm of the frame's first pixel.
        down: step from row to row, LPS mm.
        right: step from column to column, LPS mm.
        mask: shape (rows, columns).
    """

    number: int
    origin: NDArray[np.float64]
    down: NDArray[np.float64]
    right: NDArray[np.float64]
    mask: NDArray[np.bool_]


def read_seg(
    path: Path, source: SourceSlices, patterns: Sequence[str] = (), threshold: float = 0.5
) -> list[StructureMask]:
    """Read the segments that are nodules.

    Args:
        path: the file; BINARY, FRACTIONAL or LABELMAP.
        source: the images that it was made on.
        patterns: names of the wanted segments (see :func:`structures.choose_structures`).
        threshold: a pixel of a fractional segmentation belongs to its segment when its value is
            at least this share of the largest possible one.

    Returns:
        One mask a segment, those without a pixel left out.

    Raises:
        MaskError: it is no segmentation, is broken, lies in another frame of reference or on
            another grid than the images, or none of its segments is wanted.
    """
    seg = open_segmentation(path)
    source.check_frame_of_reference(str(seg.get("FrameOfReferenceUID") or "") or None, path)
    chosen = choose_structures(structures_of(seg), patterns, path)
    return masks_of(chosen, frames_of(seg, threshold, path), source, path)


def masks_of(
    structures: Sequence[Structure], frames: Sequence[SegFrame], source: SourceSlices, path: Path
) -> list[StructureMask]:
    """Lay frames on the images of a series.

    Args:
        structures: of which a mask is wanted.
        frames: of the file, in any order.
        source: the images.
        path: of the file, for errors.

    Returns:
        One mask a structure, those without a pixel left out.

    Raises:
        MaskError: a frame does not lie on the pixels of the images.
    """
    masks = []
    for structure in structures:
        own = [frame for frame in frames if frame.number == structure.number]
        placed = [_place(frame, source, path) for frame in own]
        planes = [plane for plane in placed if plane is not None]
        mask = assemble(structure, planes, len(placed) - len(planes))
        masks += [mask] if mask is not None else []
    return masks


def open_segmentation(path: Path) -> Any:
    """Open a DICOM segmentation as highdicom has it.

    Raises:
        MaskError: it is none, or is broken.
    """
    try:
        dataset = dcmread(path)
        _refer_once(dataset)
        return hd.seg.Segmentation.from_dataset(dataset, copy=False)
    except Exception as error:  # highdicom and pydicom raise many kinds on a broken file
        raise MaskError(
            MaskProblem.NOT_READABLE, path, f"it cannot be read as a DICOM segmentation ({error})"
        ) from error


def _refer_once(dataset: Dataset) -> None:
    """Leave one reference to each source image; dcmqi and 3D Slicer write them twice.

    Frames are placed by their own position, so that none of the references is needed.
    """
    if "StudiesContainingOtherReferencedInstancesSequence" in dataset:
        del dataset.StudiesContainingOtherReferencedInstancesSequence
    seen: set[str] = set()
    for series in dataset.get("ReferencedSeriesSequence") or []:
        images = [
            image
            for image in series.get("ReferencedInstanceSequence") or []
            if str(image.get("ReferencedSOPInstanceUID")) not in seen
        ]
        seen |= {str(image.get("ReferencedSOPInstanceUID")) for image in images}
        series.ReferencedInstanceSequence = images


def structures_of(seg: Any) -> list[Structure]:
    """What each segment is, but for the background of a label map."""
    return [_structure(item) for item in seg.SegmentSequence if item.SegmentNumber > 0]


def _structure(item: Any) -> Structure:
    types = item.get("SegmentedPropertyTypeCodeSequence")
    kind = hd.sr.CodedConcept.from_dataset(types[0]) if types else None
    is_nodule = kind is not None and is_nodule_code(
        Code(kind.value, kind.scheme_designator, kind.meaning)
    )
    return Structure(
        number=int(item.SegmentNumber),
        name=str(item.get("SegmentLabel", "")),
        kind=kind.meaning if kind is not None else "",
        is_nodule=is_nodule or None,
    )


def frames_of(seg: Any, threshold: float, path: Path) -> list[SegFrame]:
    """Every frame with a pixel, one for each of its segments.

    Args:
        seg: from `open_segmentation`.
        threshold: of a fractional segmentation, as a share of the largest possible value.
        path: of the file, for the error.

    Raises:
        MaskError: what says where they lie is missing or broken.
    """
    try:
        return _frames(seg, threshold)
    except Exception as error:  # what is missing or broken shows in many ways
        raise MaskError(
            MaskProblem.NOT_READABLE, path, f"its frames cannot be read ({error})"
        ) from error


def _frames(seg: Any, threshold: float) -> list[SegFrame]:
    pixels = np.asarray(seg.pixel_array).reshape(-1, seg.Rows, seg.Columns)
    kind = str(seg.SegmentationType)
    least = threshold * int(seg.MaximumFractionalValue) if kind == "FRACTIONAL" else 1
    frames = []
    for k, values in enumerate(pixels):
        if not values.any():
            continue
        if kind == "LABELMAP":
            parts = {int(n): values == n for n in np.unique(values) if n > 0}
        else:
            identity = _group(seg, k, "SegmentIdentificationSequence")
            parts = {int(identity.ReferencedSegmentNumber): values >= max(least, 1)}
        spacing = _group(seg, k, "PixelMeasuresSequence").PixelSpacing
        orientation = _group(seg, k, "PlaneOrientationSequence").ImageOrientationPatient
        position = _group(seg, k, "PlanePositionSequence").ImagePositionPatient
        right, down = np.asarray(orientation, dtype=np.float64).reshape(2, 3)
        frames += [
            SegFrame(
                number,
                np.asarray(position, dtype=np.float64),
                down * float(spacing[0]),
                right * float(spacing[1]),
                part,
            )
            for number, part in parts.items()
            if part.any()
        ]
    return frames


def _group(seg: Any, frame: int, keyword: str) -> Any:
    """A functional group's item: the frame's own, else the shared one."""
    own, shared = seg.PerFrameFunctionalGroupsSequence[frame], seg.SharedFunctionalGroupsSequence[0]
    for groups in (own, shared):
        if groups.get(keyword):
            return groups[keyword].value[0]
    raise ValueError(f"frame {frame + 1} has no {keyword}")


def _place(frame: SegFrame, source: SourceSlices, path: Path) -> StructurePlane | None:
    """The frame's pixels on the image that it lies on, None where there is no image."""
    rows, columns = frame.mask.shape
    corners = [np.zeros(3), frame.down * (rows - 1), frame.right * (columns - 1)]
    ends = frame.origin + np.array(corners)
    image = source.image_of(ends, path)
    if image is None:
        return None
    first, bottom, side = source.pixels_on(image, ends)
    steps = np.array([(bottom - first) / max(rows - 1, 1), (side - first) / max(columns - 1, 1)])
    whole = np.rint(steps)
    drift = np.abs((steps - whole) * [[rows], [columns]]).max()
    off = np.abs(first - np.rint(first)).max()
    if drift > _PIXEL_TOLERANCE or off > _PIXEL_TOLERANCE or abs(np.linalg.det(whole)) != 1:
        raise MaskError(
            MaskProblem.MISMATCH, path,
            f"its grid is not that of series {source.series_uid}: its pixels are "
            f"{np.linalg.norm(frame.down):.4g} x {np.linalg.norm(frame.right):.4g} mm, those of "
            f"the series {source.spacing_rc_mm[0]:.4g} x {source.spacing_rc_mm[1]:.4g} mm, and "
            f"its first one lies at row {first[0]:.2f}, column {first[1]:.2f}",
        )  # fmt: skip
    pixels = np.rint(first).astype(int) + np.argwhere(frame.mask) @ whole.astype(int)
    if np.any(pixels < 0) or np.any(pixels >= source.shape_rc):
        message = f"it reaches beyond the images of series {source.series_uid}"
        raise MaskError(MaskProblem.MISMATCH, path, message)
    return StructurePlane(image, pixels)
