"""Batches of single slices, drawn and augmented all at once."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch.nn import functional

from nodulus.bundles.common.slices.slice_items import EDGE, UNKNOWN_MM, SliceItems

SHARES: Mapping[tuple[str, bool], float] = {
    ("slice", True): 0.36,
    ("patch", True): 0.24,
    ("cube", True): 0.2,
    ("candidate", True): 0.2,
    ("patch", False): 0.55,
    ("candidate", False): 0.45,
}
"""Of all nodules drawn, and of all others. Patches are of both kinds, so that no source tells."""

TEXTURE_WEIGHTS = ((2.5, 3.0), (3.9, 1.5))
"""Slices whose texture is at most so much are drawn so many times as often as solid nodules:
ground glass is rare and looks least like what most nodules look like."""

_GUESSED_MM = (0.58, 0.82)
_JITTER_MM, _MOST_JITTER_MM = 1.3, 3.5


class SliceBatches:
    """Batches of slices at 1 mm, as :class:`.CubeAndSliceResNet` takes them, without end.

    Each item is turned by any angle, flipped, scaled by some 12 %, shifted, blurred, made noisier,
    and changed in contrast and level: so that the scanner says nothing of the truth.

    Args:
        items: to draw from; of each source that :data:`SHARES` names as many as it says.
        edge: pixels of the drawn slices.
        seed: decides everything.

    Raises:
        ValueError: there are no nodules, or nothing else than nodules.
    """

    def __init__(self, items: SliceItems, edge: int, seed: int) -> None:
        self.items, self.edge = items, edge
        self.rng = np.random.default_rng(seed)
        self.noise = torch.Generator().manual_seed(seed)
        self.hu = torch.from_numpy(items.hu)
        weight = np.ones(len(items))
        for most, times in TEXTURE_WEIGHTS:  # where it is not rated no comparison holds
            weight[(weight == 1.0) & (items.texture <= most)] = times
        chances = np.zeros(len(items))
        for source, nodule in items.counted():
            own = (items.source == source) & (items.nodule == nodule)
            chances[own] = SHARES[source, nodule] * weight[own] / weight[own].sum()
        self.chances = [chances * (items.nodule == truth) for truth in (False, True)]
        if not all(c.sum() for c in self.chances):
            raise ValueError("slices of nodules and of other things are needed")

    def draw(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Slices scaled from 0 to 1, (count, 1, edge, edge), and the truth of each, (count,)."""
        truth = np.arange(count) % 2
        index = np.empty(count, dtype=int)
        for value, chances in enumerate(self.chances):
            mine = truth == value
            index[mine] = self.rng.choice(
                len(chances), size=int(mine.sum()), p=chances / chances.sum()
            )
        sampled = self._sampled(index)
        return self._augmented(sampled), torch.from_numpy(truth.astype(np.float32))

    def _sampled(self, index: np.ndarray) -> torch.Tensor:
        n, rng = len(index), self.rng
        pixel = self.items.pixel_mm[index]
        pixel = np.where(pixel == UNKNOWN_MM, rng.uniform(*_GUESSED_MM, n), pixel)
        pixel = pixel * np.exp(rng.uniform(-0.12, 0.12, n))
        angle, flip = rng.uniform(0, 2 * math.pi, n), rng.choice([-1.0, 1.0], n)
        jitter = rng.normal(0, _JITTER_MM, (n, 2)).clip(-_MOST_JITTER_MM, _MOST_JITTER_MM)
        reach = self.edge / pixel / EDGE
        theta = np.zeros((n, 2, 3), np.float32)
        theta[:, 0, 0], theta[:, 0, 1] = np.cos(angle) * reach * flip, -np.sin(angle) * reach
        theta[:, 1, 0], theta[:, 1, 1] = np.sin(angle) * reach * flip, np.cos(angle) * reach
        theta[:, :, 2] = (self.items.center[index] + jitter / pixel[:, None]) / (EDGE / 2)
        size = [n, 1, self.edge, self.edge]
        grid = functional.affine_grid(torch.from_numpy(theta), size, align_corners=False)
        whole = self.hu[index].float()[:, None]
        return functional.grid_sample(whole, grid, padding_mode="border", align_corners=False)

    def _augmented(self, hu: torch.Tensor) -> torch.Tensor:
        n, rng = len(hu), self.rng
        blurred = rng.random(n) < 0.4
        if blurred.any():
            hu[blurred] = _blurred(hu[blurred], float(rng.uniform(0.4, 0.9)))
        noise = torch.randn(hu.shape, generator=self.noise)
        if rng.random() < 0.5:  # of a soft kernel
            padded = functional.pad(noise, (1, 1, 1, 1), mode="replicate")
            noise = functional.avg_pool2d(padded, 3, 1) * 2
        strength = (rng.random(n) < 0.6) * rng.uniform(5, 55, n)
        hu = hu + noise * _each(strength)
        hu = (hu + 1000) * _each(np.exp(rng.normal(0, 0.06, n))) - 1000
        hu = hu + _each(rng.normal(0, 25, n))
        return (hu.clamp(-1000, 400) + 1000) / 1400


def _each(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))[:, None, None, None]


def _blurred(images: torch.Tensor, sigma: float) -> torch.Tensor:
    line = torch.exp(-(torch.arange(-2.0, 3.0) ** 2) / 2 / sigma**2)
    line = line / line.sum()
    kernel = (line[:, None] * line[None, :])[None, None]
    return functional.conv2d(functional.pad(images, (2, 2, 2, 2), mode="replicate"), kernel)
