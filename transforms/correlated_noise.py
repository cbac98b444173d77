"""Noise as a CT's reconstruction leaves it: neighbouring voxels share it, by the kernel."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from scipy.ndimage import gaussian_filter


@dataclass(frozen=True)
class CorrelatedNoise:
    """All that decides one field of noise.

    Args:
        std_hu: its standard deviation.
        sigma_voxels: of the Gaussian that correlates it, along X, Y and Z.
        band: 0 for low-pass noise, as soft kernels leave it; towards 1 its slow part is taken out,
            as in noise of filtered back projection, whose power rises with frequency first.
        seed: of the white noise that it is made from.
    """

    std_hu: float
    sigma_voxels: tuple[float, float, float]
    band: float
    seed: int


def add_correlated_noise(image: torch.Tensor, noise: CorrelatedNoise) -> torch.Tensor:
    """Add noise; the same record on the same image gives the same voxels.

    White noise is smoothed with a Gaussian, and the share ``band`` of what a Gaussian twice as wide
    leaves is taken away (the ramp of filtered back projection times the kernel's cut-off: Riederer
    et al., Physics in Medicine and Biology 23(3), 1978), then scaled.

    Args:
        image: shape (channels, X, Y, Z), HU, floating point.
        noise: its parameters.

    Returns:
        A new tensor like ``image``.
    """
    rng = np.random.default_rng(noise.seed)
    field = rng.standard_normal(tuple(image.shape[1:]), dtype=np.float32)
    field = gaussian_filter(field, noise.sigma_voxels, mode="wrap")
    if noise.band > 0:
        wider = [np.sqrt(3.0) * s for s in noise.sigma_voxels]  # twice as wide in all
        field = field - noise.band * gaussian_filter(field, wider, mode="wrap")
    field *= noise.std_hu / max(float(field.std()), 1e-6)
    return image + torch.from_numpy(field)[None].to(dtype=image.dtype, device=image.device)


class RandCorrelatedNoised(RandomizableTransform, MapTransform):
    r"""Add noise of random strength and grain.

    With probability ``prob``: standard deviation :math:`\sim \mathcal{U}(0, s)` HU, correlation
    :math:`\sigma \sim \mathcal{U}(a, b)` voxels in the plane and :math:`\mathcal{U}(0, b)` between
    slices, band :math:`\sim \mathcal{U}(0, 1)`. What was drawn stays in ``noise``.

    Args:
        keys: images of shape (channels, X, Y, Z), HU, Z across the slices; all get the same noise.
        prob: how often.
        std_hu: largest standard deviation.
        sigma_voxels: least and greatest correlation.
    """

    def __init__(
        self,
        keys: KeysCollection,
        prob: float = 0.3,
        std_hu: float = 60.0,
        sigma_voxels: Sequence[float] = (0.3, 1.0),
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.std_hu = std_hu
        self.sigma_voxels = (float(sigma_voxels[0]), float(sigma_voxels[1]))
        self.noise: CorrelatedNoise | None = None

    def randomize(self, data: Any = None) -> None:
        """Draw ``noise``; None where nothing is added."""
        super().randomize(None)
        self.noise = None
        if not self._do_transform:
            return
        plane = float(self.R.uniform(*self.sigma_voxels))
        self.noise = CorrelatedNoise(
            std_hu=float(self.R.uniform(0.0, self.std_hu)),
            sigma_voxels=(plane, plane, float(self.R.uniform(0.0, self.sigma_voxels[1]))),
            band=float(self.R.uniform(0.0, 1.0)),
            seed=int(self.R.randint(2**31)),
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Draw and add."""
        result = dict(data)
        self.randomize()
        if self.noise is not None:
            for key in self.key_iterator(result):
                result[key] = add_correlated_noise(result[key], self.noise)
        return result
