"""The viewer without a graphics card, in Chromium: what it draws, and when it is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.app.review.page_driver import IN_BROWSER, NO_GL, Watched, browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

pytestmark = IN_BROWSER

CARD = "sessionStorage.setItem('nodulus:card', '2048')"
"""A graphics card was found."""

TOLD = """
    const { prototype } = CanvasRenderingContext2D;
    const { fillText } = prototype;
    prototype.fillText = function (text, ...at) {
        if (text.endsWith(" HU")) window.told = text;
        return fillText.call(this, text, ...at);
    };
"""
"""Keeps the last density that was written into a picture."""

BESIDE = """async ({ planes, slab, range }) => {
    const { CanvasViewer } = await import("/js/canvas_viewer.js");
    const { VolumeLoader } = await import("/js/volume_loader.js");
    const key = location.hash.slice(1);
    const study = await (await fetch(`/api/studies/${key}`)).json();
    const host = document.createElement("div");
    Object.assign(host.style, { position: "fixed", width: "900px", height: "600px", zoom: 1 });
    document.body.append(host);
    const viewer = new CanvasViewer(host, new VolumeLoader());
    const all = new Promise((done) =>
        host.addEventListener("loaded", ({ detail }) => detail.last && done()));
    await viewer.open(study);
    await all;
    viewer.setSlab(slab);
    viewer.setWindow(...range);
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    await frame();
    await frame();
    const own = viewer.canvas.getContext("2d");
    const differences = {};
    for (const plane of planes) {
        const tile = viewer.tiles.find((one) => one.plane === plane);
        const picture = new Image();
        picture.src = viewer.server.address(viewer, plane, false);
        await picture.decode();
        const sheet = new OffscreenCanvas(viewer.canvas.width, viewer.canvas.height);
        const pen = sheet.getContext("2d");
        pen.drawImage(picture, ...viewer.onScreen(tile, [0, 0, 0], viewer.grid.shape));
        const box = [tile.left, tile.top, tile.width, tile.height].map(Math.ceil);
        const [one, two] = [own, pen].map((from) => from.getImageData(...box).data);
        let [sum, from, to, count] = [0, 255, 0, 0];
        for (let at = 0; at < one.length; at += 4) {
            sum += Math.abs(one[at] - two[at]);
            [from, to] = [Math.min(from, one[at]), Math.max(to, one[at])];
            count += 1;
        }
        differences[plane] = [sum / count, to - from];
    }
    viewer.close();
    host.remove();
    return differences;
}"""
"""The mean difference of each plane's greys from the server's picture, and the greys' range."""

TURNED = """async ({ rows }) => {
    const { FlatViewer } = await import("/js/flat_viewer.js");
    const { PlacedVolume, lookUp } = await import("/js/voxel_slices.js");
    const { LPS_RAS, PLANES, product } = await import("/js/geometry.js");
    const shape = [5, 6, 7];
    const spacing = [2.5, 1, 0.5];
    const host = document.createElement("div");
    Object.assign(host.style, { position: "fixed", width: "700px", height: "500px" });
    document.body.append(host);
    class Viewer extends FlatViewer { paint() {} }
    const viewer = new Viewer(host, null);
    const volume = { shape_irc: shape, spacing_irc_mm: spacing, affine_lps: rows };
    viewer.start({ volume, findings: [] });
    viewer.draw();
    const reversed = [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1];
    const toRas = product(LPS_RAS, product(viewer.grid.toLps, reversed));
    const data = Int16Array.from({ length: 210 }, (_, at) => at - 50);
    const placed = new PlacedVolume({ dims: [7, 6, 5], toRas, data }, viewer.grid);
    const grey = lookUp({ center: 55, width: 255 });
    const wrong = [];
    for (const plane of PLANES) {
        const axis = viewer.grid.axes[plane];
        const index = viewer.sliceAt(plane);
        const image = placed.picture(axis, index, 0, viewer.sides[plane], grey);
        const tile = viewer.tiles.find((one) => one.plane === plane);
        const [x, y, width, height] = viewer.onScreen(tile, placed.low, placed.size);
        for (let v = 0; v < image.height; v += 1) {
            for (let u = 0; u < image.width; u += 1) {
                const across = x + ((u + 0.5) * width) / image.width;
                const { lps } = viewer.pick(across, y + ((v + 0.5) * height) / image.height);
                const at = viewer.grid.indexOf(lps).map(Math.round);
                at[axis] = index;
                const hu = data[at[2] + 7 * (at[1] + 6 * at[0])];
                const shown = image.data[4 * (u + image.width * v)];
                if (Math.abs(shown - (hu + 72.5)) > 1) wrong.push([plane, u, v, shown, hu]);
                if (placed.hu(at) !== hu) wrong.push([plane, "hu", hu]);
            }
        }
    }
    const ways = viewer.tiles.map(({ right, down }) => [right, down]);
    host.remove();
    return { wrong, ways };
}"""
"""Pixels that are not those of the voxels at their places; the way of each plane's sides."""

INK = """([ink, most]) => {
    const canvas = document.querySelector("#viewer canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
        count += ink.every((value, k) => Math.abs(data[at + k] - value) < most);
    }
    return count;
}"""
"""How many pixels have a color."""


@pytest.mark.parametrize(
    ("asked", "before", "chosen"),
    [
        (None, "", "canvas"),
        (None, CARD, "niivue"),
        ("niivue", "", "niivue"),
        ("canvas", CARD, "canvas"),
        ("pictures", CARD, "pictures"),
    ],
)
def test_voxels_are_drawn_on_a_2d_canvas_where_no_card_draws(
    chromium: Browser, address: str, asked: str | None, before: str, chosen: str
) -> None:
    watched = Watched(chromium, address, viewer=asked, before=before)
    watched.open_first()
    assert watched.page.locator("#viewer").get_attribute("data-viewer") == chosen
    assert any("niivue.js" in url for url in watched.asked) == (chosen == "niivue")
    assert watched.wrong == []


