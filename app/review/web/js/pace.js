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
    this.movedAt = -Infinity;
    this.awaited = false;
    /** @type {WebGLSync | null} */
    this.fence = null;
    this.begun = 0;
  }

  /** The reader moved on. */
  moved() {
    this.movedAt = this.now();
    this.whole = false;
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
    if (this.share < 1) this.#rest(REST);
    if (!this.awaited) this.#await();
  }

  /** Have a whole picture drawn once the reader rests, however long the last one takes. @param {number} wait ms */
  #rest(wait) {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      const left = REST - (this.now() - this.movedAt);
      if (left > 0) {
        this.#rest(left);
        return;
      }
      this.redraw();
      this.whole = true;
    }, wait);
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
