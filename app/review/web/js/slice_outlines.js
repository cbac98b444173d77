/** Outlines of masks on a slice: the edges of their voxels as lines, thin at any zoom. */

/** @typedef {{start: number[], shape: number[], data: Uint8Array}} Box of labels: IRC, slice by slice */

/**
 * The voxels of a slice, and the edges between those that differ.
 * @param {Box} box
 * @param {number} axis the index axis that is cut
 * @param {number} index of the CT
 * @param {import("./flat_viewer.js").Side[]} sides of the picture
 * @returns {Map<number, {runs: number[][], edges: number[][]}>} by label; places in voxels from the
 *   box's corner on the screen: runs as left, top, width; edges as x, y to x, y
 */
export function outlinesOf(box, axis, index, sides) {
  /** @type {Map<number, {runs: number[][], edges: number[][]}>} */
  const found = new Map();
  const at = index - box.start[axis];
  if (at < 0 || at >= box.shape[axis]) return found;
  const { data, shape } = box;
  const strides = [shape[1] * shape[2], shape[2], 1];
  const [width, height] = sides.map((side) => shape[side.axis]);
  const [right, down] = sides.map((side) => (side.rising ? 1 : -1) * strides[side.axis]);
  let start = at * strides[axis];
  for (const side of sides) if (!side.rising) start += (shape[side.axis] - 1) * strides[side.axis];
  for (let v = 0; v < height; v += 1) {
    for (let u = 0, from = start + v * down; u < width; u += 1, from += right) {
      const label = data[from];
      if (!label) continue;
      let parts = found.get(label);
      if (!parts) found.set(label, (parts = { runs: [], edges: [] }));
      const { runs, edges } = parts;
      const run = runs[runs.length - 1];
      if (run && run[1] === v && run[0] + run[2] === u) run[2] += 1;
      else runs.push([u, v, 1]);
      if (u === 0 || data[from - right] !== label) edges.push([u, v, u, v + 1]);
      if (u === width - 1 || data[from + right] !== label) edges.push([u + 1, v, u + 1, v + 1]);
      if (v === 0 || data[from - down] !== label) edges.push([u, v, u + 1, v]);
      if (v === height - 1 || data[from + down] !== label) edges.push([u, v + 1, u + 1, v + 1]);
    }
  }
  return found;
}

/** @returns {(u: number, v: number) => [number, number]} from voxels to the screen */
function placing(viewer, tile, box) {
  const [x, y, width, height] = viewer.onScreen(tile, box.start, box.shape);
  const [columns, rows] = viewer.sides[tile.plane].map((side) => box.shape[side.axis]);
  return (u, v) => [x + (u * width) / columns, y + (v * height) / rows];
}

function strokeEdges(pen, edges, place) {
  pen.beginPath();
  for (const [a, b, c, d] of edges) {
    pen.moveTo(...place(a, b));
    pen.lineTo(...place(c, d));
  }
  pen.stroke();
}

/**
 * Draw the findings' outlines.
 * @param {CanvasRenderingContext2D} pen
 * @param {import("./flat_viewer.js").FlatViewer} viewer
 * @param {import("./viewer_base.js").Tile} tile
 * @param {Box} box
 */
export function paintOutlines(pen, viewer, tile, box) {
  const { palette, selected } = viewer.overlay;
  const { plane } = tile;
  const found = outlinesOf(box, viewer.grid.axes[plane], viewer.sliceAt(plane), viewer.sides[plane]);
  const place = placing(viewer, tile, box);
  pen.lineCap = "round";
  for (const [label, { edges }] of found) {
    const [red, green, blue, alpha] = palette.get(label) ?? [0, 0, 0, 0];
    if (!alpha) continue;
    pen.strokeStyle = `rgb(${red} ${green} ${blue} / ${alpha / 255})`;
    pen.lineWidth = label === selected ? 2 : 1.25;
    strokeEdges(pen, edges, place);
  }
}

/**
 * Draw the mask that is being painted.
 * @param {CanvasRenderingContext2D} pen
 * @param {import("./flat_viewer.js").FlatViewer} viewer
 * @param {import("./viewer_base.js").Tile} tile
 */
export function paintBrush(pen, viewer, tile) {
  const { plane } = tile;
  const { brush } = viewer;
  const found = outlinesOf(brush, viewer.grid.axes[plane], viewer.sliceAt(plane), viewer.sides[plane]).get(1);
  if (!found) return;
  const place = placing(viewer, tile, brush);
  pen.fillStyle = "rgb(64 240 255 / 22%)";
  for (const [u, v, length] of found.runs) {
    const [[x, y], [right, bottom]] = [place(u, v), place(u + length, v + 1)];
    pen.fillRect(x, y, right - x, bottom - y);
  }
  pen.strokeStyle = "rgb(64 240 255 / 95%)";
  pen.lineWidth = 1.5;
  pen.lineCap = "round";
  strokeEdges(pen, found.edges, place);
}
