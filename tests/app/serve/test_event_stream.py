"""Server-sent events under hostile use."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from nodulus.app.serve.event_stream import EventStream
from nodulus.app.serve.events import MOST_OF_ONE, Events, Places
from nodulus.app.serve.service import Service
from tests.app.serve.service_samples import TOKEN, wait_for

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@given(st.integers(0, 2100), st.integers(0, 2200))
def test_events_after_a_number_are_those_that_are_kept(told: int, number: int) -> None:
    events = Events()
    for count in range(told):
        events.tell(str(count + 1), "running")
    found = [event.number for event in events.since(number)]
    assert found == list(range(max(number, told - 2000) + 1, told + 1))
    assert [event.study for event in events.since(number)] == [str(n) for n in found]


def opened(stack: ExitStack, live: str, **more: str) -> httpx.Response:
    client = stack.enter_context(httpx.Client(headers={**HEADERS, **more}, timeout=60))
    return stack.enter_context(client.stream("GET", f"{live}/events"))


def test_an_account_listens_so_often_and_no_more(live: str) -> None:
    with ExitStack() as others:
        streams = [opened(others, live) for _ in range(MOST_OF_ONE)]
        assert {stream.status_code for stream in streams} == {200}
        refused = httpx.get(f"{live}/events", headers=HEADERS, timeout=60)
        assert (refused.status_code, refused.json()["code"]) == (429, "too-many-requests")
        assert httpx.get(f"{live}/health", timeout=60).status_code == 200

    def is_free() -> bool:  # as soon as it shows that they are gone
        with ExitStack() as stack:
            return opened(stack, live).status_code == 200

    wait_for(is_free)


def test_who_vanishes_or_never_reads_keeps_nobody_from_being_told(
    live: str, service: Service
) -> None:
    host, _, port = live.removeprefix("http://").rpartition(":")
    request = (
        f"GET /events HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Authorization: Bearer {TOKEN}\r\nLast-Event-ID: 0\r\n\r\n"
    ).encode()
    for number in range(2000):
        service.events.tell(f"{number:064d}", "running", "segment")
    with ExitStack() as stack:
        for _ in range(MOST_OF_ONE - 1):
            one = stack.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            one.connect((host, int(port)))
            one.sendall(request)  # and reads nothing
        gone = socket.create_connection((host, int(port)))
        gone.sendall(request)
        gone.close()

        def is_told() -> bool:
            with ExitStack() as own:
                stream = opened(own, live, **{"Last-Event-ID": "1999"})
                if stream.status_code != 200:
                    return False
                service.events.tell("a study", "done")
                lines = (line for line in stream.iter_lines() if line.startswith("data:"))
                return any("a study" in line for line in lines)

        wait_for(is_told)


class Asked:
    """A request whose sender stays."""

    async def is_disconnected(self) -> bool:
        return False


def answered(
    service: Service, places: Places, *, reads: bool, longest_s: float
) -> tuple[float, list[dict[str, Any]]]:
    """Seconds that an answer takes, and its messages."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if not reads:
            await asyncio.Event().wait()

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def run() -> None:
        request: Any = Asked()
        stream = EventStream(service, request, 0, places, "A", longest_s, stuck_s=0.3)
        await asyncio.wait_for(stream({"type": "http"}, receive, send), 30)

    began = time.monotonic()
    asyncio.run(run())
    return time.monotonic() - began, sent


def test_an_answer_ends_after_a_while_and_who_asks_again_is_asked_who_they_are(
    service: Service,
) -> None:
    service.events.tell("a study", "done")
    took_s, sent = answered(service, Places(), reads=True, longest_s=0.5)
    assert took_s >= 0.5
    body = b"".join(one.get("body", b"") for one in sent).decode()
    assert body.startswith(": nodulus\nretry: 1000\n\n")
    assert 'id: 1\nevent: study\ndata: {"study": "a study", "state": "done", "step": ""}' in body
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


def test_an_answer_that_nobody_takes_ends_too_and_leaves_its_place(service: Service) -> None:
    places = Places(most=1)
    took_s, sent = answered(service, places, reads=False, longest_s=0.2)
    assert took_s >= 0.5
    assert len(sent) == 1
    with places.taken_by("another") as is_free:
        assert is_free
        with places.taken_by("a third one") as is_free_too:
            assert not is_free_too


@pytest.mark.parametrize(
    ("number", "status"), [("x", 422), ("-1", 422), ("1.5", 422), ("'; DROP TABLE studies", 422)]
)
def test_what_is_no_number_of_an_event_is_refused(
    client: TestClient, number: str, status: int
) -> None:
    answer = client.get("/events", headers={"Last-Event-ID": number})
    assert (answer.status_code, answer.json()["code"]) == (status, "request-refused")


def test_a_number_of_a_service_that_has_ended_begins_anew_whatever_else_is_asked(
    live: str, service: Service
) -> None:
    service.events.tell("a study", "done")
    query = "?" + "&".join(["study=../../etc/passwd", "since=%00", "x=" + "y" * 5000, "[]", "%ff"])
    headers = {**HEADERS, "Last-Event-ID": "9" * 30}
    with httpx.stream("GET", f"{live}/events{query}", headers=headers, timeout=60) as told:
        assert told.status_code == 200
        lines = (line for line in told.iter_lines() if line.startswith("data:"))
        assert json.loads(next(lines)[5:]) == {"study": "a study", "state": "done", "step": ""}


def test_strangers_are_told_nothing(live: str) -> None:
    for headers in ({}, {"Authorization": "Bearer guess"}, {"Cookie": f"nodulus_1={TOKEN}"}):
        answer = httpx.get(f"{live}/events", headers=headers, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (401, "request-refused")
