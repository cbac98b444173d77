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

onmessage = async ({ data: { id, url, kind } }) => {
  try {
    const response = await fetch(url, { credentials: "same-origin" });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    const volume = readNifti(await unpacked(response));
    const data = kind === "halves" ? halvesOf(volume.data) : volume.data;
    postMessage({ id, volume: { ...volume, data } }, { transfer: [data.buffer] });
  } catch (error) {
    postMessage({ id, error: String(error.message ?? error) });
  }
};
