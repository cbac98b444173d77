/** Chooses the viewer: NiiVue where a graphics card draws WebGL 2, else the 2D canvas. */
import { CanvasViewer } from "./canvas_viewer.js";
import { PictureViewer } from "./picture_viewer.js";
import { VolumeLoader } from "./volume_loader.js";

/** Names of WebGL's renderers that draw without a graphics card. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|swrast|software|basic render/i;
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

/** The largest side of a volume that a graphics card draws; 0 without one. @param {boolean} software counts too */
function mostOnCard(software) {
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: !software });
  if (!gl) return 0;
  const about = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(about ? about.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  const most = software || !SOFTWARE.test(name) ? gl.getParameter(gl.MAX_3D_TEXTURE_SIZE) : 0;
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return most;
}

const asked = wanted();
const most = asked === "canvas" || asked === "pictures" ? 0 : mostOnCard(asked === "niivue");
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
