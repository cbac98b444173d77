"""Signing in with an OpenID Connect provider; what does not hold signs nobody in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("authlib")
pytest.importorskip("joserfc")
from click.testing import CliRunner
from fastapi.testclient import TestClient
from joserfc.jwk import OctKey, RSAKey

from nodulus.app.commands.root import cli
from nodulus.app.errors import NodulusError
from nodulus.app.review.server.access import loopback_hosts
from nodulus.app.serve.account_access import AccountAccess
from nodulus.app.serve.accounts import Accounts
from nodulus.app.serve.application import create_service_app
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.oidc import LOGIN_S, Oidc, OidcSettings
from nodulus.app.serve.service import Service
from tests.app.review.page_driver import served
from tests.app.serve.oidc_provider import CLIENT, SECRET, Provider

PORT = 12349
ADDRESS = f"http://127.0.0.1:{PORT}"
FAILED = "/login.html#single-sign-on-failed"


@pytest.fixture
def provider() -> Iterator[Provider]:
    made: list[Provider] = []

    def make(listener: Any) -> Any:
        made.append(Provider(f"http://127.0.0.1:{listener.getsockname()[1]}"))
        return made[0].application()

    with served(make):
        yield made[0]


class Clock:
    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(provider: Provider) -> OidcSettings:
    return OidcSettings(provider.issuer, CLIENT, f"{ADDRESS}/oidc/callback", SECRET)


@pytest.fixture
def browser_of(service: Service, clock: Clock) -> Callable[[OidcSettings], TestClient]:
    """Gives a browser of somebody who has not signed in."""

    def make(settings: OidcSettings) -> TestClient:
        access = AccountAccess(loopback_hosts(PORT), Accounts(service.database), secure=False)
        app = create_service_app(
            service, service.desk, access, AuditLog(service.database), oidc=Oidc(settings, clock)
        )  # type: ignore[attr-defined]
        return TestClient(app, base_url=ADDRESS, follow_redirects=False)

    return make


@pytest.fixture
def browser(browser_of: Callable[[OidcSettings], TestClient], settings: OidcSettings) -> TestClient:
    return browser_of(settings)


def at_provider(browser: TestClient) -> str:
    """Go to the provider; gives where it sends the browser back to."""
    there = browser.get("/oidc/login")
    assert there.status_code == 303
    back = httpx.get(there.headers["location"], follow_redirects=False, timeout=60)
    return back.headers["location"]


def sign_in(browser: TestClient) -> httpx.Response:
    return browser.get(at_provider(browser))


def who(browser: TestClient) -> tuple[str, str] | None:
    answer = browser.get("/api/session")
    return (answer.json()["reader"], answer.json()["role"]) if answer.status_code == 200 else None


def reasons(service: Service) -> list[str]:
    entries = AuditLog(service.database).entries(100)[1]
    return [e.detail for e in entries if e.event == "login-failed"]


def test_somebody_signs_in_and_is_known_by_issuer_and_subject(
    browser: TestClient, provider: Provider, service: Service
) -> None:
    assert browser.get("/api/login").json() == {"single_sign_on": True}
    answer = sign_in(browser)
    assert answer.status_code == 200
    assert 'content="0; url=/"' in answer.text
    cookies = answer.headers.get_list("set-cookie")
    assert any("nodulus_account=" in c and "SameSite=Strict" in c for c in cookies)
    assert who(browser) == ("Doe^Jane", "reader")
    asked = provider.asked
    assert (asked["response_type"], asked["method"]) == ("code", "S256")
    assert asked["scope"] == "openid profile"
    assert len(asked["state"]) >= 43
    assert len(asked["nonce"]) >= 43
    logged = [(e.who, e.event) for e in AuditLog(service.database).entries(100)[1]]
    assert ("Doe^Jane", "login") in logged

    provider.changes = {"preferred_username": "Roe^Jane", "roles": "adjudicator"}
    assert sign_in(browser).status_code == 200
    assert who(browser) == ("Doe^Jane", "adjudicator"), "the name is the account's, the role now"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://elsewhere.example.org"}, "InvalidClaimError"),
        ({"aud": "another"}, "InvalidClaimError"),
        ({"aud": ["another", CLIENT]}, "another client"),
        ({"azp": "another"}, "another client"),
        ({"exp": int(time.time()) - 120}, "ExpiredTokenError"),
        ({"exp": None}, "MissingClaimError"),
        ({"iat": int(time.time()) + 600}, "InvalidTokenError|InvalidClaimError"),
        ({"nonce": "another"}, "InvalidClaimError"),
        ({"nonce": None}, "MissingClaimError"),
        ({"sub": None}, "MissingClaimError"),
        ({"preferred_username": None}, "no preferred_username"),
        ({"preferred_username": "<script>"}, "does not hold"),
        ({"roles": None}, "no role"),
        ({"roles": ["gardener"]}, "no role"),
        ({"roles": {"reader": True}}, "no role"),
    ],
)
def test_a_token_that_does_not_hold_signs_nobody_in(
    browser: TestClient, provider: Provider, service: Service, changes: dict[str, Any], why: str
) -> None:
    provider.changes = changes
    answer = sign_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, FAILED)
    assert who(browser) is None
    (reason,) = reasons(service)
    assert any(word in reason for word in why.split("|")), reason
    assert Accounts(service.database).all() == []


def test_signatures_of_others_are_refused(
    browser: TestClient, provider: Provider, service: Service
) -> None:
    provider.key = RSAKey.generate_key(2048)
    assert sign_in(browser).headers["location"] == FAILED
    provider.key = provider.published = OctKey.import_key(SECRET)
    provider.algorithm = "HS256"
    assert sign_in(browser).headers["location"] == FAILED
    assert who(browser) is None
    assert len(reasons(service)) == 2


def test_an_answer_is_good_once_and_for_the_browser_that_began(
    browser: TestClient, browser_of: Callable[[OidcSettings], TestClient], service: Service,
    settings: OidcSettings, clock: Clock,
) -> None:  # fmt: skip
    back = at_provider(browser)
    other = TestClient(browser.app, base_url=ADDRESS, follow_redirects=False)
    assert other.get(back).headers["location"] == FAILED, "another browser"
    kept = browser.cookies["nodulus_account_oidc"]
    assert browser.get(back).status_code == 200
    browser.cookies.clear()
    browser.cookies.set("nodulus_account_oidc", kept)
    assert browser.get(back).headers["location"] == FAILED, "replayed"
    assert who(browser) is None
    back = at_provider(browser)
    clock.ahead = LOGIN_S + 1
    assert browser.get(back).headers["location"] == FAILED, "too old"
    state = browser.get("/oidc/login").headers["set-cookie"].partition("=")[2].partition(";")[0]
    for query in ({"state": state, "error": "access_denied"}, {"code": "1", "state": "other"}, {}):
        answer = browser.get(f"/oidc/callback?{urlencode(query)}")
        assert answer.headers["location"] == FAILED


def test_an_answer_of_another_issuer_is_refused(browser: TestClient, service: Service) -> None:
    back = at_provider(browser)
    assert browser.get(f"{back}&iss=https://elsewhere").headers["location"] == FAILED
    assert "another issuer" in reasons(service)[0]


def test_a_code_is_exchanged_with_its_verifier_alone(
    browser: TestClient, provider: Provider, service: Service
) -> None:
    back = at_provider(browser)
    provider.codes["code-0"]["challenge"] = "of somebody else"
    assert browser.get(back).headers["location"] == FAILED
    assert "no ID token" in reasons(service)[0]


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://elsewhere"}, {"authorization_endpoint": "http://elsewhere/authorize"},
     {"authorization_endpoint": None}],
)  # fmt: skip
def test_metadata_that_do_not_hold_are_refused(
    browser: TestClient, provider: Provider, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    assert browser.get("/oidc/login").headers["location"] == FAILED


def test_names_of_others_and_disabled_accounts_are_refused(
    browser: TestClient, service: Service, provider: Provider
) -> None:
    accounts = Accounts(service.database)
    accounts.add("Doe^Jane", "admin", "correct horse battery")
    assert sign_in(browser).headers["location"] == FAILED, "a password's account"
    provider.changes = {"preferred_username": "Roe^Rob"}
    assert sign_in(browser).status_code == 200
    provider.changes = {"preferred_username": "Roe^Rob", "sub": "4712"}
    assert sign_in(browser).headers["location"] == FAILED, "another person"
    accounts.change("Roe^Rob", disabled=True)
    provider.changes = {}
    assert sign_in(browser).headers["location"] == FAILED, "disabled"
    assert who(browser) is None


def test_roles_by_the_providers_names_and_place(
    browser_of: Callable[[OidcSettings], TestClient], provider: Provider, settings: OidcSettings
) -> None:
    own = replace(settings, roles_claim="realm_access.roles", name_claim="login",
                  roles={"radiology": "reader", "radiology-chief": "admin"})  # fmt: skip
    provider.changes = {"login": "Poe", "roles": ["admin"],
                        "realm_access": {"roles": ["x", "radiology"]}}  # fmt: skip
    browser = browser_of(own)
    sign_in(browser)
    assert who(browser) == ("Poe", "reader")
    provider.changes["realm_access"] = {"roles": ["radiology", "radiology-chief"]}
    sign_in(browser)
    assert who(browser) == ("Poe", "admin")


def test_a_public_client_needs_no_secret(
    browser_of: Callable[[OidcSettings], TestClient], provider: Provider, settings: OidcSettings
) -> None:
    provider.secret = None
    browser = browser_of(replace(settings, client_secret=None))
    sign_in(browser)
    assert who(browser) == ("Doe^Jane", "reader")


def test_settings_that_do_not_hold(tmp_path: Path) -> None:
    with pytest.raises(NodulusError, match="https"):
        OidcSettings("http://idp.example.org", CLIENT, ADDRESS)
    data = str(tmp_path / "data")
    for given, status in ((["--oidc-role", "a=b"], 2), (["--oidc", "https://idp"], 1)):
        done = CliRunner().invoke(cli, ["serve", data, "--port", "0", *given])
        assert done.exit_code == status, done.output


def test_without_a_provider_there_is_none(service: Service) -> None:
    access = AccountAccess(loopback_hosts(PORT), Accounts(service.database), secure=False)
    app = create_service_app(service, service.desk, access, AuditLog(service.database))  # type: ignore[attr-defined]
    browser = TestClient(app, base_url=ADDRESS, follow_redirects=False)
    assert browser.get("/api/login").json() == {"single_sign_on": False}
    assert browser.get("/oidc/login").status_code == 404
