"""`nodulus export`: every format, and what is said where one cannot be made."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from nodulus.app.commands.root import cli
from nodulus.app.exports.formats import FORMATS

from .conftest import Exported


def run(*arguments: str | Path) -> tuple[int, str]:
    ran = CliRunner().invoke(cli, ["export", *map(str, arguments)])
    return ran.exit_code, ran.output


def test_every_format_of_one_study(axial: Exported, tmp_path: Path) -> None:
    wanted = [part for name in FORMATS for part in ("--to", name)]
    code, said = run(axial.folder, *wanted, "-o", tmp_path / "there", "--images", tmp_path / "ct")
    assert code == 0, said
    written = {path.name for path in (tmp_path / "there" / "out").iterdir()}
    assert written == {
        "nodules.seg.nrrd", "nodules.mrk.json", "nodules.nii.gz", "nodules.tsv",
        "nodules_rtstruct.dcm", "nodules_gsps.dcm", "nodules.coco.json",
        "findings.fhir.json", "findings.csv",
    }  # fmt: skip


def test_a_result_without_masks_is_named_and_the_rest_is_written(tmp_path: Path) -> None:
    made = Exported(tmp_path, "axial", seg=False)
    code, said = run(made.folder, "--to", "slicer", "--to", "fhir", "-o", tmp_path / "there")
    assert code == 1
    assert "without masks" in said
    assert [p.name for p in (tmp_path / "there" / "out").iterdir()] == ["findings.fhir.json"]


def test_a_missing_package_is_said_first(
    axial: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nrrd", None)
    monkeypatch.delitem(__import__("sys").modules, "nodulus.app.exports.slicer", raising=False)
    code, said = run(axial.folder, "--to", "slicer", "-o", tmp_path / "there")
    assert code == 1
    assert "package-missing" in said
    assert "nodulus[formats]" in said
    assert not (tmp_path / "there").exists()


def test_a_folder_without_results(tmp_path: Path) -> None:
    code, said = run(tmp_path, "--to", "csv", "-o", tmp_path / "there")
    assert code == 1
    assert "input-empty" in said
