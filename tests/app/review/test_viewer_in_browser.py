"""OHIF in Chromium on a synthetic study: its CT, SEG and SR.

The environment variable NODULUS_OHIF names an OHIF build: dist of the npm package @ohif/app.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nodulus.app.review.desk import Desk
from nodulus.app.review.server.viewer_build import open_viewer_build
from tests.app.review.page_driver import IN_BROWSER, Watched, served_desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BUILD = os.environ.get("NODULUS_OHIF", "")

pytestmark = [
    *IN_BROWSER,
    pytest.mark.skipif(not BUILD, reason="NODULUS_OHIF names no OHIF build"),
]


@pytest.fixture
def address(make_desk: Callable[..., Desk]) -> Iterator[str]:
    """Where the work list is, with the viewer beside it."""
    with served_desk(make_desk(), open_viewer_build(Path(BUILD))) as found:
        yield found


def test_ohif_shows_the_ct_and_the_segmentation(chromium: Browser, address: str) -> None:
    watched = Watched(chromium, address)
    watched.open_first()
    link = watched.page.locator("#other-viewer").get_attribute("href")
    assert link is not None
    watched.wrong.clear()
    watched.page.goto(watched.origin + link, wait_until="commit")
    watched.page.get_by_text("Confirm and hide").click()
    watched.until("() => window.services?.displaySetService.activeDisplaySets.length === 3")
    found = watched.page.evaluate(
        "() => window.services.displaySetService.activeDisplaySets.map(d => d.Modality).sort()"
    )
    assert found == ["CT", "SEG", "SR"]
    watched.page.get_by_text("Nodulus nodules").first.dblclick()
    watched.page.get_by_role("button", name="Yes", exact=True).click()
    watched.until("() => window.services.segmentationService.getSegmentations().length === 1")
    segments = watched.page.evaluate(
        "() => Object.values(window.services.segmentationService.getSegmentations()[0].segments)"
        ".map(segment => segment.label)"
    )
    assert segments == ["Nodule 1", "Nodule 2"]
    assert [words for words in watched.wrong if "Content Security Policy" in words] == []
    assert all(url.startswith((watched.origin, "blob:", "data:")) for url in watched.asked)
