"""Findings taken up, moved and resized in Chromium, by mouse and by finger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nodulus.app.result import StudyResult
from tests.app.review.page_driver import IN_BROWSER, Watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IN_THE_LUNG = (65.0, -20.0)
"""LPS x and y, mm, where the synthetic chest has no nodule."""

pytestmark = IN_BROWSER


@pytest.fixture
def dropped(results: Path) -> StudyResult:
    """The result, whose second nodule the chain has dropped instead."""
    (path,) = results.glob("*/findings.json")
    result = StudyResult.model_validate_json(path.read_bytes())
    candidates = tuple(
        record.model_copy(update={"kept": False, "finding_id": None, "reason": "Seems a vessel."})
        if record.finding_id == 2
        else record
        for record in result.candidates
    )
    changed = result.model_copy(
        update={"findings": result.findings[:1], "candidates": candidates, "guidance": None}
    )
    path.write_text(changed.model_dump_json(), encoding="utf-8")
    return result


def axial_position(watched: Watched, lps: tuple[float, float]) -> dict[str, float]:
    """Where the axial plane, shown alone and whole, has a place: pixels of the viewer."""
    box = watched.page.locator("#viewer").bounding_box()
    assert box is not None
    volume: Any = watched.state()["volume"]
    _, rows, columns = volume["shape_irc"]
    _, down_mm, right_mm = volume["spacing_irc_mm"]
    scale = min(box["width"] / (columns * right_mm), box["height"] / (rows * down_mm))
    first = [volume["affine_lps"][axis][3] for axis in (0, 1)]
    middle = (first[0] + (columns - 1) * right_mm / 2, first[1] + (rows - 1) * down_mm / 2)
    return {
        "x": box["width"] / 2 + (lps[0] - middle[0]) * scale,
        "y": box["height"] / 2 + (lps[1] - middle[1]) * scale,
    }


def test_a_dropped_candidate_is_taken_up(
    dropped: StudyResult, chromium: Browser, address: str
) -> None:
    watched = Watched(chromium, address)
    watched.open_first()
    assert len(watched.findings()) == 1
    watched.press("x")
    item = watched.page.locator("#dropped li", has_text="Seems a vessel.")
    item.get_by_role("button", name="Show").click()
    item.get_by_role("button", name="Take up").click()
    watched.until("() => document.querySelectorAll('#findings .finding').length === 2")
    taken = watched.state()["findings"][1]
    was = dropped.findings[1]
    assert taken["source"] != "chain"
    assert taken["center_lps_mm"] == pytest.approx(was.center_lps_mm, abs=2.0)
    assert taken["nodule_probability"] == pytest.approx(was.nodule_probability, abs=1e-6)
    assert watched.wrong == []


def test_a_finding_is_moved_with_the_mouse_and_resized(chromium: Browser, address: str) -> None:
    watched = Watched(chromium, address)
    watched.open_first()
    watched.page.get_by_role("button", name="One plane").click()
    watched.press("v")
    assert watched.page.locator("#mode").is_visible()
    watched.page.locator("#viewer").click(position=axial_position(watched, IN_THE_LUNG))
    watched.page.locator("#history", has_text="(1)").wait_for()
    moved = watched.state()["findings"][0]
    assert moved["center_lps_mm"][:2] == pytest.approx(IN_THE_LUNG, abs=4.0)

    watched.press("e")
    watched.page.locator("#diameter").fill("12")
    watched.page.get_by_role("button", name="Resize").click()
    watched.page.locator("#history", has_text="(2)").wait_for()
    resized = watched.state()["findings"][0]
    assert resized["diameters_mm"]["mean"] == pytest.approx(12.0, abs=1.5)
    assert resized["outlined_by"] == "resized"
    assert resized["center_lps_mm"] == pytest.approx(moved["center_lps_mm"], abs=2.0)
    watched.press("z", "z")
    assert watched.state()["findings"][0]["outlined_by"] == "segmentation"
    assert watched.wrong == []


def test_a_finger_chooses_decides_and_adds(chromium: Browser, address: str) -> None:
    watched = Watched(chromium, address, width=1024, height=768, touch=True)
    watched.open_first()
    page = watched.page
    page.get_by_role("button", name="One plane").tap()
    page.locator("#findings .finding").nth(1).tap()
    page.get_by_role("button", name="Accept").tap()
    page.locator("#history", has_text="(1)").wait_for()
    assert [f["decision"] for f in watched.state()["findings"]] == [None, "accepted"]

    # The cross-hair goes where the finger was, and what is moved to the cross-hair with it.
    page.locator("#findings .finding").first.tap()
    page.locator("#viewer").tap(position=axial_position(watched, IN_THE_LUNG))
    watched.press("v", "Enter")
    page.locator("#history", has_text="(2)").wait_for()
    moved = watched.state()["findings"][0]
    assert moved["center_lps_mm"][:2] == pytest.approx(IN_THE_LUNG, abs=4.0)

    other = (-IN_THE_LUNG[0], IN_THE_LUNG[1])
    page.locator("#add").tap()
    page.locator("#viewer").tap(position=axial_position(watched, other))
    watched.until("() => document.querySelectorAll('#findings .finding').length === 3")
    added = watched.state()["findings"][2]
    assert added["source"] == "added"
    assert added["center_lps_mm"][:2] == pytest.approx(other, abs=4.0)
    assert watched.wrong == []
