/** The list of findings, what the chain dropped, and the history. */
import { button, byId, el } from "./dom.js";
import { decisionWords, deed, differWords, number, percent, place, reasonWords, size, sourceWords } from "./words.js";

/** A share as a bar; its number stands beside it. */
function bar(share) {
  const fill = el("span", { class: "fill" });
  fill.style.width = `${100 * (share ?? 0)}%`;
  return el("span", { class: "bar", "aria-hidden": "true" }, fill);
}

const share = (name, value) =>
  el("span", { class: "share" }, el("span", { class: "name" }, name), bar(value), el("span", { class: "value" }, percent(value)));

/** @param {import("./study.js").StudyPage} page */
export function drawFindings(page) {
  const { findings } = page.study;
  const items = findings.map((finding) => {
    const chosen = finding.id === page.selected;
    const swatch = el("span", { class: "swatch", "aria-hidden": "true" }, String(finding.label));
    swatch.style.setProperty("--swatch", finding.css);
    const differs = finding.differs.length && `first readers differ: ${differWords(finding.differs)}`;
    const extra = [sourceWords(finding), finding.reason && reasonWords(finding.reason), differs].filter(Boolean).join(", ");
    return el("li", {}, el("button", {
      type: "button", class: `finding ${finding.decision ?? "open"}`, "aria-current": chosen ? "true" : null,
      "data-finding": finding.id, on: { click: () => page.choose(finding.id) },
    },
    swatch,
    el("span", { class: "what" }, el("span", { class: "unseen" }, `Nodule ${finding.label}, `), place(finding)),
    el("span", { class: `decision ${finding.decision ?? "open"}` }, decisionWords(finding)),
    el("span", { class: "size" }, size(finding), extra && el("span", { class: "soft" }, ` · ${extra}`)),
    share("Malignancy", finding.malignancy_probability),
    share("Nodule", finding.nodule_probability)));
  });
  if (!items.length) items.push(el("li", { class: "soft none" }, "The chain found no nodule. M adds one."));
  const list = byId("findings");
  const held = list.contains(document.activeElement);
  list.replaceChildren(...items);
  const current = list.querySelector("[aria-current]");
  if (held) current?.focus();
  // With the next frame, which lays the page out anyway.
  requestAnimationFrame(() => current?.scrollIntoView({ block: "nearest" }));
  const warnings = page.study.warnings.map((said) => el("li", {}, typeof said === "string" ? said : said.message));
  const closed = page.study.closed && el("li", { id: "closed" }, page.study.closed);
  byId("warnings").replaceChildren(...[closed, ...warnings].filter(Boolean));
}

/** @param {import("./study.js").StudyPage} page */
export function drawDropped(page) {
  const place = byId("dropped");
  const dropped = page.dropped();
  place.querySelector(".count").textContent = `(${dropped.length})`;
  if (!place.open) return;
  const items = dropped.map((candidate) =>
    el("li", { class: candidate.id === page.candidate ? "chosen" : null },
      el("span", { class: "value" }, percent(candidate.nodule_probability)),
      el("span", { class: "why" }, candidate.reason),
      button("Show", () => page.showCandidate(candidate.id), { "aria-label": `Show candidate ${candidate.id}` }),
      button("Take up", () => page.takeUp(candidate.id), {
        "aria-label": `Take up candidate ${candidate.id}`, disabled: page.closed(),
      })));
  if (!items.length) items.push(el("li", { class: "soft none" }, "Nothing was dropped."));
  place.querySelector("ol").replaceChildren(...items);
}

/** @param {import("./study.js").StudyPage} page */
export function drawHistory(page) {
  const place = byId("history");
  place.querySelector(".count").textContent = `(${page.log.length})`;
  const undone = new Set(page.log.filter(({ kind }) => kind === "undo").map(({ data }) => data.entry));
  const items = [...page.log].reverse().map((entry) => {
    const at = new Date(entry.at);
    const text = entry.kind === "comment" || entry.data?.text ? `: ${entry.data.text}` : "";
    const open = !undone.has(entry.number) && !["undo", "sign-off", "reopen"].includes(entry.kind) && !page.closed();
    return el("li", { class: undone.has(entry.number) ? "undone" : null },
      el("span", { class: "value" }, String(entry.number)),
      el("span", { class: "why" }, `${entry.who} ${deed(entry)}${text}`,
        undone.has(entry.number) && el("span", { class: "soft" }, " (undone)"),
        el("time", { class: "soft", datetime: entry.at, title: entry.at }, at.toLocaleString())),
      open && button("Undo", () => page.undo(entry.number), { "aria-label": `Undo entry ${entry.number}` }));
  });
  place.querySelector("ol").replaceChildren(...items);
}

/** What the page's head says. @param {import("./study.js").StudyPage} page */
export function progressWords({ study }) {
  const total = study.findings.length;
  const done = study.findings.filter(({ decision }) => decision).length;
  return total ? `${number(done, 0)} of ${total} decided` : "no findings";
}
