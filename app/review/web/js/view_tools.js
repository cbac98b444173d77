/** What a reader sees: window, slab, planes, slices, cross-hair. */
import { byId } from "./dom.js";
import { SLABS, WINDOWS, drawTools } from "./tools.js";

export class ViewTools {
  /** @param {import("./study.js").StudyPage} page */
  constructor(page) {
    this.page = page;
    this.dragging = false;
  }

  setWindow({ center, width }) {
    this.page.viewer?.setWindow(center, width);
    if (this.page.viewer) drawTools(byId("tools"), this.page);
  }

  nextWindow() {
    const names = Object.keys(WINDOWS);
    const now = names.findIndex((name) => WINDOWS[name].center === this.page.viewer.range.center);
    this.setWindow(WINDOWS[names[(now + 1) % names.length]]);
  }

  setSlab(mm) {
    this.page.viewer?.setSlab(mm);
    if (this.page.viewer) drawTools(byId("tools"), this.page);
  }

  nextSlab() {
    this.setSlab(SLABS[(SLABS.indexOf(this.page.viewer.slab) + 1) % SLABS.length]);
  }

  toggleOutlines() {
    this.page.viewer.setOutlines(!this.page.viewer.outlines);
    drawTools(byId("tools"), this.page);
  }

  toggleDrag() {
    this.dragging = !this.dragging;
    drawTools(byId("tools"), this.page);
  }

  toggleLayout() {
    this.page.viewer.setLayout(this.page.viewer.layout === "all" ? this.page.marks.active : "all");
    drawTools(byId("tools"), this.page);
  }

  toggleCrosshair() {
    this.page.marks.crosshair = !this.page.marks.crosshair;
    this.page.viewer.redraw();
  }

  fit() {
    this.page.viewer?.setZoom(1);
  }

  setPlane(plane) {
    this.page.marks.active = plane;
    if (this.page.viewer.layout !== "all") this.page.viewer.setLayout(plane);
    this.page.viewer.redraw();
  }

  /** Go through the active plane's slices. @param {number} count */
  step(count) {
    this.page.viewer?.step(this.page.marks.active, count);
    this.sayWhere();
  }

  /** Move the cross-hair in the active plane, a few pixels. */
  nudge(right, down) {
    const tile = this.page.viewer.tiles.find(({ plane }) => plane === this.page.marks.active);
    const [across, along] = ["right", "down"].map((side) => {
      const axis = tile[side].map(Math.abs);
      return this.page.viewer.grid.spacing[this.page.viewer.grid.axes[["sagittal", "coronal", "axial"][axis.indexOf(Math.max(...axis))]]];
    });
    const scale = this.page.viewer.scale(tile);
    const to = this.page.viewer.at.map((v, k) => v + (right * across * tile.right[k] + down * along * tile.down[k]) / scale);
    this.page.viewer.goTo(to, { center: false });
    this.sayWhere();
  }

  /** Which slice the active plane shows. */
  sayWhere() {
    if (!this.page.viewer) return;
    const plane = this.page.marks.active;
    const { index, count } = this.page.viewer.grid.sliceOf(this.page.viewer.at, plane);
    byId("where").textContent = `${plane} slice ${index + 1} of ${count}`;
  }

  /** Where the mouse rests. @param {[number, number] | null} pixels of the viewer; null outside */
  hover(pixels) {
    this.page.marks.pointer = pixels;
    this.page.marks.draw();
  }
}
