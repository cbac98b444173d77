"""A Storage SCP that is silent, talks rubbish or breaks off stops nothing but its own delivery."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("pynetdicom")
from pynetdicom import AE, StoragePresentationContexts, evt

from nodulus.app.serve import dicom_destination
from nodulus.app.serve.dicom_destination import DicomAddress, DicomDestination
from nodulus.app.serve.sender import DeliveryError
from tests.app.serve.service_samples import make_study

WAIT_S = 0.5


@pytest.fixture(autouse=True)
def short_of_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_destination, "_ANSWER_S", WAIT_S)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return make_study(tmp_path / "object", "a")[0]


@contextmanager
def answering(
    answer: Callable[[socket.socket], None],
) -> Iterator[tuple[DicomAddress, threading.Event]]:
    """A server that does so with each connection, and whether the other side has closed one."""
    is_closed = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                with one, suppress(TimeoutError):
                    with suppress(ConnectionError):
                        answer(one)
                    is_closed.set()

        threading.Thread(target=serve, daemon=True).start()
        yield DicomAddress("PACS", "127.0.0.1", server.getsockname()[1]), is_closed


def silent(one: socket.socket) -> None:
    one.settimeout(60)
    while one.recv(4096):
        pass


def rubbish(one: socket.socket) -> None:
    one.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 1000)
    silent(one)


def a_length_that_is_not_true(one: socket.socket) -> None:
    one.sendall(b"\x02\x00\xff\xff\xff\xff" + b"x" * 100)  # A-ASSOCIATE-AC of 4 GiB
    silent(one)


def gone(one: socket.socket) -> None:
    """Close the connection at once."""


@pytest.mark.parametrize("answer", [silent, rubbish, a_length_that_is_not_true, gone])
def test_a_peer_without_an_association_is_given_up(
    file: Path, answer: Callable[[socket.socket], None]
) -> None:
    with answering(answer) as (address, is_closed):
        with pytest.raises(DeliveryError, match="no association"):
            DicomDestination(address).send(file)
        assert is_closed.wait(90), "by us, and not when the peer had enough"
        assert threads_end()


@contextmanager
def scp(handlers: list[tuple[evt.InterventionEvent | evt.NotificationEvent, object]]) -> Iterator[
    DicomAddress
]:  # fmt: skip
    entity = AE("PACS")
    entity.supported_contexts = StoragePresentationContexts
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)  # type: ignore[arg-type]
    try:
        yield DicomAddress("PACS", "127.0.0.1", server.socket.getsockname()[1])
    finally:
        server.shutdown()


def slow(_event: evt.Event) -> int:
    time.sleep(4 * WAIT_S)
    return 0x0000


def abort(event: evt.Event) -> int:
    event.assoc.abort()
    return 0x0000


def broken(event: evt.Event) -> int:
    event.assoc.dul.socket.close()
    return 0x0000


@pytest.mark.parametrize("answer", [slow, abort, broken])
def test_a_peer_that_does_not_answer_c_store_is_told_so(
    file: Path, answer: Callable[[evt.Event], int]
) -> None:
    with scp([(evt.EVT_C_STORE, answer)]) as address:
        with pytest.raises(DeliveryError, match=r"no answer to C-STORE|no association"):
            DicomDestination(address).send(file)
        assert threads_end()


def test_a_peer_that_aborts_what_it_has_accepted_is_told_so(file: Path) -> None:
    with scp([(evt.EVT_ACCEPTED, abort)]) as address:
        for _ in range(5):  # it may come before we send, or while we do
            with pytest.raises(DeliveryError):
                DicomDestination(address).send(file)
        assert threads_end()


def threads_end() -> bool:
    """No association of ours goes on."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        ours = [t for t in threading.enumerate() if type(t).__name__ == "Association"]
        if not any(getattr(one, "is_requestor", False) and one.is_alive() for one in ours):
            return True
        time.sleep(0.05)
    return False
