"""Hounsfield units as a network wants them."""

from __future__ import annotations

import torch


def window(
    hu: torch.Tensor,
    window_hu: tuple[float, float],
    output_range: tuple[float, float] = (0.0, 1.0),
) -> torch.Tensor:
    """Clip to a window and map it linearly.

    Args:
        hu: any shape, floating point.
        window_hu: HU that become the ends of ``output_range``.
        output_range: the window itself leaves clipped HU as they are.

    Returns:
        A new tensor of the same shape.
    """
    low, high = window_hu
    clipped = hu.clamp(low, high)
    if output_range == window_hu:
        return clipped
    scaled = clipped.sub_(low).div_(high - low)
    first, last = output_range
    return scaled if output_range == (0.0, 1.0) else scaled.mul_(last - first).add_(first)
