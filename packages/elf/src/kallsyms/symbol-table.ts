/**
 * Columns to a `SymbolTable`. Names stay as they are stored, a row of token numbers each, and are expanded when asked for; lookups by address
 * are binary searches, those by name go through an index of hashes that is built for the first of them.
 *
 * The index is made without expanding names: the hash of a text is h(ab) = h(a) * B^|b| + h(b), so that of a name follows from those of its
 * tokens. Cost: one multiplication per token, and a sort of the hashes.
 */
import type { Va } from "../diagnostic.js";
import type { SymbolColumns, SymbolTable } from "../types.js";

/** The columns' addresses must ascend. */
export function symbolTable(columns: SymbolColumns): SymbolTable {
  const { address, type, bytes, offset, length, tokens, skipped } = columns;
  let index: NameIndex | undefined;
  const nameOf = (row: number): string => {
    let text = "";
    const end = offset[row] + length[row];
    for (let at = offset[row]; at < end; at++) text += tokens[bytes[at]];
    return text.slice(skipped);
  };
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
    columns,
    count: address.length,
    address,
    type,
    name: (row) => {
      if (!(row >= 0 && row < address.length)) throw new RangeError(`no symbol row ${row} of ${address.length}`);
      return nameOf(row);
    },
    lookup: (wanted) => {
      index ??= new NameIndex(columns);
      const row = index.find(wanted, nameOf);
      return row < 0 ? undefined : address[row];
    },
    startingWith: (prefixes) => {
      // Most rows are ruled out by their first token.
      const fits = Uint8Array.from(tokens, (token) => {
        const text = token.slice(skipped);
        return Number(prefixes.some((prefix) => text.startsWith(prefix) || prefix.startsWith(text)));
      });
      const found: number[] = [];
      for (let row = 0; row < address.length; row++) {
        if (fits[bytes[offset[row]]] === 0) continue;
        const name = nameOf(row);
        if (prefixes.some((prefix) => name.startsWith(prefix))) found.push(row);
      }
      return found;
    },
    below,
  };
}

/** From names to rows: a column of hashes with the row in their lower digits, sorted; so the work does not depend on what the names are. */
class NameIndex {
  readonly #keys: Float64Array;

  constructor({ address, bytes, offset, length, tokens, skipped }: SymbolColumns) {
    const keys = (this.#keys = new Float64Array(address.length));
    const hashes = Uint32Array.from(tokens, hashOf),
      powers = Uint32Array.from(tokens, ({ length: size }) => powerOf(size)),
      firstHashes = Uint32Array.from(tokens, (token) => hashOf(token.slice(skipped)));
    for (let row = 0; row < keys.length; row++) {
      let at = offset[row];
      const end = at + length[row];
      let hash = at < end ? firstHashes[bytes[at++]] : 0;
      for (; at < end; at++) hash = (Math.imul(hash, powers[bytes[at]]) + hashes[bytes[at]]) | 0;
      keys[row] = keyOf(hash) + row;
    }
    keys.sort();
  }

  /** The first row with that name, or -1. */
  find(name: string, nameOf: (row: number) => string): number {
    const keys = this.#keys,
      wanted = keyOf(hashOf(name));
    let low = 0,
      high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (keys[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    for (; low < keys.length && keys[low] < wanted + MOST_ROWS; low++)
      if (nameOf(keys[low] - wanted) === name) return keys[low] - wanted;
    return -1;
  }
}

/** Keys are whole numbers below 2 ** 53: 26 bits of the hash, and the row. No file has more symbols. */
const MOST_ROWS = 2 ** 27;
const keyOf = (hash: number): number => (hash >>> 6) * MOST_ROWS;

const BASE = 0x9e37_79b1;

function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, BASE) + text.charCodeAt(i) + 1) | 0;
  return hash;
}

function powerOf(size: number): number {
  let power = 1;
  for (let i = 0; i < size; i++) power = Math.imul(power, BASE);
  return power;
}
