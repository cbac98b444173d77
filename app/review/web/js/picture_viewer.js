/** The viewer without WebGL: the server draws the slices, this lays them out. */
import { PLANES } from "./geometry.js";
import { Viewer } from "./viewer_base.js";

/** Pictures that are kept. */
const KEPT = 90;

export class PictureViewer extends Viewer {
  async open(study) {
    this.start(study);
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.host.prepend(this.canvas);
    /** @type {Map<string, HTMLImageElement>} */
    this.pictures = new Map();
    this.shown = {};
    const first = this.#wanted("axial");
    await first.decode().catch(() => {});
    this.redraw();
    this.tell("server", true);
  }

  /** LPS of a plane's picture: its first pixel's middle, and a pixel to the right and down. */
  #picture(plane) {
    const { shape, axes, spacing } = this.grid;
    const facing = { axial: ["sagittal", "coronal"], coronal: ["sagittal", "axial"], sagittal: ["coronal", "axial"] };
    const towards = { axial: [[0, 1], [1, 1]], coronal: [[0, 1], [2, -1]], sagittal: [[1, 1], [2, -1]] };
    const index = this.grid.indexOf(this.at);
    const sides = facing[plane].map((across, side) => {
      const axis = axes[across];
      const [component, sign] = towards[plane][side];
      const step = [0, 4, 8].map((row) => this.grid.toLps[row + axis]);
      const rising = step[component] * sign > 0;
      index[axis] = rising ? 0 : shape[axis] - 1;
      return { count: shape[axis], spacing: spacing[axis], step: step.map((v) => (rising ? v : -v)) };
    });
    return { first: this.grid.lpsOf(index), sides };
  }

  #wanted(plane) {
    const index = Math.round(this.grid.indexOf(this.at)[this.grid.axes[plane]]);
    const { center, width } = this.range;
    const query = new URLSearchParams({
      plane, index: String(index), window: `${Math.round(center)},${Math.round(width)}`,
      slab_mm: String(this.slab), outlines: this.outlines ? "1" : "0", version: String(this.study.version),
    });
    const url = `/api/studies/${encodeURIComponent(this.study.key)}/slice.png?${query}`;
    const known = this.pictures.get(url);
    if (known) return known;
    const image = new Image();
    image.onload = () => this.redraw();
    image.src = url;
    this.pictures.set(url, image);
    if (this.pictures.size > KEPT) this.pictures.delete(this.pictures.keys().next().value);
    return image;
  }

  hu() {
    return null;
  }

  draw() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.host;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    const pen = this.canvas.getContext("2d");
    this.tiles = this.boxes().map(({ plane, box }) => {
      const [left, top] = [box[0] * clientWidth, box[1] * clientHeight];
      const [width, height] = [box[2] * clientWidth, box[3] * clientHeight];
      return this.#drawTile(pen, ratio, plane, { left, top, width, height });
    });
  }

  #drawTile(pen, ratio, plane, { left, top, width, height }) {
    const { first, sides: [across, along] } = this.#picture(plane);
    const fit = Math.max((across.count * across.spacing) / width, (along.count * along.spacing) / height);
    const scale = fit / this.zoom;
    const right = across.step.map((v) => (v / across.spacing) * scale);
    const down = along.step.map((v) => (v / along.spacing) * scale);
    const origin = this.focus.map((v, k) => v - (right[k] * width) / 2 - (down[k] * height) / 2);
    const tile = { plane, left, top, width, height, origin, right, down };
    const image = this.#wanted(plane);
    if (image.complete && image.naturalWidth) this.shown[plane] = image;
    const corner = first.map((v, k) => v - across.step[k] / 2 - along.step[k] / 2);
    const [x, y] = this.project(tile, corner);
    pen.save();
    pen.scale(ratio, ratio);
    pen.beginPath();
    pen.rect(left, top, width, height);
    pen.clip();
    pen.imageSmoothingQuality = "high";
    const size = [(across.count * across.spacing) / scale, (along.count * along.spacing) / scale];
    if (this.shown[plane]) pen.drawImage(this.shown[plane], x, y, ...size);
    if (this.brush) this.#drawBrush(pen, tile);
    pen.restore();
    return tile;
  }

  #drawBrush(pen, tile) {
    const axis = this.grid.axes[tile.plane];
    const slice = Math.round(this.grid.indexOf(this.at)[axis]);
    const sizes = PLANES.filter((plane) => plane !== tile.plane).map((plane) => this.grid.gap(plane));
    pen.fillStyle = "rgb(64 240 255 / 45%)";
    const side = Math.max(1, Math.max(...sizes) / this.scale(tile));
    for (const index of this.brush.painted(axis, slice)) {
      const [x, y] = this.project(tile, this.grid.lpsOf(index));
      pen.fillRect(x - side / 2, y - side / 2, side, side);
    }
  }
}
