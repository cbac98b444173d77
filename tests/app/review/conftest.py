"""A small study that was analysed, and a reader's client for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.output import OutputFolder
from nodulus.app.reading import find_studies
from nodulus.app.results.options import OutputOptions
from nodulus.app.review.desk import Desk, Reader
from nodulus.app.review.images import ImageReader
from nodulus.app.review.server.access import loopback_session
from nodulus.app.review.server.application import create_app
from nodulus.app.review.server.guard import CSRF_HEADER
from nodulus.app.review.server.viewer_build import ViewerBuild
from nodulus.app.review.store import Store
from nodulus.app.run import run_all
from nodulus.app.volume import CtVolume
from tests.app.reading.dicom_factory import write_series
from tests.app.review.page_driver import SOFTWARE_GL, browser, served_desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

PORT = 12345


@pytest.fixture(scope="session")
def ct(tmp_path_factory: pytest.TempPathFactory, volume: CtVolume) -> Path:
    """The synthetic chest as DICOM files."""
    folder = tmp_path_factory.mktemp("ct")
    write_series(
        folder,
        volume.hu,
        study="a",
        series="1",
        spacing_mm=(1.5, 1.5),
        step_mm=2.0,
        first_lps_mm=volume.geometry.affine_lps[:3, 3],
    )
    return folder


@pytest.fixture(scope="session")
def analysed(
    tmp_path_factory: pytest.TempPathFactory,
    ct: Path,
    models: Models,
    chain_settings: ChainSettings,
) -> Path:
    """What detect wrote about it; not to be changed."""
    out = tmp_path_factory.mktemp("analysed")
    options = OutputOptions(report=False)
    run_all(find_studies(ct), OutputFolder(out, ct), models, chain_settings, options)
    return out


@pytest.fixture
def results(tmp_path: Path, analysed: Path) -> Path:
    """A copy of it."""
    shutil.copytree(analysed, tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def make_desk(
    results: Path, models: Models, chain_settings: ChainSettings
) -> Iterator[Callable[..., Desk]]:
    """Makes desks on the results."""
    desks: list[Desk] = []

    def make(*places: Path, two_readers: bool = False) -> Desk:
        images = ImageReader(places, 2**30, chain_settings)
        desk = Desk(
            [results], Store.in_folder, images, lambda: models, chain_settings,
            two_readers=two_readers,
        )  # fmt: skip
        desks.append(desk)
        return desk

    yield make
    for desk in desks:
        desk.close()


@pytest.fixture
def client(make_desk: Callable[..., Desk]) -> Iterator[httpx.Client]:
    """The page of a reader: in the session, with the token for changes."""
    with as_reader(make_desk(), Reader("Doe^Jane")) as one:
        yield one


@pytest.fixture
def address(make_desk: Callable[..., Desk]) -> Iterator[str]:
    """Where the work list is, for a browser."""
    with served_desk(make_desk()) as found:
        yield found


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """One for the module: a thread can hold no second one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    with browser(playwright, *SOFTWARE_GL) as started:
        yield started


def as_reader(desk: Desk, reader: Reader, viewer: ViewerBuild | None = None) -> TestClient:
    session = loopback_session(PORT, reader)
    app = create_app(desk, session, "A hospital", viewer=viewer)
    one = TestClient(app, base_url=f"http://127.0.0.1:{PORT}", raise_server_exceptions=False)
    one.get("/", params={"token": session.token}, follow_redirects=False)
    one.headers[CSRF_HEADER] = session.csrf
    return one
