/**
 * @typedef {object} Volume a volume's box
 * @property {number[]} dims columns, rows, slices of the box
 * @property {number[]} toRas voxel of the box to RAS mm
 * @property {Uint16Array | Int16Array | Uint8Array} data half-precision HU, HU, or labels
 */

/** Loads volumes in a worker. */
export class VolumeLoader {
  constructor() {
    this.worker = new Worker(new URL("./volume_worker.js", import.meta.url), { type: "module" });
    this.waiting = new Map();
    this.count = 0;
    this.worker.onmessage = ({ data }) => {
      const { resolve, reject } = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.error) reject(new Error(data.error));
      else resolve(data.volume);
    };
  }

  /**
   * @param {string} url
   * @param {"halves" | "as it is"} kind half-precision HU for a graphics card, or HU or labels
   * @returns {Promise<Volume>}
   */
  load(url, kind = "halves") {
    const id = (this.count += 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, url: new URL(url, location.href).href, kind });
    });
  }
}

/** The HU of a half-precision number's bits. @param {number} half */
export function huOfHalf(half) {
  const magnitude = half & 0x7fff;
  const exponent = magnitude >> 10;
  const value = exponent ? 2 ** (exponent - 25) * (1024 + (magnitude & 1023)) : 0;
  return half & 0x8000 ? -value : value;
}
