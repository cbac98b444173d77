"""Two readers and an adjudicator in Chromium, each on their own page of one desk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nodulus.app.review.desk import Desk, Reader
from nodulus.app.review.server.access import loopback_session
from nodulus.app.review.server.application import create_app
from tests.app.review.page_driver import IN_BROWSER, Watched, axe_core, faults, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = IN_BROWSER
PICTURES = os.environ.get("NODULUS_TEST_PICTURES")
"""A folder for a picture of each state."""


@pytest.fixture
def page_of(chromium: Browser, make_desk: Callable[..., Desk]) -> Iterator[Callable[..., Watched]]:
    """Opens the work list of somebody."""
    desk = make_desk(two_readers=True)
    with ExitStack() as stack:

        def page(name: str, role: str = "reader") -> Watched:
            found: list[str] = []

            def make(listener):
                port = listener.getsockname()[1]
                session = loopback_session(port, Reader(name, role))  # type: ignore[arg-type]
                found.append(f"http://127.0.0.1:{port}/?token={session.token}")
                return create_app(desk, session)

            stack.enter_context(served(make))
            watched = Watched(chromium, found[0])
            watched.page.wait_for_selector("#rows a")
            return watched

        yield page


def picture(watched: Watched, name: str) -> None:
    if PICTURES:
        watched.page.screenshot(path=Path(PICTURES) / f"{name}.png")


def status(watched: Watched) -> str:
    return watched.page.locator("#status").inner_text()


def sign_off(watched: Watched) -> None:
    watched.press("Shift+S")
    watched.page.locator("#signing-yes").click()
    watched.until(
        "() => ['Read', 'Signed off'].includes(document.getElementById('status').innerText)"
    )


def reload_list(watched: Watched) -> None:
    watched.page.goto(watched.origin + "/")
    watched.page.wait_for_selector("#rows a")


def test_two_readers_and_an_adjudicator(page_of: Callable[..., Watched], tmp_path: Path) -> None:
    axe = axe_core(tmp_path)
    ann, bob = page_of("Doe^Ann"), page_of("Roe^Bob")
    chief = page_of("Major^Chris", "adjudicator")
    assert "First reads" in chief.page.locator("#rows").inner_text()
    chief.open_first()
    assert "Two readers read this study first" in chief.page.locator("#closed").inner_text()
    assert chief.page.locator("#sign").is_disabled()
    assert chief.page.locator("#decide-accepted").count() == 0
    assert faults(chief, axe) == []

    ann.open_first()
    ann.page.locator("#changes > summary").click()
    ann.page.locator("#malignancy-4").check()
    ann.until("() => document.querySelector('.measures').innerText.includes('reader 4/5')")
    ann.press("a", "r", "2", "m", "Shift+ArrowLeft", "Shift+ArrowLeft", "PageDown", "Enter")
    ann.until("() => document.querySelectorAll('#findings .finding').length === 3")
    sign_off(ann)
    assert status(ann) == "Read"
    assert (
        "an adjudicator decides where its two readers differ"
        in ann.page.locator("#closed").inner_text()
    )
    assert ann.page.locator("#exports").is_hidden()
    assert faults(ann, axe) == []
    picture(ann, "review_first_read")

    reload_list(bob)
    assert "Ann" not in bob.page.locator("#rows").inner_text()
    bob.open_first()
    assert len(bob.findings()) == 2
    assert all("To decide" in words for words in bob.findings())
    bob.press("a", "a")
    sign_off(bob)
    assert status(bob) == "Read"
    assert bob.page.locator(".opinions").count() == 0

    reload_list(chief)
    words = chief.page.locator("#rows").inner_text()
    assert "To adjudicate" in words
    assert "Doe^Ann and Roe^Bob" in words
    picture(chief, "review_to_adjudicate")
    chief.open_first()
    assert "first readers differ: malignancy" in chief.findings()[0]
    assert "first readers differ: the decision" in chief.findings()[1]
    assert "first readers differ: one has not found it" in chief.findings()[2]
    chief.page.locator("#findings .finding").nth(1).click()
    said = chief.page.locator(".opinions li").all_inner_texts()
    assert "Doe^Ann Rejected: scar" in said[0]
    assert "Roe^Bob Accepted" in said[1]
    assert faults(chief, axe) == []
    picture(chief, "review_adjudicate")
    chief.press("y")
    assert "Accepted" in chief.findings()[1]
    chief.page.locator("#findings .finding").nth(0).click()
    chief.page.locator("#adopt-1").click()
    chief.until("() => document.querySelectorAll('#findings .finding.open').length === 1")
    chief.page.locator("#findings .finding").nth(2).click()
    assert chief.page.locator("#adopt-2").count() == 0
    chief.press("r", "1")
    sign_off(chief)
    assert status(chief) == "Signed off"
    state = chief.state()
    assert [f["decision"] for f in state["findings"]] == ["accepted", "accepted", "rejected"]
    assert state["findings"][0]["malignancy_rating"] == 4
    assert chief.page.locator("#exports").is_visible()

    reload_list(ann)
    ann.open_first()
    assert status(ann) == "Signed off"
    assert "The study is adjudicated" in ann.page.locator("#closed").inner_text()
    assert "Accepted" in ann.findings()[1]
    assert ann.page.locator("#exports").is_visible()
    assert ann.page.locator("#sign").is_disabled()
    assert faults(ann, axe) == []
    picture(ann, "review_adjudicated")
    assert (ann.wrong, bob.wrong, chief.wrong) == ([], [], [])
