/** What a reader knows of the patient, and what guidelines advise by it. Nothing is filled in. */
import * as api from "./api.js";
import { byId, el, tell } from "./dom.js";
import { CLINICAL_FACTS } from "./words.js";

const YES_OR_NO = [["true", "Yes"], ["false", "No"]];
const NUMBERS = { age_years: { min: 1, max: 149, step: 1 }, nodule_count: { min: 1, max: 999, step: 1 } };
const WORDS = { true: "yes", false: "no" };

/** Ask for what is advised while the panel is open: it takes the server a while. @param {import("./study.js").StudyPage} page */
export async function drawClinical(page) {
  const panel = byId("clinical");
  const wanted = `${page.study.version} ${page.closed()}`;
  if (!panel.open || panel.dataset.shown === wanted) return;
  panel.dataset.shown = wanted;
  const said = await api.guidance(page.key).catch((error) => tell(error.message, true));
  if (!said || panel.dataset.shown !== wanted) return;
  byId("guidelines").replaceChildren(...advice(said));
  drawForm(page, said.entered ?? {});
}

function drawForm(page, entered) {
  const filled = byId("clinical-form");
  const shown = JSON.stringify([entered, page.closed()]);
  if (filled.dataset.shown === shown) return; // what is being filled in stays
  filled.dataset.shown = shown;
  filled.replaceChildren(...form(page, entered));
  filled.onsubmit = (event) => {
    event.preventDefault();
    page.enter("clinical", null, { facts: facts(filled, entered) });
  };
}

function advice({ advice: rows, known, notes }) {
  const row = (one) => el("li", {},
    el("strong", {}, `${one.guideline}: ${one.category}`), one.finding.startsWith("nodule") && el("span", { class: "soft" }, ` (${one.finding})`),
    el("span", { class: "soft more" }, one.advice));
  const fact = ({ name, value, source }) =>
    el("li", {}, `${name.replaceAll("_", " ")}: ${WORDS[String(value)] ?? value}`, el("span", { class: "soft" }, ` (${source})`));
  return [
    el("h3", {}, "What guidelines advise"),
    el("p", { class: "soft" }, "Published tables, as if each finding that is not rejected were a nodule. A reader decides. Not the networks\u2019 estimate."),
    el("ul", {}, ...rows.map(row)),
    el("h3", {}, "What is known"),
    el("ul", {}, ...(known.length ? known.map(fact) : [el("li", { class: "soft" }, "Nothing. What is not known is not assumed.")])),
    ...notes.map((note) => el("p", { class: "soft" }, note)),
  ];
}

function form(page, entered) {
  const groups = CLINICAL_FACTS.map(([title, fields]) =>
    el("fieldset", { disabled: page.closed() }, el("legend", {}, title), ...fields.map((field) => input(field, entered))));
  return [el("h3", {}, "What you know"), ...groups, el("button", { id: "clinical-save", disabled: page.closed() }, "Enter these facts")];
}

function input([name, words, choices = YES_OR_NO], entered) {
  const value = String(entered[name] ?? "");
  const control = NUMBERS[name]
    ? el("input", { type: "number", name, id: `fact-${name}`, value, ...NUMBERS[name] })
    : el("select", { name, id: `fact-${name}` },
      ...[["", "Not known"], ...choices].map(([code, text]) => el("option", { value: code, selected: code === value }, text)));
  return el("label", { class: "field" }, el("span", {}, words), control);
}

/** What the form says; facts of single findings, which it does not show, stay. */
function facts(filled, { findings = {} }) {
  const said = [...new FormData(filled)].filter(([, value]) => value !== "").map(([name, value]) =>
    [name, NUMBERS[name] ? Number(value) : value === "true" ? true : value === "false" ? false : value]);
  return { ...Object.fromEntries(said), findings };
}
