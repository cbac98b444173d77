"""The service's work list in Chromium."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

pytest.importorskip("fastapi")

from nodulus.app.serve.service import Service
from tests.app.review.page_driver import Watched, browser, why_not
from tests.app.serve.service_samples import TOKEN, make_study, wait_for, zipped

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


def test_a_study_that_was_refused_says_why_and_is_tried_again(
    service: Service, live: str, tmp_path: Path
) -> None:
    from playwright.sync_api import sync_playwright

    study = zipped(make_study(tmp_path / "a", "a", what="refuse"))
    access = {"Authorization": f"Bearer {TOKEN}"}
    httpx.post(f"{live}/studies", content=study, headers=access, timeout=60).raise_for_status()
    wait_for(lambda: service.queue.counts()["refused"] == 1)
    _, (before,) = service.queue.studies()
    with sync_playwright() as playwright, browser(playwright) as chromium:
        watched = Watched(chromium, f"{live}/?token={TOKEN}")
        watched.page.get_by_text("No lungs were found. Send a CT of the chest.").wait_for()
        watched.page.locator("#status").select_option("failed")
        watched.page.get_by_role("button", name="Try again").click()
        wait_for(lambda: service.queue.studies()[1][0].changed > before.changed)
        wait_for(lambda: service.queue.counts()["refused"] == 1)
        assert watched.wrong == []
