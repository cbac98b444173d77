"""The review page in Chromium, on a synthetic study."""

from __future__ import annotations

import csv
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.commands.root import cli
from nodulus.app.volume import CtVolume
from tests.app.reading.dicom_factory import write_series
from tests.app.review.page_driver import (
    IN_BROWSER,
    NO_GL,
    Watched,
    axe_core,
    browser,
    faults,
    served_desk,
)
from tests.app.synthetic_chest import NODULES_LPS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

LATE_HISTORY = """() => {
    const prompt = window.promptFetch = window.fetch;
    window.fetch = async (address, options) => {
        if (String(address).endsWith("/log")) await new Promise((go) => setTimeout(go, 400));
        return prompt(address, options);
    };
}"""

pytestmark = IN_BROWSER


@pytest.fixture(scope="module")
def result(
    tmp_path_factory: pytest.TempPathFactory,
    volume: CtVolume,
    models: Models,
    chain_settings: ChainSettings,
) -> Path:
    root = tmp_path_factory.mktemp("review")
    first = volume.geometry.affine_lps[:3, 3]
    write_series(root / "ct", volume.hu, spacing_mm=(1.5, 1.5), step_mm=2.0, first_lps_mm=first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nodulus.app.chain.load_models", lambda *_, **__: models)
        patch.setattr("nodulus.app.chain.load_settings", lambda *_, **__: chain_settings)
        ran = CliRunner().invoke(cli, ["detect", str(root / "ct"), "-o", str(root / "results")])
    assert ran.exit_code == 0, ran.output
    return root / "results"


@pytest.fixture
def address(
    result: Path, tmp_path: Path, models: Models, chain_settings: ChainSettings
) -> Iterator[str]:
    from nodulus.app.review.desk import Desk
    from nodulus.app.review.images import ImageReader
    from nodulus.app.review.store import Store

    copied = shutil.copytree(result, tmp_path / "results")
    images = ImageReader((), 2**30, chain_settings)
    desk = Desk([copied], Store.in_folder, images, lambda: models, chain_settings)
    with served_desk(desk) as found:
        yield found
    desk.close()


@pytest.mark.parametrize("viewer", ["canvas", "niivue"])
def test_a_study_is_read_from_the_work_list_to_the_exports(
    chromium: Browser, address: str, tmp_path: Path, viewer: str
) -> None:
    watched = Watched(chromium, address, viewer=viewer)
    page = watched.page
    page.wait_for_selector("#rows a")
    assert "token" not in page.url
    watched.open_first()
    assert len(watched.findings()) == 2

    watched.press("j", "k", "a")
    assert "Accepted" in watched.findings()[0]
    # The history comes late: undo takes back the last entry all the same, and not the one before.
    page.evaluate(LATE_HISTORY)
    watched.press("r", "1")
    assert "Rejected" in watched.findings()[1]
    assert "Vessel" in watched.findings()[1]
    watched.press("z")
    assert "Accepted" in watched.findings()[0]
    assert "To decide" in watched.findings()[1]
    page.evaluate("() => { window.fetch = window.promptFetch; }")
    watched.press("r", "4")
    assert watched.state()["findings"][1]["reason"] == "artefact"

    watched.press("k", "m", "Shift+ArrowLeft", "Shift+ArrowLeft", "PageDown", "Enter")
    watched.until("() => document.querySelectorAll('#findings .finding').length === 3")
    before = watched.state()["findings"][0]["volume_mm3"]
    page.locator("#findings .finding").first.click()
    watched.press("b", "]", "Delete", "ArrowUp", "Delete", "ArrowUp", "]", " ", "Enter")
    watched.until("() => document.getElementById('mode').hidden")
    after = watched.state()["findings"][0]
    assert 0 < after["volume_mm3"] < before
    assert after["outlined_by"] == "reader"

    page.locator("#clinical > summary").click()
    page.wait_for_selector("#fact-ever_smoker")
    assert {one.input_value() for one in page.locator("#clinical-form [id^=fact-]").all()} == {""}
    page.locator("#fact-family_history").select_option("false")
    page.locator("#fact-ever_smoker").select_option("true")
    watched.press("x", "x")  # what is drawn anew meanwhile leaves the form as it is
    page.locator("#clinical-save").click()
    page.locator("#guidelines li", has_text="ever smoker: yes (reader)").wait_for()
    page.locator("#guidelines li", has_text="family history: no (reader)").wait_for()
    assert "Dr. Test entered clinical facts" in page.locator("#history").text_content()
    page.locator("#clinical > summary").click()

    page.locator("#comment").fill("Seen before.")
    page.locator("#comment").press("Control+Enter")
    watched.until("() => document.querySelector('.comment .said')")
    for finding in range(3):
        page.locator("#findings .finding").nth(finding).click()
        if "To decide" in watched.findings()[finding]:
            watched.press("u")
    watched.press("Shift+S")
    page.locator("#signing-yes").click()
    page.wait_for_selector("#exports a")
    assert watched.state()["status"] == "signed-off"

    with page.expect_download() as download:
        page.locator("#exports a", has_text="CSV").click()
    download.value.save_as(tmp_path / "marks.csv")
    rows = list(csv.DictReader((tmp_path / "marks.csv").open()))
    marks = [[float(row[f"coord{axis}"]) for axis in "XYZ"] for row in rows]
    assert any(math.dist(mark, NODULES_LPS["big"]) < 5 for mark in marks)
    assert watched.wrong == []
    assert {url.split("/api")[0][: len(watched.origin)] for url in watched.asked} == {
        watched.origin
    }


def test_another_pages_entry_is_shown_and_not_overwritten(chromium: Browser, address: str) -> None:
    watched = Watched(chromium, address)
    watched.open_first()
    watched.decide_elsewhere()
    assert "To decide" in watched.findings()[0]
    watched.press("r", "1")
    assert "came first" in watched.page.locator("#alert").inner_text()
    assert "Accepted" in watched.findings()[0]
    assert watched.state()["version"] == 1
    watched.press("r", "1")
    assert "Rejected" in watched.findings()[0]


def test_the_work_list_fits_a_screen_of_1280_pixels(chromium: Browser, address: str) -> None:
    page = Watched(chromium, address).page
    page.wait_for_selector("#rows a")
    wide, shown = page.evaluate(
        "() => ['scrollWidth', 'clientWidth'].map(k => document.querySelector('.scroll')[k])"
    )
    assert wide <= shown


def test_the_server_draws_where_it_is_asked_to_and_the_keys_are_the_same(
    playwright: Playwright, address: str
) -> None:
    with browser(playwright, *NO_GL) as started:
        watched = Watched(started, address, viewer="pictures")
        watched.open_first()
        assert any("slice.png" in url for url in watched.asked)
        assert not any("ct.nii" in url for url in watched.asked)
        watched.press("a", "ArrowUp", "w", "l")
        watched.until(
            "() => performance.getEntriesByType('resource').some(e => e.name.includes('slab_mm=5'))"
        )
        assert "Accepted" in watched.findings()[0]
        assert [words for words in watched.wrong if "WebGL" not in words] == []


def test_the_pages_have_no_serious_accessibility_fault(
    chromium: Browser, address: str, tmp_path: Path
) -> None:
    axe = axe_core(tmp_path)
    watched = Watched(chromium, address)
    watched.page.wait_for_selector("#rows a")

    assert faults(watched, axe) == []
    watched.open_first()
    watched.press("x", "e", "r")
    assert faults(watched, axe) == []
    watched.press("Escape", "?")
    assert faults(watched, axe) == []
