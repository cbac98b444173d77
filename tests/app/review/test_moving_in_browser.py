"""Pictures while the reader moves on, and the window under a finger, in Chromium."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from nodulus.app.review.desk import Desk
from tests.app.review.page_driver import Watched, served_desk, why_not

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]

SLOW_CARD = """
    const { prototype } = WebGL2RenderingContext;
    const { fenceSync, getSyncParameter } = prototype;
    const due = new WeakMap();
    prototype.fenceSync = function (...of) {
        const fence = fenceSync.apply(this, of);
        const { width, clientWidth } = this.canvas;
        due.set(fence, performance.now() + 1000 * (width / clientWidth) ** 2);
        return fence;
    };
    prototype.getSyncParameter = function (fence, name) {
        if (performance.now() < due.get(fence)) return this.UNSIGNALED;
        return getSyncParameter.call(this, fence, name);
    };
"""
"""A card that takes a second for a whole picture, and less for fewer pixels."""

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

WHEEL = """async (count) => {
    const host = document.getElementById("viewer");
    const canvas = host.querySelector("canvas");
    const shares = [];
    const note = () => shares.push(canvas.width / canvas.clientWidth);
    host.addEventListener("drawn", note);
    const box = host.getBoundingClientRect();
    const [clientX, clientY] = [box.left + box.width / 4, box.top + box.height / 2];
    for (let k = 0; k < count; k += 1) {
        const at = { clientX, clientY, cancelable: true };
        host.dispatchEvent(new WheelEvent("wheel", { deltaY: 40, ...at }));
        await new Promise((done) => setTimeout(done, 10));
    }
    await new Promise((done) => setTimeout(done, 1000));
    host.removeEventListener("drawn", note);
    return shares;
}"""
"""Turn the wheel, and rest; the share of the canvas' width that each picture had."""


@pytest.fixture
def address(make_desk: Callable[..., Desk]) -> Iterator[str]:
    with served_desk(make_desk()) as found:
        yield found


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
    watched = Watched(chromium, address)
    watched.page.add_init_script(SLOW_CARD)
    watched.open_first()
    watched.page.evaluate(WHEEL, 5)
    shares = watched.page.evaluate(WHEEL, 100)
    assert max(shares[2:-1]) == pytest.approx(0.375, abs=0.01)
    assert shares[-1] == pytest.approx(1.0, abs=0.01)
    # A picture waits for the one before: of a hundred turns in a second some are drawn.
    assert len(shares) < 30
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
