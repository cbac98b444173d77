"""What an upload may be, and that one which is too much leaves nothing behind."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from nodulus.app.reading import limits
from nodulus.app.review.server import guard
from nodulus.app.serve import multipart_files
from nodulus.app.serve.service import Service
from tests.app.serve.service_samples import make_study, multipart, zipped


def packed(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return content.getvalue()


def left(data: Path) -> list[str]:
    """Files of the service, without its own."""
    own = ("nodulus.sqlite", ".arriving")
    return [p.name for p in data.rglob("*") if p.is_file() and not p.name.startswith(own)]


def ratio(patch: pytest.MonkeyPatch) -> bytes:
    patch.setattr(limits, "LARGE_ARCHIVE_BYTES", 1000)
    return packed({"a.dcm": bytes(1_000_000)})


def members(patch: pytest.MonkeyPatch) -> bytes:
    patch.setattr(limits, "MAX_ARCHIVE_FILES", 10)
    return packed({f"{n}.dcm": b"x" for n in range(11)})


def size(patch: pytest.MonkeyPatch) -> bytes:
    patch.setattr(limits, "MAX_ARCHIVE_BYTES", 10_000)
    return packed({"a.dcm": bytes(10_001)})


def same_name(_patch: pytest.MonkeyPatch) -> bytes:
    return packed({"a/b.dcm": b"x", "a\\b.dcm": b"y"})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (ratio, "times its size"),
        (members, "it holds 11 files"),
        (size, "it unpacks to 10,001 bytes"),
        (same_name, "the same name"),
    ],
)
def test_a_zip_that_unpacks_to_too_much_is_refused(
    client: TestClient,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[pytest.MonkeyPatch], bytes],
    words: str,
) -> None:
    answer = client.post("/studies", content=make(monkeypatch))
    assert (answer.status_code, answer.json()["code"]) == (422, "archive-refused")
    assert words in answer.json()["message"]
    assert left(data) == []


def test_a_request_has_so_many_parts_and_no_more(
    client: TestClient, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart_files, "MAX_PARTS", 3)
    for slices, status in ((3, 200), (4, 400)):
        files = make_study(tmp_path / str(slices), str(slices), slices=slices)
        headers, body = multipart(files)
        answer = client.post("/dicom-web/studies", headers=headers, content=body)
        assert answer.status_code == status
    assert "more than 3 parts" in answer.json()["message"]
    assert len(left(data)) == 3
    assert client.get("/studies").json()["total"] == 1


@pytest.mark.parametrize("says_its_length", [True, False])
@pytest.mark.parametrize("path", ["/studies", "/dicom-web/studies", "/dicom-web/studies/1.2.3"])
def test_a_request_that_is_too_large_is_refused(
    client: TestClient, data: Path, path: str, says_its_length: bool
) -> None:
    """The client's service takes 200,000 bytes."""
    headers, _ = multipart([])
    start = b"--mark\r\nContent-Type: application/dicom\r\n\r\n"
    pieces = [start, *(b"x" * 1000 for _ in range(200))]
    content = b"".join(pieces) if says_its_length else iter(pieces)
    answer = client.post(path, headers=headers, content=content)
    assert (answer.status_code, answer.json()["code"]) == (413, "request-refused")
    assert left(data) == []


def test_only_uploads_may_be_large(client: TestClient) -> None:
    content = b"x" * 150_000
    assert client.post("/studies", content=content).status_code == 422
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nodulus.app.serve.application.MAX_BODY_BYTES", 100_000)
        for path in ("/api/studies/1/entries", "/studies/1/retry", "/dicom-web/workitems"):
            assert client.post(path, content=content).status_code == 413


def test_an_upload_that_stops_coming_holds_nothing_up(
    service: Service, client: TestClient, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images are removed while none come in."""
    monkeypatch.setattr(guard, "SILENT_S", -1.0)  # the time is over
    answer = client.post("/studies", content=iter([b"PK", b"x"]))
    assert (answer.status_code, answer.json()["code"]) == (408, "request-refused")
    assert left(data) == []
    with service.intake.alone() as is_alone:
        assert is_alone


@pytest.mark.parametrize(
    "content",
    [bytes(1000), b"\0" * 128 + b"DICM" + b"\xff" * 1000, b"\0" * 128 + b"DICM", b"DICM" * 100],
    ids=["zeros", "rubbish", "nothing", "text"],
)
def test_rubbish_is_no_study(
    service: Service, client: TestClient, data: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "rubbish").write_bytes(content)
    headers, body = multipart([tmp_path / "rubbish"])
    answer = client.post("/dicom-web/studies", headers=headers, content=body)
    assert answer.status_code == 409
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xC000]
    assert left(data) == []
    mixed = zipped([tmp_path / "rubbish", *make_study(tmp_path / "a", "a")])
    (taken,) = client.post("/studies", content=mixed).json()["studies"]
    assert taken["images"] == 2
    assert service.queue.counts()["waiting"] == 1
