/** The study page: what a reader can do, and the parts that show it. */
import * as api from "./api.js";
import { BrushMask } from "./brush.js";
import { byId, tell } from "./dom.js";
import { drawDetails } from "./finding_details.js";
import { drawDropped, drawFindings, drawHistory, progressWords } from "./findings_panel.js";
import { listen } from "./keys.js";
import { Marks } from "./marks.js";
import { watchPointer } from "./pointer.js";
import { shortcuts } from "./shortcuts.js";
import { askToSign, drawExports } from "./sign_off.js";
import { SLABS, WINDOWS, drawTools } from "./tools.js";
import { openViewer } from "./viewer.js";
import { STATUS, decisionWords } from "./words.js";

const MODES = {
  add: "Click the missed nodule, or Enter for the cross-hair’s place. Esc leaves.",
  move: "Click the new centre, or Enter for the cross-hair’s place. Esc leaves.",
};

export class StudyPage {
  /** @param {string} key */
  constructor(key) {
    this.key = key;
    this.selected = "";
    this.candidate = null;
    this.log = [];
    this.mode = "";
    this.dragging = false;
    this.rejecting = false;
    this.busy = false;
    this.radius = 3;
    this.ball = false;
  }

  async open() {
    const [session, study] = await Promise.all([api.session(), api.study(this.key)]);
    this.session = session;
    byId("reader").textContent = session.reader;
    this.#take(study);
    this.selected = this.study.findings[0]?.id ?? "";
    this.draw();
    this.#wire();
    this.#refreshLog();
    if (!study.has_images) {
      byId("loading").textContent = "The CT is not where it was: start nodulus review with --images and its folder. Accept, reject, unsure and comments work without it.";
      return;
    }
    const host = byId("viewer");
    host.addEventListener("loaded", (event) => this.#loaded(event.detail));
    const viewer = await openViewer(host, study);
    this.marks = new Marks(host, viewer);
    this.viewer = viewer;
    watchPointer(host, viewer, this.#pointer());
    if (this.finding()) viewer.goTo(this.finding().center_lps_mm);
    this.draw();
  }

  #loaded({ stage, last }) {
    performance.mark(`nodulus:${stage}`);
    const words = { preview: "Loading the lungs …", lungs: "Loading the rest …" }[stage];
    byId("loading").textContent = last ? (stage === "ct" || stage === "server" ? "" : `Not loaded: ${stage}`) : (words ?? stage);
    byId("loading").hidden = !byId("loading").textContent;
  }

  #take(study) {
    for (const finding of study.findings) finding.css = `rgb(${finding.rgb.join(" ")})`;
    this.study = study;
  }

  /** @returns {any} the chosen finding */
  finding() {
    return this.study.findings.find(({ id }) => id === this.selected);
  }

  closed() {
    return this.study.status === "signed-off";
  }

  dropped() {
    return this.study.dropped
      .filter(({ taken_up: taken }) => !taken)
      .sort((a, b) => (b.nodule_probability ?? 0) - (a.nodule_probability ?? 0));
  }

  draw() {
    const { study } = this;
    byId("status").textContent = STATUS[study.status] ?? study.status;
    byId("status").dataset.status = study.status;
    byId("progress").textContent = progressWords(this);
    byId("sign").textContent = this.closed() ? "Open again" : "Sign off";
    byId("undo").disabled = this.closed() || !this.#lastEntry();
    byId("add").disabled = this.closed() || !study.has_images;
    drawFindings(this);
    drawDetails(this);
    drawDropped(this);
    drawHistory(this);
    drawExports(this);
    if (!this.viewer) return;
    drawTools(byId("tools"), this);
    Object.assign(this.marks, {
      findings: study.findings,
      selected: this.selected,
      dropped: byId("dropped").open ? this.dropped() : [],
    });
    const ink = ({ rgb, decision }) => (decision === "rejected" ? [150, 150, 150, 150] : [...rgb, 235]);
    const palette = new Map(study.findings.map((f) => [f.label, this.mode === "brush" && f.id === this.selected ? [0, 0, 0, 0] : ink(f)]));
    this.viewer.study = study;
    this.viewer.setOverlay(study.labels, palette, this.finding()?.label ?? 0);
  }

  /** Choose a finding and go to it. @param {string} id */
  choose(id) {
    this.selected = id;
    this.candidate = null;
    this.rejecting = false;
    if (this.mode) this.setMode("");
    this.viewer?.goTo(this.finding().center_lps_mm);
    this.draw();
    this.#sayWhere();
  }

  /** @param {number} step */
  next(step) {
    const { findings } = this.study;
    if (!findings.length) return;
    const at = findings.findIndex(({ id }) => id === this.selected);
    this.choose(findings[(at + step + findings.length) % findings.length].id);
  }

