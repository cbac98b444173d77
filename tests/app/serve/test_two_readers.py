"""Two readers with accounts: what one does shows in no answer of the service to the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("argon2")
pytest.importorskip("prometheus_client")
from click.testing import CliRunner
from fastapi.testclient import TestClient
from pydicom import dcmread

from nodulus.app.commands.root import cli
from nodulus.app.review.server.access import loopback_hosts
from nodulus.app.serve.account_access import AccountAccess
from nodulus.app.serve.accounts import Accounts
from nodulus.app.serve.application import create_service_app
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.service import Service
from tests.app.review.every_answer import every_answer
from tests.app.serve.service_samples import make_service, make_study, wait_for, zipped

PORT = 12348
PASSWORD = "correct horse battery"
ROLES = {"Ann": "reader", "Bob": "reader", "Eve": "reader", "Chris": "adjudicator", "boss": "admin"}
UNLIKE = ("/events", "/metrics")
"""Routes whose answers do not end, or are different each time."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made, desk = make_service(tmp_path / "data", two_readers=True)
    made.desk = desk  # type: ignore[attr-defined]
    yield made
    made.stop()
    desk.close()
    made.database.close()


@pytest.fixture
def client_of(service: Service) -> Iterator[Callable[[str], TestClient]]:
    """A program of an account."""
    accounts = Accounts(service.database)
    for name, role in ROLES.items():
        accounts.add(name, role, PASSWORD)  # type: ignore[arg-type]
    access = AccountAccess(loopback_hosts(PORT), accounts, secure=False)
    log = AuditLog(service.database)
    app = create_service_app(service, service.desk, access, log)  # type: ignore[attr-defined]
    with ExitStack() as stack:

        def client(name: str) -> TestClient:
            token = accounts.open(name, "program")
            return stack.enter_context(
                TestClient(
                    app,
                    base_url=f"http://127.0.0.1:{PORT}",
                    headers={"Authorization": f"Bearer {token}"},
                    raise_server_exceptions=False,
                )
            )

        yield client


def names_of(client: TestClient, slices: list[Path]) -> dict[str, str]:
    """What stands in the addresses of the study that the service has."""
    (queued,) = client.get("/studies").json()["studies"]
    header = dcmread(slices[0])
    return {
        "key": queued["study_uid"],
        "study": queued["id"],
        "series": str(header.SeriesInstanceUID),
        "uid": str(header.SOPInstanceUID),
        "number": "1",
        "numbers": "1",
        "tag": "7FE00010",
    }


def asked(client: TestClient, names: dict[str, str]) -> dict[str, tuple[int, bytes, str]]:
    """Everything that somebody is answered; DICOMweb knows the study by its UID."""
    without = (*UNLIKE, "/api/audit")  # an administrator's, who decides nothing
    of_queue = every_answer(client, names, without)
    return of_queue | every_answer(client, {**names, "study": names["key"]}, without)


def read(client: TestClient, key: str, *decisions: str) -> None:
    """Decide on the findings in their order, remark something, and sign off."""
    entries = [
        {"kind": kind, "finding": str(number + 1),
         **({"data": {"reason": "scar"}} if kind == "reject" else {})}
        for number, kind in enumerate(decisions)
    ]  # fmt: skip
    entries += [
        {"kind": "comment", "data": {"text": "a remark"}},
        {"kind": "clinical", "data": {"facts": {"ever_smoker": True}}},
        {"kind": "sign-off"},
    ]
    for version, entry in enumerate(entries):
        answer = client.post(
            f"/api/studies/{key}/entries", json={**entry, "expected_version": version}
        )
        assert answer.status_code == 200, answer.text


def test_no_answer_to_anybody_else_tells_what_a_first_reader_does(
    service: Service, client_of: Callable[[str], TestClient], tmp_path: Path
) -> None:
    ann, others = client_of("Ann"), [client_of(name) for name in ("Bob", "Eve", "Chris", "boss")]
    slices = make_study(tmp_path / "a", "a")
    assert ann.post("/studies", content=zipped(slices)).status_code == 202
    service.start(lambda: None)
    wait_for(lambda: service.queue.counts()["done"] == 1)
    service.stop()  # nothing else goes on
    names = names_of(ann, slices)
    before = [asked(other, names) for other in others]
    assert sum("dicom-web" in url and a[0] == 200 for url, a in before[0].items()) >= 12
    events = service.events.since(0)
    read(ann, names["key"], "accept", "reject")
    assert [asked(other, names) for other in others] == before
    assert service.events.since(0) == events
    assert b"Ann" not in b"".join(body for _, body, _ in before[0].values())
    assert others[0].get("/api/audit").status_code == 403

    mine = asked(ann, names)
    read(others[0], names["key"], "accept", "accept")
    assert asked(ann, names) == mine
    assert service.events.since(0) == events
    assert others[2].get("/api/studies").json()["studies"][0]["status"] == "to-adjudicate"
    boss = others[3].get(f"/api/studies/{names['key']}").json()
    assert (boss["status"], boss["version"], boss["first_readers"]) == ("first-reads", 0, [])


def test_two_readers_need_accounts(tmp_path: Path) -> None:
    ran = CliRunner().invoke(cli, ["serve", str(tmp_path / "data"), "--two-readers"])
    assert ran.exit_code == 1
    assert "Give --accounts too, or leave --two-readers out." in ran.output
    assert not (tmp_path / "data").exists()
