"""Replace the air of lung by denser material, so that structure and noise go on in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter, grey_opening

from nodulus.transforms.blocks import Box


def replace_air(
    hu: NDArray[np.generic],
    box: Box,
    spacing_mm: ArrayLike,
    weight: NDArray[np.float32],
    tissue_hu: NDArray[np.float32] | float,
) -> NDArray[np.float32]:
    """``hu + weight * max(tissue - structure, 0)``; structure is the volume without its noise.

    What is denser than the material stays; the image noise goes on inside.

    Args:
        hu: the volume, shape (I, R, C), Hounsfield units; not changed.
        box: the part to change.
        spacing_mm: of the volume, (I, R, C).
        weight: share of the air that is replaced, shape of the box, 0 to 1.
        tissue_hu: density of what replaces it, a number or of the box's shape.

    Returns:
        New values of the box.
    """
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    # With a rim, so that the low-pass is right at the border of the box.
    pad = np.ceil(3.0 / spacing).astype(int)
    wide = tuple(slice(max(b.start - p, 0), b.stop + p) for b, p in zip(box, pad, strict=True))
    old = hu[wide].astype(np.float32)
    residual = old - gaussian_filter(old, 1.5 / spacing, mode="nearest", truncate=2.0)
    spread = float(np.clip(1.4826 * np.median(np.abs(residual)), 4.0, 60.0))
    # What stands out by more than five deviations is a vessel's border, not noise.
    noise = residual * np.clip(2.0 - np.abs(residual) / (2.5 * spread), 0.0, 1.0)
    inner = tuple(
        slice(b.start - w.start, b.stop - w.start) for b, w in zip(box, wide, strict=True)
    )
    gain = weight * np.maximum(tissue_hu - (old - noise)[inner], 0.0)
    if np.any(old[inner][weight > 0.5] > 100.0):
        # A thin vessel inside solid tissue fades into it; what an opening keeps (chest wall,
        # heart, bone) stays as it is.
        size = np.maximum(2 * np.round(2.5 / spacing).astype(int) + 1, 3)
        broad = np.maximum(grey_opening(old, tuple(int(n) for n in size))[inner], tissue_hu)
        gain -= 0.75 * weight**3 * np.maximum((old - noise)[inner] - broad, 0.0)
    return np.asarray(old[inner] + gain, dtype=np.float32)


def as_dtype(values: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[np.generic]:
    """Values in another type; whole numbers are rounded and kept within the type's range."""
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
    return values.astype(dtype)
