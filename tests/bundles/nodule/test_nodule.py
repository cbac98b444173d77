"""The nodule bundle trains, evaluates and infers."""

from __future__ import annotations

import csv

import pytest
import torch

from tests.lidc_shapes import needs_lidc_shapes

SMALL = {"crop_size": 32}


@pytest.fixture(scope="module")
def weights(nodule_weights):
    return nodule_weights


def test_training_publishes_a_state_dict(weights):
    state = torch.load(weights, weights_only=True)
    assert state["fc.weight"].shape == (1, 128)


def test_evaluation_reports_rates(weights, run_bundle, fake_data, tmp_path):
    options = {"data_dirs": [str(fake_data)], "output_dir": str(tmp_path)}
    run_bundle("nodule", "evaluate", weights_path=str(weights), **options, **SMALL)
    rows = (tmp_path / "metrics.csv").read_text()
    for name in ("roc_auc", "sensitivity", "specificity"):
        assert name in rows


def test_inference_gives_each_point_its_probability(weights, run_bundle, images, tmp_path):
    points = tmp_path / "points.csv"
    rows = ["1.2.3.0.0,-47.5,0,-80", "1.2.3.0.0,47.5,0,-80", "1.2.3.0.0,0,0,-80"]
    points.write_text("seriesuid,coordX,coordY,coordZ\n" + "\n".join(rows) + "\n")
    output = tmp_path / "out"
    options = {"dataset_dir": str(images), "points_file": str(points), "output_dir": str(output)}
    run_bundle("nodule", "inference", weights_path=str(weights), **options, **SMALL)
    with (output / "probabilities.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [float(row["coordX"]) for row in written] == [-47.5, 47.5, 0]
    assert all(0 < float(row["probability"]) < 1 for row in written)


def test_a_split_that_leaks_is_refused(train, fake_data, tmp_path, leaking):
    options = {**leaking, **SMALL}
    with pytest.raises(RuntimeError) as error:
        train("nodule", fake_data, tmp_path, **options)
    texts, cause = [], error.value
    while cause is not None:
        texts.append(str(cause))
        cause = cause.__cause__ or cause.__context__
    assert any("1 patients are in training and validation" in text for text in texts)


@needs_lidc_shapes
def test_it_is_finetuned_on_folders_of_different_size(weights, run_bundle, fake_data, tmp_path):
    run_bundle(
        "nodule",
        "finetune_real",
        data_dirs=[str(fake_data)],
        initial_weights=str(weights),
        output_dir=str(tmp_path / "run"),
        runs_dir="$None",
        splits_file=str(tmp_path / "splits.json"),
        weights_path=str(tmp_path / "model.pt"),
        steps=2,
        validate_every=2,
        batch_size=2,
        workers=0,
        box_probability=1.0,
        learning_rate=1e-9,
    )
    state, start = (torch.load(p, weights_only=True) for p in (tmp_path / "model.pt", weights))
    name = "layer2.0.conv1.weight"
    torch.testing.assert_close(state[name], start[name], atol=1e-5, rtol=0)
