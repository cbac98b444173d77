"""A browser on the review page, and the page's server, for the tests."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fastapi import FastAPI
    from playwright.sync_api import Browser, Page, Playwright, ViewportSize

    from nodulus.app.review.desk import Desk
    from nodulus.app.review.server.viewer_build import ViewerBuild

PATIENCE_S = 120.0
SOFTWARE_GL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
AXE = "axe-core@4.10.3"
SERIOUS = ("serious", "critical")
NO_GL = ("--disable-gpu", "--disable-3d-apis")
OTHER_ENTRY = """async () => {
    const key = location.hash.slice(1);
    const { csrf } = await (await fetch("/api/session")).json();
    const { version, findings } = await (await fetch(`/api/studies/${key}`)).json();
    const entry = { kind: "accept", finding: findings[0].id, data: {}, expected_version: version };
    const answer = await fetch(`/api/studies/${key}/entries`, {
        method: "POST", body: JSON.stringify(entry),
        headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    });
    return answer.status;
}"""
"""Another page accepts the first finding."""


def why_not() -> str | None:
    """Give the reason for which there can be no browser here."""
    if importlib.util.find_spec("playwright") is None:
        return "needs Playwright (pip install playwright)"
    return None if _chromium() else "needs Chromium (Debian package chromium)"


def _chromium() -> str | None:
    named = os.environ.get("NODULUS_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


IN_BROWSER = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]
"""Marks of the tests that drive the page."""


@contextmanager
def browser(playwright: Playwright, *arguments: str) -> Iterator[Browser]:
    """Start Chromium without a window."""
    started = playwright.chromium.launch(
        executable_path=_chromium(),
        args=["--no-sandbox", *arguments],
        timeout=PATIENCE_S * 1000,
    )
    yield started
    started.close()


@contextmanager
def served(make: Callable[[socket.socket], FastAPI]) -> Iterator[None]:
    """Serve an application in a thread.

    Args:
        make: from the socket that is listened on.
    """
    import uvicorn

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        application = make(listener)
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)


@contextmanager
def served_desk(desk: Desk, viewer: ViewerBuild | None = None) -> Iterator[str]:
    """Serve the review of a desk; gives the address of its work list.

    Args:
        desk: of the studies.
        viewer: opens them too.
    """
    from nodulus.app.review.desk import Reader
    from nodulus.app.review.server.access import loopback_session
    from nodulus.app.review.server.application import create_app

    found: list[str] = []

    def make(listener: socket.socket) -> FastAPI:
        port = listener.getsockname()[1]
        session = loopback_session(port, Reader("Dr. Test"))
        found.append(f"http://127.0.0.1:{port}/?token={session.token}")
        return create_app(desk, session, viewer=viewer)

    with served(make):
        yield found[0]


class Watched:
    """A page that notes what it asks for and what goes wrong.

    Args:
        browser: opens it.
        address: of the work list.
        width: pixels.
        height: likewise.
        touch: whether there are fingers.
        viewer: which one is asked for; None for the one that the page chooses.
        before: a script that runs before those of the page.
    """

    def __init__(
        self,
        browser: Browser,
        address: str,
        width: int = 1280,
        height: int = 800,
        *,
        touch: bool = False,
        viewer: str | None = None,
        before: str = "",
    ):
        viewport: ViewportSize = {"width": width, "height": height}
        context = browser.new_context(viewport=viewport, has_touch=touch)
        if viewer:
            context.add_init_script(f"sessionStorage.setItem('nodulus:viewer', '{viewer}')")
        if before:
            context.add_init_script(before)
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_S * 1000)
        self.origin = address.partition("/?")[0]
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", self._said)
        self.page.goto(address, wait_until="commit")

    def _said(self, message: Any) -> None:
        if message.type == "error":
            self.wrong.append(message.text)

    def open_first(self) -> None:
        """Go from the work list into its first study, until all of its voxels are there."""
        self.page.locator("#rows a").first.click()
        self.until_marked("nodulus:ct", "nodulus:server")

    def until_marked(self, *names: str) -> None:
        """Wait for one of the page's marks of time."""
        self.until(
            "names => names.some(name => performance.getEntriesByName(name).length)", list(names)
        )

    def until(self, condition: str, argument: Any = None) -> None:
        """Wait for a condition; Playwright's own way needs what the page's policy forbids."""
        end = time.monotonic() + PATIENCE_S
        while not self.page.evaluate(condition, argument):
            if time.monotonic() > end:
                raise TimeoutError(f"{condition} {argument}: {self.wrong}")
            self.page.wait_for_timeout(50)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other; each waits for what the last one sent."""
        for key in keys:
            self.page.keyboard.press(key)
            self.until("() => document.body.dataset.busy !== 'true'")

    def findings(self) -> list[str]:
        """The words of each finding in the list."""
        return self.page.locator("#findings .finding").all_inner_texts()

    def decide_elsewhere(self) -> None:
        """Have another page accept the first finding, which this one does not see."""
        assert self.page.evaluate(OTHER_ENTRY) == 200

    def state(self) -> dict[str, Any]:
        """The study as the server has it."""
        key = self.page.url.partition("#")[2]
        answer: dict[str, Any] = self.page.evaluate(
            "key => fetch(`/api/studies/${key}`).then(answer => answer.json())", key
        )
        return answer


def axe_core(folder: Path) -> str:
    """Give axe-core's script; skips the test where npm does not give it.

    Args:
        folder: for its package.
    """
    if shutil.which("npm") is None:
        pytest.skip("needs npm for axe-core")
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), AXE]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("npm's registry does not answer")
    (archive,) = folder.glob("*.tgz")
    shutil.unpack_archive(archive, folder)
    return (folder / "package" / "axe.min.js").read_text(encoding="utf-8")


def faults(watched: Watched, axe: str) -> list[str]:
    """The serious faults of accessibility that a page has now.

    Args:
        watched: the page.
        axe: as `axe_core` gives it.
    """
    watched.page.evaluate(axe)
    found = watched.page.evaluate("() => axe.run().then(result => result.violations)")
    return [f"{f['id']}: {f['nodes'][0]['html']}" for f in found if f["impact"] in SERIOUS]
