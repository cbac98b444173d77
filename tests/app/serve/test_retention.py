"""What is done with for long enough is removed, and nothing else ever is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
import sqlalchemy as sa
from fastapi.testclient import TestClient

from nodulus.app.review.reading_rule import reading_rule
from nodulus.app.review.store import Store
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.queued_study import QueuedStudy
from nodulus.app.serve.retention import REMOVED_PREFIX, Retention, Sweeper
from nodulus.app.serve.service import Service
from nodulus.app.serve.tables import audit, deliveries
from tests.app.serve.service_samples import make_study, wait_for, zipped

REPOSITORY = Path(__file__).resolve().parents[3]
NOW = datetime.now(timezone.utc)


@pytest.fixture
def done(service: Service, client: TestClient, tmp_path: Path) -> str:
    """A study that is analysed; gives its id."""
    client.post("/studies", content=zipped(make_study(tmp_path / "a", "a")))
    service.start(lambda: None)
    wait_for(lambda: service.queue.counts()["done"] == 1)
    client.get("/api/studies")
    return service.queue.studies()[1][0].id


@pytest.fixture
def sweep(service: Service) -> Callable[..., int]:
    """Sweeps as if so many days had gone by, with ten days for images and twenty for results."""

    def at(days: float, retention: Retention = Retention(10, 20)) -> int:  # noqa: B008
        return sweeper(service, days, retention).sweep()

    return at


def sweeper(service: Service, days: float, retention: Retention) -> Sweeper:
    return Sweeper(
        service.results.parent, service.queue, service.intake, service.results,
        Store(service.database), AuditLog(service.database), retention,
        reading_rule(), lambda: NOW + timedelta(days=days),
    )  # fmt: skip


def only(service: Service) -> QueuedStudy:
    return service.queue.studies()[1][0]


def decide(client: TestClient, key: str, *kinds: str) -> None:
    version = client.get(f"/api/studies/{key}").json()["version"]
    for number, kind in enumerate(kinds):
        finding = {} if kind == "sign-off" else {"finding": str(number + 1)}
        entry = {"kind": kind, "expected_version": version + number, **finding}
        answer = client.post(f"/api/studies/{key}/entries", json=entry)
        assert answer.status_code == 200, answer.text


def test_images_go_first_then_results_and_decisions_and_logs_stay(
    service: Service, client: TestClient, done: str, sweep: Callable[..., int]
) -> None:
    ((key, folder, _),) = only(service).results
    decide(client, key, "accept", "accept", "sign-off")
    images, result = service.intake.folder(done), service.results / folder
    assert sweep(9.9) == 0
    assert images.is_dir()

    assert sweep(10.1) == 1
    assert not images.exists()
    assert result.is_dir()
    assert only(service).images_removed
    (row,) = client.get("/api/studies").json()["studies"]
    assert (row["status"], row["images"]) == ("signed-off", False)
    assert row["images_removed"] == only(service).images_removed
    assert client.get(f"/api/studies/{key}").json()["images_removed"] == row["images_removed"]
    assert client.get("/studies").json()["studies"][0]["images_removed"]
    instances = f"/dicom-web/studies/{only(service).study_uid}/instances"
    assert len(client.get(instances).json()) == 1, "the report"
    assert sweep(19.9) == 0

    assert sweep(20.1) == 1
    assert not result.exists()
    assert only(service).results_removed
    assert client.get("/api/studies").json()["studies"] == []
    assert client.get("/studies").json()["studies"][0]["state"] == "done"
    with service.database.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM entries")) == 3
        rows = connection.execute(sa.select(audit.c.study, audit.c.detail).where(
            audit.c.event == "study-removed").order_by(audit.c.id)).all()  # fmt: skip
    assert rows == [(key, "images"), (key, "results")]
    assert sweep(1000) == 0
    assert list(service.results.parent.glob(f"{REMOVED_PREFIX}*")) == []


@pytest.mark.parametrize("kinds", [("accept",), ("accept", "accept")])
def test_a_study_that_is_being_read_is_kept(
    service: Service, client: TestClient, done: str, sweep: Callable[..., int], kinds: Any
) -> None:
    ((key, *_),) = only(service).results
    decide(client, key, *kinds)
    assert sweep(1000) == 0
    assert service.intake.folder(done).is_dir()


def test_the_days_count_from_the_sign_off(
    service: Service, client: TestClient, done: str, sweep: Callable[..., int]
) -> None:
    ((key, *_),) = only(service).results
    decide(client, key, "accept", "accept", "sign-off")
    with service.database.write() as connection:  # as if it had been analysed long ago
        connection.execute(sa.text("UPDATE studies SET changed = '2020-01-01T00:00:00.000+00:00'"))
    assert sweep(9.9) == 0
    assert sweep(10.1) == 1


def test_a_study_that_is_not_sent_everywhere_is_kept(
    service: Service, done: str, sweep: Callable[..., int]
) -> None:
    row = {"study": done, "destination": "pacs", "path": "x", "sop_instance_uid": "1.2",
           "attempts": 0, "due": 0.0}  # fmt: skip
    for state, removed in (("waiting", 0), ("failed", 0), ("sent", 2)):
        with service.database.write() as connection:
            connection.execute(sa.delete(deliveries))
            connection.execute(sa.insert(deliveries).values(**row, state=state))
        assert sweep(1000) == removed, state


def test_a_study_that_is_waiting_or_in_work_is_kept(
    service: Service, client: TestClient, tmp_path: Path, sweep: Callable[..., int]
) -> None:
    client.post("/studies", content=zipped(make_study(tmp_path / "a", "a")))
    assert sweep(1000) == 0
    assert service.queue.take() is not None
    assert only(service).state == "running"
    assert sweep(1000) == 0
    assert service.intake.folder(only(service).id).is_dir()


def test_without_days_nothing_is_removed(done: str, sweep: Callable[..., int]) -> None:
    assert sweep(10_000, Retention()) == 0


def test_one_that_was_refused_loses_its_images_and_is_not_tried_again(
    service: Service, client: TestClient, tmp_path: Path, sweep: Callable[..., int]
) -> None:
    client.post("/studies", content=zipped(make_study(tmp_path / "a", "a", what="refuse")))
    service.start(lambda: None)
    wait_for(lambda: service.queue.counts()["refused"] == 1)
    assert sweep(10.1) == 1
    answer = client.post(f"/studies/{only(service).id}/retry")
    assert answer.json()["code"] == "request-refused"
    assert "removed" in answer.json()["message"]


def test_images_that_come_again_are_analysed_again(
    service: Service, client: TestClient, done: str, tmp_path: Path, sweep: Callable[..., int]
) -> None:
    assert sweep(1000) == 2
    client.post("/studies", content=zipped(sorted((tmp_path / "a").iterdir())))
    wait_for(lambda: only(service).state == "done" and only(service).results_removed is None)
    assert only(service).images_removed is None
    assert (service.results / f"{done}.began").read_text() == "2\n2\n"
    assert len(client.get("/api/studies").json()["studies"]) == 1


def test_while_images_come_in_nothing_is_moved_away(
    service: Service, done: str, sweep: Callable[..., int]
) -> None:
    with service.intake.staging():
        assert sweep(1000) == 0
    assert sweep(1000) == 2


KILLED = """
import os, sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from nodulus.app.review.database import Database
from tests.app.serve import test_retention as t
from tests.app.serve.service_samples import make_service
from nodulus.app.serve import retention
service, _ = make_service(Path(sys.argv[1]))
if sys.argv[2] == "moved":  # within the transaction
    put = Path.rename
    def rename(self, target):
        put(self, target)
        os._exit(9)
    Path.rename = rename
else:  # said, not deleted yet
    retention.shutil.rmtree = lambda *_, **__: os._exit(9)
t.sweeper(service, 1000, retention.Retention(10, 20)).sweep()
"""


@pytest.mark.parametrize(("when", "moved", "left"), [("moved", 1, 2), ("said", 2, 0)])
def test_a_kill_in_between_is_made_good(
    service: Service, done: str, data: Path, sweep: Callable[..., int],
    when: str, moved: int, left: int,
) -> None:  # fmt: skip
    service.stop()
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(data), when], cwd=REPOSITORY, check=False
    )
    assert ended.returncode == 9
    assert len(list(data.glob(f"{REMOVED_PREFIX}*"))) == moved
    assert bool(only(service).images_removed) == (when == "said")
    assert sweep(1000) == left
    assert list(data.glob(f"{REMOVED_PREFIX}*")) == []
    assert not service.intake.folder(done).exists()
    assert only(service).images_removed
    assert only(service).results_removed
