"""`nodulus detect` on a DICOM folder, and its errors."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.commands.root import cli
from nodulus.app.volume import CtVolume
from tests.app.reading.dicom_factory import write_series
from tests.app.synthetic_chest import NODULES_LPS


@pytest.fixture
def fake_models(
    monkeypatch: pytest.MonkeyPatch, models: Models, chain_settings: ChainSettings
) -> None:
    monkeypatch.setattr("nodulus.app.chain.load_models", lambda *_, **__: models)
    monkeypatch.setattr("nodulus.app.chain.load_settings", lambda *_, **__: chain_settings)


def detect(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["detect", *map(str, arguments)])


@pytest.mark.usefixtures("fake_models")
def test_a_dicom_folder_gives_findings_marks_and_intermediates(
    tmp_path: Path, volume: CtVolume
) -> None:
    first = volume.geometry.affine_lps[:3, 3]
    write_series(tmp_path / "in", volume.hu, spacing_mm=(1.5, 1.5), step_mm=2.0, first_lps_mm=first)
    marks = tmp_path / "marks.csv"
    out = tmp_path / "out"
    result = detect(tmp_path / "in", "-o", out, "--marks", marks, "--keep-intermediates")
    assert result.exit_code == 0, result.output
    assert "2 findings" in result.output
    assert result.output.count("malignancy") == 2
    assert "Never" not in result.output
    (folder,) = [p for p in out.iterdir() if p.is_dir()]
    for name in ("report.html", "nodules_seg.dcm", "nodules_sr.dcm", "intermediates"):
        assert (folder / name).exists(), name
    assert "Never" not in (folder / "report.html").read_text()
    written = json.loads((folder / "findings.json").read_text())
    rows = list(csv.DictReader(marks.open()))
    assert len(rows) == len(written["candidates"])
    assert {r["seriesuid"] for r in rows} == {written["series_uid"]}
    near = [r for r in rows if abs(float(r["coordX"]) - NODULES_LPS["big"][0]) < 2]
    assert near


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda p: None, "input-not-found"),
        (lambda p: p.mkdir(), "input-empty"),
        (lambda p: (p.mkdir(), (p / "a.txt").write_text("hello")), "no-images"),
    ],
)
@pytest.mark.usefixtures("fake_models")
def test_bad_input_is_an_error_with_a_code(tmp_path: Path, make, code: str) -> None:
    make(tmp_path / "in")
    result = detect(tmp_path / "in", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert code in result.output


def test_missing_models_are_an_error_with_a_code(tmp_path: Path, volume: CtVolume) -> None:
    write_series(tmp_path / "in", volume.hu[:20], spacing_mm=(1.5, 1.5), step_mm=6.0)
    result = detect(tmp_path / "in", "-o", tmp_path / "out", "-m", tmp_path / "none")
    assert result.exit_code == 1
    assert "model-not-found" in result.output
