"""The malignancy bundle trains, evaluates and infers."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from monai.bundle import run

from nodulus.app.commands.root import cli
from nodulus.bundles import config_files
from nodulus.bundles.common.data.entries import RATED
from nodulus.bundles.common.patient_record import PatientRecord

SMALL = {"crop_size": 32}


@pytest.fixture(scope="module")
def weights(train, fake_data, tmp_path_factory):
    return train("malignancy", fake_data, tmp_path_factory.mktemp("malignancy"), **SMALL)


def test_it_goes_on_from_given_weights(weights, train, fake_data, tmp_path):
    start = {"initial_weights": str(weights), "learning_rate": 1e-9}
    state = torch.load(
        train("malignancy", fake_data, tmp_path, **start, **SMALL), weights_only=True
    )
    name = "resnet.layer2.0.conv1.weight"
    torch.testing.assert_close(
        state[name], torch.load(weights, weights_only=True)[name], atol=1e-5, rtol=0
    )


def test_the_nodule_classifier_can_be_fine_tuned_to_malignancy(
    train, fake_data, nodule_weights, tmp_path
):
    start = {"initial_weights": str(nodule_weights), "learning_rate": 1e-9}
    weights = train("malignancy", fake_data, tmp_path, config="finetune_nodule", **start, **SMALL)
    state = torch.load(weights, weights_only=True)
    before = torch.load(nodule_weights, weights_only=True)
    name = "layer2.0.conv1.weight"
    torch.testing.assert_close(state[name], before[name], atol=1e-5, rtol=0)
    assert state["fc.weight"].shape == (1, 128)
    assert not torch.allclose(state["fc.weight"], before["fc.weight"], atol=1e-3)


def test_fine_tuning_needs_the_3d_part_that_the_nodule_classifier_has():
    nodule, tuned = (
        json.loads(Path(config_files(name, config)[-1]).read_text())["network_def"]
        for name, config in (("nodule", "inference"), ("malignancy", "finetune_nodule"))
    )
    parts = {"_target_", "slices"}
    assert {k: v for k, v in nodule.items() if k not in parts} == {
        k: v for k, v in tuned.items() if k not in parts
    }


def test_training_publishes_a_state_dict(weights):
    state = torch.load(weights, weights_only=True)
    assert state["resnet.fc.weight"].shape == (len(RATED), 128)


def test_evaluation_reports_rates(weights, run_bundle, fake_data, tmp_path):
    options = {"data_dirs": [str(fake_data)], "output_dir": str(tmp_path)}
    run_bundle("malignancy", "evaluate", weights_path=str(weights), **options, **SMALL)
    rows = (tmp_path / "metrics.csv").read_text()
    for name in ("roc_auc", "sensitivity", "specificity"):
        assert name in rows


def test_inference_gives_each_point_its_probability(weights, run_bundle, images, tmp_path):
    points = tmp_path / "points.csv"
    rows = ["1.2.3.0.0,-47.5,0,-80", "1.2.3.0.0,47.5,0,-80", "1.2.3.0.0,0,0,-80"]
    points.write_text("seriesuid,coordX,coordY,coordZ\n" + "\n".join(rows) + "\n")
    output = tmp_path / "out"
    options = {"dataset_dir": str(images), "points_file": str(points), "output_dir": str(output)}
    run_bundle("malignancy", "inference", weights_path=str(weights), **options, **SMALL)
    with (output / "probabilities.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [float(row["coordX"]) for row in written] == [-47.5, 47.5, 0]
    assert all(0 < float(row["probability"]) < 1 for row in written)


def test_a_split_that_leaks_is_refused(train, fake_data, tmp_path, leaking):
    options = {**leaking, **SMALL}
    with pytest.raises(RuntimeError) as error:
        train("malignancy", fake_data, tmp_path, **options)
    texts, cause = [], error.value
    while cause is not None:
        texts.append(str(cause))
        cause = cause.__cause__ or cause.__context__
    assert any("1 patients are in training and validation" in text for text in texts)


def test_it_learns_every_rating_of_slices(run_bundle, bundles, tmp_path):
    """The overlay of rated slices: a run whose validation and weights are those of one head."""
    file = rated_slices(tmp_path, patients=("LIDC-IDRI-0001", "LIDC-IDRI-0310"))
    arguments = ["prepare", "slices", str(file), "-o", str(tmp_path / "s"), "--workers", "1"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    configs = bundles / "malignancy" / "configs"
    run(
        config_file=config_files("malignancy", "rated_slices"),
        meta_file=str(configs / "metadata.json"),
        logging_file=False,
        device="cpu",
        data_dirs=[str(tmp_path / "s")],
        output_dir=str(tmp_path / "run"),
        runs_dir="$None",
        weights_path=str(tmp_path / "model.pt"),
        steps=2,
        validate_every=2,
        batch_size=2,
        workers=0,
        **SMALL,
    )
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    assert state["resnet.fc.weight"].shape == (len(RATED), 128)
    sides = PatientRecord.read(tmp_path / "model.patients.json").patients
    assert {k: v.value for k, v in sides.items()} == {
        "LIDC-IDRI-0001": "training",
        "LIDC-IDRI-0310": "validation",
    }


def rated_slices(folder, patients):
    """Two slices of each patient, one rated malignant and one benign."""
    n = 2 * len(patients)
    hu, mask = np.full((n, 48, 48), -800, np.int16), np.zeros((n, 48, 48), np.uint8)
    mask[:, 20:28, 20:28] = 1
    hu[mask > 0] = 0
    ratings = np.full((n, 4, 9), np.nan)
    ratings[:, 0] = [5, 1, 6, 3, 4, 2, 1, 5, 1]
    ratings[::2, 0, 8] = 5
    np.savez(
        folder / "slices.npz",
        hu=hu,
        mask=mask,
        ratings_4x9=ratings,
        pixel_spacing=np.ones(n),
        z_mm=np.arange(n) * 10.0,
        uid=np.repeat([f"1.2.3.4.{k}" for k in range(len(patients))], 2),
        patient=np.repeat(patients, 2),
    )
    return folder / "slices.npz"
