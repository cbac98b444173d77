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
    /** A canvas with the last picture of each plane. */
    this.pictures = new Map();
    this.server = new ServerPictures(() => this.#arrived());
    this.#askServer();
    this.#loadAll(study);
    this.redraw();
  }

  async #loadAll(study) {
    for (const [stage, name] of [["preview", "coarse"], ["ct", "fine"]]) {
      try {
        this[name] = new PlacedVolume(await this.loader.load(study.volumes[stage], "as it is"), this.grid);
        this.#arrived();
        if (name === "fine") this.tell(stage, true);
      } catch (error) {
        this.tell(`${stage}: ${error.message}`, name === "fine");
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

  #askServer() {
    if (this.fine) return;
    for (const { plane } of this.boxes()) this.server.ask(this.server.address(this, plane, false));
  }

  moved() {
    if (!this.server || this.fine) return;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.#askServer(), REST);
  }

  async setOverlay(url, palette, selected) {
    super.setOverlay(url, palette, selected);
    const { dims, toRas, data } = await this.labels();
    if (this.overlay.url !== url) return;
    this.labelled = { shape: [...dims].reverse(), start: this.grid.startOf({ toRas }), data };
    this.renew();
    performance.mark("nodulus:outlines");
  }

  /** HU at a point, where its voxel is here. @param {import("./geometry.js").Point} lps */
  hu(lps) {
    return this.fine?.hu(this.grid.indexOf(lps)) ?? null;
  }

  paint(pen, tile) {
    const { plane } = tile;
    pen.imageSmoothingQuality = "low";
    const picture = this.fine ? null : this.server.at(this.server.address(this, plane, false));
    const volume = this.fine ?? this.coarse;
    if (picture) pen.drawImage(picture, ...this.onScreen(tile, [0, 0, 0], this.grid.shape));
    else if (volume) this.#paintVolume(pen, tile, volume);
    if (this.outlines && this.labelled) paintOutlines(pen, this, tile, this.labelled);
    if (this.brush) paintBrush(pen, this, tile);
  }

  #paintVolume(pen, tile, volume) {
    const canvas = this.#picture(tile.plane, volume);
    if (canvas) pen.drawImage(canvas, ...this.onScreen(tile, volume.low, volume.size));
  }

  /** The slice of a plane in a volume's own pixels. @returns {HTMLCanvasElement | null} */
  #picture(plane, volume) {
    const { center, width } = this.range;
    const index = this.sliceAt(plane);
    const around = Math.floor(this.slab / 2 / this.grid.gap(plane) + 0.01);
    const shows = [index, around, center, width].join();
    const known = this.pictures.get(plane);
    if (known?.volume === volume && known.shows === shows) return known.canvas;
    const image = volume.picture(this.grid.axes[plane], index, around, this.sides[plane], this.#table());
    const canvas = known?.canvas ?? document.createElement("canvas");
    if (image) {
      if (canvas.width !== image.width) canvas.width = image.width;
      if (canvas.height !== image.height) canvas.height = image.height;
      canvas.getContext("2d", { alpha: false, willReadFrequently: true }).putImageData(image, 0, 0);
    }
    this.pictures.set(plane, { volume, shows, canvas: image && canvas });
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
