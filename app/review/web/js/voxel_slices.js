/** Slices and slabs of a volume as grey pictures, in plain JavaScript. */
import { LPS_RAS, product } from "./geometry.js";

/** @typedef {import("./flat_viewer.js").Side} Side */

/** Grey as red, green, blue and full alpha, for each int16. */
const GREYS = new Uint32Array(256).map((_, grey) => (0xff000000 | (grey << 16) | (grey << 8) | grey) >>> 0);

/** The grey of each int16, from -32768 on. @param {{center: number, width: number}} range HU */
export function lookUp({ center, width }) {
  const table = new Uint32Array(65536);
  const low = center - width / 2;
  for (let at = 0; at < 65536; at += 1) {
    const grey = Math.round(((at - 32768 - low) / width) * 255);
    table[at] = GREYS[grey < 0 ? 0 : grey > 255 ? 255 : grey];
  }
  return table;
}

/** A volume whose axes are those of the CT. */
export class PlacedVolume {
  /**
   * @param {import("./volume_loader.js").Volume} volume
   * @param {import("./geometry.js").Grid} grid of the CT
   */
  constructor({ dims, toRas, data }, grid) {
    const toIndex = product(grid.toIndex, product(LPS_RAS, toRas));
    const [columns, rows, slices] = dims;
    this.data = data;
    /** By index axis: voxels, the distance in `data`, voxels of the CT that one takes. */
    this.shape = [slices, rows, columns];
    this.strides = [columns * rows, columns, 1];
    this.step = [0, 1, 2].map((axis) => toIndex[4 * axis + 2 - axis]);
    /** Its first voxel's outer edge, as an index of the CT from the middle of a voxel. */
    this.low = [0, 1, 2].map((axis) => toIndex[4 * axis + 3] + 0.5 - this.step[axis] / 2);
    this.size = this.shape.map((count, axis) => count * this.step[axis]);
  }

  /** The volume's index nearest to the CT's; may lie outside. @param {number} index @param {number} axis */
  nearest(index, axis) {
    return Math.floor((index - this.low[axis] + 0.5) / this.step[axis] + 1e-4);
  }

  /** HU at an index of the CT; null outside. @param {number[]} index */
  hu(index) {
    const at = index.map((value, axis) => this.nearest(Math.round(value), axis));
    if (at.some((value, axis) => value < 0 || value >= this.shape[axis])) return null;
    return this.data[at.reduce((sum, value, axis) => sum + value * this.strides[axis], 0)];
  }

  /**
   * A slice, or the maxima of a slab, as it lies on the screen.
   * @param {number} axis the index axis that is cut
   * @param {number} index of the CT
   * @param {number} around slices of the CT on each side of it
   * @param {Side[]} sides of the picture
   * @param {Uint32Array} table as `lookUp` gives it
   * @returns {ImageData | null} null where the volume has none of it
   */
  picture(axis, index, around, sides, table) {
    const first = Math.max(0, this.nearest(index - around, axis));
    const last = Math.min(this.shape[axis] - 1, this.nearest(index + around, axis));
    if (first > last) return null;
    const [width, height] = sides.map((side) => this.shape[side.axis]);
    const [right, down] = sides.map((side) => (side.rising ? 1 : -1) * this.strides[side.axis]);
    let start = first * this.strides[axis];
    for (const side of sides) if (!side.rising) start += (this.shape[side.axis] - 1) * this.strides[side.axis];
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const many = last - first + 1;
    if (many === 1) slice(this.data, pixels, width, height, start, right, down, table);
    else slab(this.data, pixels, width, height, start, right, down, table, many, this.strides[axis]);
    return image;
  }
}

function slice(data, pixels, width, height, start, right, down, table) {
  for (let v = 0, to = 0; v < height; v += 1) {
    for (let u = 0, from = start + v * down; u < width; u += 1, from += right, to += 1) {
      pixels[to] = table[data[from] + 32768];
    }
  }
}

function slab(data, pixels, width, height, start, right, down, table, many, deeper) {
  const most = new Int16Array(width);
  for (let v = 0, to = 0; v < height; v += 1) {
    most.fill(-32768);
    for (let k = 0; k < many; k += 1) {
      for (let u = 0, from = start + v * down + k * deeper; u < width; u += 1, from += right) {
        const value = data[from];
        if (value > most[u]) most[u] = value;
      }
    }
    for (let u = 0; u < width; u += 1, to += 1) pixels[to] = table[most[u] + 32768];
  }
}
