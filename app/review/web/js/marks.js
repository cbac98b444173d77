/** What is drawn over the slices: cross-hair, numbers, scale, words. */

const INK = { axial: "#ffc46b", coronal: "#7fd18b", sagittal: "#6db9ff" };
const ACROSS = { axial: ["sagittal", "coronal"], coronal: ["sagittal", "axial"], sagittal: ["coronal", "axial"] };
const ENDS = { axial: ["R", "L", "A", "P"], coronal: ["R", "L", "H", "F"], sagittal: ["A", "P", "H", "F"] };
const BARS = [100, 50, 20, 10, 5, 2];
const GAP = 14;

export class Marks {
  /** @param {HTMLElement} host @param {import("./viewer_base.js").Viewer} viewer */
  constructor(host, viewer) {
    this.viewer = viewer;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "marks";
    this.canvas.setAttribute("aria-hidden", "true");
    host.append(this.canvas);
    this.findings = [];
    this.dropped = [];
    this.selected = "";
    this.active = "axial";
    this.crosshair = true;
    /** Where the mouse rests, in pixels of the host; its HU are told. @type {[number, number] | null} */
    this.pointer = null;
    host.addEventListener("drawn", () => this.draw());
  }

  draw() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = "12px system-ui, sans-serif";
    for (const tile of this.viewer.tiles) this.#tile(pen, tile);
  }

  #tile(pen, tile) {
    const { left, top, width, height, plane } = tile;
    pen.save();
    pen.beginPath();
    pen.rect(left, top, width, height);
    pen.clip();
    if (this.crosshair) this.#crosshair(pen, tile);
    for (const candidate of this.dropped) this.#candidate(pen, tile, candidate);
    for (const finding of this.findings) this.#finding(pen, tile, finding);
    this.#words(pen, tile);
    this.#bar(pen, tile);
    pen.strokeStyle = INK[plane];
    pen.globalAlpha = plane === this.active ? 0.9 : 0.25;
    pen.lineWidth = plane === this.active ? 2 : 1;
    pen.strokeRect(left + 1, top + 1, width - 2, height - 2);
    pen.restore();
  }

  #crosshair(pen, tile) {
    const { left, top, width, height, plane } = tile;
    const [x, y] = this.viewer.project(tile, this.viewer.at).map((v) => Math.round(v) + 0.5);
    const lines = [
      [ACROSS[plane][0], [x, top, x, y - GAP], [x, y + GAP, x, top + height]],
      [ACROSS[plane][1], [left, y, x - GAP, y], [x + GAP, y, left + width, y]],
    ];
    pen.globalAlpha = 0.55;
    pen.lineWidth = 1;
    for (const [other, ...parts] of lines) {
      pen.strokeStyle = INK[other];
      for (const part of parts) this.#line(pen, part);
    }
    pen.globalAlpha = 1;
  }

  #line(pen, [a, b, c, d]) {
    pen.beginPath();
    pen.moveTo(a, b);
    pen.lineTo(c, d);
    pen.stroke();
  }

  #candidate(pen, tile, { center_lps_mm: center }) {
    if (this.viewer.depth(tile, center) > Math.max(4, this.viewer.grid.gap(tile.plane) / 2)) return;
    const [x, y] = this.viewer.project(tile, center);
    pen.strokeStyle = "#c9d3db";
    pen.setLineDash([3, 3]);
    pen.beginPath();
    pen.arc(x, y, Math.max(7, 5 / this.viewer.scale(tile)), 0, 7);
    pen.stroke();
    pen.setLineDash([]);
  }

  #finding(pen, tile, finding) {
    const radius = (finding.diameters_mm?.mean ?? 6) / 2;
    const { viewer } = this;
    const depth = viewer.depth(tile, finding.center_lps_mm);
    if (!viewer.outlines || depth > Math.max(radius, viewer.grid.gap(tile.plane) / 2 + 0.01)) return;
    const scale = viewer.scale(tile);
    const [x, y] = viewer.project(tile, finding.center_lps_mm);
    const away = radius / scale + 5;
    const chosen = finding.id === this.selected;
    pen.font = `${chosen ? "bold " : ""}13px system-ui, sans-serif`;
    this.#text(pen, String(finding.label), x + away * 0.75, y - away * 0.75, finding.css);
    if (chosen && tile.plane === "axial") this.#axes(pen, tile, finding);
  }

  /** The two diameters, where their slice is shown, alone or in a slab. */
  #axes(pen, tile, { long_axis_lps: long, short_axis_lps: short, css }) {
    const gap = this.viewer.grid.gap("axial");
    const shown = gap / 2 + gap * Math.floor(this.viewer.slab / 2 / gap + 0.01) + 0.01;
    for (const ends of [long, short]) {
      if (!ends || this.viewer.depth(tile, ends[0]) > shown) continue;
      pen.strokeStyle = css;
      pen.globalAlpha = 0.7;
      pen.setLineDash([4, 3]);
      this.#line(pen, ends.flatMap((end) => this.viewer.project(tile, end)));
      pen.setLineDash([]);
      pen.globalAlpha = 1;
    }
  }

  #text(pen, text, x, y, color = "#dfe7ed", align = "left") {
    pen.textAlign = align;
    pen.textBaseline = "middle";
    pen.lineWidth = 3;
    pen.strokeStyle = "rgb(0 0 0 / 85%)";
    pen.strokeText(text, x, y);
    pen.fillStyle = color;
    pen.fillText(text, x, y);
  }

  #words(pen, tile) {
    const { left, top, width, height, plane } = tile;
    const { viewer } = this;
    const { index, count } = viewer.grid.sliceOf(viewer.at, plane);
    pen.font = "12px system-ui, sans-serif";
    const name = plane[0].toUpperCase() + plane.slice(1);
    this.#text(pen, `${name}  ${index + 1}/${count}`, left + 10, top + 16, INK[plane]);
    const slices = 2 * Math.floor(viewer.slab / 2 / viewer.grid.gap(plane) + 0.01) + 1;
    const thick = (slices * viewer.grid.gap(plane)).toFixed(1);
    if (viewer.slab) this.#text(pen, `MIP ${thick} mm`, left + 10, top + 33, "#dfe7ed");
    const [west, east, north, south] = ENDS[plane];
    const soft = "#a9b6c0";
    this.#text(pen, west, left + 10, top + height / 2, soft);
    this.#text(pen, east, left + width - 10, top + height / 2, soft, "right");
    this.#text(pen, north, left + width / 2, top + 14, soft, "center");
    this.#text(pen, south, left + width / 2, top + height - 12, soft, "center");
    if (plane === this.viewer.tiles[0].plane) {
      const { center, width: wide } = viewer.range;
      const said = `W ${Math.round(wide)}  L ${String(Math.round(center)).replace("-", "−")}`;
      this.#text(pen, said, left + width - 10, top + 16, soft, "right");
    }
    const hu = this.#pointedHu(plane);
    if (hu) this.#text(pen, hu, left + width - 10, top + height - 14, "#dfe7ed", "right");
  }

  /** The density under the mouse in what a plane shows now. */
  #pointedHu(plane) {
    const place = this.pointer && this.viewer.pick(...this.pointer);
    const hu = place?.tile.plane === plane ? this.viewer.hu(place.lps) : null;
    return hu === null || hu === undefined ? "" : `${String(hu).replace("-", "−")} HU`;
  }

  #bar(pen, tile) {
    const { left, top, height, width } = tile;
    const scale = this.viewer.scale(tile);
    const length = BARS.find((mm) => mm / scale <= width / 3) ?? 1;
    const y = top + height - 12;
    pen.strokeStyle = "#c9d3db";
    pen.lineWidth = 2;
    this.#line(pen, [left + 10, y, left + 10 + length / scale, y]);
    this.#text(pen, `${length} mm`, left + 10, y - 12, "#a9b6c0");
  }
}
