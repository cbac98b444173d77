/** The keyboard of the study page, and its help. */
import { byId, el } from "./dom.js";

/** Whether a key is meant for a field. @param {KeyboardEvent} event */
const typing = (event) => {
  const at = /** @type {HTMLElement} */ (event.target);
  if (at.closest("dialog")) return true;
  return at.matches("textarea, select, input:not([type=radio]):not([type=checkbox])");
};

/** How an event is written in the table: "Shift+S", "Ctrl+z", "ArrowUp". @param {KeyboardEvent} event */
export function chord(event) {
  const letter = event.key.length === 1;
  const shift = event.shiftKey && (!letter || /[a-z]/i.test(event.key)) ? "Shift+" : "";
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  return control + shift + (letter && shift ? event.key.toUpperCase() : letter ? event.key.toLowerCase() : event.key);
}

/**
 * @typedef {[keys: string[], what: string, run: (event: KeyboardEvent) => void]} Shortcut
 * @param {{title: string, shortcuts: Shortcut[]}[]} groups
 */
export function listen(groups) {
  const table = new Map();
  for (const { shortcuts } of groups) {
    for (const [keys, , run] of shortcuts) for (const key of keys) table.set(key, run);
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && typing(event) && !byId("help").open) /** @type {any} */ (event.target).blur?.();
    if (typing(event) || event.altKey || event.isComposing) return;
    const name = chord(event);
    const onButton = /** @type {HTMLElement} */ (event.target).closest("button, a, summary, input, label");
    if (onButton && (name === "Enter" || name === " ")) return;
    if (/** @type {HTMLElement} */ (event.target).matches("input[type=radio]") && name.startsWith("Arrow")) return;
    const run = table.get(name);
    if (!run) return;
    event.preventDefault();
    run(event);
  });
  byId("help-keys").replaceChildren(...groups.map(help));
}

const PRETTY = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", " ": "Space", PageUp: "Page ↑", PageDown: "Page ↓" };
const pretty = (key) => key.split(/(?<=.)\+/).map((part) => PRETTY[part] ?? part).join(" + ");

function help({ title, shortcuts }) {
  const rows = shortcuts.map(([keys, what]) =>
    el("div", {}, el("dt", {}, ...keys.map((key) => el("kbd", {}, pretty(key)))), el("dd", {}, what)),
  );
  return el("section", {}, el("h3", {}, title), el("dl", {}, ...rows));
}
