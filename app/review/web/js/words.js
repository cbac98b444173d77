/** The words and numbers of the page. */

export const REASONS = [
  ["vessel", "Vessel"], ["scar", "Scar"], ["lymph-node", "Lymph node"], ["artefact", "Artefact"],
  ["atelectasis", "Atelectasis"], ["pleura", "Pleura"], ["infection", "Infection"],
  ["motion", "Motion"], ["other", "Other"],
];

export const TEXTURES = [["solid", "Solid"], ["part-solid", "Part-solid"], ["ground-glass", "Ground-glass"]];

export const MALIGNANCY = ["Highly unlikely", "Moderately unlikely", "Indeterminate", "Moderately suspicious", "Highly suspicious"];

/** LIDC-IDRI's characteristics with the words of both ends and the highest rating. */
export const CHARACTERISTICS = [
  ["subtlety", "Subtlety", "extremely subtle", "obvious", 5],
  ["internal-structure", "Internal structure", "soft tissue", "air", 4],
  ["calcification", "Calcification", "popcorn", "absent", 6],
  ["sphericity", "Sphericity", "linear", "round", 5],
  ["margin", "Margin", "poorly defined", "sharp", 5],
  ["lobulation", "Lobulation", "none", "marked", 5],
  ["spiculation", "Spiculation", "none", "marked", 5],
  ["texture", "Texture rating", "ground-glass", "solid", 5],
];

/** What may be known of a patient: field, words, choices; true and false where none are named. */
export const CLINICAL_FACTS = [
  ["This CT", [
    ["screening", "Screening CT"],
    ["round", "Round of screening", [["baseline", "Baseline"], ["follow-up", "Follow-up"]]],
    ["prior_compared", "Compared with an earlier CT"],
    ["lungs_complete", "All of the lungs can be judged"],
    ["inflammation", "Signs of infection or inflammation"],
    ["lymphadenopathy", "Lymphadenopathy"],
    ["metastasis", "Metastasis"],
    ["significant_other_finding", "Another significant finding"],
    ["nodule_count", "Number of nodules"],
  ]],
  ["The patient", [
    ["age_years", "Age in years"],
    ["sex", "Sex", [["female", "Female"], ["male", "Male"]]],
    ["ever_smoker", "Has ever smoked"],
    ["family_history", "Lung cancer in the family (first degree)"],
    ["emphysema", "Emphysema"],
    ["high_risk", "High risk of lung cancer (5 % or more)"],
    ["immunosuppressed", "Immunosuppressed"],
  ]],
  ["Cancer before or now", [
    ["known_lung_cancer", "Known lung cancer"],
    ["known_cancer", "Known cancer of any kind"],
    ["lung_cancer_before", "Lung cancer before"],
    ["cancer_within_5_years", "Cancer within the last 5 years"],
    ["extrathoracic_cancer_over_5_years_ago", "Cancer outside the chest, over 5 years ago"],
  ]],
];

export const STATUS = {
  new: "New", "in-progress": "In progress", "first-reads": "First reads", "to-adjudicate": "To adjudicate",
  read: "Read", "signed-off": "Signed off", failed: "Failed", running: "Being analysed", waiting: "Waiting",
};

/** In what two first readers differ. */
const DIFFERS = {
  found: "one has not found it", decision: "the decision", texture: "texture", malignancy: "malignancy",
  characteristics: "characteristics", outline: "the outline",
};

const DECISIONS = { accepted: "Accepted", rejected: "Rejected", unsure: "Unsure" };
const SOURCES = { chain: "", "taken-up": "Taken up", added: "Added" };
const DID = {
  accept: "accepted", reject: "rejected", unsure: "is unsure of", change: "changed", move: "moved",
  resize: "resized", redraw: "redrew", add: "added", "take-up": "took up", comment: "commented",
  clinical: "entered clinical facts", adopt: "took", undo: "undid entry", "sign-off": "signed off", reopen: "reopened",
};

/** @param {object} finding */
export const decisionWords = (finding) => DECISIONS[finding.decision] ?? "To decide";

/** @param {string[]} fields */
export const differWords = (fields) => fields.map((field) => DIFFERS[field] ?? field).join(", ");

/** @param {object} finding */
export const sourceWords = (finding) => SOURCES[finding.source] ?? "";

/** @param {string} reason */
export const reasonWords = (reason) => REASONS.find(([code]) => code === reason)?.[1] ?? reason;

/** @param {number | null | undefined} share */
export const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(100 * share)} %`);

/** @param {number | null | undefined} value @param {number} digits @param {string} unit */
export function number(value, digits, unit = "") {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const text = value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text.replace("-", "−")}${unit && ` ${unit}`}`;
}

/** Long and short axis. @param {object} finding */
export function size({ diameters_mm: d }) {
  return d?.long ? `${number(d.long, 1)} × ${number(d.short, 1, "mm")}` : "–";
}

/** @param {object} finding */
export function place({ laterality, lobe, possible_lobes: possible }) {
  const all = laterality === "right" ? 3 : 2;
  const lobes = lobe ? [lobe] : possible.length < all ? possible : [];
  const words = lobes.length ? `${laterality ?? ""} ${lobes.join(" or ")} lobe` : `${laterality ?? ""} lung`;
  return words.trim().replace(/^./, (letter) => letter.toUpperCase());
}

/** What an entry of the log did, in words. @param {object} entry */
export function deed({ kind, finding, data }) {
  const about = kind === "undo" ? ` ${data.entry}` : finding ? ` nodule ${finding.replace(/^c/, "candidate ")}` : "";
  const detail = kind === "reject" ? `: ${reasonWords(data.reason).toLowerCase()}` : kind === "adopt" ? ` as first reader ${data.reader} left it` : "";
  return `${DID[kind] ?? kind}${about}${detail}`;
}

/** @param {string | null} iso @returns {string} how long ago */
export function age(iso) {
  if (!iso) return "–";
  const days = Math.floor((Date.now() - Date.parse(iso)) / 86400000);
  if (Number.isNaN(days)) return "–";
  if (days < 1) return "today";
  if (days < 14) return days === 1 ? "1 day" : `${days} days`;
  if (days < 60) return `${Math.floor(days / 7)} weeks`;
  return days < 730 ? `${Math.floor(days / 30.4)} months` : `${Math.floor(days / 365.25)} years`;
}
