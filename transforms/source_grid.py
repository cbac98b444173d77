"""Back from the networks' grid to the one of the image that was read."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import MetaKeys
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage


def on_source_grid(
    values: NDArray[np.float32], affine_ras: ArrayLike, source_affine_ras: ArrayLike,
    shape_xyz: Sequence[int],
) -> NDArray[np.float32]:  # fmt: skip
    """Interpolate linearly at the voxels of another grid; 0 outside of the first one.

    Args:
        values: shape (X, Y, Z).
        affine_ras: 4x4, its index to RAS mm.
        source_affine_ras: 4x4, that of the other grid.
        shape_xyz: of the other grid.
    """
    to_index = np.linalg.inv(np.asarray(affine_ras)) @ np.asarray(source_affine_ras)
    x, y, z = (int(n) for n in shape_xyz)
    plane = np.stack(np.meshgrid(np.arange(x), np.arange(y), indexing="ij"))
    moved = np.tensordot(to_index[:3, :2], plane, axes=1) + to_index[:3, 3, None, None]
    result = np.zeros((x, y, z), np.float32)
    for k in range(z):  # plane by plane: the places of all voxels would fill the memory
        at = moved + k * to_index[:3, 2, None, None]
        ndimage.map_coordinates(values, at, result[:, :, k], order=1, mode="constant")
    return result


class SourceGridd(MapTransform):
    """Bring maps of the networks' grid to the grid of the image that they were made of.

    Args:
        keys: the maps, shape (1, X, Y, Z) on the grid of the image at ``ref_key``.
        ref_key: the image after `NetworkSpaced`, whose metadata say where it came from: affine and
            shape as MONAI's LoadImage and the App SDK's operators keep them.
    """

    def __init__(self, keys: KeysCollection, ref_key: str = "image") -> None:
        super().__init__(keys)
        self.ref_key = ref_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Bring each key to the source's grid."""
        result = dict(data)
        image = result[self.ref_key]
        affine = np.asarray(image.affine.cpu(), dtype=np.float64)
        source = np.asarray(image.meta[MetaKeys.ORIGINAL_AFFINE], dtype=np.float64)
        shape = [int(n) for n in image.meta[MetaKeys.SPATIAL_SHAPE]]
        for key in self.key_iterator(result):
            values = result[key].detach().cpu().float().numpy()[0]
            moved = on_source_grid(np.asarray(values), affine, source, shape)
            tensor = torch.from_numpy(moved[np.newaxis])
            result[key] = MetaTensor(tensor, meta=dict(image.meta))
            result[key].affine = torch.from_numpy(source)
        return result
