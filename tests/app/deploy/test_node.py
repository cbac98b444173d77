"""The node beside a real Orthanc."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from pydicom import Dataset, dcmread
from pynetdicom import AE, StoragePresentationContexts, evt

from nodulus.app.deploy.node import analysis
from nodulus.app.deploy.node.analysis import Analyser, Stopped
from nodulus.app.deploy.node.node import Node
from nodulus.app.deploy.node.orthanc import CtStudy, Orthanc
from nodulus.app.deploy.node.state import MAX_ATTEMPTS, NodeState, Waiting, locked
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.output import OutputFolder
from nodulus.app.reading import Discovery
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results
from nodulus.app.run import StudyOutcome, run_all, summary
from tests.app.deploy.conftest import REPOSITORY
from tests.app.deploy.orthanc_server import Server, orthanc
from tests.app.reading.dicom_factory import body_hu, write_series
from tests.app.results.synthetic import result_for

CONFIG = REPOSITORY / "app" / "deploy" / "containers" / "orthanc.json"
WAIT_S = 240.0
SLICES = 40


def shipped_config() -> dict[str, Any]:
    """The configuration of the compose file, but a study is stable at once."""
    return {**json.loads(CONFIG.read_text()), "StableAge": 1}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, alone: None) -> Iterator[Server]:
    os.environ["NODULUS_ORTHANC_PASSWORD"] = "secret"
    try:
        with orthanc(tmp_path_factory.mktemp("orthanc"), shipped_config()) as running:
            yield running
    finally:
        del os.environ["NODULUS_ORTHANC_PASSWORD"]


@pytest.fixture
def empty(server: Server) -> Server:
    for study in server.get("/studies"):
        requests.delete(f"{server.url}/studies/{study}", auth=server.auth, timeout=60)
    return server


def send(server: Server, files: list[Path]) -> None:
    for file in files:
        answer = requests.post(
            f"{server.url}/instances", data=file.read_bytes(), auth=server.auth, timeout=60
        )
        answer.raise_for_status()


def wait_until(holds: Any, what: str) -> None:
    until = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < until, f"{what}: waited in vain"
        time.sleep(0.2)


def modalities(server: Server) -> dict[str, list[str]]:
    """By StudyInstanceUID."""
    return {
        study["MainDicomTags"]["StudyInstanceUID"]: sorted(
            server.get(f"/series/{series}")["MainDicomTags"]["Modality"]
            for series in study["Series"]
        )
        for study in server.get("/studies?expand")
    }


def all_stable(server: Server) -> None:
    wait_until(lambda: all(s["IsStable"] for s in server.get("/studies?expand")), "stable")


def marks(server: Server) -> dict[str, str]:
    """What the node wrote about each study, by its identifier."""
    rest = Orthanc(server.url, *server.auth)
    return {study: rest.mark(study) for study in server.get("/studies")}


def a_ct(folder: Path) -> list[Path]:
    return write_series(folder, body_hu((SLICES, 24, 20)), study="ct", series="1")


def few_slices(folder: Path) -> list[Path]:
    return write_series(folder, body_hu((4, 24, 20)), study="few", series="1")


def an_mr(folder: Path) -> list[Path]:
    def edit(dataset: Dataset, _index: int) -> None:
        dataset.Modality = "MR"

    return write_series(folder, body_hu((4, 24, 20)), study="mr", series="1", edit=edit)


def run_all_but_the_chain(
    discovery: Discovery,
    output: OutputFolder,
    *given: Any,
    clinical: None,
    progress: Any,
    **_more: Any,
) -> tuple[StudyOutcome, ...]:
    """`run_all`, with two findings that are made up."""
    outcomes = []
    for study in discovery.studies:
        progress(study, "read", 0, 1)
        if study.error is not None:
            outcomes.append(StudyOutcome(study, None, study.error))
            continue
        volume = study.load()
        labels = np.zeros(volume.hu.shape, np.uint8)
        labels[7:12, 8:12, 8:12], labels[20, 6, 6] = 1, 2
        result = write_results(
            output.study(study.key),
            volume,
            labels,
            result_for(volume, labels),
            options=OutputOptions(report=False),
        )
        outcomes.append(StudyOutcome(study, result, None))
    output.finish(summary(outcomes, discovery, given[-1]))
    return tuple(outcomes)


@pytest.fixture
def make_node(server: Server, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """A node whose networks are of no use: the chain is left out."""
    monkeypatch.setattr(analysis, "run_all", run_all_but_the_chain)

    def make(folder: Path, check: Any = lambda: None, send_to: Any = (), **more: Any) -> Node:
        folder.mkdir(exist_ok=True)
        rest = Orthanc(server.url, *server.auth)
        chain: Any = {"models": None, "settings": None}
        analyser = Analyser(rest, folder, options=OutputOptions(), check=check, **chain)
        return Node(rest, analyser, send_to, 0.1, threading.Event(), **more)

    return make


@pytest.mark.orthanc
def test_a_study_is_done_once_whatever_lies_beside_it(
    empty: Server, make_node, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    send(empty, [*few_slices(tmp_path / "few"), *an_mr(tmp_path / "mr"), *a_ct(tmp_path / "ct")])
    all_stable(empty)
    caplog.set_level("INFO", "nodulus")
    node = make_node(tmp_path / "state")
    node.run(once=True)
    expected = [["CT"], ["CT", "SEG", "SR"], ["MR"]]
    assert sorted(modalities(empty).values()) == expected
    words = sorted(mark.partition(" ")[2] for mark in marks(empty).values())
    assert words == ["", "done", "too-few-slices"]
    assert "Never" not in caplog.text
    assert "never-shown" not in caplog.text
    left = {path.name for path in (tmp_path / "state").rglob("*") if path.is_file()}
    assert left == {"node.json"}

    all_stable(empty)  # its own objects have made the study stable anew
    caplog.clear()
    make_node(tmp_path / "state").run(once=True)
    make_node(tmp_path / "other state").run(once=True)  # as if what it remembers were lost
    assert "CT images" not in caplog.text
    assert sorted(modalities(empty).values()) == expected


@pytest.mark.orthanc
def test_what_a_pacs_does_not_take_is_sent_later_without_a_new_analysis(
    empty: Server, make_node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = 11113
    pacs = ["PACS", "127.0.0.1", port]
    requests.put(
        f"{empty.url}/modalities/pacs", json=pacs, auth=empty.auth, timeout=60
    ).raise_for_status()
    send(empty, a_ct(tmp_path / "ct"))
    all_stable(empty)
    node = make_node(tmp_path / "state", send_to=["pacs"], clock=lambda: 1000.0)
    node.run(once=True)
    ((study, waits),) = NodeState.load(tmp_path / "state").waiting.items()
    assert (waits.attempts, waits.due) == (1, 1060.0)
    assert marks(empty)[study] == ""

    received = []

    def keep(event: Any) -> int:
        received.append(event.dataset)
        return 0x0000

    entity = AE(ae_title="PACS")
    entity.supported_contexts = StoragePresentationContexts
    scp = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)]
    )
    try:
        monkeypatch.setattr(analysis, "run_all", None)  # not to be called
        again = make_node(tmp_path / "state", send_to=["pacs"], clock=lambda: 1061.0)
        again.run(once=True)
    finally:
        scp.shutdown()
    assert sorted(dataset.Modality for dataset in received) == ["SEG", "SR"]
    assert marks(empty)[study].endswith(" done")
    assert NodeState.load(tmp_path / "state").waiting == {}
    assert modalities(empty).popitem()[1] == ["CT", "SEG", "SR"]


@pytest.mark.orthanc
def test_a_node_that_is_stopped_goes_on_where_it_was(
    empty: Server, make_node, tmp_path: Path
) -> None:
    send(empty, a_ct(tmp_path / "ct"))
    all_stable(empty)
    calls = iter(range(SLICES + 1))  # before the chain

    def check() -> None:
        if next(calls, None) is None:
            raise Stopped

    make_node(tmp_path / "state", check).run(once=True)
    (waits,) = NodeState.load(tmp_path / "state").waiting.values()
    assert waits.attempts == 0
    assert list((tmp_path / "state").glob("images-*")) == []
    assert modalities(empty).popitem()[1] == ["CT"]
    make_node(tmp_path / "state").run(once=True)
    assert modalities(empty).popitem()[1] == ["CT", "SEG", "SR"]


@pytest.mark.orthanc
def test_an_unforeseen_error_is_tried_again_and_then_given_up(
    empty: Server, make_node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(empty, few_slices(tmp_path / "few"))
    all_stable(empty)

    def fail(*_: Any) -> None:
        raise RuntimeError("Never^Shown")

    monkeypatch.setattr(analysis, "find_studies", fail)
    now = 0.0
    delays = []
    for _ in range(MAX_ATTEMPTS - 1):
        make_node(tmp_path / "state", clock=lambda: now).run(once=True)  # noqa: B023
        (waits,) = NodeState.load(tmp_path / "state").waiting.values()
        delays.append(waits.due - now)
        now = waits.due
    assert delays == [60, 120, 240, 480, 960, 1920, 3600]
    make_node(tmp_path / "state", clock=lambda: now).run(once=True)
    assert NodeState.load(tmp_path / "state").waiting == {}
    assert marks(empty).popitem()[1].endswith(" given-up")


@pytest.mark.orthanc
def test_a_study_that_cannot_be_analysed_gets_a_note_where_one_is_wanted(
    empty: Server, tmp_path: Path
) -> None:
    send(empty, few_slices(tmp_path / "few"))
    all_stable(empty)
    (tmp_path / "state").mkdir()
    rest = Orthanc(empty.url, *empty.auth)
    chain: Any = {"models": None, "settings": None}
    analyser = Analyser(
        rest,
        tmp_path / "state",
        options=OutputOptions(failure_note=True),
        check=lambda: None,
        **chain,
    )
    Node(rest, analyser, (), 0.1, threading.Event()).run(once=True)
    assert list(modalities(empty).values()) == [["CT", "OT"]]  # in the same study
    assert marks(empty).popitem()[1].endswith(" too-few-slices")
    assert {p.name for p in (tmp_path / "state").rglob("*") if p.is_file()} == {"node.json"}
    all_stable(empty)
    Node(rest, analyser, (), 0.1, threading.Event()).run(once=True)
    assert len(empty.get("/series")) == 2


class OneStudy:
    """What the node asks of an Orthanc, for one study whose files are here."""

    def __init__(self, source: list[Path]) -> None:
        self.source = source
        self.stored: list[Dataset] = []
        self.sent: list[str] = []
        self.marked = ""
        self.pacs_answers = True

    def download(self, instance: str, path: Path) -> None:
        path.write_bytes(Path(instance).read_bytes())

    def store(self, path: Path) -> str:
        self.stored.append(dcmread(path))
        return str(len(self.stored))

    def modalities(self) -> list[str]:
        return ["pacs"]

    def send(self, _modality: str, instances: list[str]) -> None:
        if not self.pacs_answers:
            answer = requests.Response()
            answer.status_code = 500
            raise requests.HTTPError(response=answer)
        self.sent += instances

    def newest_change(self) -> int:
        return 0

    def ct_study(self, _study: str) -> CtStudy:
        return CtStudy("few", tuple(map(str, self.source)))

    def mark(self, _study: str) -> str:
        return self.marked

    def set_mark(self, _study: str, text: str) -> None:
        self.marked = text


def test_a_note_that_a_pacs_does_not_take_is_sent_later_and_not_made_anew(tmp_path: Path) -> None:
    rest: Any = OneStudy(few_slices(tmp_path / "few"))
    folder = tmp_path / "state"
    folder.mkdir()
    chain: Any = {"models": None, "settings": None}
    options = OutputOptions(failure_note=True)
    analyser = Analyser(rest, folder, options=options, check=lambda: None, **chain)
    NodeState(waiting={"few": Waiting()}).save(folder)
    rest.pacs_answers = False
    Node(rest, analyser, ("pacs",), 0.1, threading.Event(), lambda: 0.0).run(once=True)
    assert rest.marked == ""
    rest.pacs_answers = True
    rest.download = None  # not to be called
    Node(rest, analyser, ("pacs",), 0.1, threading.Event(), lambda: 1000.0).run(once=True)
    assert len({note.SOPInstanceUID for note in rest.stored}) == 1
    assert len(rest.sent) == 1
    assert rest.marked.endswith(" too-few-slices")
    assert {p.name for p in folder.rglob("*") if p.is_file()} == {"node.json"}


def test_a_note_about_what_may_pass_waits_for_the_last_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = few_slices(tmp_path / "few")

    def full_disk(discovery: Discovery, *given: Any, **more: Any) -> tuple[StudyOutcome, ...]:
        error = NodulusError(ErrorCode.INTERNAL, "stopped.", remedy="Report it.")
        studies = tuple(replace(study, error=error) for study in discovery.studies)
        return run_all(replace(discovery, studies=studies), *given, **more)

    monkeypatch.setattr(analysis, "run_all", full_disk)
    rest: Any = OneStudy(source)
    folder = tmp_path / "state"
    folder.mkdir()
    chain: Any = {"models": None, "settings": None}
    options = OutputOptions(failure_note=True)
    analyser = Analyser(rest, folder, options=options, check=lambda: None, **chain)
    now = 0.0
    NodeState(waiting={"few": Waiting()}).save(folder)
    for _ in range(MAX_ATTEMPTS):
        assert rest.stored == []
        Node(rest, analyser, (), 0.1, threading.Event(), lambda: now).run(once=True)  # noqa: B023
        now += 10_000.0
    (note,) = rest.stored
    assert note.StudyInstanceUID == dcmread(source[0]).StudyInstanceUID
    assert "internal-error" in note.ImageComments
    assert rest.marked.endswith(" given-up")
    assert {p.name for p in folder.rglob("*") if p.is_file()} == {"node.json"}


@pytest.mark.orthanc
@pytest.mark.slow
def test_the_command_with_the_shipped_models(empty: Server, chest: Path, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "node", "--state", tmp_path / "state", "--poll", "0.5"],
            cwd=REPOSITORY,
            env={
                **os.environ,
                "PYTHONPATH": str(REPOSITORY),
                "NODULUS_ORTHANC_USER": empty.auth[0],
                "NODULUS_ORTHANC_PASSWORD": empty.auth[1],
            },
            stderr=log,
        )
    try:
        send(empty, sorted((chest / "chest").iterdir()))
        wait_until(lambda: any(m.endswith("done") for m in marks(empty).values()), "done")
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=60)
    assert status == 0, (tmp_path / "log").read_text()
    assert modalities(empty).popitem()[1] == ["CT", "SEG", "SR"]
    said = (tmp_path / "log").read_text()
    assert "findings: " in said
    assert "stopped; studies that wait: 0" in said
    assert "ever" not in said.replace("every", "")


def test_a_wrong_password_ends_the_node(server: Server, make_node, tmp_path: Path) -> None:
    node = make_node(tmp_path / "state")
    node.orthanc = Orthanc(server.url, "nodulus", "wrong")
    with pytest.raises(NodulusError, match="does not let the node in") as caught:
        node.run()
    assert caught.value.code is ErrorCode.SETTINGS_INVALID


def test_a_folder_is_one_nodes_own(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "state"),
        pytest.raises(NodulusError, match="Another node"),
        locked(tmp_path / "state"),
    ):
        pass
    with locked(tmp_path / "state"):
        pass


@pytest.mark.parametrize("content", ["", "[]", '{"last_change": -1}', '{"studies": {}}'])
def test_a_state_that_does_not_hold_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "node.json").write_text(content)
    with pytest.raises(NodulusError, match=r"node\.json") as caught:
        NodeState.load(tmp_path)
    assert caught.value.code is ErrorCode.SETTINGS_INVALID


def test_without_an_orthanc_it_says_so(make_node, tmp_path: Path) -> None:
    node = make_node(tmp_path / "state")
    node.orthanc = Orthanc("http://127.0.0.1:9")
    with pytest.raises(NodulusError, match=r"http://127\.0\.0\.1:9: Orthanc does not") as caught:
        node.run(once=True)
    assert caught.value.code is ErrorCode.INPUT_NOT_READABLE


def test_what_others_have_marked_is_a_part_of_the_study_where_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def series(modality: str, maker: str, *instances: str) -> dict[str, Any]:
        tags = {"Modality": modality, "Manufacturer": maker}
        return {"MainDicomTags": tags, "Instances": list(instances)}

    there = [
        series("CT", "S", "c1", "c2"), series("SEG", "Other", "s"), series("SR", "Nodulus", "own"),
        series("RTSTRUCT", "Other", "r"), series("PR", "Other", "p"),
    ]  # fmt: skip

    def answer(_self: Orthanc, path: str) -> Any:
        return there if path.endswith("/series") else {"MainDicomTags": {"StudyInstanceUID": "1"}}

    monkeypatch.setattr(Orthanc, "_get", answer)
    alone = Orthanc("http://127.0.0.1:1").ct_study("a")
    both = Orthanc("http://127.0.0.1:1", with_objects=True).ct_study("a")
    assert alone is not None
    assert both is not None
    assert (alone.instances, both.instances) == (("c1", "c2"), ("c1", "c2", "r", "s"))
    assert alone.fingerprint != both.fingerprint
    del there[0]
    only_marks = Orthanc("http://127.0.0.1:1", with_objects=True).ct_study("a")
    assert only_marks == CtStudy("1", ())
