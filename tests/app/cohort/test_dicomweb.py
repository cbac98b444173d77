"""Studies of a DICOMweb server: a small one for what may go wrong, and Orthanc."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from pydicom import dcmread

from nodulus.app.cohort import dicomweb
from nodulus.app.cohort.dicomweb import RemoteStudy, search_studies
from nodulus.app.cohort.items import inventory
from nodulus.app.errors import ErrorCode, NodulusError
from tests.app.deploy.orthanc_server import Server, orthanc
from tests.app.results.synthetic import write_series

STUDIES = [f"1.2.3.{number}" for number in range(7)]


class Pages(BaseHTTPRequestHandler):
    """Answers a search for studies, page by page; `status` and `asked` are the test's."""

    status = 200
    pages = True
    asked: ClassVar[list[tuple[dict[str, list[str]], str | None]]] = []

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self.asked.append((query, self.headers.get("Authorization")))
        first = int(query["offset"][0]) if self.pages else 0
        shown = STUDIES[first : first + int(query["limit"][0])]
        rows = [f'{{"0020000D": {{"vr": "UI", "Value": ["{uid}"]}}}}' for uid in shown]
        self.send_response(self.status)
        self.send_header("Content-Type", "application/dicom+json")
        self.end_headers()
        self.wfile.write(f"[{', '.join(rows)}]".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, type[Pages]]]:
    """The URL of a server, and its class, on which the test sets what it does."""
    handler = type("Handler", (Pages,), {"asked": []})
    monkeypatch.setattr(dicomweb, "_PAGE", 3)
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/dicom-web", handler
        server.shutdown()
        thread.join()


def test_every_page_of_a_search_and_its_filters(
    pages: tuple[str, type[Pages]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, handler = pages
    monkeypatch.setenv(dicomweb.TOKEN, "secret")
    found = list(search_studies(f"{url}?StudyDate=20260101-&ModalitiesInStudy=CT"))
    assert found == [RemoteStudy(url, uid) for uid in STUDIES]
    assert [query["offset"] for query, _ in handler.asked] == [["0"], ["3"], ["6"]]
    assert {query["StudyDate"][0] for query, _ in handler.asked} == {"20260101-"}
    assert {word for _, word in handler.asked} == {"Bearer secret"}


def test_a_server_that_does_not_page_is_asked_twice_at_most(
    pages: tuple[str, type[Pages]],
) -> None:
    url, handler = pages
    handler.pages = False
    assert [study.study_uid for study in search_studies(url)] == STUDIES[:3]
    assert len(handler.asked) == 2


@pytest.mark.parametrize(("status", "said"), [(401, "does not let us in"), (400, "refuses")])
def test_a_refusal_is_named_with_its_status(
    pages: tuple[str, type[Pages]], status: int, said: str
) -> None:
    url, handler = pages
    handler.status = status
    with pytest.raises(NodulusError, match=said) as caught:
        inventory([url])
    assert caught.value.code is ErrorCode.SOURCE_NOT_REACHABLE
    assert str(status) in caught.value.message


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrying.time.sleep", lambda _seconds: None)  # between its attempts
    with pytest.raises(NodulusError, match="does not answer") as caught:
        list(search_studies("http://127.0.0.1:9/dicom-web"))
    assert caught.value.code is ErrorCode.SOURCE_NOT_REACHABLE


def test_items_are_the_same_whatever_names_the_server(
    pages: tuple[str, type[Pages]], tmp_path: Path
) -> None:
    url, _ = pages
    table = tmp_path / "list.csv"
    table.write_text(f"path\n{url}\n")
    first, second = inventory([url]), inventory([table])
    assert len(first.items) == len(STUDIES)
    assert [item.id for item in first.items] == [item.id for item in second.items]
    assert not any(uid in item.id for item in first.items for uid in STUDIES)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, alone: None) -> Iterator[Server]:
    with orthanc(tmp_path_factory.mktemp("orthanc"), {}) as running:
        yield running


@pytest.mark.orthanc
def test_orthanc_s_studies_are_found_and_fetched(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests

    volumes = [write_series(tmp_path / f"ct{number}") for number in range(2)]
    for path in sorted(tmp_path.rglob("*.dcm")):
        requests.post(
            f"{server.url}/instances", path.read_bytes(), auth=server.auth, timeout=60
        ).raise_for_status()
    monkeypatch.setenv(dicomweb.USER, server.auth[0])
    monkeypatch.setenv(dicomweb.PASSWORD, server.auth[1])
    found = list(search_studies(f"{server.url}/dicom-web?PatientID=SECRET-4711"))
    assert {study.study_uid for study in found} == {volume.study_uid for volume in volumes}
    assert not list(search_studies(f"{server.url}/dicom-web?PatientID=another"))
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    assert found[0].fetch(fetched) == len(volumes[0].source_images)
    wanted = next(v for v in volumes if v.study_uid == found[0].study_uid)
    sent = {image.sop_instance_uid: dcmread(image.path) for image in wanted.source_images}
    given = {d.SOPInstanceUID: d for d in map(dcmread, fetched.iterdir())}
    assert given == sent
    with pytest.raises(NodulusError) as caught:
        RemoteStudy(found[0].url, "1.2.3").fetch(fetched)
    assert caught.value.code is ErrorCode.NO_CT_SERIES
