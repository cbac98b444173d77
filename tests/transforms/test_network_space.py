"""The grid of the networks, from any order of axes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lungs import find_lungs
from nodulus.transforms.network_space import (
    NetworkSpaced,
    labels_to_network_space,
    to_network_space,
)
from tests.transforms.chest import chest


def as_image(hu: np.ndarray, geometry: Geometry, name: str = "a.mhd") -> MetaTensor:
    array = torch.from_numpy(np.ascontiguousarray(hu.transpose(2, 1, 0)))[None]
    affine = torch.from_numpy(geometry.affine_ras[:, [2, 1, 0, 3]])
    return MetaTensor(array, affine=affine, meta={"filename_or_obj": name})


def test_the_lungs_box_in_ras_order_at_the_spacing() -> None:
    hu, geometry, parts = chest(flip_z=True)
    lungs = find_lungs(hu, geometry)
    assert lungs is not None
    view = to_network_space(hu, geometry, lungs, spacing_mm=2.0, margin_mm=10.0)
    assert view.hu.dtype == torch.float32
    np.testing.assert_allclose(view.affine_ras[:3, :3], np.diag([2.0, 2.0, 2.0]), atol=1e-9)
    assert np.prod(view.hu.shape) * 2.0**3 < 0.6 * hu.size * geometry.voxel_volume_mm3
    where = np.argwhere(parts["nodule"]).mean(axis=0)
    voxel = np.rint(view.geometry.lps_to_index(geometry.index_to_lps(where))).astype(int)
    assert float(view.hu[(0, *voxel)]) > -50
    labels = labels_to_network_space(
        parts["nodule"].astype(np.uint8) * 7, geometry, lungs, spacing_mm=2.0, margin_mm=10.0
    )
    assert labels.dtype == torch.uint8
    assert labels.shape == view.hu.shape
    assert set(labels.unique().tolist()) == {0, 7}
    np.testing.assert_allclose(np.argwhere(labels[0].numpy()).mean(axis=0), voxel, atol=0.7)


def test_the_whole_volume_without_lungs() -> None:
    hu, geometry, _ = chest()
    view = to_network_space(hu, geometry, None, spacing_mm=2.5)
    assert view.hu.shape[1:] == hu.shape[::-1]
    item = NetworkSpaced("image", spacing_mm=2.5, whole=False)({"image": as_image(hu, geometry)})
    assert torch.equal(item["image"].as_tensor(), view.hu)
    assert bool((item["lungs"] == 1).all())


def test_the_order_in_memory_does_not_change_a_bit() -> None:
    hu, geometry, _ = chest()
    lungs = find_lungs(hu, geometry)
    first = to_network_space(hu, geometry, lungs, spacing_mm=1.7)
    second = to_network_space(np.asfortranarray(hu), geometry, lungs, spacing_mm=1.7)
    assert torch.equal(first.hu, second.hu)


def test_the_dictionary_transform_keeps_metadata_and_labels_follow() -> None:
    hu, geometry, parts = chest()
    label = as_image(parts["nodule"].astype(np.uint8), geometry)
    item = NetworkSpaced("image", spacing_mm=2.0)({"image": as_image(hu, geometry), "label": label})
    assert item["image"].meta["filename_or_obj"] == "a.mhd"
    assert item["image"].shape == item["label"].shape == item["lungs"].shape
    assert item["label"].dtype == item["lungs"].dtype == torch.uint8
    for key in ("label", "lungs"):
        assert torch.equal(item[key].affine, item["image"].affine)
    inside = item["image"].as_tensor()[item["label"].as_tensor() > 0]
    assert float(inside.mean()) > -150


def test_what_cannot_be_brought_to_the_grid_is_named() -> None:
    solid = np.full((30, 30, 30), 40, np.int16)
    head = as_image(solid, Geometry(solid.shape, np.diag([2.5, 2.5, 2.5, 1])), "head.nii.gz")
    with pytest.raises(ValueError, match=r"head\.nii\.gz: no lungs"):
        NetworkSpaced("image")({"image": head})
    with pytest.raises(TypeError, match="image must be a MetaTensor"):
        NetworkSpaced("image")({"image": torch.zeros(1, 2, 2, 2)})
    hu, geometry, _ = chest()
    item = {"image": as_image(hu, geometry), "label": as_image(hu[1:], geometry)}
    with pytest.raises(ValueError, match="label has shape"):
        NetworkSpaced("image")(item)
