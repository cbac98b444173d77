"""The segmentation bundle trains, evaluates, infers and writes candidates."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from nodulus.bundles import config_files
from nodulus.bundles.common.splits import Side
from nodulus.transforms.geometry import apply_affine
from tests.lidc_shapes import needs_lidc_shapes

SMALL = {"patch_size": 32}
WINDOWS = {"roi_size": [64, 64, 64], "overlap": 0.0}
"""Of the sliding window; overlapping ones would take more than twice as long."""
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
        **WINDOWS,
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
        **WINDOWS,
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
        **WINDOWS,
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
    command += ["--config_file", str(config_files("segmentation", "train"))]
    command += ["--data_dirs", f"['{fake_data}']", "--output_dir", str(tmp_path)]
    command += ["--steps", "2", "--validate_every", "2", "--patch_size", "32"]
    command += ["--runs_dir", "$None"]  # beside it lie other tests' folders
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=bundles.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (Path(tmp_path) / "final.pt").exists()


@needs_lidc_shapes
def test_training_with_inserted_nodules(bundles, fake_data, tmp_path, monkeypatch):
    """Two steps in which every patch gets nodules, none of a patient who is validated on."""
    from monai.bundle import run

    from nodulus.bundles.common.lidc.library import ShapeLibrary
    from nodulus.transforms.insertion.nodule_insertion_record import from_json
    from nodulus.transforms.insertion.rand_insert_nodules import RandInsertNodulesd

    table = fake_data / "nodules.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    data = tmp_path / "data"
    shutil.copytree(fake_data, data, ignore=shutil.ignore_patterns("prepared", "splits.json"))
    names = sorted({row["lidc_patient"] for row in rows})
    pool = {name.split("/")[0] for name in ShapeLibrary("training", max_diameter_mm=36.0)}
    real = dict(zip(names, sorted(pool), strict=False))
    for row in rows:
        row["lidc_patient"] = real[row["lidc_patient"]]
    with (data / "nodules.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

    seen = []
    insert = RandInsertNodulesd.__call__

    def watched(self, item):
        result = insert(self, item)
        seen.append((item, result, set(self.insert.ids)))
        return result

    monkeypatch.setattr(RandInsertNodulesd, "__call__", watched)
    configs = bundles / "segmentation" / "configs"
    run(
        config_file=config_files("segmentation", "insert_nodules"),
        meta_file=str(configs / "metadata.json"),
        logging_file=False,
        device="cpu",
        data_dirs=[str(data)],
        output_dir=str(tmp_path / "out"),
        runs_dir="$None",
        steps=2,
        validate_every=2,
        batch_size=2,
        workers=0,
        insertion_probability=1.0,
        insertion_count=[1, 1],
        **SMALL,
        **NETWORK,
    )
    assert (tmp_path / "out" / "best.pt").exists()
    assert len(seen) == 4
    inserted = 0
    for before, after, _ in seen:
        records = from_json(after["insertions"])
        new = (before["label"] == 0) & (after["label"] > 0)
        assert bool(new.any()) == bool(records)
        inserted += len(records)
        for record in records:
            voxel = np.linalg.inv(np.asarray(before["affine"])) @ (
                *(np.asarray(record.center_lps_mm) * (-1, -1, 1)), 1.0,
            )  # fmt: skip
            assert np.all((voxel[:3] > -1) & (voxel[:3] < 32))  # in the patch, patient LPS mm
    assert inserted
    sides = json.loads((data / "splits.json").read_text())["patients"]
    judged = {
        row["lidc_patient"] for row in rows if sides[row["patient_id"]] != Side.TRAINING.value
    }
    used = {name.split("/")[0] for name in seen[0][2]}
    assert judged
    assert used == pool - judged


@needs_lidc_shapes
def test_it_is_finetuned_on_real_scans(weights, run_bundle, fake_data, tmp_path):
    run_bundle(
        "segmentation",
        "finetune_real",
        data_dirs=[str(fake_data)],
        initial_weights=str(weights),
        output_dir=str(tmp_path / "run"),
        runs_dir="$None",
        splits_file=str(tmp_path / "splits.json"),
        weights_path=str(tmp_path / "model.pt"),
        steps=2,
        validate_every=2,
        val_interval=1,
        batch_size=2,
        workers=0,
        box_probability=1.0,
        insertion_probability=1.0,
        learning_rate=1e-9,
        **SMALL,
        **NETWORK,
    )
    state, start = (torch.load(p, weights_only=True) for p in (tmp_path / "model.pt", weights))
    assert set(state) == set(start)
    name = next(k for k in start if k.endswith("conv.weight"))
    torch.testing.assert_close(state[name], start[name], atol=1e-5, rtol=0)
