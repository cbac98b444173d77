"""Where in the lungs a nodule can go: free, at a vessel, or at the pleura."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt

from nodulus.transforms.ball_morphology import bounding_box
from nodulus.transforms.geometry import Geometry

FloatArray = NDArray[np.float64]
_COARSE_MM = 2.0
_VESSEL_HU = -550.0


class Attachment(str, Enum):
    """What a nodule touches."""

    FREE = "free"
    VESSEL = "vessel"
    PLEURA = "pleura"


@dataclass(frozen=True, eq=False)
class LungField:
    """Distances inside the lungs on a grid of about 2 mm, made once for a volume.

    Args:
        geometry: of the coarse grid.
        border_mm: distance to the outside of the lungs, 0 outside.
        vessel_mm: distance to the nearest bright structure inside the lungs.
    """

    geometry: Geometry
    border_mm: NDArray[np.float32]
    vessel_mm: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        lung_mask: NDArray[np.bool_],
        geometry: Geometry,
        hu: NDArray[np.generic],
        *,
        cut_out: bool = False,
    ) -> LungField:
        """Measure the lungs.

        Args:
            lung_mask: shape (I, R, C), vessels inside the lungs included or not.
            geometry: of the volume.
            hu: the volume in Hounsfield units.
            cut_out: the volume is a patch: lungs that reach its edge go on beyond it.

        Raises:
            ValueError: the mask is empty, or the shapes disagree.
        """
        if not lung_mask.shape == hu.shape == geometry.shape_irc:
            raise ValueError(
                f"lung_mask {lung_mask.shape}, hu {hu.shape} and geometry {geometry.shape_irc} "
                "must have one shape"
            )
        if not lung_mask.any():
            raise ValueError("lung_mask is empty: there is no lung to put a nodule into")
        step = [
            min(max(round(_COARSE_MM / s), 1), n)
            for s, n in zip(geometry.spacing_irc_mm, hu.shape, strict=True)
        ]
        box = _box_of(lung_mask, step)
        lung = _pooled(lung_mask[box], step) > 0.5
        bright = lung & (_pooled(hu[box], step) > _VESSEL_HU)
        first = [b.start + (n - 1) / 2 for b, n in zip(box, step, strict=True)]
        affine = geometry.affine_lps.copy()
        affine[:3, 3] = geometry.index_to_lps(first)
        affine[:3, :3] *= step
        coarse = Geometry(lung.shape, affine)
        spacing = coarse.spacing_irc_mm
        # With a margin lungs end at the box; at the edge of a patch, without one, they go on.
        margins = [
            (int(b.start > 0 or not cut_out), int(b.stop < n or not cut_out))
            for b, n in zip(box, hu.shape, strict=True)
        ]
        padded = np.pad(lung, margins)
        inner = tuple(slice(m[0], m[0] + n) for m, n in zip(margins, lung.shape, strict=True))
        border = (
            np.full(lung.shape, np.inf)
            if padded.all()
            else distance_transform_edt(padded, sampling=spacing)[inner]
        )
        # What is bright within 4 mm of the border is chest wall seen in a pooled voxel.
        bright &= border > 4.0
        vessel = (
            distance_transform_edt(~bright, sampling=spacing)
            if bright.any()
            else np.full(lung.shape, np.inf)
        )
        return cls(coarse, border.astype(np.float32), vessel.astype(np.float32))


def choose_position(
    field: LungField,
    radius_mm: float,
    kind: Attachment,
    rng: np.random.Generator,
    *,
    avoid: Sequence[tuple[ArrayLike, float]] = (),
    gap_mm: float = 6.0,
) -> FloatArray | None:
    """Draw a centre for a nodule.

    Args:
        field: the lungs.
        radius_mm: the nodule's equivalent radius.
        kind: free nodules keep clear of border and vessels; those at a vessel have its axis near
            their border; those at the pleura overlap it by about a quarter of their diameter.
        rng: source of randomness.
        avoid: centre (LPS mm) and radius (mm) of what must not be touched.
        gap_mm: smallest distance between the surfaces of two nodules.

    Returns:
        The centre in LPS mm, or None where the lungs have no such place.
    """
    border, vessel = field.border_mm, field.vessel_mm
    if kind is Attachment.FREE:
        fits = (border > radius_mm + 2.0) & (vessel > radius_mm + 1.0)
    elif kind is Attachment.VESSEL:
        fits = (border > radius_mm + 1.0) & (np.abs(vessel - 0.8 * radius_mm) < 1.5)
    else:
        # Half a coarse voxel lies between the border and the first voxel centre inside.
        inwards = border - 0.5 * _COARSE_MM
        fits = (border > 0) & (np.abs(inwards - 0.5 * radius_mm) < 1.0)
    places = np.argwhere(fits)
    for k in rng.permutation(len(places))[:200]:
        center = field.geometry.index_to_lps(places[k] + rng.uniform(-0.5, 0.5, 3))
        if all(
            float(np.linalg.norm(center - np.asarray(other))) > radius_mm + radius + gap_mm
            for other, radius in avoid
        ):
            return center
    return None


def _pooled(volume: NDArray[np.generic], step: list[int]) -> NDArray[np.float32]:
    """Mean over blocks of ``step`` voxels; what does not fill a block is left out."""
    size = [n // s for n, s in zip(volume.shape, step, strict=True)]
    total = np.zeros(size, dtype=np.float32)
    for first in np.ndindex(*step):
        block = tuple(slice(f, f + n * s, s) for f, n, s in zip(first, size, step, strict=True))
        total += volume[block].astype(np.float32)
    return np.asarray(total / np.float32(np.prod(step)), dtype=np.float32)


def _box_of(mask: NDArray[np.bool_], step: list[int]) -> tuple[slice, ...]:
    """The bounding box of a mask, at least one block wide."""
    box = []
    for found, size, least in zip(bounding_box(mask), mask.shape, step, strict=True):
        low = min(found.start, size - least)
        box.append(slice(low, max(found.stop, low + least)))
    return tuple(box)
