"""Prepared images are right, and kept until their source changes."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from nodulus.bundles.common.data.prepared import PreparedStudies
from nodulus.bundles.common.data.studies import read_data_dir
from nodulus.transforms.patch_sampling import lps_to_voxel


@pytest.fixture(scope="module")
def prepared(fake_data, tmp_path_factory):
    studies = read_data_dir(fake_data)
    return PreparedStudies(studies, tmp_path_factory.mktemp("cache"), require_label=True).prepare()


def test_types_shapes_and_spacing(prepared):
    item = prepared[0]
    assert item["image"].dtype == torch.int16
    assert item["label"].dtype == item["lungs"].dtype == torch.uint8
    assert item["image"].shape == item["label"].shape == item["lungs"].shape
    np.testing.assert_allclose(item["affine"][:3, :3].numpy(), np.eye(3), atol=1e-9)
    assert -1024 <= int(item["image"].min()) < -800


def test_nodules_are_where_the_table_says(prepared):
    for index, study in enumerate(prepared.studies):
        item = prepared[index]
        for nodule in study.nodules:
            voxel = np.round(lps_to_voxel(nodule.center_lps_mm, item["affine"])).astype(int)
            assert int(item["label"][(0, *voxel)]) == nodule.label
            assert int(item["image"][(0, *voxel)]) > -200
            where = np.argwhere(item["label"][0].numpy() == nodule.label).mean(axis=0)
            expected = lps_to_voxel(nodule.center_lps_mm, item["affine"])
            assert np.linalg.norm(where - expected) < 1.0


def test_points_lie_inside_and_are_bright(prepared):
    item = prepared[1]
    lungs, image = item["lungs"][0].numpy(), item["image"][0].numpy()
    assert np.all(lungs[tuple(item["inside"].numpy().T)] > 0)
    assert np.all(image[tuple(item["bright"].numpy().T)] > -500)
    assert len(item["bright"]) > 100


def test_a_second_reading_is_the_same_and_recomputes_nothing(prepared, monkeypatch):
    monkeypatch.setattr(prepared, "_pre_transform", None)
    a, b = prepared[2], prepared[2]
    assert torch.equal(a["image"], b["image"])


def test_a_changed_image_is_prepared_again(fake_data, tmp_path):
    studies = read_data_dir(fake_data)[:1]
    first = PreparedStudies(studies, tmp_path).cache_file(0)
    raw = studies[0].image.stat()
    os.utime(studies[0].image, ns=(raw.st_atime_ns, raw.st_mtime_ns + 1))
    assert PreparedStudies(studies, tmp_path).cache_file(0) != first


def test_a_missing_mask_is_refused_where_it_is_needed(other_data, tmp_path):
    next((other_data / "masks").iterdir()).unlink()
    studies = read_data_dir(other_data)
    with pytest.raises(ValueError, match="1 studies have no mask"):
        PreparedStudies(studies, tmp_path, require_label=True)
    bare = next(i for i, study in enumerate(studies) if study.mask is None)
    assert "label" not in PreparedStudies(studies, tmp_path)[bare]
