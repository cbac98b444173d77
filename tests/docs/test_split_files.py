"""The form of splits.json and *.patients.json in docs/data.md is what the code writes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.patient_record import (
    PatientRecord,
    keep_record,
    publish_record,
    record_path,
)
from nodulus.bundles.common.splits import Folds, Side, Split, read_split, write_split
from tests.docs.shell_blocks import REPOSITORY, blocks

PAGE = "docs/data.md"
SPLIT, RECORD = (
    block.text for block in blocks() if block.page == PAGE and block.language == "json"
)


def documented_keys(file: str) -> list[str]:
    """The first column of the table of a file's keys."""
    text = (REPOSITORY / PAGE).read_text(encoding="utf-8")
    _, found, rest = text.partition(f"| key of `{file}` | what |\n")
    assert found
    return re.findall(r"^\| `(\w+)` \|", rest.partition("\n\n")[0], flags=re.MULTILINE)


def study(patient: str) -> Study:
    return Study(f"1.2.{patient}", patient, Path("x.mhd"), None)


def test_the_example_of_a_split_is_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "example.json").write_text(SPLIT)
    sides = read_split(tmp_path / "example.json")
    assert set(sides.values()) == set(Side)
    content = json.loads(SPLIT)
    folds = Folds(*(tuple(content["folds"][side]) for side in ("validation", "test")))
    write_split(tmp_path / folds.file_name, sides, content["seed"], folds)
    assert (tmp_path / folds.file_name).read_text() == SPLIT
    page = (REPOSITORY / PAGE).read_text(encoding="utf-8")
    assert f"`{folds.file_name}`" in page


def test_every_key_of_a_split_is_documented(tmp_path: Path) -> None:
    assert documented_keys("splits.json") == list(json.loads(SPLIT))
    write_split(tmp_path / "splits.json", {"p": Side.TRAINING}, 0)
    written = json.loads((tmp_path / "splits.json").read_text())
    assert list(written) == [k for k in documented_keys("splits.json") if k != "folds"]


def test_a_split_by_hand_needs_its_patients_alone(tmp_path: Path) -> None:
    path = tmp_path / "splits.json"
    path.write_text(json.dumps({"patients": json.loads(SPLIT)["patients"]}))
    assert len(read_split(path)) == 4


def test_the_example_of_a_record_is_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "example.json").write_text(RECORD)
    PatientRecord.read(tmp_path / "example.json").write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == RECORD
    assert documented_keys("*.patients.json") == list(json.loads(RECORD))


def test_a_record_of_a_run_has_the_documented_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODULUS_PATIENT_KEY", str(tmp_path / "patients.key"))
    split = Split((study("LIDC-IDRI-0001"), study("Anna")), (study("LIDC-IDRI-0310"),))
    keep_record(split, "nodule", tmp_path)
    written = json.loads((tmp_path / "patients.json").read_text())
    assert list(written) == documented_keys("*.patients.json")
    assert written["version"] == json.loads(RECORD)["version"]
    assert written["weights_sha256"] is None
    for part, token in (("patients", "patient"), ("series", "series")):
        assert (
            list(written[part]) == [side.value for side in Side] == list(json.loads(RECORD)[part])
        )
        for content in (written, json.loads(RECORD)):
            own = [one for one in content[part]["training"] if one.startswith(f"{token}-")]
            assert len(own) == 1
            assert re.fullmatch(rf"{token}-[0-9a-f]{{24}}", own[0])
    weights = tmp_path / "model.pt"
    weights.write_bytes(b"weights")
    publish_record(tmp_path, weights)
    assert record_path(weights).name == "model.patients.json"
    published = json.loads(record_path(weights).read_text())
    assert re.fullmatch("[0-9a-f]{64}", published["weights_sha256"])
    assert published["patients"] == written["patients"]
