"""The HTML report in Chromium: nothing lies beyond the right edge of a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nodulus.app.results import writers
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.study_plan import StudyAnalysis, plan
from tests.app.review.page_driver import NO_GL, browser, why_not

from .synthetic import result_for, two_labels, write_series

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]

BEYOND = """() => [...document.querySelectorAll('.ranked td, .ranked th, .card, .guide')]
    .filter(e => e.scrollWidth > e.clientWidth + 1
        || e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
    .filter(e => getComputedStyle(e).display !== 'none' && e.closest('thead') === null)
    .map(e => e.textContent.trim().slice(0, 60))"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started, browser(started, *NO_GL) as chromium:
        page = chromium.new_page(viewport={"width": 360, "height": 800})
        yield page
        page.close()


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_nothing_is_cut_off_on_a_phone(language: str, page: Page, tmp_path: Path) -> None:
    volume = write_series(tmp_path / "ct")
    labels = two_labels()
    result = result_for(volume, labels)
    first, *rest = result.findings
    longest = first.model_copy(update={"texture": "part-solid", "kind": "mass or consolidation"})
    result = result.model_copy(update={"findings": [longest, *rest]})
    options = OutputOptions(language=language)
    (report,) = writers.report(plan(volume, StudyAnalysis(labels, result), options)).values()
    (tmp_path / "report.html").write_bytes(report)
    for width in (360, 390, 760):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto((tmp_path / "report.html").as_uri())
        assert page.evaluate(BEYOND) == []
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
