/** Fetches and unpacks a volume beside the page, so that the page stays quick. */
import { readNifti, unpacked } from "./nifti.js";

/** Bits of the half-precision number of each int16; exact up to 2,048 HU. */
function halfTable() {
  const halves = new Uint16Array(65536);
  const wide = new Float32Array(1);
  const bits = new Uint32Array(wide.buffer);
  for (let value = -32768; value < 32768; value += 1) {
    wide[0] = value;
    const exponent = ((bits[0] >>> 23) & 255) - 112;
    const magnitude = value === 0 ? 0 : (exponent << 10) | ((bits[0] >>> 13) & 1023);
    halves[value & 65535] = ((bits[0] >>> 16) & 0x8000) | magnitude;
  }
  return halves;
}

/** @param {Int16Array} data */
function halvesOf(data) {
  const table = halfTable();
  const halves = new Uint16Array(data.length);
  for (let at = 0; at < data.length; at += 1) halves[at] = table[data[at] & 65535];
  return halves;
}

/** The smallest box that holds all labels. @param {import("./nifti.js").Nifti} volume */
function labelled({ dims, toRas, data }) {
  const [columns, rows, slices] = dims;
  const low = [columns, rows, slices];
  const high = [-1, -1, -1];
  for (let k = 0; k < slices; k += 1) {
    for (let j = 0; j < rows; j += 1) {
      const start = columns * (j + rows * k);
      const row = data.subarray(start, start + columns);
      const first = row.findIndex((label) => label > 0);
      if (first < 0) continue;
      let last = columns - 1;
      while (!row[last]) last -= 1;
      [first, j, k].forEach((at, axis) => (low[axis] = Math.min(low[axis], at)));
      [last, j, k].forEach((at, axis) => (high[axis] = Math.max(high[axis], at)));
    }
  }
  if (high[0] < 0) return { dims: [1, 1, 1], start: [0, 0, 0], toRas, data: new Uint8Array(1) };
  const size = high.map((at, axis) => at - low[axis] + 1);
  const box = new Uint8Array(size[0] * size[1] * size[2]);
  for (let k = 0, at = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1, at += size[0]) {
      const start = low[0] + columns * (low[1] + j + rows * (low[2] + k));
      box.set(data.subarray(start, start + size[0]), at);
    }
  }
  return { dims: size, start: low, toRas, data: box };
}

onmessage = async ({ data: { id, url, kind } }) => {
  try {
    const response = await fetch(url, { credentials: "same-origin" });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    const volume = readNifti(await unpacked(response));
    if (kind === "labels") {
      const box = labelled(volume);
      postMessage({ id, volume: box }, { transfer: [box.data.buffer] });
      return;
    }
    const data = kind === "halves" ? halvesOf(volume.data) : volume.data;
    postMessage({ id, volume: { ...volume, start: [0, 0, 0], data } }, { transfer: [data.buffer] });
  } catch (error) {
    postMessage({ id, error: String(error.message ?? error) });
  }
};
