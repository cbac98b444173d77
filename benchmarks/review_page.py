"""Times of the review page in Chromium: first picture, all of the CT, next slice, an added nodule.

    python benchmarks/review_page.py RESULT [--images DICOM_FOLDER] [--json FILE]

RESULT is a folder that `nodulus detect` wrote. Needs Playwright and Chromium. Each load starts in a
new browser context; the first one finds a server that has not read the CT yet. A slice is timed
from the wheel to the pixels (one pixel is read back, which waits for the drawing), and to the
second frame of the screen after it; both without a pause between slices.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE_S = 60.0
SOFTWARE = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
MARKS = {
    "first picture": "nodulus:preview",
    "lungs": "nodulus:lungs",
    "all of the CT": "nodulus:ct",
}

TURN = """async ([count, plane]) => {
  const host = document.getElementById("viewer");
  const canvas = host.querySelector("canvas");
  const gl = canvas.getContext("webgl2");
  const pen = canvas.getContext("2d");
  const box = host.getBoundingClientRect();
  const share = { axial: [0.3, 0.5], coronal: [0.8, 0.25], sagittal: [0.8, 0.75] }[plane];
  const [clientX, clientY] = [box.left + share[0] * box.width, box.top + share[1] * box.height];
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const drawn = () => new Promise((done) => host.addEventListener("drawn", done, { once: true }));
  const turn = (deltaY) => host.dispatchEvent(
    new WheelEvent("wheel", { deltaY, clientX, clientY, bubbles: true, cancelable: true }));
  const pixels = [];
  const frames = [];
  const widths = new Set();
  for (let k = 0; k < count; k += 1) {
    await frame();
    const start = performance.now();
    const picture = drawn();
    turn(k % 20 < 10 ? 40 : -40);
    await picture;
    gl?.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    pen?.getImageData(0, 0, 1, 1);
    pixels.push(performance.now() - start);
    widths.add(canvas.width);
  }
  for (let k = 0; k < count; k += 1) {
    await frame();
    const start = performance.now();
    turn(k % 20 < 10 ? 40 : -40);
    await frame();
    await frame();
    frames.push(performance.now() - start);
  }
  return { pixels, frames, widths: [...widths] };
}"""


@contextmanager
def review(result: Path, images: Path | None, database: Path) -> Iterator[str]:
    """Serve the review of a result; gives the address of its work list."""
    command = [sys.executable, "-m", "nodulus", "review", str(result), "--no-browser"]
    if images is not None:
        command += ["--images", str(images)]
    command += ["--database", f"sqlite:///{database}"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        assert server.stdout is not None
        try:
            for line in server.stdout:
                if found := re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", line):
                    yield found[0]
                    break
            else:
                raise SystemExit("The review did not start.")
        finally:
            server.terminate()


def loaded(
    browser: Browser, address: str, size: tuple[int, int], viewer: str
) -> tuple[Page, dict[str, float]]:
    """Open the first study of a work list.

    Returns:
        the page; seconds from its start to each mark.
    """
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    context.add_init_script(f"sessionStorage.setItem('nodulus:viewer', '{viewer}')")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.goto(address)
    while page.evaluate("() => sessionStorage.getItem('nodulus:card')") is None:
        page.wait_for_timeout(50)  # a reader looks at the work list meanwhile
    page.locator("#rows a").first.click()
    while not page.evaluate("() => performance.getEntriesByName('nodulus:ct').length"):
        page.wait_for_timeout(50)
    ask = "name => performance.getEntriesByName(name).map(mark => mark.startTime / 1000)"
    # The 2D canvas loads the lungs with all of the CT.
    found = {what: page.evaluate(ask, name) for what, name in MARKS.items()}
    return page, {what: times[0] for what, times in found.items() if times}


PLACES = ((0.2, 0.5), (0.4, 0.5), (0.18, 0.42), (0.42, 0.6), (0.22, 0.6), (0.38, 0.42))
"""Of the viewer's box: in the lungs of its axial slice."""


def added_nodule(page: Page, x: float, y: float) -> tuple[float, float]:
    """Seconds from a click into the axial slice to the nodule in the list, and to its outline."""
    box = page.locator("#viewer").bounding_box()
    assert box is not None
    for mark in ("add:end", "outlines"):
        page.evaluate(f"() => performance.clearMarks('nodulus:{mark}')")
    page.keyboard.press("m")
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    ask = """() => {
      const when = (name) => performance.getEntriesByName(`nodulus:${name}`).at(-1)?.startTime;
      const [start, end, outlines] = ["add:start", "add:end", "outlines"].map(when);
      return outlines > end ? [end - start, outlines - start] : null;
    }"""
    while (times := page.evaluate(ask)) is None:
        page.wait_for_timeout(20)
    listed, outlined = (float(time) / 1000 for time in times)
    return listed, outlined


def middle(values: list[float]) -> dict[str, float]:
    """Median, least and most."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def measured(browser: Browser, address: str, options: argparse.Namespace) -> dict[str, Any]:
    """Load the study several times, then turn slices and add nodules."""
    size = (options.width, options.height)
    loads: list[dict[str, float]] = []
    for _ in range(options.loads):
        page, times = loaded(browser, address, size, options.viewer)
        loads.append(times)
        if len(loads) < options.loads:
            page.context.close()
    figures: dict[str, Any] = {"loads_s": loads}
    for plane in ("axial", "coronal", "sagittal"):
        turned = page.evaluate(TURN, [options.slices, plane])
        figures[f"{plane}_canvas_widths"] = turned["widths"]
        figures[f"{plane}_to_pixels_ms"] = middle(turned["pixels"])
        figures[f"{plane}_to_second_frame_ms"] = middle(turned["frames"])
    if options.shot:
        page.screenshot(path=options.shot)
    added = [added_nodule(page, x, y) for x, y in PLACES]
    figures["added_nodule_s"], figures["its_outline_s"] = zip(*added, strict=True)
    for what in ("added_nodule_s", "its_outline_s"):
        figures[what.replace("_s", "_median_s")] = statistics.median(figures[what])
    return figures


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("result", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--loads", type=int, default=4)
    parser.add_argument("--slices", type=int, default=20)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=800)
    parser.add_argument(
        "--viewer", choices=("auto", "canvas", "niivue"), default="auto", help="which draws"
    )
    parser.add_argument("--gpu", action="store_true", help="the graphics card, not software")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--shot", help="PNG of the page")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("NODULUS_CHROMIUM") or shutil.which("chromium")
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        review(options.result, options.images, Path(folder) / "review.sqlite") as address,
    ):
        arguments = ["--no-sandbox", *(() if options.gpu else SOFTWARE)]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        figures = measured(browser, address, options)
        browser.close()
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
