/**
 * Memory for the columns of a program. It can be shared: another thread that is sent the program (`reviveProgram`) reads the
 * same columns, without a copy. Where the platform has no shared memory, columns are ordinary ones.
 */
const memory = (bytes: number): ArrayBufferLike =>
  typeof SharedArrayBuffer === "undefined" ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes);

export const byteColumn = (rows: number): Uint8Array => new Uint8Array(memory(rows));
export const halfColumn = (rows: number): Uint16Array => new Uint16Array(memory(2 * rows));
export const wordColumn = (rows: number): Uint32Array => new Uint32Array(memory(4 * rows));
export const integerColumn = (rows: number): Int32Array => new Int32Array(memory(4 * rows));

/** The first `rows` of a column, in memory of their own. */
export function cutWords(column: Uint32Array, rows: number): Uint32Array {
  const cut = wordColumn(rows);
  cut.set(column.subarray(0, rows));
  return cut;
}
