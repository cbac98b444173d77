"""A service that runs in this process, and a client of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
pytest.importorskip("argon2")
import sqlalchemy as sa
import uvicorn
from argon2 import PasswordHasher
from fastapi.testclient import TestClient

from nodulus.app.review.database import Database
from nodulus.app.review.desk import Reader
from nodulus.app.review.server.access import Session, loopback_hosts
from nodulus.app.serve import accounts
from nodulus.app.serve.application import create_service_app
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.service import Service
from tests.app.serve.postgres_server import postgres, why_not
from tests.app.serve.service_samples import TOKEN, make_service

PORT = 12346
EMPTIED = ("studies", "study_results", "deliveries", "workitems", "analyses", "entries")
"""TRUNCATE is no DELETE: the triggers that keep logs let it pass."""
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords at once: they take a tenth of a second each by design."""
    monkeypatch.setattr(accounts, "_hasher", QUICK)
    monkeypatch.setattr(accounts, "_nobody", QUICK.hash("nobody's"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL that all tests share."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/kept.sqlite"
    url = str(request.getfixturevalue("postgresql"))
    made = Database(url)
    with made.write() as connection:
        connection.execute(sa.text(f"TRUNCATE {', '.join(EMPTIED)} CASCADE"))
    made.close()
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database, of each kind."""
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
def service(data: Path) -> Iterator[Service]:
    """Not started; what its client does stays in the queue until it is."""
    made, desk = make_service(data)
    made.desk = desk  # type: ignore[attr-defined]
    yield made
    made.stop()
    desk.close()
    made.database.close()


@pytest.fixture
def client(service: Service) -> TestClient:
    access = Session(loopback_hosts(PORT), Reader("A"), TOKEN)
    app = create_service_app(
        service, service.desk, access, AuditLog(service.database), max_upload_bytes=200_000
    )  # type: ignore[attr-defined]
    return TestClient(
        app,
        base_url=f"http://127.0.0.1:{PORT}",
        headers={"Authorization": f"Bearer {TOKEN}"},
        raise_server_exceptions=False,
    )


@pytest.fixture
def live(service: Service) -> Iterator[str]:
    """The same on a port of this computer, at work; gives its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        access = Session(loopback_hosts(port), Reader("A"), TOKEN)
        app = create_service_app(service, service.desk, access, AuditLog(service.database))  # type: ignore[attr-defined]
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(daemon=True, target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        service.start(lambda: None)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            service.stop()
            server.should_exit = True
            thread.join(30)
