"""The bundles train on what `nodulus prepare` writes."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from nodulus.app.commands.root import cli


@pytest.fixture(scope="module")
def cache(fake_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of LUNA16's files alone, with ratings in the table of nodules."""
    folder = tmp_path_factory.mktemp("luna")
    source = fake_data / "luna16"
    for path in source.iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "annotations.csv").unlink()
    with (source / "annotations.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "annotations.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "malignancy"])
        writer.writeheader()
        # as fake_data has it: the small nodule of each scan is benign, the large one malignant
        writer.writerows(
            {**r, "malignancy": 2 if float(r["diameter_mm"]) < 15 else 4} for r in rows
        )
    out = tmp_path_factory.mktemp("cache")
    command = ["prepare", "luna16", str(folder), "-o", str(out), "--workers", "1"]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 0, done.output
    assert "nodules with a malignancy: 8, of them 4 above 3 and 4 below" in done.output
    return out


@pytest.mark.parametrize("bundle", ["segmentation", "nodule", "malignancy"])
def test_two_steps_of_training(
    bundle: str, cache: Path, train: Callable[..., Path], tmp_path: Path
) -> None:
    options = {
        "segmentation": {"patch_size": 32, "network_def#channels": [4, 8, 8, 8]},
        "nodule": {"crop_size": 32},
        "malignancy": {"crop_size": 32},
    }[bundle]
    before = {path.name: path.stat().st_mtime_ns for path in (cache / "prepared").iterdir()}
    folds = {"validation_folds": [2], "test_folds": [3], "splits_file": str(tmp_path / "s")}
    weights = train(bundle, cache, tmp_path / "run", **folds, **options)
    assert len(torch.load(weights, weights_only=True)) > 0
    after = {path.name: path.stat().st_mtime_ns for path in (cache / "prepared").iterdir()}
    assert after == before  # nothing was prepared a second time
