"""Which patch to learn from next, and cutting it out.

Nodules fill one lung voxel in ten thousand; patches drawn at random would hardly ever hold one,
and patches drawn by voxel would hold the large ones. So a patch is drawn by kind first.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable
from numpy.typing import ArrayLike, NDArray

from nodulus.transforms.geometry import LPS_TO_RAS, apply_affine
from nodulus.transforms.patches import crop_cube, cube_start


class PatchKind(str, Enum):
    """What a patch is centred on."""

    NODULE = "nodule"
    HARD = "hard"
    RANDOM = "random"


def sample_points(
    mask: NDArray[np.bool_], count: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Draw voxels of a mask without replacement.

    Args:
        mask: shape (X, Y, Z).
        count: how many at most.
        rng: random state.

    Returns:
        Voxel indices, shape (n, 3) with n the smaller of ``count`` and the mask's size.
    """
    flat = np.flatnonzero(mask)
    if len(flat) > count:
        flat = np.sort(rng.choice(flat, count, replace=False))
    return np.stack(np.unravel_index(flat, mask.shape), axis=1).astype(np.int32).reshape(-1, 3)


def lps_to_voxel(points_lps_mm: ArrayLike, affine_ras: ArrayLike) -> NDArray[np.float64]:
    """Map LPS mm, shape (..., 3), to fractional indices of an image with an affine to RAS mm."""
    inverse = np.linalg.inv(np.asarray(affine_ras, dtype=np.float64)) @ LPS_TO_RAS
    return apply_affine(inverse, points_lps_mm)


class RandNodulePatchesd(Randomizable, MapTransform):
    """Cut one patch around a nodule, a hard negative or a random lung point.

    The item must hold ``affine`` (4, 4) to RAS mm, ``nodules_lps_mm`` (n, 3), and voxel indices
    ``bright`` and ``inside`` (m, 3); ``hard_lps_mm`` (k, 3), given false alarms, is optional and
    then makes up half of the hard negatives. A kind that the item lacks falls to the next one.
    Where ``partly_marked`` is true, every patch lies at a nodule or at a given false alarm, as far
    as the item has one: any other place may be a nodule that nobody marked.

    Args:
        keys: arrays of shape (1, X, Y, Z); only the patch is read.
        size: edge of the cube in voxels.
        fill: value outside the volume, one for each key.
        weights: of the kinds nodule, hard and random.
        jitter_voxels: largest shift along each axis of a nodule away from the patch's centre.
        affine_key: where the patch's own affine to RAS mm, (4, 4), goes; None for nowhere.
    """

    def __init__(
        self,
        keys: KeysCollection,
        size: int = 64,
        fill: Sequence[float] = (-1024, 0),
        weights: Sequence[float] = (1.0, 1.0, 1.0),
        jitter_voxels: int = 20,
        kind_key: str = "kind",
        affine_key: str | None = None,
    ) -> None:
        super().__init__(keys)
        if len(fill) != len(self.keys):
            raise ValueError(f"{len(self.keys)} keys need as many fill values, got {len(fill)}")
        self.size = size
        self.fill = tuple(fill)
        self.affine_key = affine_key
        self.probabilities = np.asarray(weights, dtype=np.float64) / np.sum(weights)
        self.jitter_voxels = jitter_voxels
        self.kind_key = kind_key

    def draw(self, data: Mapping[Hashable, Any]) -> tuple[PatchKind, NDArray[np.float64]]:
        """Draw the kind and the centre's voxel index."""
        wanted = int(self.R.choice(3, p=self.probabilities))
        nodules = np.asarray(data["nodules_lps_mm"], dtype=np.float64).reshape(-1, 3)
        if wanted == 0 and len(nodules):
            point = nodules[self.R.randint(len(nodules))]
            jitter = self.R.randint(-self.jitter_voxels, self.jitter_voxels + 1, size=3)
            return PatchKind.NODULE, lps_to_voxel(point, data["affine"]) + jitter
        given = np.asarray(data.get("hard_lps_mm", ()), dtype=np.float64).reshape(-1, 3)
        only_known = bool(data.get("partly_marked", False))
        if len(given) and (only_known or (wanted <= 1 and self.R.rand() < 0.5)):
            point = lps_to_voxel(given[self.R.randint(len(given))], data["affine"])
            shift = self.R.randint(-self.jitter_voxels, self.jitter_voxels + 1, size=3)
            return PatchKind.HARD, point + shift
        kind = PatchKind.HARD if wanted <= 1 and len(data["bright"]) else PatchKind.RANDOM
        points = data["bright"] if kind is PatchKind.HARD else data["inside"]
        chosen = points[self.R.randint(len(points))]
        return kind, np.asarray(chosen, dtype=np.float64)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Cut the patch out of each key; the item keeps nothing of the whole study."""
        kind, center = self.draw(data)
        result: dict[Hashable, Any] = {self.kind_key: kind.value}
        if self.affine_key is not None:
            affine = np.asarray(data["affine"]).astype(np.float64)
            affine[:3, 3] = apply_affine(affine, cube_start(center, self.size))
            result[self.affine_key] = torch.from_numpy(affine)
        for key, fill in zip(self.keys, self.fill, strict=True):
            result[key] = crop_cube(torch.as_tensor(data[key]), center, self.size, fill)
        return result


class RandCropAroundPointd(Randomizable, MapTransform):
    """Cut a cube around the item's point, jittered.

    Args:
        keys: arrays of shape (1, X, Y, Z).
        size: edges of the cube in voxels, one number or three.
        fill: value outside the volume, one for each key.
        jitter_voxels: largest shift along each axis, one number or three, 0 for none.
        point_key: the point, LPS mm; the item's ``affine`` maps it.
        keep: keys that go into the result beside the cubes.
    """

    def __init__(
        self,
        keys: KeysCollection,
        size: int | Sequence[int] = 48,
        fill: Sequence[float] = (-1024,),
        jitter_voxels: int | Sequence[int] = 0,
        point_key: str = "point_lps_mm",
        keep: Sequence[str] = (),
    ) -> None:
        super().__init__(keys)
        if len(fill) != len(self.keys):
            raise ValueError(f"{len(self.keys)} keys need as many fill values, got {len(fill)}")
        self.size = size
        self.fill = tuple(fill)
        self.reach = np.broadcast_to(np.asarray(jitter_voxels, dtype=int), (3,))
        self.point_key = point_key
        self.keep = tuple(keep)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Cut the cube out of each key."""
        center = lps_to_voxel(data[self.point_key], data["affine"])
        if np.any(self.reach):
            center = center + self.R.randint(-self.reach, self.reach + 1)
        result: dict[Hashable, Any] = {key: data[key] for key in self.keep}
        for key, fill in zip(self.keys, self.fill, strict=True):
            result[key] = crop_cube(torch.as_tensor(data[key]), center, self.size, fill)
        return result
