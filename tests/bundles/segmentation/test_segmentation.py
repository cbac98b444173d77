from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from transforms.geometry import apply_affine

SMALL = {"patch_size": 32}
NETWORK = {"network_def#channels": [4, 8, 8, 8]}


@pytest.fixture(scope="module")
def weights(train, fake_data, tmp_path_factory):
    output = tmp_path_factory.mktemp("segmentation")
    return train("segmentation", fake_data, output, **SMALL, **NETWORK)


def test_training_writes_checkpoints_and_publishes_the_best(weights):
    output = weights.parents[1]
    assert {"best.pt", "final.pt"} <= {path.name for path in output.iterdir()}
    state = torch.load(weights, weights_only=True)
    best = torch.load(output / "best.pt", weights_only=True)
    best = best.get("network", best)
    assert set(state) == set(best)
    assert all(torch.equal(state[name], best[name]) for name in state)


def test_training_does_not_touch_the_shipped_weights(bundles, train, fake_data, tmp_path):
    shipped = bundles / "segmentation" / "models" / "model.pt"
    before = shipped.stat().st_mtime_ns if shipped.exists() else None
    train("segmentation", fake_data, tmp_path, weights_path=None, **SMALL, **NETWORK)
    assert (shipped.stat().st_mtime_ns if shipped.exists() else None) == before
    assert not (tmp_path / "published").exists()


def test_evaluation_reports_detection(weights, run_bundle, fake_data, tmp_path):
    run_bundle(
        "segmentation",
        "evaluate",
        data_dirs=[str(fake_data)],
        output_dir=str(tmp_path),
        weights_path=str(weights),
        roi_size=[64, 64, 64],
        **NETWORK,
    )
    rows = (tmp_path / "metrics.csv").read_text()
    for name in ("sensitivity", "candidates_per_scan", "false_positives_per_scan", "mean_dice"):
        assert name in rows


def test_inference_needs_no_truth_and_keeps_the_place(weights, run_bundle, images, tmp_path):
    run_bundle(
        "segmentation",
        "inference",
        dataset_dir=str(images),
        output_dir=str(tmp_path / "out"),
        weights_path=str(weights),
        roi_size=[64, 64, 64],
        **NETWORK,
    )
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["1.2.3.0.0_mask.nii.gz", "1.2.3.0.0_probability.nii.gz"]
    result = nibabel.load(tmp_path / "out" / names[1])
    values = np.asarray(result.dataobj)
    assert 0 <= values.min() < values.max() <= 1
    np.testing.assert_allclose(result.header.get_zooms(), 1.0, atol=1e-5)
    # the middle of the box around both lungs, in RAS mm: near the middle of the scan
    middle = apply_affine(result.affine, (np.array(values.shape) - 1) / 2)
    np.testing.assert_allclose(middle, [0, 0, -80], atol=8)


def test_candidates_are_written_for_the_classifiers(weights, run_bundle, other_data, tmp_path):
    run_bundle(
        "segmentation",
        "candidates",
        data_dirs=[str(other_data)],
        weights_path=str(weights),
        cache_dir=str(tmp_path / "cache"),
        roi_size=[64, 64, 64],
        threshold=0.0,
        workers=0,
        **NETWORK,
    )
    with (other_data / "candidates_segmentation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    # with every voxel above the threshold the one candidate touches the unlabelled zone
    assert rows == []
    assert not list(other_data.glob("*.part"))


def test_a_split_that_leaks_is_refused(train, fake_data, tmp_path, leaking):
    with pytest.raises(RuntimeError) as error:
        train("segmentation", fake_data, tmp_path, **leaking, **SMALL)
    texts, cause = [], error.value
    while cause is not None:
        texts.append(str(cause))
        cause = cause.__cause__ or cause.__context__
    assert any("1 patients are in training and validation" in text for text in texts)


@pytest.mark.slow
def test_the_command_line_trains(bundles, fake_data, tmp_path):
    command = [sys.executable, "-m", "monai.bundle", "run"]
    command += ["--config_file", "bundles/segmentation/configs/train.json"]
    command += ["--data_dirs", f"['{fake_data}']", "--output_dir", str(tmp_path)]
    command += ["--steps", "2", "--validate_every", "2", "--patch_size", "32"]
    command += ["--runs_dir", "$None"]  # beside it lie other tests' folders
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=bundles.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (Path(tmp_path) / "final.pt").exists()
