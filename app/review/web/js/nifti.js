/** NIfTI-1 as the server writes it: little-endian, one volume, sform, int16 or uint8. */

/**
 * @typedef {object} Nifti
 * @property {number[]} dims columns, rows, slices
 * @property {number[]} toRas voxel (column, row, slice) to RAS mm
 * @property {Int16Array | Uint8Array} data
 */

/** @param {ArrayBuffer} buffer @returns {Nifti} */
export function readNifti(buffer) {
  const header = new DataView(buffer, 0, 352);
  if (header.getInt32(0, true) !== 348) throw new Error("The server's volume is no NIfTI-1 file.");
  const dims = [42, 44, 46].map((at) => header.getInt16(at, true));
  const toRas = Array.from({ length: 12 }, (_, k) => header.getFloat32(280 + 4 * k, true));
  const type = header.getInt16(70, true);
  const start = header.getFloat32(108, true);
  const count = dims[0] * dims[1] * dims[2];
  if (type !== 4 && type !== 2) throw new Error(`NIfTI data type ${type} is not read here.`);
  const data = type === 4 ? new Int16Array(buffer, start, count) : new Uint8Array(buffer, start, count);
  return { dims, toRas: [...toRas, 0, 0, 0, 1], data };
}

/** Unpack what starts like gzip; a browser may have done so already. @param {Response} response */
export async function unpacked(response) {
  const packed = await response.arrayBuffer();
  const start = new Uint8Array(packed, 0, 2);
  if (start[0] !== 0x1f || start[1] !== 0x8b) return packed;
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
