"""`nodulus detect` on a DICOM folder, and its errors."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydicom import Dataset, dcmread

from nodulus.app.commands.root import cli
from nodulus.app.volume import CtVolume
from tests.app.reading.dicom_factory import write_series
from tests.app.synthetic_chest import NODULES_LPS


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


@pytest.mark.usefixtures("fake_models")
def test_a_failed_study_beside_a_good_one_has_a_note_until_it_is_analysed(
    tmp_path: Path, volume: CtVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = volume.geometry.affine_lps[:3, 3]
    place = {"spacing_mm": (1.5, 1.5), "step_mm": 2.0, "first_lps_mm": first}

    def of_another(dataset: Dataset, _index: int) -> None:
        dataset.PatientID, dataset.PatientName = "88", "Roe^Richard"

    write_series(tmp_path / "in" / "a", volume.hu, study="good", **place)  # type: ignore[arg-type]
    bad = write_series(tmp_path / "in" / "b", volume.hu[:4], study="bad", edit=of_another)
    archive = shutil.make_archive(str(tmp_path / "in"), "zip", tmp_path / "in")
    out = tmp_path / "out"
    result = detect(archive, "-o", out, "--failure-note")
    assert result.exit_code == 1
    (note,) = out.rglob("failure_note.dcm")
    assert f"failure note: {note}" in result.output.replace("\n", "")
    about, source = dcmread(note), dcmread(bad[0])
    assert about.StudyInstanceUID == source.StudyInstanceUID
    assert (about.PatientID, about.PatientName) == ("88", "Roe^Richard")
    (good,) = out.rglob("findings.json")
    assert good.parent.name != source.StudyInstanceUID
    assert not (out / source.StudyInstanceUID).exists()
    assert note.parent.name == f"{source.StudyInstanceUID}~not-analysed"

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Never^Shown")

    before = {path: path.read_bytes() for path in good.parent.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr("nodulus.app.study.analyse", broken)
        assert detect(tmp_path / "in" / "a", "-o", out, "--failure-note").exit_code == 1
    about = dcmread(out / f"{good.parent.name}~not-analysed" / "failure_note.dcm")
    assert about.PatientID != "88"
    assert about.StudyInstanceUID == good.parent.name
    assert "internal-error" in about.ImageComments
    assert "Never" not in about.ImageComments
    assert {path: path.read_bytes() for path in good.parent.iterdir()} == before
    assert detect(tmp_path / "in" / "a", "-o", out).exit_code == 0
    assert list(out.rglob("failure_note.dcm")) == [note]


@pytest.mark.usefixtures("fake_models")
def test_where_no_header_can_be_read_there_is_no_note_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "torn.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 500)
    result = detect(tmp_path / "in", "-o", tmp_path / "out", "--failure-note")
    assert result.exit_code == 1
    assert "no failure note: no header could be read" in result.output
    assert list((tmp_path / "out").rglob("*.dcm")) == []


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
