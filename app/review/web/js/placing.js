/** Marking in the pictures: a missed nodule, a new centre, an outline with the brush. */
import { BrushMask } from "./brush.js";
import { byId } from "./dom.js";

const MODES = {
  add: "Click the missed nodule, or Enter for the cross-hair’s place. Esc leaves.",
  move: "Click the new centre, or Enter for the cross-hair’s place. Esc leaves.",
};

export class Placing {
  /** @param {import("./study.js").StudyPage} page */
  constructor(page) {
    this.page = page;
    this.mode = "";
    this.radius = 3;
    this.ball = false;
    /** Until the outline is here, for the brush. */
    this.ready = Promise.resolve();
  }

  /** Take the brush's last stroke back. @returns {boolean} whether there was one */
  back() {
    if (!this.brush?.back()) return false;
    this.page.viewer.setBrush(this.brush);
    return true;
  }

  /** "", "add", "move" or "brush". @param {string} mode */
  async setMode(mode) {
    if (mode && (this.page.closed() || !this.page.viewer || (mode !== "add" && !this.page.finding()))) return;
    const was = this.mode;
    this.mode = mode;
    byId("viewer").dataset.mode = mode;
    byId("mode").hidden = !mode;
    byId("mode").textContent = MODES[mode] ?? "";
    if (mode) byId("viewer").focus({ preventScroll: true });
    if (mode === "brush") {
      this.#sayBrush();
      this.ready = this.#takeOutline();
      await this.ready;
      if (!this.brush) return;
    } else if (was === "brush") {
      this.brush = null;
      this.page.viewer.setBrush(null);
    }
    this.page.draw();
  }

  async #takeOutline() {
    const labels = await this.page.viewer.labels();
    if (this.mode !== "brush") return;
    this.brush = new BrushMask(this.page.viewer.grid, labels, this.page.finding().label);
    this.page.viewer.setBrush(this.brush);
    this.#sayBrush();
  }

  #sayBrush() {
    if (!this.brush) {
      byId("mode").textContent = "The outline is on its way …";
      return;
    }
    const shape = this.ball ? "ball" : "disc";
    byId("mode").textContent =
      `Brush: left paints, right erases; ${shape} of ${(2 * this.radius).toFixed(0)} mm, [ and ] change it, D for a ${this.ball ? "disc" : "ball"}. ` +
      "Space paints and Delete erases at the cross-hair. Enter keeps the outline, Esc leaves it.";
  }

  brushSize(step) {
    this.radius = Math.min(20, Math.max(1, this.radius + step));
    this.#sayBrush();
  }

  brushShape() {
    this.ball = !this.ball;
    this.#sayBrush();
  }

  /** A stroke of the brush. */
  paint(lps, plane, erase, start) {
    const { radius, ball, ready } = this;
    const how = { erase, start, radius, ball };
    if (this.brush) this.#paint(lps, plane, how);
    else ready.then(() => ready === this.ready && this.#paint(lps, plane, how));
  }

  #paint(lps, plane, { erase, start, radius, ball }) {
    if (!this.brush) return; // it was left meanwhile
    if (start) this.brush.begin();
    this.brush.paint(lps, radius, { erase, axis: ball ? null : this.page.viewer.grid.axes[plane] });
    this.page.viewer.setBrush(this.brush);
  }

  /** What Enter does in a mode. */
  async finish() {
    if (this.mode === "brush") {
      await this.ready;
      if (!this.brush) return;
      const mask = await this.brush.encode();
      if (await this.page.enter("redraw", this.page.selected, mask)) this.setMode("");
    } else if (this.mode) await this.click(this.page.viewer.at);
    else byId("comment")?.focus();
  }

  /** A place in the mode "add" or "move". @param {import("./geometry.js").Point} lps */
  async click(lps) {
    const mode = this.mode;
    if (!mode || mode === "brush") return;
    const { page } = this;
    const data = { center_lps_mm: lps };
    const entered = mode === "add" ? page.addNodule("add", data) : page.enter("move", page.selected, data);
    this.setMode(""); // drawn while the server works
    await entered;
  }
}
