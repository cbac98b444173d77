"""Normalised cross-correlation of a template with every place of an image that holds it whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

_FLAT = 1e-6
"""Share of the template's sum of squares below which a place is even, and correlates with none."""
_EVEN_SPREAD = 1e-5
"""Mean square of what is even: more than what single precision leaves of nothing."""


def cross_correlation(
    image: NDArray[np.float32], template: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Correlate a template with an image (Lewis, Fast Normalized Cross-Correlation, 1995).

    The products come from Fourier transforms in single precision, the local sums from running sums
    in double precision; scikit-image's ``match_template`` gives the same in 17 times the time.

    Args:
        image: any number of axes, values of the order of 1.
        template: as many axes, none longer.

    Returns:
        Shape ``image.shape - template.shape + 1``: at each shift the correlation, -1 to 1; 0 where
        the image or the template is even.
    """
    shape = tuple(a - b + 1 for a, b in zip(image.shape, template.shape, strict=True))
    centred = template.astype(np.float64) - template.mean(dtype=np.float64)
    energy = float((centred**2).sum())
    size = [fft.next_fast_len(length, True) for length in image.shape]
    shifted = image - np.float32(image.mean(dtype=np.float64))
    spectrum = fft.rfftn(shifted, size) * np.conj(fft.rfftn(centred.astype(np.float32), size))
    products = fft.irfftn(spectrum, size)[tuple(slice(0, n) for n in shape)]
    sums = _window_sums(shifted, template.shape)
    squares = _window_sums(shifted.astype(np.float64) ** 2, template.shape)
    spread = np.maximum(squares - sums**2 / template.size, 0.0)
    flat = spread <= _FLAT * max(energy, 1e-12)
    root = np.sqrt(np.where(flat, 1.0, spread) * max(energy, 1e-12))
    return np.where(flat | (energy <= 0.0), 0.0, np.clip(products / root, -1.0, 1.0))


def masked_cross_correlation(
    image: NDArray[np.float32],
    template: NDArray[np.float32],
    image_mask: NDArray[np.bool_],
    template_mask: NDArray[np.bool_],
    least_overlap: float,
) -> NDArray[np.float64]:
    """Correlate a template with an image where both are known (Padfield, IEEE TIP 21:2706, 2012).

    Means and spreads are those of the voxels that both have at a shift.

    Args:
        image: any number of axes, values of the order of 1.
        template: as many axes, none longer.
        image_mask: where the image is known; shape of ``image``.
        template_mask: where the template is known; shape of ``template``.
        least_overlap: share of the template's known voxels that a shift has to have in common.

    Returns:
        Shape ``image.shape - template.shape + 1``: at each shift the correlation, -1 to 1; 0 where
        too little is known of both or either is even there.
    """
    level = np.float32(image[image_mask].mean(dtype=np.float64)) if image_mask.any() else 0.0
    shifted = np.where(image_mask, image - level, 0.0).astype(np.float32)
    sought = np.where(template_mask, template - level, 0.0).astype(np.float32)
    size = [fft.next_fast_len(length, True) for length in image.shape]
    places = tuple(slice(0, a - b + 1) for a, b in zip(image.shape, template.shape, strict=True))
    images = [fft.rfftn(one, size) for one in (image_mask.astype(np.float32), shifted, shifted**2)]
    templates = [
        np.conj(fft.rfftn(one, size))
        for one in (template_mask.astype(np.float32), sought, sought**2)
    ]

    def sums(of_image: int, of_template: int) -> NDArray[np.float64]:
        product = fft.irfftn(images[of_image] * templates[of_template], size)
        return np.asarray(product[places], dtype=np.float64)

    known = np.round(sums(0, 0))
    enough = known >= max(least_overlap * np.count_nonzero(template_mask), 2.0)
    count = np.where(enough, known, 1.0)
    image_sum, template_sum = sums(1, 0), sums(0, 1)
    spread = np.maximum(sums(2, 0) - image_sum**2 / count, 0.0)
    energy = np.maximum(sums(0, 2) - template_sum**2 / count, 0.0)
    product = sums(1, 1) - image_sum * template_sum / count
    even = _EVEN_SPREAD * count
    told = enough & (spread > even) & (energy > even)
    root = np.sqrt(np.where(told, spread * energy, 1.0))
    return np.where(told, np.clip(product / root, -1.0, 1.0), 0.0)


def _window_sums(values: NDArray[np.floating], window: tuple[int, ...]) -> NDArray[np.float64]:
    """Sums over all windows that lie whole in an array."""
    sums = values.astype(np.float64)
    for axis, length in enumerate(window):
        running = np.cumsum(np.moveaxis(sums, axis, 0), axis=0)
        less = np.concatenate([np.zeros_like(running[:1]), running[:-length]])
        sums = np.moveaxis(running[length - 1 :] - less, 0, axis)
    return sums
