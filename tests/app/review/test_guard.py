"""Each threat of docs/security.md that the guard answers."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi")
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from nodulus.app.review.desk import Reader
from nodulus.app.review.server.access import Session, loopback_session
from nodulus.app.review.server.guard import CSRF_HEADER, Guard
from nodulus.app.review.server.static_files import page_files, static_routes

PORT = 4242


@pytest.fixture
def session() -> Session:
    return loopback_session(PORT, Reader("A"))


@pytest.fixture
def stranger(session: Session) -> TestClient:
    """Somebody who knows the address but not the token."""
    app = FastAPI()

    @app.get("/api/secret")
    def secret() -> str:
        return "a patient"

    @app.post("/api/change")
    async def change(request: Request) -> int:
        return len(await request.body())

    app.include_router(static_routes(page_files()))
    app.add_middleware(Guard, access=session, max_body_bytes=1000)
    return TestClient(app, base_url=f"http://127.0.0.1:{PORT}")


@pytest.fixture
def reader(stranger: TestClient, session: Session) -> TestClient:
    answer = stranger.get("/", params={"token": session.token}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    return stranger


def test_other_users_of_the_computer_read_nothing(stranger: TestClient) -> None:
    for path in ("/", "/api/secret", "/js/study.js"):
        answer = stranger.get(path)
        assert answer.status_code == 401
        assert answer.json()["code"] == "request-refused"
    assert stranger.get("/api/secret", params={"token": "guess"}).status_code == 401


def test_the_readers_page_is_served(reader: TestClient) -> None:
    assert reader.get("/api/secret").json() == "a patient"


def test_the_pages_files_come_once_and_are_asked_for_each_time(reader: TestClient) -> None:
    first = reader.get("/js/study.js")
    assert first.headers["cache-control"] == "no-cache"
    tag = first.headers["etag"]
    again = reader.get("/js/study.js", headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = reader.get("/js/study.js", headers={"If-None-Match": '"of another version"'})
    assert (other.status_code, other.content) == (200, first.content)
    assert reader.get("/", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4242", "127.0.0.1:1", ""])
def test_names_that_are_pointed_here_are_not_answered(reader: TestClient, host: str) -> None:
    assert reader.get("/api/secret", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:4242", "localhost:4242", "LOCALHOST:4242", "[::1]"])
def test_this_computers_names_are(reader: TestClient, session: Session, host: str) -> None:
    bearer = {"Host": host, "Authorization": f"Bearer {session.token}"}
    assert reader.get("/api/secret", headers=bearer).status_code == 200


def test_other_pages_change_nothing(reader: TestClient, session: Session) -> None:
    assert reader.post("/api/change").status_code == 403
    assert reader.post("/api/change", headers={CSRF_HEADER: "guess"}).status_code == 403
    own = {CSRF_HEADER: session.csrf}
    foreign = {**own, "Origin": "https://evil.example"}
    assert reader.post("/api/change", headers=foreign).status_code == 403
    for origin in ("null", "http://127.0.0.1", "http://127.0.0.1:1"):
        other = {**own, "Origin": origin}
        assert reader.post("/api/change", headers=other).status_code == 403
    same = {**own, "Origin": f"http://127.0.0.1:{PORT}"}
    assert reader.post("/api/change", headers=same).status_code == 200


def test_bodies_are_bounded_whether_or_not_they_say_their_length(
    reader: TestClient, session: Session
) -> None:
    own = {CSRF_HEADER: session.csrf}
    assert reader.post("/api/change", headers=own, content=b"x" * 1000).json() == 1000
    assert reader.post("/api/change", headers=own, content=b"x" * 1001).status_code == 413
    parts = (b"x" * 400 for _ in range(5))
    assert reader.post("/api/change", headers=own, content=parts).status_code == 413


def test_the_page_may_load_nothing_from_elsewhere(reader: TestClient) -> None:
    headers = reader.get("/api/secret").headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    ["/..%2f..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/__init__.py"],
)  # fmt: skip
def test_no_path_reaches_the_file_system(reader: TestClient, path: str) -> None:
    assert reader.get(path).status_code == 404


def test_tokens_differ_and_are_in_no_representation(session: Session) -> None:
    other = loopback_session(PORT, Reader("A"))
    assert session.token != other.token
    assert len(session.token) >= 40
    assert session.token not in repr(session)
    assert session.csrf not in repr(session)
