/** Which key does what on the study page. */
import { byId } from "./dom.js";
import { askToSign } from "./sign_off.js";
import { REASONS } from "./words.js";

/** @param {import("./study.js").StudyPage} page @returns {any[]} groups of keys */
export function shortcuts(page) {
  const seen = (run) => (event) => page.viewer && run(event);
  const brush = (run) => () => page.placing.mode === "brush" && run();
  const digit = (event) => {
    const at = Number(event.key) - 1;
    if (page.rejecting) page.reject(REASONS[at][0], byId("reason-text").value);
    else if (page.viewer && at < 3) page.view.setPlane(["axial", "coronal", "sagittal"][at]);
  };
  const leave = () => {
    if (page.placing.mode) page.placing.setMode("");
    else if (page.rejecting) page.askReason();
    else location.href = "index.html";
  };
  return [
    { title: "Findings", shortcuts: [
      [["j", "n"], "next finding", () => page.next(1)],
      [["k", "p"], "finding before", () => page.next(-1)],
      [["a"], "accept", () => page.accept()],
      [["r"], "reject, with a reason", () => page.askReason()],
      [["4", "5", "6", "7", "8", "9"], "the reason, once asked; 1 to 3 too", digit],
      [["u"], "unsure", () => page.unsure()],
      [["t", "y"], "take what the first, the second first reader said", ({ key }) => page.adopt(key.toLowerCase() === "t" ? 1 : 2)],
      [["m"], "mark a missed nodule", () => page.placing.setMode("add")],
      [["v"], "move the centre", () => page.placing.setMode("move")],
      [["b"], "redraw with the brush", () => page.placing.setMode("brush")],
      [["e"], "change texture, size, ratings", () => { byId("changes")?.setAttribute("open", ""); byId("diameter")?.focus(); }],
      [["c"], "comment", () => byId("comment")?.focus()],
      [["x"], "what the chain dropped", () => { byId("dropped").open = !byId("dropped").open; if (byId("dropped").open) byId("dropped").scrollIntoView({ block: "nearest" }); }],
      [["z", "Ctrl+z"], "undo", () => page.undo()],
      [["Shift+S"], "sign off", () => askToSign(page)],
    ] },
    { title: "Pictures", shortcuts: [
      [["ArrowUp"], "a slice up", seen(() => page.view.step(1))],
      [["ArrowDown"], "a slice down", seen(() => page.view.step(-1))],
      [["PageUp"], "ten slices up", seen(() => page.view.step(10))],
      [["PageDown"], "ten slices down", seen(() => page.view.step(-10))],
      [["Shift+ArrowLeft"], "cross-hair left", seen(() => page.view.nudge(-1, 0))],
      [["Shift+ArrowRight"], "cross-hair right", seen(() => page.view.nudge(1, 0))],
      [["Shift+ArrowUp"], "cross-hair up", seen(() => page.view.nudge(0, -1))],
      [["Shift+ArrowDown"], "cross-hair down", seen(() => page.view.nudge(0, 1))],
      [["1", "2", "3"], "axial, coronal, sagittal plane", digit],
      [["w"], "next window", seen(() => page.view.nextWindow())],
      [["g"], "set the window by dragging", seen(() => page.view.toggleDrag())],
      [["l"], "slab of 5 mm, 10 mm, none", seen(() => page.view.nextSlab())],
      [["o"], "outlines", seen(() => page.view.toggleOutlines())],
      [["h"], "cross-hair", seen(() => page.view.toggleCrosshair())],
      [["f"], "one plane or three", seen(() => page.view.toggleLayout())],
      [["+", "="], "nearer", seen(() => page.viewer.setZoom(page.viewer.zoom * 1.5))],
      [["-"], "further", seen(() => page.viewer.setZoom(page.viewer.zoom / 1.5))],
      [["0"], "whole picture", seen(() => page.view.fit())],
    ] },
    { title: "Brush and places", shortcuts: [
      [["Enter"], "take the cross-hair’s place; keep the outline", () => page.placing.finish()],
      [[" "], "paint at the cross-hair", brush(() => page.placing.paint(page.viewer.at, page.marks.active, false, true))],
      [["Delete", "Backspace"], "erase at the cross-hair", brush(() => page.placing.paint(page.viewer.at, page.marks.active, true, true))],
      [["["], "smaller brush", brush(() => page.placing.brushSize(-1))],
      [["]"], "larger brush", brush(() => page.placing.brushSize(1))],
      [["d"], "disc or ball", brush(() => page.placing.brushShape())],
      [["?"], "this help", () => byId("help").showModal()],
      [["Escape"], "leave; back to the work list", leave],
    ] },
  ];
}
