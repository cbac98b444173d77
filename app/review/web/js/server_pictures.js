/** Slices that the server draws, kept for a while. */

/** Pictures that are kept. */
const KEPT = 90;

export class ServerPictures {
  /** @param {() => void} arrived called with each picture that is there */
  constructor(arrived) {
    this.arrived = arrived;
    /** @type {Map<string, HTMLImageElement>} */
    this.pictures = new Map();
  }

  /** @param {object} viewer @param {import("./geometry.js").Plane} plane @param {boolean} outlines */
  address(viewer, plane, outlines) {
    const { center, width } = viewer.range;
    const query = new URLSearchParams({
      plane, index: String(viewer.sliceAt(plane)), window: `${Math.round(center)},${Math.round(width)}`,
      slab_mm: String(viewer.slab), outlines: outlines ? "1" : "0",
    });
    if (outlines) query.set("version", String(viewer.study.version));
    return `/api/studies/${encodeURIComponent(viewer.study.key)}/slice.png?${query}`;
  }

  /** The picture where it is there. @param {string} address @returns {HTMLImageElement | null} */
  at(address) {
    const image = this.pictures.get(address);
    return image?.complete && image.naturalWidth ? image : null;
  }

  /** Ask for a picture. @param {string} address @returns {HTMLImageElement} */
  ask(address) {
    const known = this.pictures.get(address);
    if (known) return known;
    const image = new Image();
    image.onload = () => this.arrived();
    image.src = address;
    this.pictures.set(address, image);
    if (this.pictures.size > KEPT) this.pictures.delete(this.pictures.keys().next().value);
    return image;
  }
}
