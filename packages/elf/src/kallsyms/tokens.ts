/**
 * The token table of kallsyms: 256 byte strings that replace the most frequent pairs in symbol names
 * (scripts/kallsyms.c, kernel/kallsyms.c). It is also what kallsyms is recognised by.
 *
 * In memory it is `kallsyms_token_table`, 256 strings that end in NUL, back to back, and behind it, word-aligned,
 * `kallsyms_token_index`, 256 16-bit offsets of those strings. 256 strictly ascending offsets each of which begins right
 * behind a NUL do not come about by chance.
 */
import type { RegionBytes } from "../tables/regions.js";

export interface TokenTable {
  /** Offset within the region of the table's first byte. */
  readonly start: number;
  /** Offset within the region of the byte behind the index. */
  readonly end: number;
  readonly tokens: readonly string[];
}

const INDEX_BYTES = 512;
/** Longest token that is believed, bytes: real ones have about 20. */
const LONGEST_TOKEN = 512;

/** Token tables in the region, by ascending address. `wordSize` is the alignment of each part, 4 or 8. */
export function* findTokenTables({ start, bytes, view }: RegionBytes, wordSize: number): Generator<TokenTable> {
  const last = bytes.length - INDEX_BYTES;
  for (let index = (wordSize - (start % wordSize)) % wordSize; index <= last; index += wordSize) {
    if (view.getUint16(index, true) !== 0 || !ascends(view, index)) continue;
    const table = tokensBefore(bytes, view, index, wordSize);
    if (table !== undefined) yield table;
  }
}

function ascends(view: DataView, index: number): boolean {
  let previous = 0;
  for (let at = index + 2; at < index + INDEX_BYTES; at += 2) {
    const offset = view.getUint16(at, true);
    if (offset <= previous || offset - previous > LONGEST_TOKEN) return false;
    previous = offset;
  }
  return true;
}

/** The table that ends, but for padding, where the index starts: only the length of the last token is unknown. */
function tokensBefore(bytes: Uint8Array, view: DataView, index: number, wordSize: number): TokenTable | undefined {
  const lastOffset = view.getUint16(index + INDEX_BYTES - 2, true);
  const nearest = index - Math.ceil((lastOffset + 1) / wordSize) * wordSize;
  for (let start = nearest; start >= Math.max(0, nearest - LONGEST_TOKEN); start -= wordSize) {
    const tokens = tokensAt(bytes, view, start, index);
    if (tokens !== undefined) return { start, end: index + INDEX_BYTES, tokens };
  }
  return undefined;
}

function tokensAt(bytes: Uint8Array, view: DataView, start: number, index: number): string[] | undefined {
  const tokens: string[] = [];
  for (let token = 0; token < 256; token++) {
    const from = start + view.getUint16(index + 2 * token, true);
    const end = bytes.indexOf(0, from);
    if (end < 0 || end >= index) return undefined;
    const next = token < 255 ? start + view.getUint16(index + 2 * token + 2, true) : index;
    // Only padding, zeros, may stand between the last token and the index.
    if (token < 255 ? end + 1 !== next : bytes.subarray(end, next).some((byte) => byte !== 0)) return undefined;
    tokens.push(String.fromCharCode(...bytes.subarray(from, end)));
  }
  return tokens;
}
