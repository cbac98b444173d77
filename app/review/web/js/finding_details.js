/** The chosen finding: decision, measurements, what can be changed. */
import { button, byId, el } from "./dom.js";
import { drawOpinions } from "./first_readers.js";
import { CHARACTERISTICS, MALIGNANCY, REASONS, TEXTURES, number, percent, place, size } from "./words.js";

/** @param {import("./study.js").StudyPage} page */
export function drawDetails(page) {
  const finding = page.finding();
  const panel = byId("details");
  if (!finding) {
    panel.replaceChildren();
    return;
  }
  const open = [...panel.querySelectorAll("details[open]")].map(({ id }) => id);
  const held = panel.contains(document.activeElement) ? document.activeElement?.id : "";
  panel.replaceChildren(
    el("h2", {}, `Nodule ${finding.label}`, el("span", { class: "soft" }, ` ${place(finding)}`)),
    drawOpinions(page, finding),
    ...(page.closed() ? [] : [decisions(page, finding), page.rejecting ? reasons(page, finding) : null].filter(Boolean)),
    measures(finding),
    ...(page.closed() ? [] : [changes(page, finding), remarks(page, finding)]),
  );
  for (const id of open) byId(id)?.setAttribute("open", "");
  if (held) byId(held)?.focus();
}

function decisions(page, { decision }) {
  const one = (text, key, state, run) =>
    button(text, run, { key, css: state, "aria-pressed": String(decision === state), id: `decide-${state}` });
  return el("div", { class: "decisions", role: "group", "aria-label": "Decision" },
    one("Accept", "A", "accepted", () => page.accept()),
    one("Reject", "R", "rejected", () => page.askReason()),
    one("Unsure", "U", "unsure", () => page.unsure()));
}

function reasons(page) {
  const text = el("input", { type: "text", id: "reason-text", "aria-label": "In words, if you like", placeholder: "In words, if you like", maxlength: 500 });
  const buttons = REASONS.map(([code, name], at) =>
    button(name, () => page.reject(code, /** @type {any} */ (text).value), { key: String(at + 1), "data-reason": code, id: `reason-${code}` }));
  return el("div", { class: "reasons", role: "group", "aria-label": "Why is it no nodule?" },
    el("p", {}, "Why is it no nodule?"), ...buttons, text);
}

function measures(finding) {
  const changed = (name) => (finding.changed ?? []).some((field) => field.includes(name));
  const row = (name, value, field) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value, field && changed(field) && el("span", { class: "changed" }, " changed")));
  const texture = TEXTURES.find(([code]) => code === finding.texture)?.[1] ?? "–";
  const own = finding.malignancy_rating ? `${percent(finding.malignancy_probability)}, reader ${finding.malignancy_rating}/5` : percent(finding.malignancy_probability);
  const where = finding.center_lps_mm.map((v) => number(v, 0)).join(", ");
  return el("dl", { class: "measures" },
    row("Malignancy", own, "malignancy"),
    row("Nodule", percent(finding.nodule_probability)),
    row("Axes", size(finding), "diameter"),
    row("Mean", number(finding.diameters_mm?.mean, 1, "mm")),
    row("Volume", number(finding.volume_mm3, 0, "mm³"), "volume"),
    row("Density", number(finding.mean_hu, 0, "HU")),
    row("Texture", texture, "texture"),
    row("Centre, LPS", `${where} mm`, "center"));
}

function select(label, id, options, value, change) {
  const list = el("select", { id, on: { change: (event) => change(event.target.value) } },
    ...options.map(([code, name]) => el("option", { value: code, selected: String(code) === String(value ?? "") }, name)));
  return el("label", { class: "field" }, el("span", {}, label), list);
}

function changes(page, finding) {
  const rating = MALIGNANCY.map((words, at) =>
    el("label", { title: words }, el("input", {
      type: "radio", name: "malignancy", id: `malignancy-${at + 1}`, checked: finding.malignancy_rating === at + 1,
      "aria-label": `${at + 1}, ${words.toLowerCase()}`, on: { change: () => page.change({ malignancy: at + 1 }) },
    }), String(at + 1)));
  const scale = ([code, name, low, high, most]) => {
    const options = Array.from({ length: most }, (_, at) => [at + 1, `${at + 1}${at === 0 ? ` ${low}` : at + 1 === most ? ` ${high}` : ""}`]);
    return select(name, `characteristic-${code}`, [["", "–"], ...options], finding.characteristics?.[code], (value) =>
      value && page.change({ characteristics: { [code]: Number(value) } }));
  };
  const diameter = el("input", { type: "number", id: "diameter", min: 1, max: 200, step: 0.5, value: finding.diameters_mm?.mean?.toFixed(1) ?? "", "aria-label": "Mean diameter, mm" });
  const resize = (event) => {
    event.preventDefault();
    page.resize(Number(/** @type {any} */ (diameter).value));
  };
  return el("details", { id: "changes" }, el("summary", { "aria-keyshortcuts": "E" }, "Change ", el("kbd", { "aria-hidden": "true" }, "E")),
    el("div", { class: "row" },
      button("Move", () => page.placing.setMode("move"), { key: "V" }),
      button("Redraw", () => page.placing.setMode("brush"), { key: "B" }),
      el("form", { class: "resize", on: { submit: resize } }, diameter, el("span", {}, "mm"), el("button", {}, "Resize"))),
    select("Texture", "texture", [...(finding.texture ? [] : [["", "–"]]), ...TEXTURES], finding.texture, (value) => value && page.change({ texture: value })),
    el("fieldset", { class: "rating" }, el("legend", {}, "Malignancy, your rating"), ...rating),
    el("details", { id: "characteristics" }, el("summary", {}, "Characteristics (LIDC-IDRI)"), ...CHARACTERISTICS.map(scale)));
}

function remarks(page, finding) {
  const said = Array.isArray(finding.comment) ? finding.comment : finding.comment ? [finding.comment] : [];
  const text = el("textarea", { id: "comment", rows: 2, maxlength: 4000, "aria-label": "Comment, without the patient's name", placeholder: "Comment, without the patient's name" });
  const send = (event) => {
    event.preventDefault();
    page.comment(/** @type {any} */ (text).value);
  };
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event);
  });
  return el("form", { class: "comment", on: { submit: send } },
    ...said.map((words) => el("p", { class: "said" }, words)), text, el("button", {}, "Comment"));
}
