"""A volume as thicker slices would show it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from torch.nn.functional import pad


def thicken_slices(image: torch.Tensor, thickness: float, offset: float = 0.0) -> torch.Tensor:
    """Average over thick slices that follow each other, then interpolate back to thin ones.

    What a scan of that collimation loses: small things blur across slices and lose density
    (partial volume), and nothing finer than two slices is left.

    Args:
        image: shape (channels, X, Y, Z), floating point; slices follow each other along Z.
        thickness: of the thick slices and their distance, in slices of ``image``, at least 1.
        offset: where the first one begins, 0 to 1 of a thickness before the first slice.

    Returns:
        A new tensor of the same shape.

    Raises:
        ValueError: ``thickness`` is below 1.
    """
    if thickness < 1:
        raise ValueError(f"a slice cannot become thinner: thickness {thickness} is below 1")
    depth = image.shape[-1]
    edges = torch.arange(-offset, depth / thickness + 2.0, 1.0) * thickness
    # The integral over Z, so that a slice's share of a voxel counts: means are its differences.
    total = pad(image.double().cumsum(-1), (1, 0))
    at = edges.clamp(0, depth)
    low = at.floor().long().clamp(max=depth - 1)
    part = (at - low).to(total)
    integral = total[..., low] * (1 - part) + total[..., low + 1] * part
    width = at.diff()
    kept = width > 0.25 * min(thickness, depth)
    means = (integral.diff(dim=-1) / width.clamp(min=1e-6).to(total))[..., kept].to(image.dtype)
    middles = (0.5 * (at[1:] + at[:-1]))[kept] - 0.5
    return _interpolate(means, middles, depth)


def _interpolate(values: torch.Tensor, positions: torch.Tensor, depth: int) -> torch.Tensor:
    """Linearly from sorted positions along the last axis to 0, 1, ..., constant beyond the ends."""
    if len(positions) == 1:
        return values.expand(*values.shape[:-1], depth).clone()
    wanted = torch.arange(depth, dtype=positions.dtype)
    right = torch.searchsorted(positions, wanted).clamp(1, len(positions) - 1)
    left = right - 1
    share = ((wanted - positions[left]) / (positions[right] - positions[left])).clamp(0, 1)
    share = share.to(values)
    return values[..., left] * (1 - share) + values[..., right] * share


class RandSliceThicknessd(RandomizableTransform, MapTransform):
    r"""Thicken slices at random.

    With probability ``prob``: a thickness :math:`\sim \mathcal{U}(a, b)` slices and an offset
    :math:`\sim \mathcal{U}(0, 1)`. What was drawn stays in ``thickness`` and ``offset``.

    Args:
        keys: images of shape (channels, X, Y, Z), Z across the slices. Labels stay as they are:
            what is there does not change with the slices that show it.
        prob: how often.
        thickness: least and greatest, in slices of the image.
    """

    def __init__(
        self, keys: KeysCollection, prob: float = 0.2, thickness: Sequence[float] = (1.5, 4.0)
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.range = (float(thickness[0]), float(thickness[1]))
        if not 1 <= self.range[0] <= self.range[1]:
            raise ValueError(f"thickness must ascend from 1 or more, got {self.range}")
        self.thickness = 1.0
        self.offset = 0.0

    def randomize(self, data: Any = None) -> None:
        """Draw ``thickness`` and ``offset``."""
        super().randomize(None)
        if self._do_transform:
            self.thickness = float(self.R.uniform(*self.range))
            self.offset = float(self.R.uniform(0.0, 1.0))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Draw and thicken."""
        result = dict(data)
        self.randomize()
        if self._do_transform:
            for key in self.key_iterator(result):
                result[key] = thicken_slices(result[key], self.thickness, self.offset)
        return result
