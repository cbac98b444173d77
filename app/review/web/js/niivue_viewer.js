/**
 * The viewer on NiiVue (WebGL 2). NiiVue is given the frame of the CT, lays out the slices and maps
 * the screen to the patient; the voxels lie in textures of their own, which its custom slice shader
 * reads: a coarse volume first, then the lungs, then all.
 */
import { NVImage } from "../vendor/niivue.js";
import { FullTiles } from "./full_tiles.js";
import { LPS_RAS, REVERSED, apply, inverse, product, scaling } from "./geometry.js";
import { Pace } from "./pace.js";
import { SLICE_SHADER, UNITS } from "./slice_shader.js";
import { Textures } from "./textures.js";
import { huOfHalf } from "./volume_loader.js";
import { Viewer } from "./viewer_base.js";

const SLICE_TYPE = { axial: 0, coronal: 1, sagittal: 2 };
const FRAME = 4;

export class NiivueViewer extends Viewer {
  /**
   * @param {HTMLElement} host
   * @param {import("./volume_loader.js").VolumeLoader} loader
   * @param {Promise<import("./volume_loader.js").Volume>} preview
   */
  constructor(host, loader, preview) {
    super(host, loader);
    this.preview = preview;
  }

  async open(study) {
    this.start(study);
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.host.prepend(this.canvas);
    this.niivue = new FullTiles({
      interactive: false, dragAndDropEnabled: false, crosshairWidth: 0, loadingText: "",
      isOrientationTextVisible: false, isRadiologicalConvention: true, sagittalNoseLeft: true,
      forceDevicePixelRatio: 0, logLevel: "error", show3Dcrosshair: false, isAntiAlias: false,
    });
    await this.niivue.attachToCanvas(this.canvas, false);
    this.pace = new Pace(this.niivue.gl, () => this.redraw());
    this.niivue.setCustomSliceShader(SLICE_SHADER);
    this.textures = new Textures(this.niivue.gl, this.niivue.customSliceShader.program, UNITS);
    this.niivue.addVolume(await this.#frameVolume());
    const corners = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]];
    const [o, ...ends] = corners.map((at) => [...this.niivue.frac2mm(at, 0, true)]);
    const column = (row) => [...ends.map((end) => end[row] - o[row]), o[row]];
    this.toLps = product(LPS_RAS, [...column(0), ...column(1), ...column(2), 0, 0, 0, 1]);
    this.fromLps = inverse(this.toLps);
    const preview = await this.preview;
    this.textures.volume("coarse", preview, this.#place(preview));
    this.redraw();
    this.tell("preview");
    this.#loadAll(study);
  }

  async #loadAll(study) {
    for (const [stage, last] of [["lungs", false], ["ct", true]]) {
      try {
        const volume = await this.loader.load(study.volumes[stage]);
        await this.textures.volume("fine", volume, this.#place(volume));
        this.fine = volume;
        this.redraw();
        this.tell(stage, last);
      } catch (error) {
        this.tell(`${stage}: ${error.message}`, last);
      }
    }
  }

