"""Two readers, blind to each other, and an adjudicator: the application from both readings on."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from nodulus.app.commands.root import cli
from nodulus.app.review.desk import Desk, Reader
from tests.app.review.conftest import as_reader
from tests.app.review.every_answer import every_answer
from tests.app.review.test_review_api import Study

PLACE = [30.0, -20.0, 75.0]
"""LPS mm; where the chain has no finding."""
EXPORTS = ("sr.dcm", "seg.dcm", "marks.csv", "findings.csv")


class Room:
    """A study's page, opened by each of several people at one desk."""

    def __init__(self, desk: Desk, stack: ExitStack) -> None:
        self._desk, self._stack = desk, stack

    def client(self, name: str, role: str = "reader") -> TestClient:
        reader = Reader(name, role)  # type: ignore[arg-type]
        return self._stack.enter_context(as_reader(self._desk, reader))

    def study(self, name: str, role: str = "reader") -> Study:
        return Study(self.client(name, role))


@pytest.fixture
def room(make_desk: Callable[..., Desk]) -> Iterator[Room]:
    with ExitStack() as stack:
        yield Room(make_desk(two_readers=True), stack)


def done(study: Study, *entries: tuple[str, str | None, dict[str, object]]) -> None:
    for kind, finding, data in (*entries, ("sign-off", None, {})):
        answer = study.enter(kind, finding, **data)
        assert answer.status_code == 200, answer.text


def read_by_ann(study: Study) -> None:
    done(
        study,
        ("accept", "1", {}),
        ("change", "1", {"malignancy": 4, "texture": "part-solid"}),
        ("reject", "2", {"reason": "vessel"}),
        ("add", None, {"center_lps_mm": PLACE}),
        ("comment", None, {"text": "Ann's remark"}),
        ("clinical", None, {"facts": {"ever_smoker": True}}),
    )


def test_nothing_that_one_reader_does_shows_in_any_answer_to_the_other(room: Room) -> None:
    ann, bob, chief = room.study("Ann"), room.client("Bob"), room.client("Chief", "adjudicator")
    other = room.client("Eve")
    key = ann.path.rpartition("/")[2]
    places = dict.fromkeys(("series", "uid", "number", "numbers"), "1") | {"tag": "7FE00010"}
    names = {"key": key, "study": key, **places}
    before = {one: every_answer(one, names) for one in (bob, chief, other)}
    assert len(before[bob]) >= 18
    read_by_ann(ann)
    for one, answers in before.items():
        assert every_answer(one, names) == answers
    conflict = {"kind": "accept", "finding": "1", "expected_version": 3}
    answer = bob.post(ann.path + "/entries", json=conflict)
    assert answer.status_code == 409
    assert answer.json()["state"]["version"] == 0
    assert "Ann" not in answer.text

    # Nor does what the second reader does show to the first one, before the adjudicator has signed.
    mine = every_answer(ann.client, names)
    assert ann.get("").json()["status"] == "read"
    done(Study(bob), ("reject", "1", {"reason": "scar"}), ("accept", "2", {}))
    assert every_answer(ann.client, names) == mine
    judge = Study(chief)
    for kind, finding in (("adopt", "1"), ("adopt", "2"), ("adopt", "r1a4")):
        assert judge.enter(kind, finding, reader=1).status_code == 200
    assert every_answer(ann.client, names) == mine
    assert b"Ann" not in b"".join(body for _, body, _ in every_answer(bob, names).values())


def test_a_third_reader_finds_both_places_taken(room: Room) -> None:
    for name in ("Ann", "Bob"):
        assert room.study(name).enter("accept", "1").status_code == 200
    eve = room.study("Eve")
    assert eve.state["closed"] == "This study has its two readers."
    answer = eve.enter("accept", "1")
    assert (answer.status_code, answer.json()["code"]) == (422, "entry-refused")
    (row,) = eve.client.get("/api/studies").json()["studies"]
    assert (row["status"], row["to_decide"], row["reader"]) == ("first-reads", 0, None)


def test_a_first_read_that_is_signed_off_stays_as_it_is(room: Room) -> None:
    ann = room.study("Ann")
    done(ann, ("accept", "1", {}), ("accept", "2", {}))
    for kind, data in (("reopen", {"reason": "again"}), ("comment", {"text": "x"})):
        answer = ann.enter(kind, **data)
        assert (answer.status_code, answer.json()["code"]) == (422, "entry-refused")
        assert "You have read this study" in answer.json()["message"]


def test_the_adjudicator_waits_for_both(room: Room) -> None:
    done(room.study("Ann"), ("accept", "1", {}), ("accept", "2", {}))
    chief = room.study("Chief", "adjudicator")
    answer = chief.enter("accept", "1")
    assert answer.status_code == 422
    assert "Two readers read this study first" in answer.json()["message"]
    assert room.study("Bob").enter("adopt", "1", reader=1).status_code == 422


