"""A reader who is faster than the server loses nothing, and sees all of the panel, in Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.app.review.page_driver import IN_BROWSER, Watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

HOLD = """() => {
    const fetch = window.fetch;
    const held = [];
    window.release = () => held.splice(0).forEach((go) => go());
    window.sent = 0;
    window.fetch = async (address, options) => {
        if (options?.method === "POST") {
            window.sent += 1;
            await new Promise((go) => held.push(go));
        }
        return fetch(address, options);
    };
}"""
"""Entries stay on their way until they are released."""

CUT_OFF = """() => {
    const right = document.querySelector("aside").getBoundingClientRect().right;
    return [...document.querySelectorAll("aside :is(button, dd, input, textarea, select)")]
        .filter((one) => one.getBoundingClientRect().right > right)
        .map((one) => one.outerHTML);
}"""
"""What reaches beyond the findings' panel."""

pytestmark = IN_BROWSER


def release_all(watched: Watched) -> None:
    watched.until("() => { window.release(); return document.body.dataset.busy !== 'true'; }")


def decisions(watched: Watched) -> list[str | None]:
    return [finding["decision"] for finding in watched.state()["findings"]]


def test_what_is_decided_while_another_entry_is_on_its_way_is_kept(
    chromium: Browser, address: str
) -> None:
    watched = Watched(chromium, address)
    watched.open_first()
    watched.page.evaluate(HOLD)
    for key in ("a", "a", "j", "u"):  # the second a is the same key, pressed twice
        watched.page.keyboard.press(key)
    assert watched.page.evaluate("sent") == 1, "one after the other"
    release_all(watched)
    assert decisions(watched) == ["accepted", "unsure"]
    assert watched.state()["version"] == 2
    # Undo takes back what is the last entry once it is its turn.
    watched.page.locator("#findings .finding").nth(1).click()
    for key in ("a", "z"):
        watched.page.keyboard.press(key)
    release_all(watched)
    assert decisions(watched) == ["accepted", "unsure"]
    assert watched.state()["version"] == 4
    assert watched.wrong == []


def test_behind_an_entry_that_is_refused_none_is_sent(chromium: Browser, address: str) -> None:
    watched = Watched(chromium, address)
    watched.open_first()
    watched.decide_elsewhere()
    watched.page.evaluate(HOLD)
    for key in ("u", "j", "u"):
        watched.page.keyboard.press(key)
    release_all(watched)
    assert decisions(watched) == ["accepted", None], "made without knowing of the other page's"
    assert watched.page.evaluate("sent") == 1
    assert "came first" in watched.page.locator("#alert").inner_text()
    watched.page.locator("#findings .finding").nth(1).click()
    watched.page.keyboard.press("u")
    release_all(watched)
    assert decisions(watched) == ["accepted", "unsure"]


def test_strokes_made_before_the_outline_is_here_are_kept(chromium: Browser, address: str) -> None:
    watched = Watched(chromium, address)
    watched.open_first()
    before = watched.state()["findings"][0]["volume_mm3"]
    held: list[Route] = []
    is_held = True

    def pass_on(route: Route) -> None:
        if is_held:
            held.append(route)
        else:
            route.continue_()

    watched.page.route("**/labels.nii.gz*", pass_on)
    watched.press("a")  # the masks of the study as it is now are not here yet
    watched.page.locator("#findings .finding").nth(0).click()
    watched.page.keyboard.press("b")
    for key in ("]", "Delete", "Enter"):
        watched.page.keyboard.press(key)
    assert "on its way" in watched.page.locator("#mode").inner_text()
    is_held = False
    for route in held:
        route.continue_()
    watched.until("() => document.getElementById('mode').hidden")
    finding = watched.state()["findings"][0]
    assert 0 < finding["volume_mm3"] < before
    assert finding["outlined_by"] == "reader"
    assert watched.wrong == []


def test_the_panel_is_not_wider_than_its_column(chromium: Browser, address: str) -> None:
    watched = Watched(chromium, address)
    watched.open_first()
    watched.press("e")
    watched.page.locator("#malignancy-4").check()
    watched.until("() => document.querySelector('.measures').innerText.includes('reader 4/5')")
    watched.until("() => document.body.dataset.busy !== 'true'")
    assert watched.page.evaluate(CUT_OFF) == []
    watched.page.keyboard.press("r")
    below = watched.page.locator(".reasons").bounding_box()
    panel = watched.page.locator("aside").bounding_box()
    assert below is not None
    assert panel is not None
    assert below["y"] + below["height"] <= panel["y"] + panel["height"] + 1, "all reasons are seen"
