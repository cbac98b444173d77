"""A field of view that ends inside the patient."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform

from nodulus.transforms.ignore_label import IGNORE_LABEL

PADDING_HU = -1024.0


@dataclass(frozen=True)
class FieldCut:
    """A half-space beyond which a scan shows nothing.

    Args:
        normal: unit vector in voxel axes that points out of the field.
        distance_voxels: of the cut from the volume's middle along the normal.
        radius_voxels: of the round field whose edge the cut is; infinite for a straight edge.
    """

    normal: tuple[float, float, float]
    distance_voxels: float
    radius_voxels: float


def outside_field(shape: Sequence[int], cut: FieldCut) -> torch.Tensor:
    """Voxels outside of the field, bool, shape (X, Y, Z)."""
    middle = [(n - 1) / 2 for n in shape]
    axes = [torch.arange(n, dtype=torch.float32) - m for n, m in zip(shape, middle, strict=True)]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    normal = torch.tensor(cut.normal, dtype=torch.float32)
    along = torch.einsum("a,axyz->xyz", normal, grid)
    if np.isinf(cut.radius_voxels):
        return along > cut.distance_voxels
    # A cylinder along Z or a straight end: its axis lies one radius behind the edge.
    center = normal * (cut.distance_voxels - cut.radius_voxels)
    flat = grid[:2] - center[:2, None, None, None]
    return flat.square().sum(0).sqrt() > cut.radius_voxels


class RandCutFieldOfViewd(RandomizableTransform, MapTransform):
    r"""Cut the field of view at random, as a small round field or the end of a scan does.

    With probability ``prob``: at one end of the scan (a quarter of the cuts) or at a side, straight
    or as an arc with a radius of 80 to 250 voxels, at a distance
    :math:`\sim \mathcal{U}(0.2, 0.5)` edge lengths from the middle. Voxels outside become padding,
    and the labels there become ``IGNORE_LABEL`` if they were a nodule's. What was drawn stays in
    ``cut``.

    Args:
        keys: images of shape (channels, X, Y, Z), HU, Z across the slices.
        label_key: the labels, optional in the item.
        prob: how often.
    """

    def __init__(
        self, keys: KeysCollection, label_key: str | None = "label", prob: float = 0.05
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.label_key = label_key
        self.cut: FieldCut | None = None

    def randomize(self, data: Sequence[int]) -> None:
        """Draw ``cut`` for a volume of this shape (X, Y, Z); None where nothing is cut."""
        super().randomize(None)
        self.cut = None
        if not self._do_transform:
            return
        distance = float(self.R.uniform(0.2, 0.5)) * min(data)
        if self.R.rand() < 0.25:
            sign = 1.0 if self.R.rand() < 0.5 else -1.0
            self.cut = FieldCut((0.0, 0.0, sign), distance, float("inf"))
            return
        angle = float(self.R.uniform(0, 2 * np.pi))
        straight = self.R.rand() < 0.5
        radius = float("inf") if straight else float(self.R.uniform(80.0, 250.0))
        self.cut = FieldCut((float(np.cos(angle)), float(np.sin(angle)), 0.0), distance, radius)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Draw and cut."""
        result = dict(data)
        keys = list(self.key_iterator(result))
        self.randomize(tuple(result[keys[0]].shape[1:]))
        if self.cut is None:
            return result
        outside = outside_field(result[keys[0]].shape[1:], self.cut)[None]
        for key in keys:
            result[key] = result[key].masked_fill(outside, PADDING_HU)
        if self.label_key is not None and self.label_key in result:
            label = result[self.label_key]
            result[self.label_key] = label.masked_fill(outside & (label > 0), IGNORE_LABEL)
        return result


class RandBoxFieldOfViewd(RandomizableTransform, MapTransform):
    r"""Keep a box around the middle at random, as a nodule that was cut out of its scan has it.

    With probability ``prob`` a box of edges :math:`\sim \mathcal{U}(a, b)`, off the middle by
    up to ``shift_voxels`` along each axis, stays, and voxels outside of it become padding, and
    the labels there ``IGNORE_LABEL`` if they were a nodule's. Where cut-outs are all nodules, other
    items need it as well: else a border of air means 'nodule'.

    Args:
        keys: images of shape (channels, X, Y, Z), HU, Z across the slices.
        in_plane_voxels: smallest and largest edge along X and Y, which are equal.
        along_z_voxels: the same along Z.
        shift_voxels: of the box.
        prob: how often.
        label_key: the labels; None for none.
    """

    def __init__(
        self,
        keys: KeysCollection,
        in_plane_voxels: tuple[float, float],
        along_z_voxels: tuple[float, float],
        shift_voxels: int = 0,
        prob: float = 0.1,
        label_key: str | None = None,
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.in_plane_voxels = in_plane_voxels
        self.along_z_voxels = along_z_voxels
        self.shift_voxels = shift_voxels
        self.label_key = label_key
        self.box: tuple[slice, slice, slice] | None = None

    def randomize(self, data: Sequence[int]) -> None:
        """Draw ``box`` for a volume of this shape (X, Y, Z); None where all of it stays."""
        super().randomize(None)
        self.box = None
        if not self._do_transform:
            return
        flat = float(self.R.uniform(*self.in_plane_voxels))
        edges = (flat, flat, float(self.R.uniform(*self.along_z_voxels)))
        shift = self.R.randint(-self.shift_voxels, self.shift_voxels + 1, size=3)
        starts = [round(n / 2 + s - e / 2) for n, s, e in zip(data, shift, edges, strict=True)]
        x, y, z = (
            slice(max(0, a), max(0, a + round(e))) for a, e in zip(starts, edges, strict=True)
        )
        self.box = x, y, z

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Draw and cut."""
        result = dict(data)
        keys = list(self.key_iterator(result))
        self.randomize(tuple(result[keys[0]].shape[1:]))
        if self.box is None:
            return result
        for key in keys:
            kept = torch.full_like(result[key], PADDING_HU)
            kept[(slice(None), *self.box)] = result[key][(slice(None), *self.box)]
            result[key] = kept
        if self.label_key is not None:
            label = result[self.label_key]
            cut = torch.where(label > 0, torch.full_like(label, IGNORE_LABEL), label)
            cut[(slice(None), *self.box)] = label[(slice(None), *self.box)]
            result[self.label_key] = cut
        return result