def test_a_viewer_is_asked_for_by_the_address_and_kept_for_the_tab(
    chromium: Browser, address: str
) -> None:
    watched = Watched(chromium, address)
    watched.open_first()
    key = watched.page.url.partition("#")[2]
    for query, chosen in (
        ("?viewer=pictures", "pictures"),
        ("", "pictures"),
        ("?viewer=auto", "canvas"),
    ):
        watched.page.goto(f"{watched.origin}/index.html")
        watched.page.goto(f"{watched.origin}/study.html{query}#{key}")
        watched.until_marked("nodulus:ct", "nodulus:server")
        assert watched.page.locator("#viewer").get_attribute("data-viewer") == chosen


def test_it_works_without_webgl(playwright: Playwright, address: str) -> None:
    with browser(playwright, *NO_GL) as started:
        watched = Watched(started, address)
        watched.open_first()
        assert watched.page.locator("#viewer").get_attribute("data-viewer") == "canvas"
        watched.press("a", "ArrowUp", "w", "l")
        assert "Accepted" in watched.findings()[0]
        assert [words for words in watched.wrong if "WebGL" not in words] == []


@pytest.mark.parametrize("slab", [0, 10])
def test_it_shows_what_the_server_draws(chromium: Browser, address: str, slab: int) -> None:
    watched = Watched(chromium, address)
    watched.open_first()
    planes = ["axial", "coronal", "sagittal"]
    for window in ([-600, 1500], [40, 400]):
        request = {"planes": planes, "slab": slab, "range": window}
        found: dict[str, Any] = watched.page.evaluate(BESIDE, request)
        assert sorted(found) == planes
        for plane, (difference, greys) in found.items():
            assert greys > 100, f"{plane} shows something"
            assert difference < 4, f"{plane}, {window}: they interpolate in different ways"


@pytest.mark.parametrize(
    "columns",
    [
        ([0, 0, 2.5], [0, 1, 0], [0.5, 0, 0]),
        ([0, 0, -2.5], [0, -1, 0], [-0.5, 0, 0]),
        ([0, 2.5, 0], [0, 0, -1], [0.5, 0, 0]),
        ([-2.5, 0, 0], [0, 0, -1], [0, 0.5, 0]),
        ([0, 0.5, 2.4495], [0, 1, 0], [0.5, 0, 0]),  # a tilted gantry
    ],
    ids=["axial", "turned", "coronal", "sagittal", "tilted"],
)
def test_each_pixel_is_the_voxel_at_its_place(
    chromium: Browser, address: str, columns: tuple[list[float], ...]
) -> None:
    watched = Watched(chromium, address)
    watched.open_first()
    rows = [[*(column[k] for column in columns), 7.0 * k] for k in range(3)] + [[0, 0, 0, 1]]
    found = watched.page.evaluate(TURNED, {"rows": rows})
    assert found["wrong"] == []
    towards = [((0, 1), (1, 1)), ((0, 1), (2, -1)), ((1, 1), (2, -1))]
    for ways, sides in zip(found["ways"], towards, strict=True):
        for way, (component, sign) in zip(ways, sides, strict=True):
            assert way[component] * sign > 0, "right on the left, head and front at the top"


def test_outlines_slabs_and_the_brush_are_drawn_and_the_density_is_told(
    chromium: Browser, address: str
) -> None:
    watched = Watched(chromium, address)
    watched.open_first()
    page = watched.page
    ink = watched.state()["findings"][0]["rgb"]
    watched.until(f"([ink, most]) => ({INK})([ink, most]) > 50", [ink, 40])
    watched.press("o")
    watched.until(f"([ink, most]) => ({INK})([ink, most]) === 0", [ink, 40])
    watched.press("o")

    box = page.locator("#viewer").bounding_box()
    assert box is not None
    bright = page.evaluate(INK, [[255, 255, 255], 60])
    page.get_by_role("button", name="10 mm").click()
    watched.until(f"([ink, most]) => ({INK})([ink, 60]) > most", [[255, 255, 255], bright])
    page.get_by_role("button", name="Slice").click()

    watched.press("b")
    brush = [64, 240, 255]
    watched.until(f"([ink, most]) => ({INK})([ink, most]) > 20", [brush, 40])
    before = page.evaluate(INK, [brush, 40])
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.4 * box["height"])
    watched.until(f"([ink, most]) => ({INK})([ink, 40]) > most", [brush, before])
    watched.press("Escape")
    watched.until(f"([ink, most]) => ({INK})([ink, most]) === 0", [brush, 40])
    assert watched.wrong == []


def test_the_density_is_that_of_the_slice_which_is_shown(chromium: Browser, address: str) -> None:
    watched = Watched(chromium, address, before=TOLD)
    watched.open_first()
    page = watched.page
    box = page.locator("#viewer").bounding_box()
    assert box is not None
    watched.press("+", "+")  # the first finding is in the middle of the axial picture
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"]

    def pointed() -> str:
        page.mouse.move(x + 100, y)
        page.evaluate("() => { window.told = null; }")
        page.mouse.move(x, y)
        watched.until("() => window.told !== null")
        return str(page.evaluate("() => window.told"))

    densities = [pointed()]
    for _ in range(4):
        page.evaluate("() => { window.told = null; }")
        page.mouse.wheel(0, 200)
        watched.until("() => window.told !== null")
        told = page.evaluate("() => window.told")
        assert told == pointed(), "that of the slice before"
        densities.append(told)
    assert len(set(densities)) > 1
    assert watched.wrong == []
