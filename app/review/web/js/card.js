/** Whether a graphics card draws. */

/** Names of WebGL's renderers that draw without a graphics card. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|swrast|software|basic render/i;
const STORED = "nodulus:card";
/** Without an answer for so long there is none, ms. */
const PATIENCE = 5000;

/**
 * The largest side of a volume that a graphics card draws; 0 without a card.
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 */
export function mostOnCard(canvas) {
  const gl = /** @type {WebGL2RenderingContext | null} */ (canvas.getContext("webgl2", { failIfMajorPerformanceCaveat: true }));
  if (!gl) return 0;
  const about = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(about ? about.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  const most = SOFTWARE.test(name) ? 0 : gl.getParameter(gl.MAX_3D_TEXTURE_SIZE);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return most;
}

function stored() {
  try {
    return sessionStorage.getItem(STORED);
  } catch {
    return null; // the browser keeps nothing
  }
}

/** As `mostOnCard`, asked once for each tab, without stopping the page. @returns {Promise<number>} */
export async function card() {
  const known = stored();
  if (known !== null) return Number(known);
  const most = await new Promise((resolve) => {
    if (!("OffscreenCanvas" in globalThis)) {
      resolve(mostOnCard(document.createElement("canvas")));
      return;
    }
    const worker = new Worker(new URL("./card_worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = () => resolve(0);
    setTimeout(() => resolve(0), PATIENCE);
  });
  try {
    sessionStorage.setItem(STORED, String(most));
  } catch {
    // It is asked again.
  }
  return most;
}
