/**
 * The viewer without a graphics card: draws the slices of the voxels that the page has loaded on a
 * 2D canvas. Until they are there, a coarse volume and the server's pictures stand in for them.
 */
import { FlatViewer } from "./flat_viewer.js";
import { ServerPictures } from "./server_pictures.js";
import { paintBrush, paintOutlines } from "./slice_outlines.js";
import { PlacedVolume, lookUp } from "./voxel_slices.js";

/** A reader who has not moved on for so long is given the server's pictures, ms. */
const REST = 60;

export class CanvasViewer extends FlatViewer {
  async open(study) {
    this.start(study);
    this.coarse = null;
    this.fine = null;
    this.labelled = null;
    this.first = false;
    this.resting = 0;
    /** A canvas with the last picture of each volume and plane. */
    this.pictures = new Map();
    this.server = new ServerPictures(() => this.#arrived());
    this.#askServer();
    this.#loadAll(study);
    this.redraw();
  }

  async #loadAll(study) {
    for (const [stage, last] of [["preview", false], ["lungs", false], ["ct", true]]) {
      try {
        const volume = await this.loader.load(study.volumes[stage], "int16");
        const placed = new PlacedVolume(volume, this.grid);
        if (stage === "preview") this.coarse = placed;
        else this.fine = placed;
        if (stage === "preview") this.#arrived();
        else {
          this.renew();
          this.tell(stage, last);
        }
      } catch (error) {
        this.tell(`${stage}: ${error.message}`, last);
      }
    }
  }

  /** Something can be shown. */
  #arrived() {
    this.renew();
    if (this.first) return;
    this.first = true;
    this.tell("preview");
  }

  #around(plane) {
    return Math.floor(this.slab / 2 / this.grid.gap(plane) + 0.01);
  }

  /** Whether the slices that a plane shows are here, at least of the lungs. */
  #isHere(plane) {
    return this.fine?.has(this.grid, this.grid.axes[plane], this.sliceAt(plane), this.#around(plane)) ?? false;
  }

  #askServer() {
    for (const { plane } of this.boxes()) {
      if (!this.#isHere(plane)) this.server.ask(this.server.address(this, plane, false));
    }
  }

  moved() {
    if (!this.server || this.fine?.isWhole(this.grid)) return;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.#askServer(), REST);
  }

  async setOverlay(url, palette, selected) {
    super.setOverlay(url, palette, selected);
    const { dims, start, data } = await this.labels();
    if (this.overlay.url !== url) return;
    this.labelled = { shape: [...dims].reverse(), start: [...start].reverse(), data };
    this.renew();
  }

  /** HU at a point, where its voxel is here. @param {import("./geometry.js").Point} lps */
  hu(lps) {
    return this.fine?.hu(this.grid.indexOf(lps)) ?? null;
  }

  paint(pen, tile) {
    const { plane } = tile;
    pen.imageSmoothingQuality = "low";
    const whole = this.fine?.isWhole(this.grid) ?? false;
    const picture = whole ? null : this.server.at(this.server.address(this, plane, false));
    if (picture) pen.drawImage(picture, ...this.onScreen(tile, [0, 0, 0], this.grid.shape));
    else {
      if (this.coarse && !whole) this.#paintVolume(pen, tile, "coarse", this.coarse);
      if (this.#isHere(plane)) this.#paintVolume(pen, tile, "fine", this.fine);
    }
    if (this.outlines && this.labelled) paintOutlines(pen, this, tile, this.labelled);
    if (this.brush) paintBrush(pen, this, tile);
  }

  #paintVolume(pen, tile, name, volume) {
    const canvas = this.#picture(tile.plane, name, volume);
    if (canvas) pen.drawImage(canvas, ...this.onScreen(tile, volume.low, volume.size));
  }

  /** The slice of a plane in a volume's own pixels. @returns {HTMLCanvasElement | null} */
  #picture(plane, name, volume) {
    const { center, width } = this.range;
    const index = this.sliceAt(plane);
    const around = this.#around(plane);
    const shows = [index, around, center, width].join();
    const known = this.pictures.get(`${plane} ${name}`);
    if (known?.volume === volume && known.shows === shows) return known.canvas;
    const image = volume.picture(this.grid.axes[plane], index, around, this.sides[plane], this.#table());
    const canvas = known?.canvas ?? document.createElement("canvas");
    if (image) {
      if (canvas.width !== image.width) canvas.width = image.width;
      if (canvas.height !== image.height) canvas.height = image.height;
      canvas.getContext("2d", { alpha: false, willReadFrequently: true }).putImageData(image, 0, 0);
    }
    this.pictures.set(`${plane} ${name}`, { volume, shows, canvas: image && canvas });
    return image && canvas;
  }

  #table() {
    const { center, width } = this.range;
    if (this.range !== this.ranged) this.table = lookUp({ center, width });
    this.ranged = this.range;
    return this.table;
  }

  close() {
    super.close();
    clearTimeout(this.resting);
  }
}
