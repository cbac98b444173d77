"""`nodulus info`: what it says is so, and programs can read it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from nodulus.app.chain.models import BUNDLES
from nodulus.app.commands.root import cli
from nodulus.app.errors import ErrorCode
from nodulus.bundles.common.atomic_files import sha256


@pytest.fixture(scope="module")
def said() -> dict[str, object]:
    ran = CliRunner().invoke(cli, ["info", "--json"])
    assert ran.exit_code == 0, ran.output
    content: dict[str, object] = json.loads(ran.stdout)
    return content


def test_models_are_those_on_the_disk(said: dict[str, list[dict[str, str]]]) -> None:
    assert {model["name"]: model["sha256"] for model in said["models"]} == {
        name: sha256(BUNDLES / name / "models" / "model.pt")
        for name in ("segmentation", "nodule", "malignancy")
    }


def test_codes_and_formats_are_listed(said: dict[str, list[str]]) -> None:
    assert said["error_codes"] == [code.value for code in ErrorCode]
    assert said["devices"][0] == "cpu"
    assert {"slicer", "fhir"} <= set(said["export_formats"])


def test_transfer_syntaxes_with_and_without_a_decoder(
    said: dict[str, dict[str, dict[str, object]]],
) -> None:
    syntaxes = said["transfer_syntaxes"]
    assert syntaxes["1.2.840.10008.1.2.1"]["readable"]
    multi_component = syntaxes["1.2.840.10008.1.2.4.93"]
    assert multi_component == {
        "name": "JPEG 2000 Part 2 Multi-component Image Compression",
        "readable": False,
    }


def test_lines_for_people() -> None:
    ran = CliRunner().invoke(cli, ["info"])
    assert ran.exit_code == 0, ran.output
    assert "segmentation" in ran.output
    assert "nodulus[review]" in ran.output


def test_it_works_where_nothing_but_inference_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    content = json.loads(CliRunner().invoke(cli, ["info", "--json"]).stdout)
    assert content["machine"]["memory_mib"] is None
    ran = CliRunner().invoke(cli, ["info"])
    assert ran.exit_code == 0, ran.output
    assert "GiB" not in ran.output


def test_a_missing_model_is_an_error(tmp_path: Path) -> None:
    ran = CliRunner().invoke(cli, ["info", "-m", str(tmp_path)])
    assert ran.exit_code == 1
    assert "model-not-found" in ran.output
