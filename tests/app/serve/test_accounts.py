"""Accounts: who signs in, what each role may do, what is put down of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("argon2")
from argon2 import Type
from click.testing import CliRunner
from fastapi.testclient import TestClient

from nodulus.app.commands.root import cli
from nodulus.app.errors import NodulusError
from nodulus.app.review.database import Database
from nodulus.app.review.server.access import loopback_hosts
from nodulus.app.review.server.guard import CSRF_HEADER
from nodulus.app.serve import accounts as accounts_module
from nodulus.app.serve import audit_trail
from nodulus.app.serve.account_access import AccountAccess
from nodulus.app.serve.accounts import SESSION_S, Accounts
from nodulus.app.serve.application import create_service_app
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.service import Service
from tests.app.serve.clock import Clock
from tests.app.serve.service_samples import make_study, wait_for, zipped

SHIPPED = accounts_module._hasher
PORT = 12347
PASSWORD = "correct horse battery"


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000_000.0)


@pytest.fixture
def accounts(service: Service, clock: Clock) -> Accounts:
    made = Accounts(service.database, clock)
    for name, role in (("Doe^Jane", "reader"), ("Roe^Rob", "adjudicator"), ("chief", "admin")):
        made.add(name, role, PASSWORD)  # type: ignore[arg-type]
    return made


@pytest.fixture
def stranger(
    service: Service, accounts: Accounts, clock: Clock, tmp_path: Path
) -> Iterator[TestClient]:
    """Somebody who knows the address."""
    access = AccountAccess(loopback_hosts(PORT), accounts, secure=False)
    log = AuditLog(service.database, tmp_path / "audit.xml", clock)
    app = create_service_app(service, service.desk, access, log)  # type: ignore[attr-defined]
    address = f"http://127.0.0.1:{PORT}"
    with TestClient(app, base_url=address, raise_server_exceptions=False) as client:
        yield client


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD) -> httpx.Response:
    answer = client.post("/api/login", json={"name": name, "password": password})
    if answer.status_code == 200:
        client.headers[CSRF_HEADER] = client.get("/api/session").json()["csrf"]
    return answer


def events(log: AuditLog) -> list[tuple[str, str, bool]]:
    return [(e.who, e.event, e.success) for e in reversed(log.entries(1000)[1])]


def test_strangers_get_the_login_page_and_nothing_else(stranger: TestClient) -> None:
    for page in ("/", "/study.html", "/viewer/viewer"):
        answer = stranger.get(page, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login.html")
    assert "Sign in" in stranger.get("/login.html").text
    for path in ("/studies", "/api/studies", "/api/session", "/metrics", "/events", "/api/audit",
                 "/api/openapi.json", "/js/study.js"):  # fmt: skip
        assert stranger.get(path).status_code == 401
    assert stranger.post("/studies", content=b"").status_code == 401
    assert stranger.post("/dicom-web/studies", content=b"").status_code == 401
    assert stranger.get("/health").status_code == 200


def test_a_session_is_a_cookie_that_no_script_reads(stranger: TestClient) -> None:
    answer = sign_in(stranger, "Doe^Jane")
    assert answer.json() == {"name": "Doe^Jane", "role": "reader"}
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    session = stranger.get("/api/session").json()
    assert (session["reader"], session["signed_in"]) == ("Doe^Jane", True)
    assert stranger.post("/api/logout").status_code == 204
    assert stranger.get("/api/session").status_code == 401


def test_tls_has_secure_cookies(accounts: Accounts) -> None:
    access = AccountAccess(loopback_hosts(PORT), accounts, secure=True)
    cookie = access.set_cookie("x", 10)
    assert cookie.startswith("__Host-nodulus=")
    assert "; Secure" in cookie


def test_other_sites_neither_sign_in_nor_change(stranger: TestClient) -> None:
    evil = {"Origin": "https://evil.example"}
    given = {"name": "Doe^Jane", "password": PASSWORD}
    assert stranger.post("/api/login", json=given, headers=evil).status_code == 403
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert stranger.post("/api/login", content="name=a", headers=form).status_code == 422
    sign_in(stranger, "Doe^Jane")
    del stranger.headers[CSRF_HEADER]
    assert stranger.post("/api/logout").status_code == 403


def test_a_session_ends_and_is_kept_as_a_checksum(
    stranger: TestClient, clock: Clock, data: Path
) -> None:
    sign_in(stranger, "Doe^Jane")
    token = stranger.cookies["nodulus_account"]
    everything = b"".join(path.read_bytes() for path in data.glob("nodulus.sqlite*"))
    assert token.encode() not in everything
    assert PASSWORD.encode() not in everything
    assert b"$argon2id$" in everything
    clock.now += SESSION_S - 1
    assert stranger.get("/api/session").status_code == 200
    clock.now += 2
    assert stranger.get("/api/session").status_code == 401


def test_passwords_are_hashed_as_slowly_as_rfc_9106_advises() -> None:
    # Its second choice, for where memory is short.
    asked = (SHIPPED.type, SHIPPED.time_cost, SHIPPED.memory_cost, SHIPPED.parallelism)
    assert asked == (Type.ID, 3, 64 * 1024, 4)


def test_guessing_is_stopped(stranger: TestClient, clock: Clock) -> None:
    for _ in range(5):
        answer = sign_in(stranger, "Doe^Jane", "wrong")
        assert (answer.status_code, answer.json()["code"]) == (401, "login-failed")
    answer = sign_in(stranger, "Doe^Jane")
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-requests")
    assert sign_in(stranger, "Roe^Rob").status_code == 200, "others still sign in"
    clock.now += 901
    assert sign_in(stranger, "Doe^Jane").status_code == 200


def test_many_names_from_one_address_are_stopped(stranger: TestClient) -> None:
    for number in range(20):
        assert sign_in(stranger, f"guess-{number}", "wrong").status_code == 401
    assert sign_in(stranger, "Roe^Rob").status_code == 429


def test_roles(service: Service, stranger: TestClient, tmp_path: Path) -> None:
    sign_in(stranger, "Doe^Jane")
    packed = zipped(make_study(tmp_path / "a", "a"))
    assert stranger.post("/studies", content=packed).status_code == 202
    service.start(lambda: None)
    wait_for(lambda: service.queue.counts()["done"] == 1)
    key = service.queue.studies()[1][0].study_uid
    stranger.get("/api/studies")
    accept = {"kind": "accept", "finding": "1", "expected_version": 0}
    assert stranger.post(f"/api/studies/{key}/entries", json=accept).status_code == 200
    assert stranger.get("/api/audit").status_code == 403
    log = stranger.get(f"/api/studies/{key}/log").json()
    assert [(entry["who"], entry["role"]) for entry in log] == [("Doe^Jane", "reader")]
    sign_in(stranger, "Roe^Rob")
    reject = {"kind": "reject", "finding": "2", "expected_version": 1, "data": {"reason": "scar"}}
    assert stranger.post(f"/api/studies/{key}/entries", json=reject).status_code == 200
    log = stranger.get(f"/api/studies/{key}/log").json()
    assert log[1]["role"] == "adjudicator"
    sign_in(stranger, "chief")
    answer = stranger.post(f"/api/studies/{key}/entries", json={**accept, "expected_version": 2})
    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")
    page = stranger.get("/api/audit").json()
    seen = [(e["who"], e["event"], e["study"], e["success"]) for e in reversed(page["entries"])]
    assert seen == [
        ("Doe^Jane", "login", None, True),
        ("Doe^Jane", "studies-received", None, True),
        ("Doe^Jane", "list-viewed", None, True),
        ("Doe^Jane", "study-changed", key, True),
        ("Doe^Jane", "refused", None, False),
        ("Doe^Jane", "study-viewed", key, True),
        ("Roe^Rob", "login", None, True),
        ("Roe^Rob", "study-changed", key, True),
        ("Roe^Rob", "study-viewed", key, True),
        ("chief", "login", None, True),
        ("chief", "refused", key, False),
    ]


def test_programs_have_tokens(stranger: TestClient, accounts: Accounts) -> None:
    token = {"Authorization": f"Bearer {accounts.open('Doe^Jane', 'program')}"}
    assert stranger.get("/studies", headers=token).status_code == 200
    assert stranger.post("/studies", headers=token, content=b"").status_code == 422
    assert stranger.get("/studies", headers={"Authorization": "Bearer x"}).status_code == 401
    accounts.change("Doe^Jane", disabled=True)
    assert stranger.get("/studies", headers=token).status_code == 401
    assert sign_in(stranger, "Doe^Jane").status_code == 401


def test_the_audit_log_is_append_only_and_written_as_messages(
    service: Service, stranger: TestClient, data: Path, tmp_path: Path
) -> None:
    sign_in(stranger, "Doe^Jane", "wrong")
    stranger.get("/api/studies/1.2.3")
    with sqlite3.connect(data / "nodulus.sqlite") as raw:
        for statement in ("UPDATE audit SET who = 'X'", "DELETE FROM audit"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                raw.execute(statement)
    assert events(AuditLog(service.database)) == [
        ("Doe^Jane", "login-failed", False),
        ("", "refused", False),
    ]
    failed, refused = (ET.fromstring(x) for x in (tmp_path / "audit.xml").read_text().splitlines())
    event = failed.find("EventIdentification")
    assert event is not None
    assert event.attrib["EventOutcomeIndicator"] == "4"
    assert [e.attrib["csd-code"] for e in event] == ["110114", "110122"]
    who = failed.find("ActiveParticipant")
    assert who is not None
    assert who.attrib["UserID"] == "Doe^Jane"
    study = refused.find("ParticipantObjectIdentification")
    assert study is not None
    assert study.attrib["ParticipantObjectID"] == "1.2.3"


def test_strangers_do_not_fill_the_audit_log(
    service: Service, stranger: TestClient, clock: Clock
) -> None:
    log = AuditLog(service.database)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_trail, "MOST_OF_STRANGERS", 10)
        patch.setattr(audit_trail, "STRANGERS_S", 10_000.0)
        for number in range(30):
            path = f"/api/studies/{number}" + "x" * 5000
            assert stranger.get(path).status_code == 401, "they are refused as ever"
        assert events(log) == [("", "refused", False)] * 10
        entries = log.entries(100)[1]
        assert "more of this address" in entries[0].detail
        assert max(len(e.detail) + len(e.study or "") for e in entries) <= 700
        assert sign_in(stranger, "Doe^Jane").status_code == 200
        assert stranger.get("/api/audit").status_code == 403, "accounts are put down always"
        assert events(log)[-2:] == [("Doe^Jane", "login", True), ("Doe^Jane", "refused", False)]
        stranger.cookies.clear()
        patch.setattr(audit_trail, "STRANGERS_S", 0.0)
        stranger.get("/api/studies/1")
    assert events(log)[-1] == ("", "refused", False)


def test_what_cannot_be_put_down_is_not_answered(stranger: TestClient, tmp_path: Path) -> None:
    sign_in(stranger, "Doe^Jane")
    (tmp_path / "audit.xml").unlink()
    (tmp_path / "audit.xml").mkdir()
    answer = stranger.get("/api/studies")
    assert (answer.status_code, answer.json()["code"]) == (503, "output-not-writable")
    assert "studies" not in answer.json()


@pytest.mark.parametrize(
    ("name", "password"),
    [("", PASSWORD), ("a b", PASSWORD), ("a" * 65, PASSWORD), ("new", "short")],
)
def test_names_and_passwords_that_do_not_hold(accounts: Accounts, name: str, password: str) -> None:
    with pytest.raises(NodulusError, match="settings-invalid"):
        accounts.add(name, "reader", password)


def test_the_command_makes_the_first_administrator(tmp_path: Path) -> None:
    run = CliRunner()
    (tmp_path / "password").write_text(PASSWORD + "\n")
    data, given = str(tmp_path / "data"), ["--password-file", str(tmp_path / "password")]
    made = run.invoke(cli, ["accounts", "add", data, "chief", "--role", "admin", *given])
    assert made.exit_code == 0, made.output
    assert run.invoke(cli, ["accounts", "list", data]).output == "chief\tadmin\n"
    accounts = Accounts(Database.in_file(tmp_path / "data" / "nodulus.sqlite"))
    assert accounts.verified("chief", PASSWORD) is not None
    token = run.invoke(cli, ["accounts", "token", data, "chief"]).output.strip()
    assert accounts.session(token, "program") is not None
    assert run.invoke(cli, ["accounts", "disable", data, "chief"]).exit_code == 0
    assert accounts.session(token, "program") is None
    assert accounts.verified("chief", PASSWORD) is None
    again = run.invoke(cli, ["accounts", "add", data, "chief", "--role", "admin", *given])
    assert again.exit_code == 1


def test_others_are_reached_with_accounts_and_tls_alone(tmp_path: Path) -> None:
    for more in ([], ["--accounts"]):
        given = ["serve", str(tmp_path / "data"), "--host", "0.0.0.0", *more]
        ended = CliRunner().invoke(cli, given)
        assert ended.exit_code == 1
        assert "settings-invalid" in ended.output
    assert not (tmp_path / "data").exists()
