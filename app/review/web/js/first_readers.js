/** What two first readers said of a finding, for the adjudicator. */
import { button, el } from "./dom.js";
import { CHARACTERISTICS, TEXTURES, decisionWords, differWords, reasonWords, size } from "./words.js";

const KEYS = ["T", "Y"];

/**
 * @param {import("./study.js").StudyPage} page
 * @param {object} finding
 * @returns {HTMLElement | string} nothing where there are no first readers, or who asks may not see them
 */
export function drawOpinions(page, finding) {
  if (!finding.opinions.length) return "";
  const told = finding.differs.length ? `They differ: ${differWords(finding.differs)}.` : "They agree.";
  return el("section", { class: "opinions", "aria-labelledby": "opinions-title" },
    el("h3", { id: "opinions-title" }, "First readers"),
    el("p", { class: finding.differs.length ? "differ" : "soft" }, told),
    el("ul", {}, ...finding.opinions.map((opinion, at) => one(page, opinion, at + 1))));
}

function one(page, opinion, number) {
  const take = opinion.decision && !page.closed() &&
    button("Take this", () => page.adopt(number), { id: `adopt-${number}`, key: KEYS[number - 1], "aria-label": `Take what ${opinion.reader} says` });
  return el("li", {}, el("div", {}, el("strong", {}, opinion.reader), " ", el("span", {}, words(opinion))), take);
}

/** @param {object} opinion */
function words(opinion) {
  if (!opinion.decision) return "has not found it";
  const reason = opinion.reason && reasonWords(opinion.reason).toLowerCase();
  const texture = TEXTURES.find(([code]) => code === opinion.texture)?.[1];
  const rated = CHARACTERISTICS.filter(([code]) => opinion.characteristics[code])
    .map(([code, name]) => `${name.toLowerCase()} ${opinion.characteristics[code]}`);
  const rejected = opinion.decision === "rejected";
  return [
    decisionWords(opinion) + (reason ? `: ${[reason, opinion.reason_text].filter(Boolean).join(", ")}` : ""),
    !rejected && texture,
    !rejected && opinion.malignancy_rating && `malignancy ${opinion.malignancy_rating}/5`,
    ...(rejected ? [] : rated),
    !rejected && size(opinion),
    !rejected && opinion.outlined_by === "reader" && "drawn by hand",
  ].filter(Boolean).join(", ");
}