def test_only_the_adjudicated_state_comes_out(room: Room, results: Path, tmp_path: Path) -> None:
    ann, bob = room.study("Ann"), room.study("Bob")
    read_by_ann(ann)
    moved = [PLACE[0] + 1, PLACE[1], PLACE[2]]
    done(
        bob,
        ("accept", "1", {}),
        ("reject", "2", {"reason": "vessel"}),
        ("add", None, {"center_lps_mm": moved}),
        ("add", None, {"center_lps_mm": [-35.0, -20.0, 75.0]}),
    )
    chief = room.study("Chief", "adjudicator")
    (row,) = chief.client.get("/api/studies").json()["studies"]
    assert (row["status"], row["reader"]) == ("to-adjudicate", "Ann and Bob")
    assert chief.state["first_readers"] == ["Ann", "Bob"]
    differs = {f["id"]: f["differs"] for f in chief.state["findings"]}
    open_ids = [f["id"] for f in chief.state["findings"] if f["decision"] is None]
    assert differs["1"] == ["texture", "malignancy"]
    assert differs["2"] == []
    assert differs["r2a4"] == ["found"]
    assert row["to_decide"] == len(open_ids)
    said = {o["reader"]: o for o in chief.finding("1")["opinions"]}
    assert (said["Ann"]["texture"], said["Ann"]["malignancy_rating"]) == ("part-solid", 4)
    assert (said["Bob"]["texture"], said["Bob"]["malignancy_rating"]) == ("solid", None)
    assert chief.enter("sign-off").status_code == 422

    runner = CliRunner()
    arguments = ["decisions", str(results), "-o", str(tmp_path / "decisions")]
    everyone = (ann, bob, chief)
    assert {s.get(f"/exports/{n}").status_code for s in everyone for n in EXPORTS} == {409}
    nothing = runner.invoke(cli, arguments)
    assert nothing.exit_code == 1
    assert "No study here is signed off" in nothing.output

    assert chief.enter("adopt", "1", reader=1).status_code == 200
    assert chief.enter("reject", "r2a4", reason="artefact").status_code == 200
    for name in set(open_ids) - {"1", "r2a4"}:
        assert chief.enter("adopt", name, reader=1).status_code == 200
    assert chief.enter("sign-off").status_code == 200

    for study in everyone:
        state = study.get("").json()
        assert (state["status"], state["signed_off_by"]) == ("signed-off", "Chief")
    assert ann.get("").json()["closed"] == "The study is adjudicated."
    assert ann.get("").json()["findings"][0]["opinions"] == []
    rows = list(csv.DictReader(io.StringIO(bob.get("/exports/findings.csv").text)))
    told = {r["finding"]: (r["decision"], r["texture"], r["decided_by"]) for r in rows}
    assert told["1"] == ("accepted", "part-solid", "Chief")
    assert told["2"][0::2] == ("rejected", "Ann and Bob")
    assert told["r2a4"][0::2] == ("rejected", "Chief")
    sr = pydicom.dcmread(io.BytesIO(ann.get("/exports/sr.dcm").content))
    assert str(sr.VerifyingObserverSequence[0].VerifyingObserverName) == "Chief^"
    same = pydicom.dcmread(io.BytesIO(chief.get("/exports/sr.dcm").content))
    assert sr.SOPInstanceUID == same.SOPInstanceUID
    assert sr.ContentSequence == same.ContentSequence
    seg = pydicom.dcmread(io.BytesIO(bob.get("/exports/seg.dcm").content))
    assert len(seg.SegmentSequence) == sum(d == "accepted" for d, _, _ in told.values()) == 2
    image = nib.Nifti1Image.from_bytes(gzip.decompress(ann.get("/labels.nii.gz").content))
    assert set(np.unique(np.asarray(image.dataobj))) == {0, *range(1, len(told) + 1)}

    made = runner.invoke(cli, arguments)
    assert made.exit_code == 0, made.output
    assert "between readers: 1 adjudicated; 2 findings of the chain" in made.output
    nodules = (tmp_path / "decisions" / "nodules.csv").read_text().splitlines()
    assert len(nodules) == 1 + 2
    compared = json.loads((tmp_path / "decisions" / "agreement.json").read_text())
    between = compared["between_readers"]["by_readers"]["Ann and Bob"]
    assert between["decisions"]["accepted"]["accepted"] == 1
    assert between["decisions"]["rejected"]["rejected"] == 1
    assert between["kappa"] == 1
    assert (between["added"], between["added_by_both"]) == (2, 1)
    assert (compared["all"]["accepted"], compared["all"]["missed"]) == (1, 1)


def test_a_study_of_two_readers_stays_theirs_without_the_option(
    room: Room, make_desk: Callable[..., Desk]
) -> None:
    done(room.study("Ann"), ("accept", "1", {}), ("accept", "2", {}))
    with as_reader(make_desk(), Reader("Bob")) as plain:
        bob = Study(plain)
        assert (bob.state["status"], bob.state["version"]) == ("new", 0)
        assert bob.enter("reject", "1", reason="scar").status_code == 200
    assert room.study("Bob").state["status"] == "in-progress"
    assert room.study("Chief", "adjudicator").state["status"] == "first-reads"
