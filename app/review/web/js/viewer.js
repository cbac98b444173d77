/** Chooses the viewer: NiiVue where there is WebGL 2, else pictures made by the server. */
import { PictureViewer } from "./picture_viewer.js";
import { VolumeLoader } from "./volume_loader.js";

/** What a study needs of the graphics card. @param {object} study */
function drawable(study) {
  if (new URLSearchParams(location.search).get("viewer") === "pictures") return false;
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return false;
  const most = gl.getParameter(gl.MAX_3D_TEXTURE_SIZE);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return Math.max(...study.volume.shape_irc) <= most;
}

/**
 * Open a study in the viewer that this browser can run.
 * @param {HTMLElement} host
 * @param {object} study
 * @returns {Promise<import("./viewer_base.js").Viewer>}
 */
export async function openViewer(host, study) {
  const loader = new VolumeLoader();
  if (drawable(study)) {
    const preview = loader.load(study.volumes.preview);
    preview.catch(() => {});
    const { NiivueViewer } = await import("./niivue_viewer.js");
    const viewer = new NiivueViewer(host, loader, preview);
    await viewer.open(study);
    return viewer;
  }
  const viewer = new PictureViewer(host, loader);
  await viewer.open(study);
  return viewer;
}
