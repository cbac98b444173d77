/** The work list: which study is to be read next. */
import * as api from "./api.js";
import { lookForCard } from "./card.js";
import { button, byId, el, tell } from "./dom.js";
import { STATUS, age, number, percent } from "./words.js";

const AT_ONCE = 50;
/** Between two looks at a service, where studies come by themselves. */
const LOOK_AGAIN_MS = 5000;
const REMEMBERED = "nodulus.worklist.1";

/** Columns: what the server sorts by, the head, whether the largest comes first, what a cell holds. */
const COLUMNS = [
  ["status", "Status", false, ({ status }) => el("span", { class: "chip", "data-status": status }, STATUS[status] ?? status)],
  ["key", "Study", false, (study) => name(study)],
  ["findings", "Findings", true, (study) => String(study.findings ?? "–")],
  ["to_decide", "To decide", true, ({ to_decide: count }) => (count ? el("span", { class: "to-decide" }, String(count)) : String(count ?? "–"))],
  ["highest_malignancy", "Highest malignancy", true, ({ highest_malignancy: share }) => risk(share)],
  ["study_date", "Age of the study", true, ({ study_date: date }) => el("span", { title: date ?? "" }, age(date))],
  ["received", "Received", true, ({ received }) => el("span", { title: received ?? "" }, age(received))],
  ["expected_errors", "Expected errors", true, ({ expected_errors: count }) => number(count, 1)],
  ["reader", "Reader", false, ({ reader }) => reader ?? "–"],
  ["warnings", "Notes", true, notes],
];
const OPTIONAL = new Set(["received", "warnings", "expected_errors"]);
const NUMBERS = new Set(["findings", "to_decide"]);

/** The end of a long key tells studies apart. @param {string} key */
const short = (key) => (key.length > 18 ? `…${key.slice(-16)}` : key);

/** Of a study that is not analysed yet. */
const COMING = new Set(["running", "waiting"]);

function name({ key, error, status, step }) {
  if (error) return `${short(key)}: ${error.code}`;
  if (COMING.has(status)) return el("span", { class: "soft" }, step ? `${short(key)}: ${step}` : short(key));
  return el("a", { href: `study.html#${encodeURIComponent(key)}` }, short(key));
}

function risk(share) {
  if (share === null || share === undefined) return "–";
  const fill = el("span", { class: "fill" });
  fill.style.width = `${100 * share}%`;
  return el("span", { class: "risk" }, el("span", { class: "value" }, percent(share)), el("span", { class: "bar", "aria-hidden": "true" }, fill));
}

async function retry(key) {
  await api.retry(key).catch((error) => tell([error.message, error.remedy].filter(Boolean).join(" "), true));
  await load();
}

function cells(study) {
  return COLUMNS.map(([name, , , cell]) => {
    const css = [OPTIONAL.has(name) && "optional", NUMBERS.has(name) && "number", name === "reader" && "wraps"].filter(Boolean).join(" ");
    return el("td", { class: css || null }, cell(study));
  });
}

/** The cells of a study that could not be analysed: status, code, and why in the place of all others. */
function failure(study) {
  const { key, error, received, may_be_retried: again } = study;
  const said = el("p", {}, received ? el("span", { class: "soft", title: received }, `Received ${age(received)}. `) : "", `${error.message} ${error.remedy}`);
  const why = el("div", { class: "failure" }, said, again ? button("Try again", () => retry(key)) : "");
  return [...cells(study).slice(0, 2), el("td", { class: "wraps", colspan: COLUMNS.length - 2 }, why)];
}

function notes({ status, warnings, images, images_removed: removed }) {
  if (COMING.has(status)) return "";
  const count = Array.isArray(warnings) ? warnings.length : warnings;
  const said = [count ? `${count} warning${count > 1 ? "s" : ""}` : "", images ? "" : removed ? `images removed ${removed.slice(0, 10)}` : "no images"];
  return said.filter(Boolean).join(", ");
}

const state = { sort: "highest_malignancy", down: true, status: "", find: "", open: false, offset: 0, studies: [], total: 0, on_their_way: null };

function remember() {
  const { sort, down, status, open } = state;
  sessionStorage.setItem(REMEMBERED, JSON.stringify({ sort, down, status, open }));
}

function sortBy(name, first) {
  state.down = state.sort === name ? !state.down : first;
  state.sort = name;
  state.offset = 0;
  load();
}

