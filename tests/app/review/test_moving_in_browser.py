"""Pictures while the reader moves on, and the window under a finger, in Chromium."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.app.review.page_driver import IN_BROWSER, Watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = IN_BROWSER

SLOW_CARD = """
    const { prototype } = WebGL2RenderingContext;
    const { fenceSync, getSyncParameter } = prototype;
    const due = new WeakMap();
    let last = 0;
    window.tooEarly = 0;
    prototype.fenceSync = function (...of) {
        const fence = fenceSync.apply(this, of);
        const { width, clientWidth } = this.canvas;
        const now = performance.now();
        window.tooEarly += now < last;
        last = now + 1000 * (width / clientWidth) ** 2;
        due.set(fence, last);
        return fence;
    };
    prototype.getSyncParameter = function (fence, name) {
        if (performance.now() < due.get(fence)) return this.UNSIGNALED;
        return getSyncParameter.call(this, fence, name);
    };
"""
"""A card that takes a second for a whole picture, and less for fewer pixels; it counts the pictures
that it is given before it is done with the last one."""

SHARES = """async ([whole, upload]) => {
    const { Pace } = await import("/js/pace.js");
    let now = 0;
    let due = 0;
    const card = {
        SIGNALED: 1, isContextLost: () => false, fenceSync: () => ({}), flush: () => {},
        deleteSync: () => {}, getSyncParameter: () => (now < due ? 0 : 1),
    };
    const pace = new Pace(card, () => {}, () => now);
    const shares = [];
    for (let k = 0; k < 12; k += 1) {
        shares.push(pace.next());
        pace.drew();
        due = now + whole * shares[k] ** 2 + (k % 3 ? 0 : upload);
        if (!pace.busy()) throw new Error("The card draws, and the pace does not know.");
        now = due;
        if (pace.busy()) throw new Error("The card is done, and the pace does not know.");
    }
    pace.close();
    return shares;
}"""
"""The shares of twelve pictures on a card that takes so many ms for a whole one; each third picture
waits for an upload as well."""

WHEEL = """async (pictures) => {
    const host = document.getElementById("viewer");
    const canvas = host.querySelector("canvas");
    const shares = [];
    const note = () => shares.push(canvas.width / canvas.clientWidth);
    host.addEventListener("drawn", note);
    const box = host.getBoundingClientRect();
    const [clientX, clientY] = [box.left + box.width / 4, box.top + box.height / 2];
    const share = () => shares.at(-1);
    while (shares.length < pictures) {
        const at = { clientX, clientY, cancelable: true };
        host.dispatchEvent(new WheelEvent("wheel", { deltaY: 40, ...at }));
        await new Promise((done) => setTimeout(done, 10));
    }
    const moving = shares.length;
    while (share() < 0.99) await new Promise((done) => setTimeout(done, 50));
    host.removeEventListener("drawn", note);
    return { moving: shares.slice(0, moving), rest: share() };
}"""
"""Turn the wheel until so many pictures are drawn, and rest until one is whole; the shares of the
canvas' width that the pictures had."""


def test_a_picture_gets_as_many_pixels_as_it_has_time_for(chromium: Browser, address: str) -> None:
    page = Watched(chromium, address).page
    cards = {5: 1.0, 39: 1.0, 60: 0.75, 150: 0.5, 200: 0.375, 5000: 0.375}
    for (whole, share), upload in itertools.product(cards.items(), (0, 500)):
        shares = page.evaluate(SHARES, [whole, upload])
        assert shares[0] == 1.0
        assert set(shares[4:]) == {share}, f"{whole} ms, {upload} ms of upload"


def test_on_a_slow_card_pictures_are_small_in_motion_and_whole_at_rest(
    chromium: Browser, address: str
) -> None:
    watched = Watched(chromium, address, viewer="niivue", before=SLOW_CARD)
    watched.open_first()
    watched.page.evaluate(WHEEL, 3)
    shares = watched.page.evaluate(WHEEL, 10)
    # The first one may have been asked for before the wheel was turned.
    assert shares["moving"][1:] == pytest.approx([0.375] * 9, abs=0.01)
    assert shares["rest"] == pytest.approx(1.0, abs=0.01)
    assert watched.page.evaluate("tooEarly") == 0, "a picture waits for the one before"
    assert watched.wrong == []


def test_a_finger_sets_the_window_and_the_numbers_follow(chromium: Browser, address: str) -> None:
    watched = Watched(chromium, address, width=1024, height=768, touch=True)
    watched.open_first()
    watched.press("g")
    box = watched.page.locator("#viewer").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2
    level = watched.page.get_by_label("Window level, HU")
    width = watched.page.get_by_label("Window width, HU")
    before = float(level.input_value()), float(width.input_value())
    device = watched.page.context.new_cdp_session(watched.page)
    for kind, moved in (("touchStart", 0), ("touchMove", 20), ("touchMove", 40), ("touchEnd", 40)):
        points = [] if kind == "touchEnd" else [{"x": x + moved, "y": y + moved / 2}]
        device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert float(level.input_value()) == pytest.approx(before[0] + 2.5 * 20, abs=10)
    assert float(width.input_value()) == pytest.approx(before[1] + 2.5 * 40, abs=10)
    assert watched.wrong == []
