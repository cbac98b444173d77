/** The textures and uniforms of the slice shader. */

/** Bytes that are sent to the graphics card before the page gets its turn again. */
const AT_ONCE = 1 << 24;
const NAMES = { coarse: "toCoarse", fine: "toFine", outlines: "toOutlines", brush: "toBrush" };
const NOWHERE = [0, 0, 0, -1, 0, 0, 0, -1, 0, 0, 0, -1, 0, 0, 0, 1];

/** Row by row to column by column. @param {number[]} m */
const transposed = (m) => m.map((_, at) => m[4 * (at % 4) + Math.floor(at / 4)]);

export class Textures {
  /** @param {WebGL2RenderingContext} gl @param {WebGLProgram} program */
  constructor(gl, program, units) {
    this.gl = gl;
    this.program = program;
    this.units = units;
    this.textures = {};
    gl.useProgram(program);
    for (const [name, unit] of Object.entries(units)) gl.uniform1i(this.#at(name), unit);
    for (const name of Object.keys(NAMES)) this.drop(name);
    this.palette(new Map());
  }

  #at(name) {
    return this.gl.getUniformLocation(this.program, name);
  }

  /** Leave one dark voxel that lies nowhere. @param {string} name */
  drop(name) {
    const data = name === "coarse" || name === "fine" ? new Uint16Array(1) : new Uint8Array(1);
    this.volume(name, { dims: [1, 1, 1], data }, NOWHERE);
  }

  /**
   * Put a volume in the place of another one.
   * @param {string} name
   * @param {{dims: number[], data: Uint16Array | Uint8Array}} volume
   * @param {number[]} place from NiiVue's frame to texture coordinates
   */
  async volume(name, { dims, data }, place) {
    const { gl } = this;
    const [columns, rows, slices] = dims;
    const halves = data instanceof Uint16Array;
    const texture = gl.createTexture();
    const bind = () => {
      gl.activeTexture(gl.TEXTURE0 + this.units[name]);
      gl.bindTexture(gl.TEXTURE_3D, texture);
      gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
      gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    };
    bind();
    const smooth = halves ? gl.LINEAR : gl.NEAREST;
    gl.texParameteri(gl.TEXTURE_3D, gl.TEXTURE_MIN_FILTER, smooth);
    gl.texParameteri(gl.TEXTURE_3D, gl.TEXTURE_MAG_FILTER, smooth);
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R]) {
      gl.texParameteri(gl.TEXTURE_3D, side, gl.CLAMP_TO_EDGE);
    }
    gl.texStorage3D(gl.TEXTURE_3D, 1, halves ? gl.R16F : gl.R8UI, columns, rows, slices);
    const count = Math.max(1, Math.floor(AT_ONCE / (columns * rows * data.BYTES_PER_ELEMENT)));
    for (let first = 0; first < slices; first += count) {
      const depth = Math.min(count, slices - first);
      const part = data.subarray(columns * rows * first, columns * rows * (first + depth));
      const [format, type] = halves ? [gl.RED, gl.HALF_FLOAT] : [gl.RED_INTEGER, gl.UNSIGNED_BYTE];
      gl.texSubImage3D(gl.TEXTURE_3D, 0, 0, 0, first, columns, rows, depth, format, type, part);
      if (first + depth < slices) {
        this.#bindAll();
        await new Promise((resolve) => setTimeout(resolve));
        bind();
      }
    }
    const old = this.textures[name];
    this.textures[name] = texture;
    if (old) gl.deleteTexture(old);
    gl.useProgram(this.program);
    gl.uniformMatrix4fv(this.#at(NAMES[name]), false, transposed(place));
    this.#bindAll();
  }

  #bindAll() {
    const { gl } = this;
    for (const [name, texture] of Object.entries(this.textures)) {
      gl.activeTexture(gl.TEXTURE0 + this.units[name]);
      gl.bindTexture(name === "palette" ? gl.TEXTURE_2D : gl.TEXTURE_3D, texture);
    }
  }

  /** @param {Map<number, number[]>} colors red, green, blue, alpha of each label, 0 to 255 */
  palette(colors) {
    const { gl } = this;
    const data = new Uint8Array(256 * 4);
    for (const [label, rgba] of colors) data.set(rgba, 4 * label);
    this.textures.palette ??= gl.createTexture();
    gl.activeTexture(gl.TEXTURE0 + this.units.palette);
    gl.bindTexture(gl.TEXTURE_2D, this.textures.palette);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, data);
  }

  /** Numbers of the shader, by their kind: two or three floats, three whole ones, a whole one. */
  set({ range, slabStep, slabCount, showOutlines, selected }) {
    const { gl } = this;
    gl.useProgram(this.program);
    gl.uniform2fv(this.#at("range"), range);
    gl.uniform3fv(this.#at("slabStep"), slabStep);
    gl.uniform3iv(this.#at("slabCount"), slabCount);
    gl.uniform1i(this.#at("showOutlines"), showOutlines);
    gl.uniform1i(this.#at("selected"), selected);
    this.#bindAll();
  }
}
