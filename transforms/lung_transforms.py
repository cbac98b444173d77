"""MONAI transforms that find the lungs and crop to them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from nodulus.transforms.geometry import LPS_TO_RAS, Geometry
from nodulus.transforms.lungs import lung_region


class LungRegiond(MapTransform):
    """Add the lung region of an image as a uint8 mask.

    Args:
        keys: one MetaTensor of shape (1, X, Y, Z) in HU.
        lungs_key: where the mask goes, a MetaTensor of the image's shape and affine.

    Raises:
        ValueError: no lungs in the image; names the file.
    """

    def __init__(self, keys: KeysCollection, lungs_key: str = "lungs") -> None:
        super().__init__(keys)
        self.lungs_key = lungs_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Find the lungs."""
        result = dict(data)
        for key in self.key_iterator(result):
            image: MetaTensor = result[key]
            array = image.as_tensor()[0].numpy()
            affine_lps = LPS_TO_RAS @ image.affine.cpu().numpy().astype(np.float64)
            shape = (array.shape[0], array.shape[1], array.shape[2])
            mask = lung_region(array, Geometry(shape, affine_lps))
            if not mask.any():
                raise ValueError(
                    f"{image.meta.get('filename_or_obj', key)}: no lungs found in the image"
                )
            lungs = torch.from_numpy(mask[np.newaxis].astype(np.uint8))
            result[self.lungs_key] = MetaTensor(lungs, affine=image.affine.clone())
        return result


class CropToLungsd(MapTransform):
    """Crop images to the box around the lung region plus a margin; affines follow.

    Args:
        keys: MetaTensors of one shape (1, X, Y, Z), the mask among them if it is to be cropped.
        lungs_key: the mask.
        margin_mm: kept around the box where the image has it.
    """

    def __init__(
        self,
        keys: KeysCollection,
        lungs_key: str = "lungs",
        margin_mm: float = 24.0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.lungs_key = lungs_key
        self.margin_mm = margin_mm

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Crop each key."""
        result = dict(data)
        lungs: MetaTensor = result[self.lungs_key]
        affine = lungs.affine.cpu().numpy().astype(np.float64)
        mask = lungs.as_tensor()[0] > 0
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        start, stop = [], []
        for axis in range(3):
            other = [a for a in range(3) if a != axis]
            line = torch.nonzero(mask.any(dim=max(other)).any(dim=min(other))).ravel()
            margin = int(np.ceil(self.margin_mm / spacing[axis]))
            start.append(max(0, int(line[0]) - margin))
            stop.append(min(mask.shape[axis], int(line[-1]) + 1 + margin))
        moved = affine.copy()
        moved[:3, 3] = affine[:3, :3] @ np.asarray(start) + affine[:3, 3]
        for key in self.key_iterator(result):
            image: MetaTensor = result[key]
            if image.shape[1:] != lungs.shape[1:]:
                raise ValueError(
                    f"{key} has shape {tuple(image.shape)}, the lungs {tuple(lungs.shape)}"
                )
            box = image.as_tensor()[
                :, start[0] : stop[0], start[1] : stop[1], start[2] : stop[2]
            ].clone()
            cropped = MetaTensor(box, meta=dict(image.meta))
            cropped.affine = torch.from_numpy(moved)
            result[key] = cropped
        return result
