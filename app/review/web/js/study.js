/** The study page: what a reader can do, and the parts that show it. */
import * as api from "./api.js";
import { drawClinical } from "./clinical_facts.js";
import { byId, tell } from "./dom.js";
import { drawDetails } from "./finding_details.js";
import { drawDropped, drawFindings, drawHistory, progressWords } from "./findings_panel.js";
import { listen } from "./keys.js";
import { Marks } from "./marks.js";
import { Placing } from "./placing.js";
import { watchPointer } from "./pointer.js";
import { shortcuts } from "./shortcuts.js";
import { askToSign, drawExports } from "./sign_off.js";
import { drawTools } from "./tools.js";
import { ViewTools } from "./view_tools.js";
import { openViewer } from "./viewer.js";
import { STATUS, decisionWords } from "./words.js";

export class StudyPage {
  /** @param {string} key */
  constructor(key) {
    this.key = key;
    this.selected = "";
    this.candidate = null;
    this.log = [];
    this.rejecting = false;
    /** Entries that are on their way, one after the other. */
    this.waiting = [];
    this.view = new ViewTools(this);
    this.placing = new Placing(this);
  }

  async open() {
    const [session, study] = await Promise.all([api.session(), api.study(this.key)]);
    this.session = session;
    byId("reader").textContent = session.reader;
    this.#take(study);
    this.selected = this.study.findings[0]?.id ?? "";
    const other = /** @type {HTMLAnchorElement} */ (byId("other-viewer"));
    other.hidden = !study.viewer;
    if (study.viewer) other.href = study.viewer;
    this.draw();
    this.#wire();
    this.#refreshLog();
    if (!study.has_images) {
      byId("loading").textContent = study.images_removed
        ? `The CT was removed on ${study.images_removed.slice(0, 10)}, as the service keeps images for so long. What was found and decided is kept.`
        : "The CT is not where it was: start nodulus review with --images and its folder. Accept, reject, unsure and comments work without it.";
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
    const words = { preview: "Loading the slices in full …", lungs: "Loading the rest …" }[stage];
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
    return this.signed() || Boolean(this.study.closed);
  }

  signed() {
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
    byId("sign").textContent = this.signed() && !study.closed ? "Open again" : "Sign off";
    byId("sign").disabled = Boolean(study.closed);
    byId("undo").disabled = this.closed() || !this.#lastEntry();
    byId("add").disabled = this.closed() || !study.has_images;
    drawFindings(this);
    drawDetails(this);
    drawClinical(this);
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
    const palette = new Map(study.findings.map((f) => [f.label, this.placing.mode === "brush" && f.id === this.selected ? [0, 0, 0, 0] : ink(f)]));
    this.viewer.study = study;
    this.viewer.setOverlay(study.labels, palette, this.finding()?.label ?? 0);
  }

  /** Choose a finding and go to it. @param {string} id */
  choose(id) {
    this.selected = id;
    this.candidate = null;
    this.rejecting = false;
    if (this.placing.mode) this.placing.setMode("");
    this.viewer?.goTo(this.finding().center_lps_mm);
    this.draw();
    this.view.sayWhere();
  }

  /** @param {number} step */
  next(step) {
    const { findings } = this.study;
    if (!findings.length) return;
    const at = findings.findIndex(({ id }) => id === this.selected);
    this.choose(findings[(at + step + findings.length) % findings.length].id);
  }

  /**
   * Add an entry to the log, after those that are on their way; the page then shows the server's state.
   * Where one fails, those behind it are not sent: they were made without knowing.
   * @param {string} kind
   * @param {string | null} finding
   * @param {object | (() => object | null)} data or what gives it once it is its turn; null for no entry
   * @returns {Promise<boolean>} false where it failed, or one before it
   */
  enter(kind, finding, data) {
    const same = typeof data === "function" ? "" : JSON.stringify([kind, finding, data]);
    const before = this.waiting.at(-1);
    if (same && before?.same === same) return before.added; // a second click on the same button
    const entry = { same, added: this.#after(before?.added, kind, finding, data) };
    this.waiting.push(entry);
    this.#sayBusy();
    entry.added.finally(() => {
      this.waiting.splice(this.waiting.indexOf(entry), 1);
      this.#sayBusy();
    });
    return entry.added;
  }

  async #after(before, kind, finding, given) {
    if (before && !(await before)) return false;
    const data = typeof given === "function" ? given() : given;
    return data ? this.#send(kind, finding, data) : true;
  }

  async #send(kind, finding, data) {
    performance.mark(`nodulus:${kind}:start`);
    try {
      this.#take(await api.enter(this.key, { kind, finding, data, expected_version: this.study.version }));
      tell("");
    } catch (error) {
      if (error.status === 409 && error.state) this.#take(error.state);
      tell([error.message, error.remedy].filter(Boolean).join(" "), true);
      return false;
    } finally {
      if (!this.finding()) this.selected = this.study.findings[0]?.id ?? "";
      this.rejecting = false;
      this.draw();
      performance.mark(`nodulus:${kind}:end`);
      // The next key may undo this entry: it must not take the one before.
      await this.#refreshLog();
    }
    return true;
  }

