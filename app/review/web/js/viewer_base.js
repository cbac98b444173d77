/**
 * What the study page knows of a viewer. A viewer shows the three planes through one point of a CT.
 * Places on the screen are CSS pixels from the host's left top corner.
 *
 * open(study)      show a study from its first finding on; resolves once it can be moved through
 * goTo(lps)        the point that the planes cut; `step` goes on by slices of a plane
 * pick(x, y)       the plane and the point at a place on the screen; `project` is its inverse
 * setWindow, setSlab, setOutlines, setZoom, setLayout   how it is shown
 * setOverlay       the outlines of the findings
 * setBrush         the mask that is being painted
 * The host gets the event "drawn" after each picture and "loaded" after each stage of loading.
 */
import { Grid, PLANES } from "./geometry.js";

/** @typedef {import("./geometry.js").Point} Point */
/** @typedef {import("./geometry.js").Plane} Plane */

/**
 * @typedef {object} Tile a plane on the screen; a pixel further right is `right` further in LPS mm
 * @property {Plane} plane
 * @property {number} left
 * @property {number} top
 * @property {number} width
 * @property {number} height
 * @property {number[]} origin LPS of the left top corner
 * @property {number[]} right
 * @property {number[]} down
 */

const ZOOM = { least: 1, most: 16 };
const MARGIN = 4;

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

export class Viewer {
  /** @param {HTMLElement} host @param {import("./volume_loader.js").VolumeLoader} loader */
  constructor(host, loader) {
    this.host = host;
    this.loader = loader;
    this.masks = null;
    this.drawn = 0;
    /** @type {Tile[]} */
    this.tiles = [];
    this.layout = "all";
    this.zoom = 1;
    this.range = { center: -600, width: 1500 };
    this.slab = 0;
    this.outlines = true;
    this.overlay = { url: "", palette: new Map(), selected: 0 };
    this.brush = null;
    this.frame = 0;
    this.resizing = new ResizeObserver(() => this.redraw());
    this.resizing.observe(host);
  }

  /** @param {object} study */
  start(study) {
    this.study = study;
    this.grid = new Grid(study.volume);
    this.middle = this.grid.lpsOf(this.grid.shape.map((count) => (count - 1) / 2));
    this.at = this.grid.snap(study.findings[0]?.center_lps_mm ?? this.middle);
    this.focus = this.middle;
  }

  /** @param {Point} lps @param {{center?: boolean}} how */
  goTo(lps, { center = true } = {}) {
    this.at = this.grid.snap(lps);
    if (center && this.zoom > 1) this.focus = this.at;
    this.redraw();
  }

  /** @param {Plane} plane @param {number} count */
  step(plane, count) {
    const before = this.at;
    this.at = this.grid.step(this.at, plane, count);
    if (this.zoom > 1) this.focus = this.focus.map((value, k) => value + this.at[k] - before[k]);
    this.redraw();
  }

  /** @param {number} center HU @param {number} width HU */
  setWindow(center, width) {
    this.range = { center, width: Math.max(10, width) };
    this.redraw();
  }

  /** @param {number} millimetres thickness of the maximum intensity projection; 0 is one slice */
  setSlab(millimetres) {
    this.slab = millimetres;
    this.redraw();
  }

  /** @param {boolean} shown */
  setOutlines(shown) {
    this.outlines = shown;
    this.redraw();
  }

  /** @param {number} zoom @param {Tile} [tile] @param {Point} [fixed] stays where it is */
  setZoom(zoom, tile, fixed = this.at) {
    const next = Math.min(ZOOM.most, Math.max(ZOOM.least, zoom));
    if (!tile) this.focus = fixed;
    else {
      const [x, y] = this.#solve(tile, this.focus.map((value, k) => value - fixed[k]));
      const change = this.zoom / next - 1;
      this.focus = this.focus.map((v, k) => v + change * (x * tile.right[k] + y * tile.down[k]));
    }
    this.zoom = next;
    if (next === 1) this.focus = this.middle;
    this.redraw();
  }

  /** @param {Tile} tile @param {number} x @param {number} y pixels that the picture is pulled by */
  pan(tile, x, y) {
    this.focus = this.focus.map((value, k) => value - x * tile.right[k] - y * tile.down[k]);
    this.redraw();
  }

