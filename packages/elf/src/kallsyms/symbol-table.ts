/**
 * Columns to a `SymbolTable`: lookups by address are binary searches, those by name go through a map that is built when
 * a name is first asked for (decoding every name of a kernel takes tens of milliseconds, and most users never ask).
 */
import type { Va } from "../diagnostic.js";
import type { SymbolTable } from "../types.js";

/** `address` must ascend. `name` is asked for rows in 0..count-1. */
export function symbolTable(address: Uint32Array, type: Uint8Array, name: (row: number) => string): SymbolTable {
  let rowOf: Map<string, number> | undefined;
  const below = (wanted: Va) => {
    let low = 0;
    let high = address.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (address[middle] <= wanted) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };
  return {
    count: address.length,
    address,
    type,
    name: (row) => {
      if (!(row >= 0 && row < address.length)) throw new RangeError(`no symbol row ${row} of ${address.length}`);
      return name(row);
    },
    lookup: (wanted) => {
      if (rowOf === undefined) {
        rowOf = new Map();
        for (let row = address.length - 1; row >= 0; row--) rowOf.set(name(row), row);
      }
      const row = rowOf.get(wanted);
      return row === undefined ? undefined : address[row];
    },
    below,
  };
}
