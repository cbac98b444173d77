/**
 * A viewer on a 2D canvas: lays the planes out and puts pictures of slices, outlines and the brush
 * into them. A plane is drawn again only where what it shows has changed.
 */
import { PLANES } from "./geometry.js";
import { Viewer } from "./viewer_base.js";

/** The planes whose lines run across and along a plane's picture. */
const FACING = { axial: ["sagittal", "coronal"], coronal: ["sagittal", "axial"], sagittal: ["coronal", "axial"] };
/** The LPS component and the sign that grow to the right and downwards. */
const TOWARDS = { axial: [[0, 1], [1, 1]], coronal: [[0, 1], [2, -1]], sagittal: [[1, 1], [2, -1]] };

/** @typedef {import("./viewer_base.js").Tile} Tile */
/** @typedef {import("./geometry.js").Plane} Plane */

/**
 * @typedef {object} Side one side of a plane's picture
 * @property {number} axis index axis of the CT
 * @property {boolean} rising whether the index grows to the right, or downwards
 * @property {number} count voxels
 * @property {number} spacing mm
 * @property {number[]} step LPS mm from a voxel to the next one on the picture
 */

export class FlatViewer extends Viewer {
  /** @param {object} study */
  start(study) {
    super.start(study);
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.host.prepend(this.canvas);
    /** What each plane shows. @type {Map<Plane, string>} */
    this.shown = new Map();
    this.places = "";
    this.revision = 0;
    /** @type {Record<Plane, Side[]>} */
    this.sides = /** @type {any} */ (Object.fromEntries(PLANES.map((plane) => [plane, this.#sides(plane)])));
  }

  #sides(plane) {
    const { axes, shape, spacing, toLps } = this.grid;
    return FACING[plane].map((across, side) => {
      const axis = axes[across];
      const [component, sign] = TOWARDS[plane][side];
      const step = [0, 4, 8].map((row) => toLps[row + axis]);
      const rising = step[component] * sign > 0;
      return { axis, rising, count: shape[axis], spacing: spacing[axis], step: step.map((v) => (rising ? v : -v)) };
    });
  }

  /** The slice of the CT that a plane shows: its index. @param {Plane} plane */
  sliceAt(plane) {
    return Math.round(this.grid.indexOf(this.at)[this.grid.axes[plane]]);
  }

  /** Draw every plane again: something but the place, the zoom or the window has changed. */
  renew() {
    this.revision += 1;
    this.redraw();
  }

  setBrush(brush) {
    this.revision += 1;
    super.setBrush(brush);
  }

  setOverlay(url, palette, selected) {
    this.revision += 1;
    super.setOverlay(url, palette, selected);
  }

  draw() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.host;
    const boxes = this.boxes();
    const places = JSON.stringify([clientWidth, clientHeight, ratio, boxes]);
    if (places !== this.places) {
      this.places = places;
      this.canvas.width = Math.round(clientWidth * ratio);
      this.canvas.height = Math.round(clientHeight * ratio);
      this.shown.clear();
    }
    // "Read frequently" keeps the pixels in main memory; else a card that is missing is imitated.
    const pen = this.canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.tiles = boxes.map(({ plane, box }) => {
      const [left, top] = [box[0] * clientWidth, box[1] * clientHeight];
      const tile = this.#tile(plane, { left, top, width: box[2] * clientWidth, height: box[3] * clientHeight });
      const { center, width } = this.range;
      const state = [this.sliceAt(plane), center, width, this.slab, this.outlines, this.revision, tile.right, tile.origin];
      const shown = JSON.stringify(state);
      if (this.shown.get(plane) !== shown) this.#drawTile(pen, ratio, tile);
      this.shown.set(plane, shown);
      return tile;
    });
  }

  /** @returns {Tile} */
  #tile(plane, { left, top, width, height }) {
    const [across, along] = this.sides[plane];
    const fit = Math.max((across.count * across.spacing) / width, (along.count * along.spacing) / height);
    const scale = fit / this.zoom;
    const right = across.step.map((v) => (v / across.spacing) * scale);
    const down = along.step.map((v) => (v / along.spacing) * scale);
    const origin = this.focus.map((v, k) => v - (right[k] * width) / 2 - (down[k] * height) / 2);
    return { plane, left, top, width, height, origin, right, down };
  }

  #drawTile(pen, ratio, tile) {
    const { left, top, width, height } = tile;
    pen.save();
    pen.scale(ratio, ratio);
    pen.beginPath();
    pen.rect(left, top, width, height);
    pen.clip();
    pen.fillStyle = "#000";
    pen.fillRect(left, top, width, height);
    this.paint(pen, tile);
    pen.restore();
  }

  /**
   * Where a box of the CT lies on the screen.
   * @param {Tile} tile
   * @param {number[]} low its first voxel, IRC; may be a fraction
   * @param {number[]} size its voxels
   * @returns {[number, number, number, number]} left, top, width, height
   */
  onScreen(tile, low, size) {
    const index = [...low];
    index[this.grid.axes[tile.plane]] = this.sliceAt(tile.plane);
    const sides = this.sides[tile.plane];
    for (const { axis, rising } of sides) index[axis] = rising ? low[axis] - 0.5 : low[axis] + size[axis] - 0.5;
    const [x, y] = this.project(tile, this.grid.lpsOf(index));
    const scale = this.scale(tile);
    const [width, height] = sides.map(({ axis, spacing }) => (size[axis] * spacing) / scale);
    return [x, y, width, height];
  }

  /** Put what a plane shows into its tile. @param {CanvasRenderingContext2D} _pen @param {Tile} _tile */
  paint(_pen, _tile) {
    throw new Error("A viewer says what it shows.");
  }
}