  /** NiiVue's volume: the frame of the CT, without its voxels. */
  #frameVolume() {
    const { shape, toLps } = this.grid;
    const sizes = [2, 1, 0].map((axis) => shape[axis] / FRAME);
    const coarse = scaling(sizes, sizes.map((size) => (size - 1) / 2));
    const affine = product(LPS_RAS, product(toLps, product(REVERSED, coarse)));
    const spacing = [0, 1, 2].map((k) => Math.hypot(affine[k], affine[4 + k], affine[8 + k]));
    const dims = [FRAME, FRAME, FRAME];
    const file = NVImage.createNiftiArray(dims, spacing, affine, 2, new Uint8Array(FRAME ** 3));
    return NVImage.new(file.buffer, "frame.nii", "gray", 1, null, 0, 1);
  }

  /** From NiiVue's frame to texture coordinates of a volume's box. */
  #place({ toRas, dims }) {
    const voxel = product(inverse(toRas), product(LPS_RAS, this.toLps));
    const parts = dims.map((count) => 1 / count);
    return product(scaling(parts, parts.map((part) => part / 2)), voxel);
  }

  async setOverlay(url, palette, selected) {
    const stale = this.overlay.url !== url;
    super.setOverlay(url, palette, selected);
    this.textures.palette(palette);
    if (!stale) return;
    const labels = await this.labels();
    if (this.overlay.url !== url) return;
    await this.textures.volume("outlines", labels, this.#place(labels));
    this.redraw();
    performance.mark("nodulus:outlines");
  }

  setBrush(brush) {
    if (!brush?.data.length) this.textures.drop("brush");
    else {
      const { shape, start, data } = brush;
      const box = { dims: [...shape].reverse(), toRas: this.grid.toRas(start), data };
      this.textures.volume("brush", box, this.#place(box));
    }
    super.setBrush(brush);
  }

  /** HU at a point, where the full volume is here. @param {import("./geometry.js").Point} lps */
  hu(lps) {
    if (!this.fine) return null;
    const { dims, toRas, data } = this.fine;
    const [x, y, z] = apply(product(inverse(toRas), LPS_RAS), lps).map(Math.round);
    if ([x, y, z].some((at, k) => at < 0 || at >= dims[k])) return null;
    return huOfHalf(data[x + dims[0] * (y + dims[1] * z)]);
  }

  draw() {
    const nv = this.niivue;
    if (!this.fromLps || !this.host.clientWidth) return;
    nv.scene.crosshairPos = apply(this.fromLps, this.at);
    const center = nv.frac2mm([0.5, 0.5, 0.5]);
    const focus = nv.frac2mm(apply(this.fromLps, this.focus));
    nv.scene.pan2Dxyzmm = [...[0, 1, 2].map((k) => center[k] - this.zoom * focus[k]), this.zoom];
    this.#uniforms();
    this.#size();
    const layout = this.boxes().map(({ plane, box }) => ({ sliceType: SLICE_TYPE[plane], position: box }));
    const { width, height } = this.canvas;
    for (const { sliceType, position: [, , w, h] } of layout) nv.aspects.set(sliceType, (w * width) / (h * height));
    nv.setCustomLayout(layout);
    this.pace.drew();
    this.#findTiles();
  }

  moved() {
    this.pace?.moved();
  }

  busy() {
    return this.pace?.busy() ?? false;
  }

  close() {
    super.close();
    this.pace?.close();
  }

  /** Give the canvas as many pixels as the pace allows; the page stretches it. */
  #size() {
    const share = this.pace.next() * (window.devicePixelRatio || 1);
    const { clientWidth, clientHeight } = this.canvas;
    const [width, height] = [clientWidth, clientHeight].map((side) => Math.max(1, Math.round(side * share)));
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
  }

  #uniforms() {
    const { center, width } = this.range;
    const planes = ["sagittal", "coronal", "axial"];
    const counts = planes.map((plane) => Math.floor(this.slab / 2 / this.grid.gap(plane) + 0.01));
    const steps = planes.map((plane) => 1 / this.grid.shape[this.grid.axes[plane]]);
    this.textures.set({
      range: [center - width / 2, center + width / 2],
      slabStep: steps,
      slabCount: counts,
      showOutlines: this.outlines ? 1 : 0,
      selected: this.overlay.selected,
    });
  }

  #findTiles() {
    const nv = this.niivue;
    const ratio = this.canvas.width / this.canvas.clientWidth;
    this.tiles = nv.screenSlices.map((slice, at) => {
      const [left, top, width, height] = slice.leftTopWidthHeight;
      const [x, y] = [left + width / 4, top + height / 4];
      const point = (u, v) => apply(this.toLps, [...nv.screenXY2TextureFrac(u, v, at, false)]);
      const [p, q, r] = [point(x, y), point(x + width / 2, y), point(x, y + height / 2)];
      const right = q.map((value, k) => ((value - p[k]) / (width / 2)) * ratio);
      const down = r.map((value, k) => ((value - p[k]) / (height / 2)) * ratio);
      const origin = p.map((v, k) => v - (right[k] * width) / 4 / ratio - (down[k] * height) / 4 / ratio);
      const plane = /** @type {any} */ (Object.keys(SLICE_TYPE)[slice.axCorSag]);
      return { plane, left: left / ratio, top: top / ratio, width: width / ratio, height: height / ratio, origin, right, down };
    });
  }
}