  /** @param {"all" | Plane} layout */
  setLayout(layout) {
    this.layout = layout;
    this.redraw();
  }

  /** @param {import("./brush.js").BrushMask | null} brush */
  setBrush(brush) {
    this.brush = brush;
    this.redraw();
  }

  /**
   * The masks of the findings as they are now, in the box that holds them.
   * @returns {Promise<import("./volume_loader.js").Volume>}
   */
  labels() {
    const { url } = this.overlay;
    if (this.masks?.url !== url) this.masks = { url, volume: this.loader.load(`${url}&box=true`, "as it is") };
    return this.masks.volume;
  }

  /** @param {string} url @param {Map<number, number[]>} palette @param {number} selected */
  setOverlay(url, palette, selected) {
    this.overlay = { url, palette, selected };
    this.redraw();
  }

  /** Where the planes lie, as shares of the host. @returns {{plane: Plane, box: number[]}[]} */
  boxes() {
    if (this.layout !== "all") return [{ plane: this.layout, box: [0, 0, 1, 1] }];
    const { clientWidth: width, clientHeight: height } = this.host;
    const split = width > height ? 0.6 : 0.58;
    const gaps = [MARGIN / 2 / Math.max(1, width), MARGIN / 2 / Math.max(1, height)];
    const boxes =
      width > height
        ? [[0, 0, split - gaps[0], 1], [split + gaps[0], 0, 1 - split - gaps[0], 0.5 - gaps[1]],
           [split + gaps[0], 0.5 + gaps[1], 1 - split - gaps[0], 0.5 - gaps[1]]]
        : [[0, 0, 1, split - gaps[1]], [0, split + gaps[1], 0.5 - gaps[0], 1 - split - gaps[1]],
           [0.5 + gaps[0], split + gaps[1], 0.5 - gaps[0], 1 - split - gaps[1]]];
    return PLANES.map((plane, k) => ({ plane, box: boxes[k] }));
  }

  /** @param {number} x @param {number} y @returns {{tile: Tile, lps: Point} | null} */
  pick(x, y) {
    const tile = this.tiles.find(
      (t) => x >= t.left && x < t.left + t.width && y >= t.top && y < t.top + t.height,
    );
    if (!tile) return null;
    const [u, v] = [x - tile.left, y - tile.top];
    const lps = tile.origin.map((o, k) => o + u * tile.right[k] + v * tile.down[k]);
    return { tile, lps };
  }

  /** @param {Tile} tile @param {Point} lps @returns {[number, number]} x and y on the screen */
  project(tile, lps) {
    const [u, v] = this.#solve(tile, lps.map((value, k) => value - tile.origin[k]));
    return [tile.left + u, tile.top + v];
  }

  /** How far a point lies from the slice that a tile shows, mm. @param {Tile} tile */
  depth(tile, lps) {
    const axis = this.grid.axes[tile.plane];
    const slices = this.grid.indexOf(lps)[axis] - this.grid.indexOf(this.at)[axis];
    return Math.abs(slices) * this.grid.spacing[axis];
  }

  /** Millimetres of a pixel. @param {Tile} tile */
  scale(tile) {
    return Math.hypot(...tile.right);
  }

  #solve({ right, down }, d) {
    const [aa, ab, bb] = [dot(right, right), dot(right, down), dot(down, down)];
    const [da, db] = [dot(d, right), dot(d, down)];
    const determinant = aa * bb - ab * ab;
    return [(da * bb - db * ab) / determinant, (db * aa - da * ab) / determinant];
  }

  /** Draw once, with the next picture of the screen. */
  redraw() {
    this.moved();
    this.#request();
  }

  #request() {
    if (this.frame || !this.study) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.busy()) {
        this.#request();
        return;
      }
      const start = performance.now();
      this.draw();
      this.host.dispatchEvent(new CustomEvent("drawn"));
      this.drawn = performance.now() - start;
    });
  }

  /** Something else is to be shown from now on. */
  moved() {}

  /** Whether the last picture is still being drawn; the next one waits for it, so that none pile up. */
  busy() {
    return false;
  }

  close() {
    this.resizing.disconnect();
  }

  /** @param {string} stage @param {boolean} last */
  tell(stage, last = false) {
    this.host.dispatchEvent(new CustomEvent("loaded", { detail: { stage, last } }));
  }
}
