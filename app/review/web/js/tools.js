/** The bar above the pictures. */
import { button, el } from "./dom.js";

/** Window presets: centre and width in HU. */
export const WINDOWS = {
  lung: { name: "Lung", center: -600, width: 1500 },
  mediastinum: { name: "Mediastinum", center: 40, width: 400 },
  bone: { name: "Bone", center: 400, width: 1800 },
};
export const SLABS = [0, 5, 10];

/** Buttons of which one is pressed. */
function choice(label, options, current, choose) {
  const buttons = options.map(([value, text]) =>
    button(text, () => choose(value), { "aria-pressed": String(value === current) }),
  );
  return el("div", { class: "choice", role: "group", "aria-label": label }, ...buttons);
}

const preset = ({ center, width }) =>
  Object.keys(WINDOWS).find((name) => WINDOWS[name].center === center && WINDOWS[name].width === width);

/** @param {HTMLElement} bar @param {import("./study.js").StudyPage} page */
export function drawTools(bar, page) {
  const { viewer } = page;
  const { center, width } = viewer.range;
  const windows = Object.entries(WINDOWS).map(([name, { name: text }]) => [name, text]);
  const hu = (name, value, set) =>
    el("label", { class: "hu" }, name, " ", el("input", {
      type: "number", step: 10, value: Math.round(value), "aria-label": `Window ${name === "W" ? "width" : "level"}, HU`,
      on: { change: (event) => set(Number(event.target.value)) },
    }));
  const toggle = (text, key, on, run, label) =>
    button(text, run, { key, "aria-pressed": String(on), title: `${label ?? text} (${key})`, "aria-label": label ?? null });
  bar.replaceChildren(
    choice("Window", windows, preset(viewer.range), (name) => page.view.setWindow(WINDOWS[name])),
    hu("W", width, (value) => page.view.setWindow({ center, width: value })),
    hu("L", center, (value) => page.view.setWindow({ center: value, width })),
    toggle("Drag", "G", page.view.dragging, () => page.view.toggleDrag(), "Set the window by dragging"),
    choice("Slab, maximum intensity", SLABS.map((mm) => [mm, mm ? `${mm} mm` : "Slice"]), viewer.slab, (mm) => page.view.setSlab(mm)),
    toggle("Outlines", "O", viewer.outlines, () => page.view.toggleOutlines()),
    toggle("One plane", "F", viewer.layout !== "all", () => page.view.toggleLayout()),
    button("Fit", () => page.view.fit(), { key: "0", title: "Whole picture (0)" }),
  );
}
