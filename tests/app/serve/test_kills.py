"""A service that is killed again and again loses no study and does none twice."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
pytest.importorskip("pynetdicom")
import httpx
from pydicom import dcmread

from tests.app.serve.service_process import Archive, Service, http_server
from tests.app.serve.service_samples import TOKEN, make_study, multipart, wait_for, zipped
from tests.app.serve.storage_scp import storage_scp


def _send(service: Service, files: list[Path], *, by_stow: bool) -> None:
    """Send a study as a client does that tries again until it has an answer."""
    headers, body = multipart(files) if by_stow else ({}, zipped(files))
    headers = {**headers, "Authorization": f"Bearer {TOKEN}"}
    address = f"{service.url}/dicom-web/studies" if by_stow else f"{service.url}/studies"
    until = time.monotonic() + 600
    while time.monotonic() < until:
        try:
            answer = httpx.post(address, headers=headers, content=body, timeout=120)
        except httpx.TransportError:
            time.sleep(0.2)
            continue
        assert answer.status_code in (200, 202), answer.text
        return


def _counts(service: Service) -> dict[str, int]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    found: dict[str, int] = httpx.get(
        f"{service.url}/studies", headers=headers, timeout=120
    ).json()["counts"]
    return found


def _run(tmp_path: Path, count: int, seconds: float, kill_at: list[int]) -> None:
    studies = [make_study(tmp_path / f"in-{n}", f"study-{n}") for n in range(count)]
    Archive.got = Counter()
    with http_server(Archive) as archive, storage_scp() as pacs:
        _until_all_are_sent(
            Service(tmp_path / "data", seconds, archive, str(pacs.address)),
            studies, kill_at, [Archive.got, pacs.studies],
        )  # fmt: skip
    uids = {str(dcmread(files[0]).StudyInstanceUID) for files in studies}
    for got in (Archive.got, pacs.studies):
        assert set(got) == uids, "none is lost"
        # Sent again only where a kill came between an object's sending and the note of it.
        assert got.total() <= count + len(kill_at)
    results = tmp_path / "data" / "results"
    assert {path.parent.name for path in results.rglob("findings.json")} == uids
    began = Counter({p.name: len(p.read_text().splitlines()) for p in results.glob("*.began")})
    assert len(began) == count
    # Begun again only what a worker had when it was killed: two workers, and the time between
    # the end of an analysis and the note of it.
    assert sum(began.values()) <= count + 4 * len(kill_at)


def _until_all_are_sent(
    service: Service, studies: list[list[Path]], kill_at: list[int], archives: list[Counter[str]]
) -> None:
    """Send the studies and kill the service, until every archive has something of each."""
    count = len(studies)
    try:
        with ThreadPoolExecutor(4) as clients:
            sent = [
                clients.submit(_send, service, files, by_stow=n % 2 == 0)
                for n, files in enumerate(studies)
            ]
            for done in kill_at:
                _wait_until_done(service, done, 600)
                service.kill()
                service.start()
            for one in sent:
                one.result(600)
        _wait_until_done(service, count, 600)
        wait_for(lambda: all(len(got) == count for got in archives), 300)
        time.sleep(1.5)
    finally:
        service.kill()


def _wait_until_done(service: Service, count: int, seconds: float) -> None:
    wait_for(lambda: _counts(service)["done"] >= count, seconds)


def test_some_studies_and_one_kill(tmp_path: Path) -> None:
    _run(tmp_path, 8, 0.3, [2])


@pytest.mark.slow
def test_two_hundred_studies_and_three_kills(tmp_path: Path) -> None:
    _run(tmp_path, 200, 0.1, [20, 80, 150])
