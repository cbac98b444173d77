/** NiiVue that fills the whole tile of a slice, so that an enlarged picture uses all of its place. */
import { Niivue } from "../vendor/niivue.js";

export class FullTiles extends Niivue {
  /** @type {Map<number, number>} width by height of the tile of each kind of slice */
  aspects = new Map();

  calculateWidthHeight(_kind, _scale, width, height) {
    return [width, height];
  }

  screenFieldOfViewExtendedVox(kind) {
    const field = super.screenFieldOfViewExtendedVox(kind);
    const aspect = this.aspects.get(kind) ?? 1;
    const [width, height] = field.fovMM;
    const wanted = [Math.max(width, height * aspect), Math.max(height, width / aspect)];
    for (const side of [0, 1]) {
      const middle = (field.mnMM[side] + field.mxMM[side]) / 2;
      field.mnMM[side] = middle - wanted[side] / 2;
      field.mxMM[side] = middle + wanted[side] / 2;
      field.fovMM[side] = wanted[side];
    }
    return field;
  }
}
