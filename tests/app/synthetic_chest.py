"""A synthetic chest and networks that anyone can predict."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry

NODULES_LPS = {"big": (45.0, -60.0, 0.0), "small": (-55.0, -45.0, 20.0)}
RADIUS = {"big": 9.0, "small": 4.0}


def make_volume(spacing_irc: tuple[float, float, float] = (2.0, 1.5, 1.5)) -> CtVolume:
    """Two ellipsoid lungs in a body, with two bright balls in them; HU, LPS mm, axes (z, y, x)."""
    extent = np.array([200.0, 240.0, 330.0])  # mm along z, y, x
    shape = np.ceil(extent / spacing_irc).astype(int)
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2] = spacing_irc
    affine[:3, 3] = (-165, -170, -100)
    affine[3, 3] = 1
    geometry = Geometry(tuple(shape), affine)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    p = geometry.index_to_lps(index)
    hu = np.full(shape, -1000.0)
    hu[((p[..., 0]) / 150) ** 2 + ((p[..., 1] + 50) / 105) ** 2 <= 1] = 40
    for side in (-1, 1):
        axes = (p - (side * 65, -50, 0)) / (48, 70, 85)
        hu[np.linalg.norm(axes, axis=-1) <= 1] = -850
    for name, center in NODULES_LPS.items():
        hu[np.linalg.norm(p - center, axis=-1) <= RADIUS[name]] = 40
    hu += np.random.default_rng(0).normal(0, 10, hu.shape)
    return CtVolume(hu.astype(np.int16), geometry, "1.2.3", "1.2", "mhd")


class Brightness(torch.nn.Module):
    """Logit per voxel: soft tissue yes, lung no; ignores the body wall by a local mean."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        around = x
        for k in ((31, 1, 1), (1, 31, 1), (1, 1, 31)):  # one axis at a time: a box of 31 is slow
            pad = tuple(n // 2 for n in k)
            around = torch.nn.functional.avg_pool3d(around, k, 1, pad, count_include_pad=False)
        return (x - 0.45) * 40 - 300 * (around - 0.3).clamp(min=0)


class MiddleMean(torch.nn.Module):
    """Logit per cube: the mean of its middle 13 voxels a side, so that larger balls rate higher."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        m = x.shape[-1] // 2
        middle = x[..., m - 6 : m + 7, m - 6 : m + 7, m - 6 : m + 7]
        return (middle.mean(dim=(1, 2, 3, 4), keepdim=False) - 0.2)[:, None] * 10


def bundle(name: str, network: torch.nn.Module) -> SimpleNamespace:
    return SimpleNamespace(
        name=name,
        version="0.0.0",
        network=network.eval(),
        sha256="0" * 64,
        trained_on="nothing",
        input_kind="isotropic_patches" if name == "segmentation" else "isotropic_cube",
        spacing_mm=1.0,
        isotropic_mm=1.0,
        input_range=(0.0, 1.0),
        window_hu=(-1000.0, 400.0),
        roi_size=(96, 96, 96),
        crop_size=(48, 48, 48),
        ratings=(),
    )
