"""`nodulus prepare slices`: nodules' slices with their readers' ratings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from nodulus.app.commands.root import cli
from nodulus.bundles.common.data.entries import RATED, rating_entries
from nodulus.bundles.common.data.prepared import load_prepared
from nodulus.bundles.common.data.studies import read_data_dir
from nodulus.transforms.patch_sampling import lps_to_voxel


def archive(folder: Path, **changes: Any) -> Path:
    """Three slices, the last of values that may be no Hounsfield units."""
    hu = np.full((3, 40, 40), -800, np.int16)
    mask = np.zeros((3, 40, 40), np.uint8)
    hu[:, 24:28, 10:14] = 50
    mask[:, 24:28, 10:14] = 1
    ratings = np.full((3, 4, 9), np.nan)
    # subtlety, structure, calcification, sphericity, margin, lobulation, spiculation, texture,
    # malignancy
    ratings[0, 0] = [5, 1, 6, 3, 4, 2, 1, 5, 4]
    ratings[0, 1] = [4, 1, 6, 4, 4, 2, 2, 5, 5]
    ratings[1, 0] = [3, 1, 3, 5, 5, 1, 1, 5, 1]
    arrays = {
        "hu": hu,
        "mask": mask,
        "pixel_spacing": np.array([0.5, 0.8, 0.8]),
        "z_mm": np.array([-10.0, 20.0, 30.0]),
        "uid": np.array(["1.2.3.4.5", "1.2.3.4.5", "1.2.3.4.6"]),
        "patient": np.array(["LIDC-IDRI-9001"] * 3),
        "ratings_4x9": ratings,
        "intercept_ok": np.array([True, True, False]),
    } | changes
    np.savez(folder / "slices.npz", **{k: v for k, v in arrays.items() if v is not None})
    return folder / "slices.npz"


def prepare(file: Path, cache: Path) -> Result:
    arguments = ["prepare", "slices", str(file), "-o", str(cache), "--workers", "1"]
    return CliRunner().invoke(cli, arguments)


def test_each_slice_is_a_study_with_its_rated_nodule(tmp_path):
    result = prepare(archive(tmp_path), tmp_path / "cache")
    assert result.exit_code == 1  # one is left out
    assert "no Hounsfield units" in " ".join(result.output.split())
    studies = read_data_dir(tmp_path / "cache")
    assert [s.series_uid for s in studies] == ["slice-1.2.3.4.5-1", "slice-1.2.3.4.5-2"]
    first = studies[0].nodules[0]
    assert first.malignancy == 4.5
    assert first.readers == 2
    assert first.ratings["spiculation"] == 1.5
    assert first.spread["malignancy"] == 1.0
    assert first.diameter_mm == pytest.approx(2 * np.sqrt(16 * 0.25 / np.pi))
    item = load_prepared(studies[0].prepared.path)
    assert item["image"].shape == (1, 20, 20, 1)
    voxel = lps_to_voxel(first.center_lps_mm, item["affine"].numpy())
    bright = np.argwhere(item["image"][0, :, :, 0].numpy() > -300).mean(axis=0)
    assert np.abs(voxel[:2] - bright).max() < 0.6
    assert voxel[2] == pytest.approx(0.0)


def test_ratings_become_soft_targets(tmp_path):
    prepare(archive(tmp_path), tmp_path / "cache")
    entries = rating_entries(read_data_dir(tmp_path / "cache"))
    soft = [dict(zip(RATED, entry["target"].tolist(), strict=True)) for entry in entries]
    assert soft[0]["malignancy"] == pytest.approx(3.5 / 4)
    assert soft[0]["calcification"] == 0.0
    assert soft[1]["malignancy"] == 0.0
    assert soft[1]["calcification"] == 1.0
    assert soft[1]["margin"] == 1.0


def test_an_archive_without_ratings_is_refused(tmp_path):
    result = prepare(archive(tmp_path, ratings_4x9=None), tmp_path / "cache")
    assert result.exit_code == 1
    assert "it lacks ratings_4x9" in " ".join(result.output.split())
