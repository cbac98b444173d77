"""Who connects and then says nothing, or next to nothing, takes no place for long."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

pytest.importorskip("fastapi")
import httpx
from fastapi import FastAPI, Request

from nodulus.app.review.desk import Reader
from nodulus.app.review.server import guard
from nodulus.app.review.server.access import Session, loopback_hosts
from nodulus.app.review.server.guard import Guard
from nodulus.app.review.server.head_timeout import HeadTimeoutProtocol
from nodulus.app.review.server.run_server import run_server

TOKEN = "t" * 40
AUTHORIZATION = f"Authorization: Bearer {TOKEN}\r\n".encode()


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """An application on a port of this computer, which waits less long than it should."""
    monkeypatch.setattr(HeadTimeoutProtocol, "head_s", 0.6)
    monkeypatch.setattr(guard, "SILENT_S", 0.6)
    app = FastAPI()

    @app.get("/health")
    def health() -> str:
        time.sleep(1.0)  # longer than a head may take
        return "ok"

    @app.get("/quick")
    def quick() -> str:
        return "ok"

    @app.post("/upload")
    async def upload(request: Request) -> int:
        return len(await request.body())

    ends: list[Callable[[], None]] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        place = listener.getsockname()
        app.add_middleware(Guard, access=Session(loopback_hosts(place[1]), Reader("A"), TOKEN))
        thread = threading.Thread(
            target=run_server, args=(app, listener), kwargs={"begin": ends.append}, daemon=True
        )
        thread.start()
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                with socket.create_connection(place, timeout=5):
                    break
            except OSError:
                time.sleep(0.02)
        yield place
        ends[0]()
        thread.join(30)
        assert not thread.is_alive()


def connect(place: tuple[str, int]) -> socket.socket:
    return socket.create_connection(place, timeout=30)


def head(place: tuple[str, int], line: bytes, more: bytes = b"") -> bytes:
    host = f"Host: 127.0.0.1:{place[1]}\r\n".encode()
    return line + b" HTTP/1.1\r\n" + host + AUTHORIZATION + more + b"\r\n"


def get(place: tuple[str, int], path: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return httpx.get(f"http://127.0.0.1:{place[1]}{path}", headers=headers, timeout=60)


def test_hundreds_of_silent_connections_do_not_keep_others_out(address: tuple[str, int]) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(address)) for _ in range(220)]
        until = time.monotonic() + 60
        answers = set()
        while 200 not in answers:
            answers.add(get(address, "/quick").status_code)
            assert time.monotonic() < until
        assert answers <= {200, 503}
        assert [one.recv(1) for one in silent[:20]] == [b""] * 20


def answer_to(one: socket.socket, piece: bytes) -> bytes | None:
    """What comes back within the socket's timeout; None for nothing, empty where it is closed."""
    try:
        one.sendall(piece)
        return one.recv(4096)
    except TimeoutError:
        return None
    except ConnectionError:
        return b""


def test_a_head_that_comes_byte_by_byte_is_not_waited_for(address: tuple[str, int]) -> None:
    with connect(address) as one:
        one.settimeout(0.1)
        answers = (answer_to(one, bytes([byte])) for byte in head(address, b"GET /quick"))
        assert next((said for said in answers if said is not None), None) == b""


def test_a_request_may_take_as_long_as_it_takes_and_others_may_follow(
    address: tuple[str, int],
) -> None:
    with connect(address) as one:
        for path in (b"GET /health", b"GET /quick"):
            one.sendall(head(address, path))
            answer = b""
            while not answer.endswith(b'"ok"'):
                piece = one.recv(4096)
                assert piece
                answer += piece
            assert answer.startswith(b"HTTP/1.1 200")
            time.sleep(0.8)  # between requests there is more time


@pytest.mark.parametrize("length", [b"Content-Length: 1000\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_that_stops_coming_is_not_waited_for(
    address: tuple[str, int], length: bytes
) -> None:
    with connect(address) as one:
        one.sendall(head(address, b"POST /upload", length) + b"3\r\nabc\r\n")
        assert one.recv(4096).startswith(b"HTTP/1.1 408")


def test_a_body_that_only_drips_is_not_waited_for(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "SLOWEST_BYTES_S", 1000)
    with connect(address) as one:
        one.sendall(head(address, b"POST /upload", b"Content-Length: 100000\r\n"))
        one.settimeout(0.2)
        answers = (answer_to(one, b"x" * 10) for _ in range(100))
        said = next((said for said in answers if said is not None), b"")
        assert said.startswith(b"HTTP/1.1 408")


def test_a_body_that_comes_in_time_is_taken(address: tuple[str, int]) -> None:
    with connect(address) as one:
        one.sendall(head(address, b"POST /upload", b"Content-Length: 60000\r\n"))
        for _ in range(6):
            time.sleep(0.3)  # longer than `SILENT_S`, all in all
            one.sendall(b"x" * 10_000)
        answer = b""
        while not answer.endswith(b"60000"):
            piece = one.recv(4096)
            assert piece, answer
            answer += piece
        assert answer.startswith(b"HTTP/1.1 200")
