"""A service that is killed while it performs a workitem performs it to its end, once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
pytest.importorskip("pynetdicom")
import httpx
from pydicom import Dataset, dcmread

from tests.app.serve.service_process import Archive, Service, http_server
from tests.app.serve.service_samples import TOKEN, make_study, multipart, wait_for
from tests.app.serve.workitem_samples import get, make_workitem, post

ANALYSIS_S = 3.0


class Gate:
    """Holds whoever comes while it is shut, and says that somebody has come."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.reached = threading.Event()
        self.open()

    def shut(self) -> None:
        self.reached.clear()
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def passed(self) -> bool:
        """Whether it was open."""
        if self._open.is_set():
            return True
        self.reached.set()
        self._open.wait(300)
        return False


class Pacs(BaseHTTPRequestHandler):
    """Gives studies by WADO-RS; behind a gate that is shut a half of one."""

    gate: Gate
    studies: dict[str, list[Path]]
    asked: Counter[str]

    def do_GET(self) -> None:
        study = self.path.rpartition("/")[2]
        self.asked[study] += 1
        headers, body = multipart(self.studies[study])
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        if self.gate.passed():
            self.wfile.write(body[len(body) // 2 :])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class GatedArchive(Archive):
    """An archive that takes nothing while its gate is shut."""

    gate: Gate

    def do_POST(self) -> None:
        if self.gate.passed():
            super().do_POST()


@pytest.fixture
def pacs() -> Iterator[str]:
    Pacs.gate, Pacs.studies, Pacs.asked = Gate(), {}, Counter()
    with http_server(Pacs) as address:
        yield f"{address}/dicom-web"
        Pacs.gate.open()


@pytest.fixture
def archive() -> Iterator[str]:
    GatedArchive.gate, GatedArchive.got = Gate(), Counter()
    with http_server(GatedArchive) as address:
        yield address
        GatedArchive.gate.open()


@pytest.mark.slow
def test_a_kill_while_images_come_while_they_are_analysed_and_while_results_go(
    tmp_path: Path, pacs: str, archive: str
) -> None:
    names = ("fetched", "analysed", "sent")
    Pacs.studies = {}
    for name in names:
        files = make_study(tmp_path / name, name)
        Pacs.studies[str(dcmread(files[0]).StudyInstanceUID)] = files
    fetched, analysed, sent = Pacs.studies
    data = tmp_path / "data"
    service = Service(data, ANALYSIS_S, archive, "--ups-source", pacs)
    client = httpx.Client(
        base_url=service.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=120
    )

    def is_completed(uid: str) -> bool:
        return str(get(client, uid).ProcedureStepState) == "COMPLETED"

    def killed_when(reached: Callable[[], bool], study: str, gate: Gate | None) -> str:
        """Kill the service at a moment of a workitem; gives its UID once it is performed."""
        if gate is not None:
            gate.shut()
        uid = post(client, make_workitem(study))
        wait_for(reached, 300)
        service.kill()
        if gate is not None:
            gate.open()
        service.start()
        wait_for(lambda: is_completed(uid) and GatedArchive.got[study] > 0, 300)
        return uid

    def is_analysed() -> bool:
        return len(list((data / "results").glob("*.began"))) == 2

    try:
        workitems = [
            killed_when(Pacs.gate.reached.is_set, fetched, Pacs.gate),
            killed_when(is_analysed, analysed, None),
            killed_when(GatedArchive.gate.reached.is_set, sent, GatedArchive.gate),
        ]
        queue = client.get("/studies").json()
        ended = [get(client, uid) for uid in workitems]
    finally:
        service.kill()
    assert Pacs.asked == {fetched: 2, analysed: 1, sent: 1}
    assert GatedArchive.got == {fetched: 1, analysed: 1, sent: 1}, "none is lost, none sent twice"
    began = {path.stem: len(path.read_text().split()) for path in data.rglob("*.began")}
    begun = {study["study_uid"]: began[study["id"]] for study in queue["studies"]}
    assert begun == {fetched: 1, analysed: 2, sent: 1}
    assert queue["counts"]["done"] == queue["total"] == 3
    assert [outputs(workitem) for workitem in ended] == [[fetched], [analysed], [sent]]


def outputs(workitem: Dataset) -> list[str]:
    """The studies of a workitem's outputs."""
    (performed,) = workitem.UnifiedProcedureStepPerformedProcedureSequence
    return [str(item.StudyInstanceUID) for item in performed.OutputInformationSequence]