  /** Add an entry to the log; the page then shows the server's state. */
  async enter(kind, finding, data) {
    if (this.busy) return false;
    this.#setBusy(true);
    performance.mark(`nodulus:${kind}:start`);
    try {
      this.#take(await api.enter(this.key, { kind, finding, data, expected_version: this.study.version }));
      tell("");
    } catch (error) {
      if (error.status === 409 && error.state) this.#take(error.state);
      tell([error.message, error.remedy].filter(Boolean).join(" "), true);
      return false;
    } finally {
      this.#setBusy(false);
      if (!this.finding()) this.selected = this.study.findings[0]?.id ?? "";
      this.rejecting = false;
      this.draw();
      performance.mark(`nodulus:${kind}:end`);
      this.#refreshLog();
    }
    return true;
  }

  #setBusy(busy) {
    this.busy = busy;
    document.body.dataset.busy = String(busy);
  }

  async #refreshLog() {
    this.log = await api.log(this.key).catch(() => this.log);
    drawHistory(this);
    byId("undo").disabled = this.closed() || !this.#lastEntry();
  }

  async #decide(kind, data = {}) {
    const finding = this.finding();
    if (!finding || this.closed()) return;
    if (!(await this.enter(kind, finding.id, data))) return;
    tell(`Nodule ${finding.label}: ${decisionWords(this.finding()).toLowerCase()}.`);
    const open = this.study.findings.find(({ decision }) => !decision);
    if (open) this.choose(open.id);
  }

  accept() {
    return this.#decide("accept");
  }

  unsure() {
    return this.#decide("unsure");
  }

  askReason() {
    if (!this.finding() || this.closed()) return;
    this.rejecting = !this.rejecting;
    drawDetails(this);
    if (this.rejecting) byId(`reason-vessel`).focus();
  }

  /** @param {string} reason @param {string} text */
  reject(reason, text = "") {
    return this.#decide("reject", text ? { reason, text } : { reason });
  }

  /** @param {object} data */
  change(data) {
    return this.enter("change", this.selected, data);
  }

  /** @param {number} diameter mm */
  resize(diameter) {
    return this.enter("resize", this.selected, { diameter_mm: diameter });
  }

  /** @param {string} text */
  comment(text) {
    if (text.trim()) this.enter("comment", this.selected || null, { text: text.trim() });
  }

  #lastEntry() {
    const undone = new Set(this.log.filter(({ kind }) => kind === "undo").map(({ data }) => data.entry));
    return [...this.log].reverse().find(({ kind, number }) => !["undo", "sign-off", "reopen"].includes(kind) && !undone.has(number));
  }

  /** Take an entry back, by default the last one. @param {number} [entry] */
  undo(entry = this.#lastEntry()?.number) {
    if (this.brush?.back()) return this.viewer.setBrush(this.brush);
    if (entry && !this.closed()) return this.enter("undo", null, { entry });
    return undefined;
  }

  showCandidate(id) {
    this.candidate = id;
    this.viewer?.goTo(this.study.dropped.find((candidate) => candidate.id === id).center_lps_mm);
    drawDropped(this);
  }

  takeUp(id) {
    return this.#made("take-up", { candidate: id });
  }

  async #made(kind, data) {
    const before = new Set(this.study.findings.map(({ id }) => id));
    if (!(await this.enter(kind, null, data))) return;
    const made = this.study.findings.find(({ id }) => !before.has(id));
    if (made) this.choose(made.id);
    if (made) tell(`Nodule ${made.label} is added.`);
  }

  /** "", "add", "move" or "brush". @param {string} mode */
  async setMode(mode) {
    if (mode && (this.closed() || !this.viewer || (mode !== "add" && !this.finding()))) return;
    const was = this.mode;
    this.mode = mode;
    byId("viewer").dataset.mode = mode;
    byId("mode").hidden = !mode;
    byId("mode").textContent = MODES[mode] ?? "";
    if (mode) byId("viewer").focus({ preventScroll: true });
    if (mode === "brush") {
      byId("mode").textContent = "The outline is on its way …";
      const labels = await this.viewer.labels();
      if (this.mode !== "brush") return;
      this.brush = new BrushMask(this.viewer.grid, labels, this.finding().label);
      this.viewer.setBrush(this.brush);
      this.#sayBrush();
    } else if (was === "brush") {
      this.brush = null;
      this.viewer.setBrush(null);
    }
    this.draw();
  }

  #sayBrush() {
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

  paint(lps, plane, erase, start) {
    if (!this.brush) return;
    if (start) this.brush.begin();
    this.brush.paint(lps, this.radius, { erase, axis: this.ball ? null : this.viewer.grid.axes[plane] });
    this.viewer.setBrush(this.brush);
  }

  /** What Enter does in a mode. */
  async finish() {
    if (this.mode === "brush") {
      if (!this.brush) return;
      const mask = await this.brush.encode();
      if (await this.enter("redraw", this.selected, mask)) this.setMode("");
    } else if (this.mode) await this.click(this.viewer.at);
    else byId("comment")?.focus();
  }

  /** A place in the mode "add" or "move". @param {import("./geometry.js").Point} lps */
  async click(lps) {
    const mode = this.mode;
    if (!mode || mode === "brush") return;
    this.setMode("");
    if (mode === "add") await this.#made("add", { center_lps_mm: lps });
    else await this.enter("move", this.selected, { center_lps_mm: lps });
  }

  setWindow({ center, width }) {
    this.viewer?.setWindow(center, width);
    if (this.viewer) drawTools(byId("tools"), this);
  }

  nextWindow() {
    const names = Object.keys(WINDOWS);
    const now = names.findIndex((name) => WINDOWS[name].center === this.viewer.range.center);
    this.setWindow(WINDOWS[names[(now + 1) % names.length]]);
  }

  setSlab(mm) {
    this.viewer?.setSlab(mm);
    if (this.viewer) drawTools(byId("tools"), this);
  }

  nextSlab() {
    this.setSlab(SLABS[(SLABS.indexOf(this.viewer.slab) + 1) % SLABS.length]);
  }

  toggleOutlines() {
    this.viewer.setOutlines(!this.viewer.outlines);
    drawTools(byId("tools"), this);
  }

  toggleDrag() {
    this.dragging = !this.dragging;
    drawTools(byId("tools"), this);
  }

  toggleLayout() {
    this.viewer.setLayout(this.viewer.layout === "all" ? this.marks.active : "all");
    drawTools(byId("tools"), this);
  }

  toggleCrosshair() {
    this.marks.crosshair = !this.marks.crosshair;
    this.viewer.redraw();
  }

  fit() {
    this.viewer?.setZoom(1);
  }

  setPlane(plane) {
    this.marks.active = plane;
    if (this.viewer.layout !== "all") this.viewer.setLayout(plane);
    this.viewer.redraw();
  }

  /** Go through the active plane's slices. @param {number} count */
  step(count) {
    this.viewer?.step(this.marks.active, count);
    this.#sayWhere();
  }

  /** Move the cross-hair in the active plane, a few pixels. */
  nudge(right, down) {
    const tile = this.viewer.tiles.find(({ plane }) => plane === this.marks.active);
    const [across, along] = ["right", "down"].map((side) => {
      const axis = tile[side].map(Math.abs);
      return this.viewer.grid.spacing[this.viewer.grid.axes[["sagittal", "coronal", "axial"][axis.indexOf(Math.max(...axis))]]];
    });
    const scale = this.viewer.scale(tile);
    const to = this.viewer.at.map((v, k) => v + (right * across * tile.right[k] + down * along * tile.down[k]) / scale);
    this.viewer.goTo(to, { center: false });
    this.#sayWhere();
  }

  #sayWhere() {
    if (!this.viewer) return;
    const { plane } = { plane: this.marks.active };
    const { index, count } = this.viewer.grid.sliceOf(this.viewer.at, plane);
    byId("where").textContent = `${plane} slice ${index + 1} of ${count}`;
  }

  #pointer() {
    return {
      mode: () => this.mode,
      dragTool: () => this.dragging,
      plane: (plane) => (this.marks.active = plane),
      click: (lps) => this.click(lps),
      paint: (lps, tile, erase, start) => this.paint(lps, tile.plane, erase, start),
      windowed: () => drawTools(byId("tools"), this),
      hover: (place) => this.#hover(place),
    };
  }

  #hover(place) {
    const hu = place && this.viewer.hu(place.lps);
    const text = hu === null || hu === undefined ? "" : `${String(hu).replace("-", "−")} HU`;
    this.marks.note = place && text ? { plane: place.tile.plane, text } : null;
    this.marks.draw();
  }

  #wire() {
    byId("undo").addEventListener("click", () => this.undo());
    byId("add").addEventListener("click", () => this.setMode(this.mode === "add" ? "" : "add"));
    byId("sign").addEventListener("click", () => askToSign(this));
    byId("keys").addEventListener("click", () => byId("help").showModal());
    byId("dropped").addEventListener("toggle", () => this.draw());
    listen(shortcuts(this));
  }
}

const page = new StudyPage(decodeURIComponent(location.hash.slice(1)));
addEventListener("hashchange", () => location.reload());
page.open().catch((error) => {
  console.error(error);
  byId("loading").textContent = "";
  tell([error.message, error.remedy].filter(Boolean).join(" "), true);
});
