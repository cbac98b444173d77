"""Who may do what with workitems, where there are accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import httpx
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("argon2")
from fastapi.testclient import TestClient
from pydicom import Dataset

from nodulus.app.errors import NodulusError
from nodulus.app.review.server.access import loopback_hosts
from nodulus.app.serve.account_access import AccountAccess
from nodulus.app.serve.accounts import Account, AccountRole, Accounts
from nodulus.app.serve.application import create_service_app
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.service import Service
from nodulus.app.serve.workitems.settings import workitem_settings
from nodulus.app.serve.workitems.worklist import Worklist
from tests.app.serve.workitem_samples import (
    JSON,
    WORKITEMS,
    body,
    change,
    final_attributes,
    make_workitem,
)

PORT = 12349
TRANSACTION = "1.2.826.7"
ROLES = get_args(AccountRole)

SEE = {"retrieve": 200, "search": 200}
ORDER = {"create": 201, "update": 200, "cancel": 202}
PERFORM = {"claim": 200, "update claimed": 200, "complete": 200}
ALLOWED = {
    "reader": {*SEE, *PERFORM},
    "adjudicator": {*SEE, *PERFORM},
    "admin": {*SEE, *ORDER},
    "system": {*SEE, *ORDER, *PERFORM},
}
AUDITED = {
    "retrieve": "workitem-viewed",
    "search": "list-viewed",
    "create": "workitem-created",
    **dict.fromkeys(("update", "cancel", *PERFORM), "workitem-changed"),
}


@pytest.fixture
def worklist(service: Service) -> Worklist:
    return Worklist(service.database, workitem_settings())


@pytest.fixture
def log(service: Service) -> AuditLog:
    return AuditLog(service.database)


def client_of(service: Service, worklist: Worklist, log: AuditLog, role: AccountRole) -> TestClient:
    """A program with the token of an account."""
    accounts = Accounts(service.database)
    accounts.add(f"the-{role}", role, "correct horse battery")
    access = AccountAccess(loopback_hosts(PORT), accounts, secure=False)
    return TestClient(
        create_service_app(service, service.desk, access, log, worklist=worklist),  # type: ignore[attr-defined]
        base_url=f"http://127.0.0.1:{PORT}",
        headers={"Authorization": f"Bearer {accounts.open(f'the-{role}', 'program')}"},
        raise_server_exceptions=False,
    )


def ask(client: TestClient, what: str, uid: str) -> httpx.Response:
    address = f"{WORKITEMS}/{uid}"
    changes = Dataset()
    changes.ProcedureStepLabel = "Lung nodules, again"

    def send(to: str, dataset: Dataset) -> httpx.Response:
        return client.post(to, content=body(dataset), headers=JSON)

    asked: dict[str, Callable[[], httpx.Response]] = {
        "search": lambda: client.get(WORKITEMS),
        "retrieve": lambda: client.get(address),
        "create": lambda: send(f"{WORKITEMS}?1.2.99", make_workitem()),
        "update": lambda: send(address, changes),
        "cancel": lambda: client.post(f"{address}/cancelrequest"),
        "update claimed": lambda: send(f"{address}?{TRANSACTION}", changes),
        "claim": lambda: change(client, uid, "IN PROGRESS", TRANSACTION),
        "complete": lambda: change(client, uid, "COMPLETED", TRANSACTION),
    }
    return asked[what]()


@pytest.mark.parametrize("what", [*SEE, *ORDER, *PERFORM])
@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_its_part_and_what_is_refused_is_audited(
    service: Service, worklist: Worklist, log: AuditLog, role: AccountRole, what: str
) -> None:
    client = client_of(service, worklist, log, role)
    uid = "1.2.5"
    worklist.create(make_workitem("1.2.3.4"), uid)
    if what in ("update claimed", "complete"):
        worklist.change_state(uid, "IN PROGRESS", TRANSACTION)
        worklist.update(uid, final_attributes(), TRANSACTION)
    before = worklist.content(uid)

    answer = ask(client, what, uid)

    _, (entry,) = log.entries()
    assert entry.who == f"the-{role}"
    if what in ALLOWED[role]:
        assert answer.status_code == {**SEE, **ORDER, **PERFORM}[what], answer.text
        assert (entry.event, entry.success) == (AUDITED[what], True)
        return
    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")
    assert (entry.event, entry.success) == ("refused", False)
    assert WORKITEMS in entry.detail
    assert worklist.content(uid) == before
    assert sum(worklist.counts().values()) == 1


def test_another_system_decides_nothing_and_reads_no_audit_log(
    service: Service, worklist: Worklist, log: AuditLog
) -> None:
    client = client_of(service, worklist, log, "system")
    assert client.get("/api/session").json()["role"] == "system"
    assert client.get("/studies").status_code == 200
    assert client.get("/api/audit").status_code == 403
    access = AccountAccess(loopback_hosts(PORT), Accounts(service.database), secure=False)
    with pytest.raises(NodulusError, match="not-allowed"):
        _ = access.caller(Account("task manager", "system"), "").deciding
