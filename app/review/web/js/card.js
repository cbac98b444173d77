/** Whether a graphics card draws. */

/** Names of WebGL's renderers that draw without a graphics card. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|swrast|software|basic render/i;
const STORED = "nodulus:card";

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

/**
 * As `mostOnCard` told this tab before; 0 where it has not been asked. To ask takes seconds where
 * WebGL is drawn in software, which the first picture is not to wait for.
 */
export function card() {
  try {
    return Number(sessionStorage.getItem(STORED));
  } catch {
    return 0; // the browser keeps nothing
  }
}

/** Ask, beside the page, once for each tab. */
export function lookForCard() {
  try {
    if (sessionStorage.getItem(STORED) !== null || !("OffscreenCanvas" in globalThis)) return;
  } catch {
    return;
  }
  const worker = new Worker(new URL("./card_worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => {
    sessionStorage.setItem(STORED, String(data));
    worker.terminate();
  };
}
