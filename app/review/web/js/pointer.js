/** Mouse, pen and fingers on the slices. */

const WHEEL = 40;
const HU_PER_PIXEL = 2.5;
const TAP = 6;

/**
 * @param {HTMLElement} host
 * @param {import("./viewer_base.js").Viewer} viewer
 * @param {object} page what answers: plane(name), click(lps) for a mode, paint(lps, tile, erase, start),
 *   mode(), dragTool(), hover(pixels), windowed()
 */
export function watchPointer(host, viewer, page) {
  const fingers = new Map();
  let drag = null;
  let wheel = 0;
  let pinch = 0;
  const where = (event) => {
    const box = host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  const purpose = (event) => {
    if (event.pointerType === "touch" && page.mode() !== "brush") return "touch";
    if (event.button === 2) return page.mode() === "brush" ? "erase" : "window";
    if (event.button === 1 || event.shiftKey) return "pan";
    if (page.mode() === "brush") return event.altKey ? "erase" : "paint";
    if (page.mode()) return "place";
    return page.dragTool() ? "window" : "crosshair";
  };

  const act = (place, event, start) => {
    const [x, y] = where(event);
    const [dx, dy] = [x - drag.x, y - drag.y];
    if (drag.kind === "crosshair" && place?.tile.plane === drag.tile.plane) viewer.goTo(place.lps, { center: false });
    else if (drag.kind === "paint" || drag.kind === "erase") {
      if (place?.tile.plane === drag.tile.plane) page.paint(place.lps, place.tile, drag.kind === "erase", start);
    } else if (drag.kind === "window" || (drag.kind === "touch" && page.dragTool())) {
      viewer.setWindow(viewer.range.center + dy * HU_PER_PIXEL, viewer.range.width + dx * HU_PER_PIXEL);
      page.windowed();
    } else if (drag.kind === "pan") viewer.pan(viewer.tiles.find((t) => t.plane === drag.tile.plane), dx, dy);
    else if (drag.kind === "touch") {
      drag.slices += dy / 8;
      const whole = Math.trunc(drag.slices);
      if (whole) viewer.step(drag.tile.plane, -whole);
      drag.slices -= whole;
    }
    [drag.x, drag.y] = [x, y];
  };

  host.addEventListener("pointerdown", (event) => {
    const place = viewer.pick(...where(event));
    if (!place) return;
    host.setPointerCapture(event.pointerId);
    page.hover(null);
    fingers.set(event.pointerId, where(event));
    page.plane(place.tile.plane);
    const [x, y] = where(event);
    drag = { kind: purpose(event), tile: place.tile, x, y, from: [x, y], slices: 0 };
    if (fingers.size === 2) {
      pinch = spread(fingers);
      drag.kind = "pinch";
    } else if (drag.kind !== "touch" && drag.kind !== "place") act(place, event, true);
    if (event.button !== 0) event.preventDefault();
  });

  host.addEventListener("pointermove", (event) => {
    if (!drag) {
      page.hover(where(event));
      return;
    }
    const place = viewer.pick(...where(event));
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, where(event));
    if (drag.kind === "pinch" && fingers.size === 2) {
      const now = spread(fingers);
      viewer.setZoom(viewer.zoom * (now / pinch), drag.tile, viewer.at);
      pinch = now;
    } else act(place, event, false);
  });

  const end = (event) => {
    fingers.delete(event.pointerId);
    const done = drag;
    if (!done) return;
    if (!fingers.size) drag = null;
    const [x, y] = where(event);
    const still = Math.hypot(x - done.from[0], y - done.from[1]) < TAP;
    const place = viewer.pick(x, y);
    if (!still || !place || event.type === "pointercancel") return;
    if (page.mode() && (done.kind === "place" || done.kind === "touch")) page.click(place.lps);
    else if (done.kind === "touch") viewer.goTo(place.lps, { center: false });
  };
  host.addEventListener("pointerup", end);
  host.addEventListener("pointercancel", end);
  host.addEventListener("pointerleave", () => page.hover(null));
  host.addEventListener("contextmenu", (event) => event.preventDefault());

  host.addEventListener("wheel", (event) => {
    event.preventDefault();
    const place = viewer.pick(...where(event));
    if (!place) return;
    page.plane(place.tile.plane);
    if (event.ctrlKey || event.metaKey) {
      viewer.setZoom(viewer.zoom * 1.0015 ** -event.deltaY, place.tile, place.lps);
      return;
    }
    wheel += event.deltaMode === 1 ? event.deltaY * WHEEL : event.deltaY;
    const whole = Math.trunc(wheel / WHEEL);
    if (whole) viewer.step(place.tile.plane, -Math.sign(whole) * Math.min(5, Math.abs(whole)));
    wheel -= whole * WHEEL;
  }, { passive: false });
}

/** @param {Map<number, number[]>} fingers */
function spread(fingers) {
  const [[a, b], [c, d]] = [...fingers.values()];
  return Math.max(1, Math.hypot(a - c, b - d));
}
