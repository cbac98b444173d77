"""Single sign-on in Chromium, with a provider on another site."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("authlib")
pytest.importorskip("joserfc")

from nodulus.app.review.server.access import loopback_hosts
from nodulus.app.serve.account_access import AccountAccess
from nodulus.app.serve.accounts import Accounts
from nodulus.app.serve.application import create_service_app
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.oidc import Oidc, OidcSettings
from nodulus.app.serve.service import Service
from tests.app.review.page_driver import PATIENCE_S, browser, served, why_not
from tests.app.serve.oidc_provider import CLIENT, SECRET, Provider

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


@pytest.fixture
def provider() -> Iterator[Provider]:
    """At 127.0.0.2, which is another site than the service's."""
    import uvicorn

    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.2", 0))
        except OSError as error:  # of all of 127.0.0.0/8 macOS has one address
            pytest.skip(f"no second address of this computer: {error}")
        made = Provider(f"http://127.0.0.2:{listener.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(made.application(), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield made
        server.should_exit = True
        thread.join(PATIENCE_S)


def test_a_reader_signs_in_and_is_refused_again_where_the_role_is_gone(
    provider: Provider, service: Service
) -> None:
    from playwright.sync_api import sync_playwright

    found: list[str] = []

    def make(listener: Any) -> Any:
        port = listener.getsockname()[1]
        found.append(f"http://127.0.0.1:{port}")
        access = AccountAccess(loopback_hosts(port), Accounts(service.database), secure=False)
        settings = OidcSettings(provider.issuer, CLIENT, f"{found[0]}/oidc/callback", SECRET)
        return create_service_app(
            service, service.desk, access, AuditLog(service.database), oidc=Oidc(settings)
        )  # type: ignore[attr-defined]

    with served(make), sync_playwright() as playwright, browser(playwright) as chromium:
        page = chromium.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        page.goto(found[0])
        page.locator("#single-sign-on").click()
        page.get_by_text("Doe^Jane").wait_for()
        assert page.url == f"{found[0]}/"

        provider.changes = {"roles": []}
        other = chromium.new_page()
        other.goto(found[0])
        other.locator("#single-sign-on").click()
        other.get_by_text("could not be signed in").wait_for()
