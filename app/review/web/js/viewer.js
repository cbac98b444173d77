/** Chooses the viewer: NiiVue where a graphics card draws WebGL 2, else the 2D canvas. */
import { CanvasViewer } from "./canvas_viewer.js";
import { card, lookForCard } from "./card.js";
import { PictureViewer } from "./picture_viewer.js";
import { VolumeLoader } from "./volume_loader.js";

const STORED = "nodulus:viewer";

/** What a support person asks for by `?viewer=`, for as long as the tab is open: niivue, canvas, pictures or auto. */
function wanted() {
  const named = new URLSearchParams(location.search).get("viewer");
  try {
    if (named) sessionStorage.setItem(STORED, named);
    return sessionStorage.getItem(STORED);
  } catch {
    return named; // the browser keeps nothing
  }
}

/** The largest side of a volume that NiiVue is to draw; 0 for another viewer. @param {string | null} asked */
function mostInNiivue(asked) {
  if (asked === "niivue") return Infinity;
  return asked === "canvas" || asked === "pictures" ? 0 : card();
}

const asked = wanted();
const most = mostInNiivue(asked);
const niivue = most ? import("./niivue_viewer.js") : null;
niivue?.catch(() => {});

/**
 * Open a study in the viewer that suits this browser.
 * @param {HTMLElement} host
 * @param {object} study
 * @returns {Promise<import("./viewer_base.js").Viewer>}
 */
export async function openViewer(host, study) {
  const loader = new VolumeLoader();
  host.addEventListener("loaded", ({ detail }) => detail.last && lookForCard());
  let viewer;
  if (niivue && Math.max(...study.volume.shape_irc) <= most) {
    const preview = loader.load(study.volumes.preview);
    preview.catch(() => {});
    const { NiivueViewer } = await niivue;
    viewer = new NiivueViewer(host, loader, preview);
    host.dataset.viewer = "niivue";
  } else if (asked === "pictures") {
    viewer = new PictureViewer(host, loader);
    host.dataset.viewer = "pictures";
  } else {
    viewer = new CanvasViewer(host, loader);
    host.dataset.viewer = "canvas";
  }
  await viewer.open(study);
  return viewer;
}