  #sayBusy() {
    document.body.dataset.busy = String(this.waiting.length > 0);
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
    const decided = this.study.findings.find(({ id }) => id === finding.id);
    tell(`Nodule ${finding.label}: ${decisionWords(decided).toLowerCase()}.`);
    const open = this.study.findings.find(({ decision }) => !decision);
    if (open) this.choose(open.id);
  }

  accept() {
    return this.#decide("accept");
  }

  unsure() {
    return this.#decide("unsure");
  }

  /** The adjudicator takes what a first reader said. @param {number} reader */
  adopt(reader) {
    return this.finding()?.opinions[reader - 1]?.decision ? this.#decide("adopt", { reader }) : undefined;
  }

  askReason() {
    if (!this.finding() || this.closed()) return;
    this.rejecting = !this.rejecting;
    drawDetails(this);
    if (!this.rejecting) return;
    byId("reason-vessel").closest(".reasons").scrollIntoView({ block: "nearest" });
    byId("reason-vessel").focus({ preventScroll: true });
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
  undo(entry) {
    if (this.placing.back()) return undefined;
    return this.enter("undo", null, () => {
      const number = entry ?? this.#lastEntry()?.number;
      return number && !this.closed() ? { entry: number } : null;
    });
  }

  showCandidate(id) {
    this.candidate = id;
    this.viewer?.goTo(this.study.dropped.find((candidate) => candidate.id === id).center_lps_mm);
    drawDropped(this);
  }

  takeUp(id) {
    return this.addNodule("take-up", { candidate: id });
  }

  /** Enter what makes a nodule, and go to it. */
  async addNodule(kind, data) {
    const before = new Set(this.study.findings.map(({ id }) => id));
    if (!(await this.enter(kind, null, data))) return;
    const made = this.study.findings.findLast(({ id }) => !before.has(id));
    if (made) this.choose(made.id);
    if (made) tell(`Nodule ${made.label} is added.`);
  }

  #pointer() {
    return {
      mode: () => this.placing.mode,
      dragTool: () => this.view.dragging,
      plane: (plane) => (this.marks.active = plane),
      click: (lps) => this.placing.click(lps),
      paint: (lps, tile, erase, start) => this.placing.paint(lps, tile.plane, erase, start),
      windowed: () => drawTools(byId("tools"), this),
      hover: (pixels) => this.view.hover(pixels),
    };
  }

  #wire() {
    byId("undo").addEventListener("click", () => this.undo());
    byId("add").addEventListener("click", () => this.placing.setMode(this.placing.mode === "add" ? "" : "add"));
    byId("sign").addEventListener("click", () => askToSign(this));
    byId("keys").addEventListener("click", () => byId("help").showModal());
    byId("dropped").addEventListener("toggle", () => this.draw());
    byId("clinical").addEventListener("toggle", () => drawClinical(this));
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
