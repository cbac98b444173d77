/** A mask that a reader paints, on the CT's own grid. */
import { Grid } from "./geometry.js";

export class BrushMask {
  /**
   * @param {Grid} grid
   * @param {import("./volume_loader.js").Volume | null} labels on that grid
   * @param {number} label the finding whose mask is the start
   */
  constructor(grid, labels, label) {
    this.grid = grid;
    this.start = [0, 0, 0];
    this.shape = [0, 0, 0];
    this.data = new Uint8Array(0);
    this.strokes = [];
    if (labels) this.#take(labels, label);
  }

  #take({ dims: [columns, rows], toRas, data }, label) {
    const start = this.grid.startOf({ toRas });
    for (let at = data.indexOf(label); at >= 0; at = data.indexOf(label, at + 1)) {
      const column = at % columns;
      const row = Math.floor(at / columns) % rows;
      const slice = Math.floor(at / columns / rows);
      this.#set([start[0] + slice, start[1] + row, start[2] + column], 1);
    }
  }

  #offset([i, r, c]) {
    return c - this.start[2] + this.shape[2] * (r - this.start[1] + this.shape[1] * (i - this.start[0]));
  }

  #holds(index) {
    return index.every((at, k) => at >= this.start[k] && at < this.start[k] + this.shape[k]);
  }

  #set(index, value) {
    if (!this.#holds(index)) {
      if (!value) return;
      this.#grow(index);
    }
    this.data[this.#offset(index)] = value;
  }

  /** Make room around a voxel. */
  #grow(index) {
    const room = this.grid.spacing.map((mm) => Math.ceil(12 / mm));
    const empty = this.shape[0] === 0;
    const low = index.map((at, k) => Math.max(0, Math.min(empty ? at : this.start[k], at - room[k])));
    const high = index.map((at, k) => {
      const end = empty ? at : this.start[k] + this.shape[k] - 1;
      return Math.min(this.grid.shape[k] - 1, Math.max(end, at + room[k]));
    });
    const old = { start: this.start, shape: this.shape, data: this.data };
    this.start = low;
    this.shape = high.map((at, k) => at - low[k] + 1);
    this.data = new Uint8Array(this.shape[0] * this.shape[1] * this.shape[2]);
    const [slices, rows, columns] = old.shape;
    for (let i = 0; i < slices; i += 1) {
      for (let r = 0; r < rows; r += 1) {
        const from = columns * (r + rows * i);
        const to = this.#offset([old.start[0] + i, old.start[1] + r, old.start[2]]);
        this.data.set(old.data.subarray(from, from + columns), to);
      }
    }
  }

  /** Remember the mask, for `back`. */
  begin() {
    this.strokes.push({ start: this.start, shape: this.shape, data: this.data.slice() });
    if (this.strokes.length > 20) this.strokes.shift();
  }

  /** Take the last stroke back. @returns {boolean} whether there was one */
  back() {
    const last = this.strokes.pop();
    if (last) Object.assign(this, last);
    return Boolean(last);
  }

  /**
   * Paint or erase a disc in a slice, or a ball.
   * @param {import("./geometry.js").Point} lps its middle
   * @param {number} radius mm
   * @param {{erase: boolean, axis: number | null}} how axis: the index axis across the disc
   */
  paint(lps, radius, { erase, axis }) {
    const { spacing, shape } = this.grid;
    const middle = this.grid.indexOf(lps);
    const range = middle.map((at, k) => {
      if (k === axis) return [Math.round(at), Math.round(at)];
      return [Math.ceil(at - radius / spacing[k]), Math.floor(at + radius / spacing[k])];
    });
    const [is, rs, cs] = range.map(([low, high], k) => [Math.max(0, low), Math.min(shape[k] - 1, high)]);
    const square = (at, k) => (k === axis ? 0 : ((at - middle[k]) * spacing[k]) ** 2);
    for (let i = is[0]; i <= is[1]; i += 1) {
      for (let r = rs[0]; r <= rs[1]; r += 1) {
        for (let c = cs[0]; c <= cs[1]; c += 1) {
          if (square(i, 0) + square(r, 1) + square(c, 2) <= radius ** 2) this.#set([i, r, c], erase ? 0 : 1);
        }
      }
    }
  }

  /** The painted voxels of a slice. @param {number} axis @param {number} slice */
  *painted(axis, slice) {
    for (let at = this.data.indexOf(1); at >= 0; at = this.data.indexOf(1, at + 1)) {
      const c = at % this.shape[2];
      const r = Math.floor(at / this.shape[2]) % this.shape[1];
      const i = Math.floor(at / this.shape[2] / this.shape[1]);
      const index = [i + this.start[0], r + this.start[1], c + this.start[2]];
      if (index[axis] === slice) yield index;
    }
  }

  /** Its volume, mm3. */
  get volume() {
    const count = this.data.reduce((sum, value) => sum + value, 0);
    return count * this.grid.spacing[0] * this.grid.spacing[1] * this.grid.spacing[2];
  }

  /** What the server keeps: packed bits, slice by slice, row by row, gzip, base64. */
  async encode() {
    const packed = new Uint8Array(Math.ceil(this.data.length / 8));
    this.data.forEach((value, at) => {
      if (value) packed[at >> 3] |= 128 >> (at & 7);
    });
    const stream = new Blob([packed]).stream().pipeThrough(new CompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    return { box_start_irc: this.start, shape_irc: this.shape, mask: btoa(text) };
  }
}
