/** Signing off, opening again, and what comes out. */
import { exportUrl } from "./api.js";
import { button, byId, el } from "./dom.js";

/** @param {import("./study.js").StudyPage} page */
export function askToSign(page) {
  if (page.study.closed) return;
  const dialog = byId("signing");
  const { findings } = page.study;
  const count = (state) => findings.filter(({ decision }) => decision === state).length;
  const open = findings.filter(({ decision }) => !decision).length;
  const closed = page.closed();
  const reason = el("input", { type: "text", id: "reopen-reason", required: true, maxlength: 500, "aria-label": "Why is it opened again?" });
  const run = (event) => {
    event.preventDefault();
    dialog.close();
    if (closed) page.enter("reopen", null, { reason: /** @type {any} */ (reason).value });
    else page.enter("sign-off", null, {});
  };
  const text = closed
    ? [el("p", {}, "The signed-off results stay in the history; new ones come with the next sign-off."), el("label", { class: "field" }, el("span", {}, "Why?"), reason)]
    : [el("p", {}, `${count("accepted")} accepted, ${count("rejected")} rejected, ${count("unsure")} unsure.`),
       open ? el("p", { class: "alert" }, `${open} of ${findings.length} findings are not decided yet.`) : null,
       el("p", { class: "soft" }, `You sign as ${page.session.reader}.`)];
  dialog.replaceChildren(el("form", { on: { submit: run } },
    el("h2", { id: "signing-title" }, closed ? "Open this study again?" : "Sign this study off?"),
    ...text.filter(Boolean),
    el("div", { class: "row end" }, button("Cancel", () => dialog.close()),
      el("button", { class: "primary", id: "signing-yes", disabled: !closed && open > 0 }, closed ? "Open again" : "Sign off"))));
  dialog.showModal();
}

/** @param {import("./study.js").StudyPage} page */
export function drawExports(page) {
  const place = byId("exports");
  place.hidden = page.study.status !== "signed-off";
  const link = (name, text) => el("li", {}, el("a", { href: exportUrl(page.key, name), download: true }, text));
  place.replaceChildren(el("h2", {}, "Signed-off results"), el("ul", {},
    link("sr.dcm", "DICOM SR (TID 1500)"), link("seg.dcm", "DICOM SEG"), link("marks.csv", "Marks, CSV in LUNA16's form")));
}
