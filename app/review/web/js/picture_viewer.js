/** The viewer that has the server draw each slice, and loads no voxels. */
import { FlatViewer } from "./flat_viewer.js";
import { ServerPictures } from "./server_pictures.js";
import { paintBrush } from "./slice_outlines.js";

export class PictureViewer extends FlatViewer {
  async open(study) {
    this.start(study);
    this.server = new ServerPictures(() => this.renew());
    this.last = {};
    await this.#wanted("axial").decode().catch(() => {});
    this.redraw();
    this.tell("server", true);
  }

  #wanted(plane) {
    return this.server.ask(this.server.address(this, plane, this.outlines));
  }

  hu() {
    return null;
  }

  paint(pen, tile) {
    const { plane } = tile;
    const image = this.#wanted(plane);
    if (image.complete && image.naturalWidth) this.last[plane] = image;
    pen.imageSmoothingQuality = "high";
    if (this.last[plane]) pen.drawImage(this.last[plane], ...this.onScreen(tile, [0, 0, 0], this.grid.shape));
    if (this.brush) paintBrush(pen, this, tile);
  }
}
