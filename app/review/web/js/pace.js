/**
 * How many pixels a picture gets. Where drawing is slow, above all without a graphics card, pictures
 * are smaller while the reader moves on, and whole once the reader rests.
 */

/** What a picture may take while the reader moves, ms. */
const GOAL = 40;
/** Without another picture for so long, the reader rests, ms. */
const REST = 150;
/** Shares of the canvas' width and height. */
const SHARES = [1, 0.75, 0.5, 0.375];
/** Pictures whose times are kept; the quickest counts, as others may have waited for an upload. */
const KEPT = 4;

export class Pace {
  /**
   * @param {WebGL2RenderingContext} gl
   * @param {() => void} redraw asks for one more picture
   * @param {() => number} now ms
   */
  constructor(gl, redraw, now = () => performance.now()) {
    this.gl = gl;
    this.redraw = redraw;
    this.now = now;
    /** @type {number[]} what whole pictures would take, ms */
    this.times = [];
    this.share = 1;
    this.resting = 0;
    this.whole = false;
    this.awaited = false;
    /** @type {WebGLSync | null} */
    this.fence = null;
    this.begun = 0;
  }

  /** Whether the card still draws the last picture. */
  busy() {
    if (!this.fence) return false;
    const { gl } = this;
    if (!gl.isContextLost() && gl.getSyncParameter(this.fence, gl.SYNC_STATUS) !== gl.SIGNALED) return true;
    gl.deleteSync(this.fence);
    this.fence = null;
    this.times = [...this.times, (this.now() - this.begun) / this.share ** 2].slice(-KEPT);
    return false;
  }

  /** The share of the canvas' width and height that the next picture gets. */
  next() {
    const taken = this.times.length ? Math.min(...this.times) : 0;
    const fits = (share) => taken * share ** 2 <= GOAL;
    this.share = this.whole ? 1 : (SHARES.find(fits) ?? SHARES[SHARES.length - 1]);
    this.whole = false;
    return this.share;
  }

  /** A picture was given to the card. */
  drew() {
    const { gl } = this;
    this.begun = this.now();
    this.fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    clearTimeout(this.resting);
    const rest = () => {
      this.whole = this.share < 1;
      this.redraw();
    };
    if (this.share < 1) this.resting = setTimeout(rest, REST);
    if (!this.awaited) this.#await();
  }

  /** Note when the card is done, also where no other picture asks. */
  #await() {
    this.awaited = true;
    requestAnimationFrame(() => {
      this.awaited = false;
      if (this.busy()) this.#await();
    });
  }

  close() {
    clearTimeout(this.resting);
  }
}
