"""From the networks' grid back to that of the image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.utils import MetaKeys

from nodulus.transforms.network_space import NetworkSpaced
from nodulus.transforms.source_grid import SourceGridd, on_source_grid

SHAPE = (24, 20, 16)
ANGLE = np.deg2rad(10)
AFFINES = {
    "axial": np.diag([-0.8, -0.8, 1.5, 1.0]),
    "flipped": np.diag([0.8, -0.7, -1.5, 1.0]),
    "turned": np.array(
        [[0.8 * np.cos(ANGLE), -0.8 * np.sin(ANGLE), 0, 0],
         [0.8 * np.sin(ANGLE), 0.8 * np.cos(ANGLE), 0, 0], [0, 0, 1.5, 0], [0, 0, 0, 1.0]]
    ),
}  # fmt: skip


def image(affine: np.ndarray) -> MetaTensor:
    """A value that is linear in the place, as LoadImage gives it."""
    affine = affine.copy()
    affine[:3, 3] = (12.0, -30.0, 55.0)
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    place = index @ affine[:3, :3].T + affine[:3, 3]
    values = torch.from_numpy((place @ (2.0, -1.0, 3.0)).astype(np.float32)[None])
    meta = {MetaKeys.ORIGINAL_AFFINE: affine, MetaKeys.SPATIAL_SHAPE: np.array(SHAPE)}
    return MetaTensor(values, affine=torch.from_numpy(affine), meta=meta)


@pytest.mark.parametrize("name", sorted(AFFINES))
def test_there_and_back_nothing_moves(name: str) -> None:
    source = image(AFFINES[name])
    item = NetworkSpaced("image", whole=False)({"image": source})
    back = SourceGridd("pred")({**item, "pred": item["image"].clone()})["pred"]
    assert back.shape == source.shape
    np.testing.assert_allclose(back.affine.numpy(), source.affine.numpy())
    inner = (0, *(slice(3, -3),) * 3)
    np.testing.assert_allclose(back[inner].numpy(), source[inner].numpy(), atol=1e-2)


def test_what_lies_outside_is_nothing() -> None:
    values = np.ones((4, 4, 4), np.float32)
    shifted = np.eye(4)
    shifted[0, 3] = -2.0
    found = on_source_grid(values, np.eye(4), shifted, (6, 4, 4))
    assert found[:2].max() == 0
    assert found[2:].min() == 1
