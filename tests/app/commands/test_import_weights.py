"""`nodulus import weights`: a folder of models with weights of one's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from nodulus.app.chain import load_models, load_settings
from nodulus.app.chain.models import BUNDLES
from nodulus.app.chain.other_weights import other_weights
from nodulus.app.commands.root import cli
from nodulus.bundles.common.atomic_files import sha256

SHIPPED = BUNDLES / "nodule" / "models" / "model.pt"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Weights of the nodule classifier that are not the shipped ones, with a record of patients."""
    path = tmp_path / "own.pt"
    state = torch.load(SHIPPED, weights_only=True)
    state["conv1.weight"] = state["conv1.weight"] * 0.5
    torch.save(state, path)
    record = json.loads(SHIPPED.with_suffix(".patients.json").read_text(encoding="utf-8"))
    record["weights_sha256"] = sha256(path)
    path.with_suffix(".patients.json").write_text(json.dumps(record), encoding="utf-8")
    return path


@pytest.fixture
def points(tmp_path: Path) -> Path:
    """Settings whose points were chosen with the own weights."""
    folder = tmp_path / "settings"
    folder.mkdir()
    chosen = load_settings().operating_points.model_dump(mode="json")
    chosen["nodule"] |= {"threshold": 0.2, "chosen_on": "own scans"}
    for point in chosen["nodule_choices"].values():
        point["chosen_on"] = "own scans"
    chosen["nodule_choices"]["sensitive"]["threshold"] = 0.2
    (folder / "operating_points.json").write_text(json.dumps(chosen), encoding="utf-8")
    return folder


def run(*words: object, status: int = 0) -> str:
    described = ("--version", "7.0.0", "--data-source", "Our hospital's scans")
    result = CliRunner().invoke(cli, ["import", "weights", *described, *map(str, words)])
    assert result.exit_code == status, result.output
    return result.output


def test_the_folder_has_the_own_weights_and_says_so(
    own: Path, points: Path, tmp_path: Path
) -> None:
    output = run("--nodule", own, "--settings", points, "-o", tmp_path / "models")
    assert "warning" not in output
    models = load_models(tmp_path / "models", "cpu")
    assert models.nodule.sha256 == sha256(own)
    (told,) = (info for info in models.info() if info.name == "nodule")
    assert (told.version, told.trained_on) == ("7.0.0", "Our hospital's scans")
    assert models.nodule.metadata["eval_metrics"] == {}
    settings = load_settings(tmp_path / "models")
    assert settings.operating_points.nodule.threshold == 0.2
    assert other_weights(models.info(), settings.operating_points) == ()
    record = tmp_path / "models" / "nodule" / "models" / "model.patients.json"
    assert record.read_bytes() == own.with_suffix(".patients.json").read_bytes()
    for name in ("segmentation", "malignancy"):
        assert sha256(tmp_path / "models" / name / "models" / "model.pt") == sha256(
            BUNDLES / name / "models" / "model.pt"
        )


def test_what_is_missing_is_said(own: Path, tmp_path: Path) -> None:
    own.with_suffix(".patients.json").unlink()
    output = run("--nodule", own, "-o", tmp_path / "models")
    assert "no record of patients fits the weights of nodule" in output
    assert "operating points are those of the shipped weights" in output
    models = load_models(tmp_path / "models", "cpu")
    points = load_settings(tmp_path / "models").operating_points
    assert [w.code for w in other_weights(models.info(), points)] == ["points-of-other-weights"]


def test_a_record_of_other_weights_is_left_out(own: Path, tmp_path: Path) -> None:
    shutil.copyfile(SHIPPED.with_suffix(".patients.json"), own.with_suffix(".patients.json"))
    assert "no record of patients" in run("--nodule", own, "-o", tmp_path / "models")
    assert not (tmp_path / "models" / "nodule" / "models" / "model.patients.json").exists()


def test_weights_of_another_network_are_refused(own: Path, tmp_path: Path) -> None:
    output = run("--malignancy", own, "-o", tmp_path / "models", status=1)
    assert "model-invalid" in output
    assert str(own) in output
    assert "malignancy" in output
    assert list(tmp_path.glob("*models*")) == []


@pytest.mark.parametrize("kind", ["text", "torchscript", "checkpoint"])
def test_a_file_that_is_no_state_dict_is_refused(kind: str, own: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.ts"
    if kind == "text":
        path.write_text("no weights", encoding="utf-8")
    elif kind == "torchscript":
        torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))
    else:
        torch.save({"network": torch.load(own, weights_only=True), "iteration": 3}, path)
    output = run("--nodule", path, "-o", tmp_path / "models", status=1)
    assert "model-invalid" in output
    assert str(path) in output
    assert "no TorchScript" in output


def test_a_folder_that_is_not_empty_stays_as_it_is(own: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.txt").write_text("mine", encoding="utf-8")
    assert "output-not-writable" in run("--nodule", own, "-o", tmp_path / "models", status=1)
    assert [p.name for p in (tmp_path / "models").iterdir()] == ["mine.txt"]


def test_wrong_settings_and_missing_files_are_named(
    own: Path, points: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "gone.pt"
    assert f"{gone}: no such file" in run("--nodule", gone, "-o", tmp_path / "m", status=1)
    (points / "operating_points.json").write_text("{}", encoding="utf-8")
    output = run("--nodule", own, "--settings", points, "-o", tmp_path / "m", status=1)
    assert str(points / "operating_points.json") in output
    assert "--segmentation" in run("-o", tmp_path / "m", status=2)
