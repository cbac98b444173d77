"""A patient who is on two sides, in whichever two tasks, stops the training of each bundle."""

from __future__ import annotations

import hashlib
import json
from itertools import permutations
from pathlib import Path

import pytest

from nodulus.bundles.common.patient_record import PatientRecord, record_path
from nodulus.bundles.common.splits import Side

TASKS = ["segmentation", "nodule", "malignancy"]
SMALL = {"segmentation": {"patch_size": 32}}
SIDES = {"P0-0": "training", "P0-1": "training", "P0-2": "validation", "P0-3": "test"}


def texts(error: BaseException | None) -> str:
    """The messages of an error and of all that caused it."""
    parts = []
    while error is not None:
        parts.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


def split_file(folder: Path, **changed: str) -> str:
    path = folder / f"splits-{len(changed)}.json"
    path.write_text(json.dumps({"version": 2, "seed": 0, "patients": {**SIDES, **changed}}))
    return str(path)


@pytest.fixture
def attempt(run_bundle, fake_data, tmp_path):
    """Train a bundle, or with ``run_id="record"`` only write down who is on which side."""

    def call(task: str, splits: str, **override) -> None:
        options = {
            "data_dirs": [str(fake_data)],
            "splits_file": splits,
            "output_dir": str(tmp_path / "runs" / task),
            "steps": 2,
            "workers": 0,
            **SMALL.get(task, {"crop_size": 32}),
        }
        run_bundle(task, "train", **{**options, **override})

    return call


@pytest.mark.parametrize(("earlier", "task"), permutations(TASKS, 2))
def test_a_patient_who_changes_sides_between_two_tasks_is_refused(attempt, task, earlier, tmp_path):
    attempt(earlier, split_file(tmp_path), run_id="record")
    attempt(task, split_file(tmp_path), run_id="record")  # the same split is fine
    leak = split_file(tmp_path, **{"P0-0": "validation"})
    with pytest.raises(RuntimeError) as error:
        attempt(task, leak)
    assert "1 patients are in validation and in the training of another" in texts(error.value)
    assert earlier in texts(error.value)
    assert "P0-0" not in texts(error.value)
    assert not list((tmp_path / "runs" / task).glob("*.pt"))


@pytest.mark.parametrize("task", TASKS)
def test_a_test_patient_is_not_trained_on(attempt, task, tmp_path):
    earlier = "nodule" if task != "nodule" else "segmentation"
    attempt(earlier, split_file(tmp_path), run_id="record")
    with pytest.raises(RuntimeError) as error:
        attempt(task, split_file(tmp_path, **{"P0-3": "training"}))
    assert "1 patients are in training and in the test of another" in texts(error.value)


@pytest.mark.parametrize("task", TASKS)
def test_whom_the_initial_weights_learnt_from_is_not_validated_on(
    attempt, task, tmp_path, fake_data, other_data
):
    weights = tmp_path / "elsewhere" / "model.pt"
    weights.parent.mkdir()
    weights.write_bytes(b"refused before it is read")
    made = {"run_id": "record", "weights_path": str(weights), "output_dir": str(tmp_path / "a/b")}
    attempt("nodule", split_file(tmp_path), **made)
    record = PatientRecord.read(record_path(weights))
    assert sorted(side.value for side in record.patients.values()) == sorted(SIDES.values())
    start = {"initial_weights": str(weights)}
    with pytest.raises(RuntimeError) as error:
        attempt(
            task,
            split_file(tmp_path),
            data_dirs=[str(other_data)],
            validation_dirs=[str(fake_data)],
            **start,
        )
    assert "2 patients are in validation and in the training of another" in texts(error.value)


def test_published_weights_say_whom_they_learnt_from(nodule_weights):
    record = PatientRecord.read(record_path(nodule_weights))
    run = PatientRecord.read(nodule_weights.parents[1] / "patients.json")
    assert (record.task, record.patients, record.series) == ("nodule", run.patients, run.series)
    assert record.weights_sha256 == hashlib.sha256(nodule_weights.read_bytes()).hexdigest()
    assert list(record.patients.values()).count(Side.VALIDATION) == 1
    assert "P0-" not in record_path(nodule_weights).read_text()
