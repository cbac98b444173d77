"""One slice as a picture with the findings' outlines, for pages that have no voxels (yet)."""

from __future__ import annotations

import io
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nodulus.app.results.colors import finding_rgb
from nodulus.app.results.label_boxes import Labels
from nodulus.transforms.geometry import LPS_TO_RAS, Geometry
from nodulus.transforms.orientation import turn_to

PlaneName = Literal["axial", "coronal", "sagittal"]
PLANES: tuple[PlaneName, ...] = ("axial", "coronal", "sagittal")
"""By the axis of the turned volume: slices from the feet, rows from the front, columns from the
patient's right."""

_MIN_PIXELS = 512


def slice_count(plane: PlaneName, geometry: Geometry) -> int:
    """Give the number of slices of a plane.

    Args:
        plane: which.
        geometry: of the volume.
    """
    turn = turn_to("SPL", geometry.affine_ras, geometry.shape_irc)
    return geometry.shape_irc[turn.order[PLANES.index(plane)]]


def is_first_axis(plane: PlaneName, geometry: Geometry) -> bool:
    """Whether a plane's slices are those along the volume's first axis, as they were scanned.

    Args:
        plane: which.
        geometry: of the volume.
    """
    turn = turn_to("SPL", geometry.affine_ras, geometry.shape_irc)
    return turn.order[PLANES.index(plane)] == 0


def draw_slice(
    hu: NDArray[Any],
    labels: Labels | None,
    geometry: Geometry,
    plane: PlaneName,
    index: int,
    window_hu: tuple[float, float],
    slab_mm: float,
) -> bytes:
    """Draw a slice, or the maximum of a slab around it; the patient's right is on the left.

    Args:
        hu: shape (I, R, C).
        labels: same shape: outlines are drawn around each value; None for none.
        geometry: of ``hu``.
        plane: which way it is cut.
        index: voxel index along the axis of the array that is nearest to the plane's normal.
        window_hu: centre and width.
        slab_mm: thickness of the slab; 0 for the slice alone.

    Returns:
        A PNG.

    Raises:
        IndexError: there is no such slice.
    """
    axis = PLANES.index(plane)
    turn = turn_to("SPL", geometry.affine_ras, geometry.shape_irc)
    view = np.flip(hu, turn.flipped).transpose(turn.order)
    turned = Geometry(view.shape, LPS_TO_RAS @ turn.affine_ras)
    if not 0 <= index < view.shape[axis]:
        raise IndexError(f"slice {index} of {view.shape[axis]}")
    spacing = turned.spacing_irc_mm
    at = view.shape[axis] - 1 - index if turn.order[axis] in turn.flipped else index
    half = int(slab_mm / spacing[axis] / 2)
    slab = slice(max(at - half, 0), at + half + 1)
    cut: list[slice | int] = [slice(None)] * 3
    cut[axis] = slab
    pixels = view[tuple(cut)].max(axis=axis).astype(np.float32)
    height_mm, width_mm = (mm for n, mm in enumerate(spacing) if n != axis)
    if plane != "axial":  # the head is at the top
        pixels = pixels[::-1]
    center, width = window_hu
    grey = np.clip((pixels - center + width / 2) / width, 0, 1) * 255
    size = _size(pixels.shape, height_mm, width_mm)
    image = Image.fromarray(np.rint(grey).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    if labels is not None:
        shown = np.flip(labels, turn.flipped).transpose(turn.order)[tuple(cut)].max(axis=axis)
        image = _outlined(image, shown if plane == "axial" else shown[::-1])
    stream = io.BytesIO()
    image.save(stream, format="PNG", compress_level=1)
    return stream.getvalue()


def _size(shape: tuple[int, ...], height_mm: float, width_mm: float) -> tuple[int, int]:
    """Pixels of the picture, width first, square in the patient."""
    finest = min(height_mm, width_mm)
    height, width = shape[0] * height_mm / finest, shape[1] * width_mm / finest
    scale = max(1.0, _MIN_PIXELS / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _outlined(image: Image.Image, labels: Labels) -> Image.Image:
    if not labels.any():
        return image
    large = np.asarray(
        Image.fromarray(labels.astype(np.uint16)).resize(image.size, Image.Resampling.NEAREST)
    )
    padded = np.pad(large, 1)
    around = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    edge = (large > 0) & np.any([side != large for side in around], axis=0)
    colored = np.array(image.convert("RGB"))
    for number in np.unique(large[edge]).tolist():
        colored[edge & (large == number)] = finding_rgb(number)
    return Image.fromarray(colored)
