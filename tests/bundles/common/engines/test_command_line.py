"""A mistyped key on a bundle's command line ends the run before any work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nodulus.bundles.common.engines.command_line import check_arguments

REPOSITORY = Path(__file__).resolve().parents[4]
FILES = "['bundles/segmentation/configs/inference.json','bundles/common/configs/train.json']"


def test_known_keys_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    check_arguments(["run", "--config_file", FILES, "--steps", "5", "--optimizer#lr=0.1"])
    check_arguments(["run", "prepare", "--config_file", FILES, "--meta_file", "x.json"])
    check_arguments(["run", "--config_file", FILES, "--tracking", "mlflow", "--run_name", "x"])
    check_arguments(["run", "--config_file", FILES, "--data_dirs", "['bundles']"])
    check_arguments(["run", "--config_file", FILES, "--data_dirs", "$['x']"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--step", "5"], "--step,.*--steps"),
        (["--optimiser#lr=1"], "--optimiser,.*--optimizer"),
        (["--zzzz"], "--zzzz, so nothing was run.$"),
    ],
)
def test_an_unknown_key_is_named_with_what_is_like_it(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(SystemExit, match=said):
        check_arguments(["run", "--config_file", FILES, *words])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dataset_dir", "no/such"], "--dataset_dir 'no/such': there is no such folder"),
        (["--dataset_dir="], "--dataset_dir '': there is no such folder"),
        (["--data_dirs", "['bundles', 'nowhere']"], "--data_dirs 'nowhere': there is no such"),
    ],
)
def test_a_folder_that_is_not_there(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(SystemExit, match=said):
        check_arguments(["run", "--config_file", FILES, *words])


def test_keys_of_an_arguments_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    named = tmp_path / "arguments.json"
    named.write_text(json.dumps({"config_file": "bundles/common/configs/train.json"}))
    check_arguments(["run", "--args_file", str(named), "--steps", "5"])
    with pytest.raises(SystemExit, match="--stepps"):
        check_arguments(["run", "--args_file", str(named), "--stepps", "5"])


def test_the_command_ends_with_one_line() -> None:
    ran = subprocess.run(
        [
            sys.executable, "-m", "monai.bundle", "run",
            "--config_file", "bundles/nodule/configs/inference.json", "--datset_dir", "x",
        ],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "no config has the key --datset_dir" in ran.stderr
    assert "--dataset_dir" in ran.stderr
    assert "Traceback" not in ran.stderr
