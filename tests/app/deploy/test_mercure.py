"""The mercure module: its settings, and what it tells of the result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from nodulus.app.deploy.containers.mercure import main
from nodulus.app.deploy.containers.mercure_result import NOTIFICATION, mercure_result
from nodulus.app.deploy.containers.mercure_settings import MercureSettings, read_task_settings
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.guidelines.clinical import ClinicalFacts, ClinicalFile
from nodulus.app.reading import StudyInput
from nodulus.app.run import StudyOutcome
from tests.app.reading.dicom_factory import body_hu, write_series


def write_task(folder: Path, process: object) -> None:
    (folder / "task.json").write_text(json.dumps({"id": "1", "process": process}))


@pytest.mark.parametrize("process", [None, {}, {"settings": None}, {"settings": {}}])
def test_without_settings_the_defaults_hold(tmp_path: Path, process: object) -> None:
    assert read_task_settings(tmp_path) == MercureSettings()
    write_task(tmp_path, process)
    assert read_task_settings(tmp_path) == MercureSettings()


def test_settings_are_taken(tmp_path: Path) -> None:
    settings = {"sr": False, "seg_all_frames": True, "device": "cpu"}
    write_task(tmp_path, [{"module_name": "nodulus", "settings": settings}])
    read = read_task_settings(tmp_path)
    assert (read.device, read.notify) == ("cpu", "suspicious")
    options = read.output_options()
    assert (options.seg, options.sr, options.seg_all_frames) == (True, False, True)


@pytest.mark.parametrize(
    ("process", "named"),
    [
        ({"settings": {"threshold": 0.1}}, "threshold"),
        ({"settings": {"notify": "always"}}, "notify"),
        ({"settings": [1]}, "settings"),
        ([{"settings": {}}, {"settings": {}}], "2 entries"),
        ("text", "settings"),
    ],
)
def test_settings_that_do_not_hold_are_named(
    tmp_path: Path, process: object, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_task(tmp_path, process)
    with pytest.raises(NodulusError, match=named) as caught:
        read_task_settings(tmp_path)
    assert caught.value.code is ErrorCode.SETTINGS_INVALID
    assert main({"MERCURE_IN_DIR": str(tmp_path), "MERCURE_OUT_DIR": str(tmp_path / "out")}) == 1
    assert "settings-invalid" in capsys.readouterr().err
    written = json.loads((tmp_path / "out" / "result.json").read_text())
    assert named in written["errors"][0]
    assert "pydantic" not in written["errors"][0]
    assert written[NOTIFICATION]["requested"] is True


@pytest.mark.parametrize("in_a_file", [False, True])
def test_clinical_facts_of_the_rule_or_of_a_file_reach_the_analysis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_a_file: bool
) -> None:
    given: list[ClinicalFile] = []
    monkeypatch.setattr("nodulus.app.chain.load_models", lambda *_: None)
    monkeypatch.setattr(
        "nodulus.app.run.run_all", lambda *_, clinical, **_more: given.append(clinical) or ()
    )
    facts: object = {"screening": True, "round": "baseline"}
    if in_a_file:
        (tmp_path / "facts.csv").write_text("study_uid,screening,round\n1.2,yes,baseline\n")
        facts = str(tmp_path / "facts.csv")
    source, out = tmp_path / "in", tmp_path / "out"
    few_slices(source, "77")
    write_task(source, {"settings": {"clinical": facts}})
    main({"MERCURE_IN_DIR": str(source), "MERCURE_OUT_DIR": str(out)})
    (clinical,) = given
    assert clinical.facts_of("1.2") == ClinicalFacts(screening=True, round="baseline")


@pytest.mark.parametrize(
    ("facts", "code", "named"),
    [
        ({"smoker": True}, "invalid-attribute", "smoker"),
        ("/no/such/file.json", "input-not-readable", "file.json"),
        ({"age_years": 61}, "invalid-attribute", "several"),
    ],
)
def test_clinical_facts_that_do_not_hold_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facts: object, code: str, named: str
) -> None:
    monkeypatch.setattr("nodulus.app.chain.load_models", lambda *_: None)
    source, out = tmp_path / "in", tmp_path / "out"
    few_slices(source, "77", "a")
    write_series(source, body_hu((4, 24, 20)), study="other", series="b1", prefix="b")
    write_task(source, {"settings": {"clinical": facts}})
    assert main({"MERCURE_IN_DIR": str(source), "MERCURE_OUT_DIR": str(out)}) == 1
    (error,) = json.loads((out / "result.json").read_text())["errors"]
    assert code in error
    assert named in error


@pytest.mark.parametrize(
    "content", [b"\0" * 128 + b"DICM" + b"\xff" * 500, b"hello", None], ids=["torn", "text", "none"]
)
def test_where_nothing_could_be_analysed_the_task_has_failed(
    tmp_path: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodulus.app.chain.load_models", lambda *_: None)
    write_task(tmp_path, {"settings": {"notify": "never"}})
    if content is not None:
        (tmp_path / "1.2#1.3.dcm").write_bytes(content)
    assert main({"MERCURE_IN_DIR": str(tmp_path), "MERCURE_OUT_DIR": str(tmp_path / "out")}) == 1
    written = json.loads((tmp_path / "out" / "result.json").read_text())
    assert written["studies"] == []
    assert len(written["errors"]) == 1
    assert written[NOTIFICATION]["requested"] is True
    assert "NOT ANALYSED: no study" in written[NOTIFICATION]["text"]


def few_slices(folder: Path, patient: str, prefix: str = "") -> None:
    def edit(dataset: Dataset, _index: int) -> None:
        dataset.PatientID = patient

    write_series(folder, body_hu((4, 24, 20)), study="few", series=f"{prefix}1", prefix=prefix,
                 edit=edit)  # fmt: skip


@pytest.mark.parametrize("wanted", [False, True])
def test_a_failed_study_is_sent_a_note_where_one_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    monkeypatch.setattr("nodulus.app.chain.load_models", lambda *_: None)
    source, out = tmp_path / "in", tmp_path / "out"
    few_slices(source, "77")
    write_task(source, {"settings": {"failure_note": wanted}})
    assert main({"MERCURE_IN_DIR": str(source), "MERCURE_OUT_DIR": str(out)}) == 1
    (study,) = json.loads((out / "result.json").read_text())["studies"]
    assert (study["findings"], study["error"]) == (None, "too-few-slices")
    sent = sorted(path.name for path in out.rglob("*.dcm"))
    assert sent == list(study["files"].values())
    assert list(study["files"]) == (["failure_note"] if wanted else [])
    for name in sent:
        note = dcmread(out / name)
        assert name == f"{note.SeriesInstanceUID}#{note.SOPInstanceUID}.dcm"
        assert (note.StudyInstanceUID, note.PatientID) == (study["study"], "77")
        assert "too-few-slices" in note.ImageComments


def test_why_a_failed_study_has_no_note_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nodulus.app.chain.load_models", lambda *_: None)
    source, out = tmp_path / "in", tmp_path / "out"
    few_slices(source, "77", "a")
    few_slices(source, "88", "b")
    write_task(source, {"settings": {"failure_note": True}})
    assert main({"MERCURE_IN_DIR": str(source), "MERCURE_OUT_DIR": str(out)}) == 1
    studies = json.loads((out / "result.json").read_text())["studies"]
    assert len(studies) == 2
    assert all("2 patients" in study["failure_note_left_out"] for study in studies)
    assert "no failure note" in capsys.readouterr().err
    assert list(out.rglob("*.dcm")) == []


def test_an_output_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("something else")
    assert main({"MERCURE_IN_DIR": str(tmp_path), "MERCURE_OUT_DIR": str(tmp_path / "out")}) == 1
    told = capsys.readouterr().err
    assert "output-not-writable" in told
    assert str(tmp_path / "out") in told


def test_an_output_folder_must_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main({"MERCURE_IN_DIR": "/in"}) == 1
    assert "output-not-writable" in capsys.readouterr().err


def test_what_failed_is_told_whatever_the_settings() -> None:
    error = NodulusError(ErrorCode.NO_LUNGS, "none.", remedy="Look.", subject="1.2")
    outcome = StudyOutcome(StudyInput("1.2", (), None, error=error), None, error)
    content = json.loads(mercure_result([outcome], [], {}, "never"))
    assert content["errors"] == [str(error)]
    assert content[NOTIFICATION]["requested"] is True
    assert content[NOTIFICATION]["text"].startswith("Nodulus: NOT ANALYSED: 1 of 1 study; 1 prob")
    assert "0 findings" not in content[NOTIFICATION]["text"]
    (study,) = content["studies"]
    assert (study["findings"], study["suspicious"], study["error"]) == (None, None, "no-lungs")
    quiet = json.loads(mercure_result([], [], {}, "never"))
    assert quiet[NOTIFICATION]["requested"] is False
