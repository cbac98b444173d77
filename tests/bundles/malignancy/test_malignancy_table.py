from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "malignancy_table.py"
MODES = ("head", "blocks", "all", "scratch")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("malignancy_table", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Crops in which the larger nodules are the malignant ones, but for one of each."""
    folder = tmp_path_factory.mktemp("crops")
    rng = np.random.default_rng(0)
    distance = np.linalg.norm(np.indices((31, 31, 31)) - 15, axis=0)
    radii, ratings = [3, 4, 5, 7, 6, 8, 9, 4], [1, 2, 2, 1, 4, 5, 5, 5]
    mask = np.stack([distance <= radius for radius in radii])
    hu = np.where(mask, 20, -850) + rng.normal(0, 20, mask.shape)
    np.savez_compressed(folder / "crops.npz", hu=hu.astype(np.int16), mask=mask)
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["crop", "patient", "malignancy", "equivalent_diameter_mm"])
        rows.writerows(
            [[n, "P", m, 2 * r] for n, (r, m) in enumerate(zip(radii, ratings, strict=True))]
        )
    return folder


@pytest.fixture(scope="module")
def command(fake_data, nodule_weights, crops):
    def build(output, *more):
        return [
            *("--data_dirs", str(fake_data), "--test_crops", str(crops)),
            *("--initial_weights", str(nodule_weights), "--seeds", "0", "--steps", "2"),
            *("--samples", "50", "-o", str(output), *more, "--set", "crop_size=32", "workers=0"),
            *("batch_size=2", 'device="cpu"', "runs_dir=null", "pictures=0"),
        ]

    return build


@pytest.fixture(scope="module")
def made(script, command, tmp_path_factory):
    output = tmp_path_factory.mktemp("table")
    script.main(command(output))
    return output


def test_the_table_has_every_method_on_both_sets(made):
    result = json.loads((made / "table.json").read_text())
    names = [*MODES, "diameter alone", "volume alone", "radiomics, logistic regression"]
    for part in ("validation", "crops"):
        assert list(result["sets"][part]["methods"]) == names
    methods = result["sets"]["crops"]["methods"]
    assert methods["diameter alone"]["auc"]["value"] == pytest.approx(12.5 / 16)
    assert methods["diameter alone"]["difference_to_diameter"] is None
    assert all(len(methods[mode]["auc_by_seed"]) == 1 for mode in MODES)
    table = (made / "table.md").read_text()
    assert "## crops: 4 malignant, 4 benign" in table
    assert all(f"| {name} |" in table for name in names)


def test_every_score_is_kept_and_networks_differ(made):
    with (made / "scores.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["set"] == "crops"]
    assert len(rows) == 8 * 7
    by_mode = {m: [float(r["score"]) for r in rows if r["method"] == m] for m in MODES}
    assert len({tuple(scores) for scores in by_mode.values()}) == 4


def test_finished_runs_are_kept_and_a_missing_one_is_made(script, command, made):
    before = {p: p.stat().st_mtime_ns for p in made.glob("runs/*/model.pt")}
    assert len(before) == 4
    gone = made / "runs" / "head-seed0" / "model.pt"
    first = (made / "scores.csv").read_text()
    gone.unlink()
    script.main(command(made))
    after = {p: p.stat().st_mtime_ns for p in made.glob("runs/*/model.pt")}
    assert {p for p in after if after[p] != before[p]} == {gone}
    assert (made / "scores.csv").read_text() == first  # the same seed, the same network


def test_other_settings_in_the_same_folder_are_refused(script, command, made):
    with pytest.raises(SystemExit, match=r"settings.json: made with other settings"):
        script.main([*command(made, "--modes", "head"), "learning_rate=0.1"])


def test_crops_of_a_patient_who_was_learnt_from_are_refused(script, command, crops, made, tmp_path):
    for path in crops.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    labels = (tmp_path / "labels.csv").read_text()
    names = [f"LIDC-0-{n}" for n in range(4)]  # all of the fake data's, one of them in validation
    rows = labels.splitlines()
    rows[1:5] = [
        row.replace(",P,", f",{name},") for row, name in zip(rows[1:5], names, strict=True)
    ]
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(SystemExit, match="3 of its patients are learnt from"):
        script.main([*command(made), "--test_crops", str(tmp_path)])


def test_fresh_nodules_and_a_test_side(script, command, other_data, tmp_path):
    script.main([
        *command(tmp_path, "--modes", "head", "--insert", "--test_dirs", str(other_data)),
        "insertion_probability=1.0",
    ])  # fmt: skip
    result = json.loads((tmp_path / "table.json").read_text())
    assert list(result["sets"]) == ["validation", "test", "crops"]
    assert result["insert"]
    assert json.loads((tmp_path / "runs/head-seed0/settings.json").read_text())["insert"]
    assert "## test: " in (tmp_path / "table.md").read_text()
