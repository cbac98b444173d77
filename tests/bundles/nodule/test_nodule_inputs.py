from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "nodule_inputs.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("nodule_inputs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def crops(tmp_path):
    distance = np.linalg.norm(np.indices((51, 51, 51)) - 25, axis=0)
    mask = np.stack([distance <= radius for radius in (3, 6)])
    np.savez_compressed(tmp_path / "crops.npz", hu=np.where(mask, 20, -850), mask=mask)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["crop", "patient", "malignancy", "equivalent_diameter_mm"])
        rows.writerows([[n, "P", 1 + 3 * n, 6 + 6 * n] for n in range(2)])
    return tmp_path


def test_every_input_is_trained_and_judged(script, fake_data, crops, tmp_path):
    command = [
        *("--data_dirs", str(fake_data), "--test_crops", str(crops), "--steps", "2"),
        *("-o", str(tmp_path / "out"), "--set", "workers=0", "batch_size=2", 'device="cpu"'),
        *("runs_dir=null", "pictures=0"),
    ]
    script.main(command)
    inputs = json.loads((tmp_path / "out" / "table.json").read_text())["inputs"]
    names = ["48 mm and its middle", "48 mm", "32 mm and its middle", "32 mm"]
    assert list(inputs) == names
    rows = [inputs[name]["0"] for name in names]
    assert len({row["auc"]["value"] for row in rows}) > 1
    assert len({(row["positives"], row["negatives"]) for row in rows}) == 1
    weights = sorted((tmp_path / "out" / "runs").glob("*/model.pt"))
    before = [path.stat().st_mtime_ns for path in weights]
    assert len(before) == 4
    script.main(command)
    assert [path.stat().st_mtime_ns for path in weights] == before
    assert all(f"| {name} | 0 |" in (tmp_path / "out" / "table.md").read_text() for name in names)


def test_figures_of_known_scores(script):
    truth = np.array([True] * 4 + [False] * 20)
    logits = np.concatenate([[3.0, 0.9, 2.0, -1.0], np.linspace(-2, 1, 20)])
    diameters = np.concatenate([[4.0, 5.0, 9.0, 10.0], np.full(20, np.nan)])
    found = script.measure(logits, truth, diameters, np.array([0.95, 0.0]))
    # Of 20 false candidates one may pass: the second highest is at 0.842.
    assert found["sensitivity"] == 0.75
    assert found["sensitivity_below_6_mm"] == 1.0
    assert found["real"]["value"] == 0.5
    assert (found["positives"], found["negatives"]) == (4, 20)
