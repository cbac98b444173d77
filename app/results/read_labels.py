"""The label volume of a result, read back from its files onto the grid of its volume."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import StudyResult
from nodulus.app.results.file_plan import MASK_FILE, SEG_FILE
from nodulus.app.results.label_boxes import Labels
from nodulus.app.results.nifti import load_nifti
from nodulus.transforms.geometry import Geometry

Plane = tuple[Geometry, NDArray[np.bool_]]
"""The place of one slice, shape (1, R, C), and the mask on it."""


class SegmentFrame(NamedTuple):
    """One frame of a DICOM segmentation that is not empty.

    Args:
        number: of its segment.
        place: shape (1, R, C).
        mask: shape (R, C).
        source: the item of SourceImageSequence: the image, or its frame; None where it has none.
    """

    number: int
    place: Geometry
    mask: NDArray[np.bool_]
    source: Any


def read_labels(folder: Path, result: StudyResult) -> Labels:
    """Read which voxels belong to which finding.

    From the DICOM segmentation each frame is taken by its own place; a voxel belongs to the frame
    that is nearest to it, so that slices which were interpolated are filled.

    Args:
        folder: of the study.
        result: in it.

    Returns:
        Shape (I, R, C) of the result's volume: 0, or the id of a finding. All 0 where the result
        has neither a segmentation nor a mask.

    Raises:
        NodulusError: ``input-not-readable``, or ``invalid-attribute`` where it is another volume's.
    """
    geometry = Geometry(result.volume.shape_irc, np.array(result.volume.affine_lps))
    most = max((finding.id for finding in result.findings), default=0)
    labels: Labels = np.zeros(geometry.shape_irc, np.uint8 if most < 256 else np.uint16)
    name = SEG_FILE if (folder / SEG_FILE).is_file() else MASK_FILE
    path = folder / name
    if not path.is_file():
        return labels
    try:
        if name == MASK_FILE:
            stored = np.asarray(load_nifti(path).dataobj).transpose(2, 1, 0)
            if stored.shape != labels.shape:
                raise _another(path)
            return stored.astype(labels.dtype)
        planes = _planes(dcmread(path), voxel_threshold(result))
    except NodulusError:
        raise
    except Exception as error:  # a damaged file shows in many ways
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"The masks of the result cannot be read ({type(error).__name__}).",
            remedy="Analyse the study again.",
            subject=path,
        ) from error
    for number, own in planes.items():
        if number <= most:
            _draw(labels, number, own, geometry)
    return labels


def voxel_threshold(result: StudyResult) -> float:
    """Give the share of the largest value from which a fractional segmentation's voxel counts."""
    told = result.voxel_threshold()
    return 0.5 if told is None else told


def segment_frames(seg: Any, least: float) -> Iterator[SegmentFrame]:
    """Give the frames of a DICOM segmentation in which its segment has a pixel.

    Args:
        seg: the data set with its pixels.
        least: the share of the largest value from which a pixel of a fractional one counts.
    """
    pixels = np.asarray(seg.pixel_array).reshape(-1, seg.Rows, seg.Columns)
    fractional = str(seg.SegmentationType) == "FRACTIONAL"
    cut = max(1, least * int(seg.MaximumFractionalValue)) if fractional else 1
    shared = seg.SharedFunctionalGroupsSequence[0]
    for values, groups in zip(pixels, seg.PerFrameFunctionalGroupsSequence, strict=True):

        def group(keyword: str, own: Any = groups) -> Any:
            return (own if keyword in own else shared)[keyword].value[0]

        mask = values >= cut
        if not mask.any():
            continue
        orientation = np.asarray(
            group("PlaneOrientationSequence").ImageOrientationPatient, dtype=float
        )
        place = Geometry.from_dicom(
            (1, mask.shape[0], mask.shape[1]),
            orientation,
            np.asarray(group("PlanePositionSequence").ImagePositionPatient, dtype=float),
            np.cross(orientation[:3], orientation[3:]),
            np.asarray(group("PixelMeasuresSequence").PixelSpacing, dtype=float),
        )
        number = int(group("SegmentIdentificationSequence").ReferencedSegmentNumber)
        derivation = groups.get("DerivationImageSequence") or [{}]
        sources = derivation[0].get("SourceImageSequence")
        yield SegmentFrame(number, place, mask, sources[0] if sources else None)


def _planes(seg: Any, least: float) -> dict[int, list[Plane]]:
    """The masks of each segment with their places."""
    found: dict[int, list[Plane]] = defaultdict(list)
    for frame in segment_frames(seg, least):
        found[frame.number].append((frame.place, frame.mask))
    return found


def _draw(labels: Labels, number: int, planes: Sequence[Plane], geometry: Geometry) -> None:
    """Give a label to the voxels that lie in a segment's planes, or nearest to them."""
    inside = np.concatenate(
        [place.index_to_lps(np.insert(np.argwhere(mask), 0, 0, axis=1)) for place, mask in planes]
    )
    index = geometry.lps_to_index(inside)
    low = np.clip(np.floor(index.min(axis=0) - 1), 0, geometry.shape_irc).astype(int)
    high = np.clip(np.ceil(index.max(axis=0)) + 2, low, geometry.shape_irc).astype(int)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    axes = [np.arange(a, b) for a, b in zip(low, high, strict=True)]
    points = geometry.index_to_lps(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))
    nearest = np.full(points.shape[:3], np.inf)
    owned = np.zeros(points.shape[:3], bool)
    for place, mask in planes:
        on_plane = place.lps_to_index(points)
        depth = np.abs(on_plane[..., 0])
        pixel = np.rint(on_plane[..., 1:]).astype(int)
        within = np.all((pixel >= 0) & (pixel < mask.shape), axis=-1)
        values = np.zeros(depth.shape, bool)
        values[within] = mask[pixel[within][:, 0], pixel[within][:, 1]]
        closer = depth < nearest - 1e-6
        owned = np.where(closer, values, owned)
        nearest = np.minimum(nearest, depth)
    # Half a slice at most: beyond the first and the last plane lies nothing of it.
    normal = planes[0][0].direction_irc[:, 0]
    reach = geometry.spacing_irc_mm[int(np.argmax(np.abs(normal @ geometry.direction_irc)))]
    labels[box][owned & (nearest <= 0.5 * reach + 1e-3)] = number


def _another(path: Path) -> NodulusError:
    return NodulusError(
        ErrorCode.INVALID_ATTRIBUTE,
        "The mask is of another volume than the result beside it.",
        remedy="Analyse the study again.",
        subject=path,
    )
