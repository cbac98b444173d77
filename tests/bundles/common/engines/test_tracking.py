"""Trackers are asked for by one option, and their packages are not needed without it."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from unittest.mock import MagicMock

import monai.handlers.mlflow_handler
import pytest

RUN = {"crop_size": 32, "steps": 2, "validate_every": 1}


def test_mlflow(train, fake_data, tmp_path, monkeypatch):
    mlflow = MagicMock()
    client = mlflow.MlflowClient.return_value
    logged = []
    client.log_batch.side_effect = lambda **call: logged.extend(call["metrics"])
    mlflow.entities.Metric = lambda key, value, timestamp, step: (key, step)
    experiment = client.get_experiment_by_name.return_value
    experiment.lifecycle_stage = mlflow.entities.LifecycleStage.ACTIVE
    monkeypatch.setattr(monai.handlers.mlflow_handler, "mlflow", mlflow)
    train("nodule", fake_data, tmp_path, tracking="mlflow", **RUN)
    names = {name for name, _ in logged}
    assert {"train_loss", "val_roc_auc", "val_sensitivity"} <= names
    assert {step for name, step in logged if name == "train_loss"} == {1, 2}


@pytest.fixture
def wandb(monkeypatch):
    """A stand-in for the package, which keeps what it is given."""
    module = SimpleNamespace(init=MagicMock(), config={}, logged=[], finish=MagicMock())
    module.log = lambda metrics, step=None, **_: module.logged.append((step, dict(metrics)))
    monkeypatch.setitem(sys.modules, "wandb", module)
    return module


def test_weights_and_biases(bundles, train, fake_data, tmp_path, wandb):
    settings = str(bundles / "common" / "configs" / "wandb.json")
    train("nodule", fake_data, tmp_path, tracking=settings, **RUN)
    assert wandb.init.call_count == 1
    options = wandb.init.call_args.kwargs
    assert (options["mode"], options["project"]) == ("offline", "nodulus")
    assert options["dir"] == str(tmp_path)
    seen = {}
    for step, metrics in wandb.logged:
        seen.setdefault(step, {}).update(metrics)
    assert sorted(seen) == [1, 2]
    for metrics in seen.values():
        assert {"train/loss", "train/learning_rate", "validation/val_roc_auc"} <= set(metrics)
