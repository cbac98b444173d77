/**
 * Points and grids. Patient points are LPS millimetres, indices are those of the CT: slice, row,
 * column. Matrices are 4 x 4, row by row, in arrays of 16.
 */

/** @typedef {[number, number, number]} Point */
/** @typedef {"axial" | "coronal" | "sagittal"} Plane */

/** @type {Plane[]} */
export const PLANES = ["axial", "coronal", "sagittal"];

/** Apply a matrix to a point. @param {number[]} m @param {number[]} p @returns {Point} */
export function apply(m, [x, y, z]) {
  return [0, 4, 8].map((r) => m[r] * x + m[r + 1] * y + m[r + 2] * z + m[r + 3]);
}

/** @param {number[]} a @param {number[]} b @returns {number[]} a times b */
export function product(a, b) {
  return Array.from({ length: 16 }, (_, at) => {
    const [row, column] = [at - (at % 4), at % 4];
    return [0, 1, 2, 3].reduce((sum, k) => sum + a[row + k] * b[4 * k + column], 0);
  });
}

/** The inverse of an affine matrix. @param {number[]} m @returns {number[]} */
export function inverse(m) {
  const [a, b, c, , d, e, f, , g, h, i] = m;
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  if (!determinant) throw new Error("The affine matrix has no inverse.");
  const rows = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / determinant));
  const shift = rows.map((r) => -(r[0] * m[3] + r[1] * m[7] + r[2] * m[11]));
  return [...rows[0], shift[0], ...rows[1], shift[1], ...rows[2], shift[2], 0, 0, 0, 1];
}

/** A matrix that scales, then shifts. @param {number[]} scale @param {number[]} shift */
export function scaling([x, y, z], [u, v, w] = [0, 0, 0]) {
  return [x, 0, 0, u, 0, y, 0, v, 0, 0, z, w, 0, 0, 0, 1];
}

/** From LPS to NIfTI's RAS, and back. */
export const LPS_RAS = scaling([-1, -1, 1]);

/** From (column, row, slice) to (slice, row, column), and back. */
export const REVERSED = [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1];

/** @param {number[]} a @param {number[]} b */
export function distance(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

/** The grid of a CT in the patient. */
export class Grid {
  /** @param {{shape_irc: number[], spacing_irc_mm: number[], affine_lps: number[][]}} volume */
  constructor(volume) {
    this.shape = volume.shape_irc;
    this.spacing = volume.spacing_irc_mm;
    this.toLps = volume.affine_lps.flat();
    this.toIndex = inverse(this.toLps);
    this.axes = this.#axes();
  }

  /** The index axis that each plane is a slice of: the one that runs most across it. */
  #axes() {
    const free = [0, 1, 2];
    const across = { axial: 2, coronal: 1, sagittal: 0 };
    return /** @type {Record<Plane, number>} */ (
      Object.fromEntries(
        PLANES.map((plane) => {
          const row = 4 * across[plane];
          free.sort((a, b) => Math.abs(this.#unit(row, b)) - Math.abs(this.#unit(row, a)));
          return [plane, free.shift()];
        }),
      )
    );
  }

  #unit(row, axis) {
    return this.toLps[row + axis] / this.spacing[axis];
  }

  /** @param {Point} lps @returns {Point} */
  indexOf(lps) {
    return apply(this.toIndex, lps);
  }

  /** @param {number[]} index @returns {Point} */
  lpsOf(index) {
    return apply(this.toLps, index);
  }

  /** From the voxels (column, row, slice) of a box to RAS. @param {number[]} start its first index */
  toRas([slice, row, column]) {
    const shifted = product(REVERSED, scaling([1, 1, 1], [column, row, slice]));
    return product(LPS_RAS, product(this.toLps, shifted));
  }

  /** The first index of a box of the CT's own voxels. @param {{toRas: number[]}} box */
  startOf({ toRas }) {
    return apply(product(this.toIndex, product(LPS_RAS, toRas)), [0, 0, 0]).map(Math.round);
  }

  /** The nearest point that lies in the middle of a voxel. @param {Point} lps @returns {Point} */
  snap(lps) {
    const index = this.indexOf(lps).map((value, axis) =>
      Math.min(this.shape[axis] - 1, Math.max(0, Math.round(value))),
    );
    return this.lpsOf(index);
  }

  /** The point some slices further. @param {Point} lps @param {Plane} plane @param {number} count */
  step(lps, plane, count) {
    const index = this.indexOf(lps);
    const axis = this.axes[plane];
    const towards = this.#ascending(plane) ? 1 : -1;
    index[axis] = Math.round(index[axis]) + towards * count;
    return this.snap(this.lpsOf(index));
  }

  /** Whether the index grows towards the head, the front or the patient's left. */
  #ascending(plane) {
    const axis = this.axes[plane];
    const component = { axial: this.toLps[8 + axis], coronal: -this.toLps[4 + axis], sagittal: this.toLps[axis] };
    return component[plane] > 0;
  }

  /**
   * The slice of a plane that holds a point, and how many there are: from the feet, the front, the
   * patient's right.
   * @param {Point} lps @param {Plane} plane
   */
  sliceOf(lps, plane) {
    const axis = this.axes[plane];
    const count = this.shape[axis];
    const index = Math.round(this.indexOf(lps)[axis]);
    const asIs = this.#ascending(plane) !== (plane === "coronal");
    return { index: asIs ? index : count - 1 - index, count };
  }

  /** Millimetres between two slices of a plane. @param {Plane} plane */
  gap(plane) {
    return this.spacing[this.axes[plane]];
  }
}