function drawHeads() {
  const heads = COLUMNS.map(([name, text, first]) => {
    const sorted = state.sort === name;
    const arrow = el("span", { class: "arrow", "aria-hidden": "true" }, sorted ? (state.down ? "↓" : "↑") : "");
    const head = el("button", { type: "button", id: `sort-${name}`, on: { click: () => sortBy(name, first) } }, text, " ", arrow);
    return el("th", {
      scope: "col", class: OPTIONAL.has(name) ? "optional" : null,
      "aria-sort": sorted ? (state.down ? "descending" : "ascending") : null,
    }, head);
  });
  const held = document.activeElement?.id;
  byId("heads").replaceChildren(...heads);
  if (held?.startsWith("sort-")) byId(held).focus();
}

function drawRows() {
  const words = state.find.toLowerCase();
  const shown = state.studies.filter((study) =>
    (!state.open || study.to_decide) &&
    [study.key, study.reader, study.study_date, STATUS[study.status]].some((text) => String(text ?? "").toLowerCase().includes(words)));
  const chosen = document.activeElement?.getAttribute("href");
  byId("rows").replaceChildren(...shown.map((study) => {
    const row = el("tr", {}, ...(study.error ? failure(study) : cells(study)));
    const link = row.querySelector("a");
    row.addEventListener("click", () => link?.click());
    link?.addEventListener("click", (event) => event.stopPropagation());
    return row;
  }));
  if (chosen) byId("rows").querySelector(`a[href="${CSS.escape(chosen)}"]`)?.focus();
  const coming = state.on_their_way ? `, ${state.on_their_way} to be analysed` : "";
  byId("count").textContent = `${shown.length} of ${state.total} studies${coming}`;
  byId("empty").hidden = shown.length > 0;
  byId("empty").textContent = state.total || state.status ? "No study fits." : nothingYet();
}

function nothingYet() {
  if (state.on_their_way === null) return "No studies yet. `nodulus detect` makes results, `nodulus review RESULTS` shows them here.";
  return "No studies yet. What the service is sent will show here.";
}

function drawPages() {
  const { offset, total } = state;
  const go = (to) => () => {
    state.offset = to;
    load();
  };
  const parts = total <= AT_ONCE ? [] : [
    button("Before", go(offset - AT_ONCE), { disabled: offset === 0 }),
    el("span", {}, `${offset + 1} to ${Math.min(total, offset + AT_ONCE)} of ${total}`),
    button("Next", go(offset + AT_ONCE), { disabled: offset + AT_ONCE >= total }),
  ];
  byId("pages").replaceChildren(...parts);
}

async function load() {
  remember();
  drawHeads();
  const query = { sort: `${state.down ? "-" : ""}${state.sort}`, limit: String(AT_ONCE), offset: String(state.offset) };
  if (state.status) query.status = state.status;
  try {
    Object.assign(state, await api.studies(query));
  } catch (error) {
    tell([error.message, error.remedy].filter(Boolean).join(" "), true);
  }
  drawRows();
  drawPages();
}

function choose(event) {
  const links = [...byId("rows").querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  const to = event.key === "Home" ? 0 : event.key === "End" ? links.length - 1 : at < 0 ? 0 : at + step;
  links[Math.min(links.length - 1, Math.max(0, to))]?.focus();
}

function keys(event) {
  const field = event.target.matches("input[type=search], select");
  if (event.key === "Escape" && field) event.target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const known = ["ArrowDown", "ArrowUp", "j", "k", "Home", "End"].includes(event.key);
  if (event.key === "/" && !field) byId("find").focus();
  else if (known && (!field || (event.key === "ArrowDown" && event.target.type === "search"))) choose(event);
  else return;
  event.preventDefault();
}

async function open() {
  Object.assign(state, JSON.parse(sessionStorage.getItem(REMEMBERED) ?? "{}"));
  const options = [["", "All"], ...Object.entries(STATUS)];
  byId("status").replaceChildren(...options.map(([code, name]) => el("option", { value: code }, name)));
  byId("status").value = state.status;
  byId("open").checked = state.open;
  byId("status").addEventListener("change", (event) => {
    Object.assign(state, { status: event.target.value, offset: 0 });
    load();
  });
  byId("find").addEventListener("input", (event) => {
    state.find = event.target.value;
    drawRows();
  });
  byId("open").addEventListener("change", (event) => {
    state.open = event.target.checked;
    remember();
    drawRows();
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", keys);
  const session = await api.session();
  byId("reader").textContent = session.reader;
  byId("sign-out").hidden = !session.signed_in;
  byId("sign-out").addEventListener("click", () => api.signOut().then(() => location.replace("login.html"), (error) => tell(error.message, true)));
  await load();
  byId("rows").querySelector("a")?.focus();
  lookForCard();
  if (state.on_their_way === null) return;
  setInterval(() => document.hidden || load(), LOOK_AGAIN_MS);
}

open().catch((error) => {
  console.error(error);
  tell([error.message, error.remedy].filter(Boolean).join(" "), true);
});
