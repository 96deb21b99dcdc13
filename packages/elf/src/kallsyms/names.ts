/**
 * `kallsyms_names` and `kallsyms_markers`: where each symbol's compressed name starts.
 *
 * A name is a length (one byte, or two as ULEB128 from 128 on) and that many token numbers; the first character of the
 * expanded text is the symbol's type. Names stand back to back behind the word `kallsyms_num_syms`; `kallsyms_markers`
 * holds the offset of every 256th name. Layouts by kernel version (scripts/kallsyms.c; each part word-aligned):
 *
 *     4.20-6.1   num_syms  names  markers                  token_table
 *     6.2-6.3    num_syms  names  markers  seqs_of_names   token_table     (3 bytes a symbol)
 *     6.4-       num_syms  names  markers                  token_table
 *
 * The search goes backwards from the token table, whose place is certain. Invariant that makes it safe: a candidate
 * counts only if walking all its names meets every marker and ends exactly where the markers begin, and if the sequence
 * numbers, where there are any, are a permutation of the rows.
 */
import type { RegionBytes } from "../tables/regions.js";
import type { TokenTable } from "./tokens.js";

export interface NameTable {
  /** Offset within the region of `kallsyms_num_syms`. */
  readonly countAt: number;
  readonly count: number;
  /** Offset within the region of each name's first token, and how many tokens it has. */
  readonly offset: Uint32Array;
  readonly length: Uint16Array;
}

/** More symbols than any kernel has: bounds the search. */
const MOST_SYMBOLS = 1 << 21;
const NAMES_PER_MARKER = 256;
const BYTES_PER_SEQUENCE = 3;
/** Most bytes that 256 names take: bounds the search for the start of small tables. Real ones take about 3,000. */
const MOST_BYTES_PER_MARKER = 1 << 15;

/**
 * Names that may belong to a token table, the likeliest first. More than one comes only where a few bytes read as names and
 * markers by chance, as they do among tables of a handful of symbols: the caller checks what depends on them.
 */
export function* findNames(region: RegionBytes, tokens: TokenTable, wordSize: number): Generator<NameTable> {
  const { view } = region;
  const up = (size: number) => Math.ceil(size / wordSize) * wordSize;
  for (let markers = 1; markers <= MOST_SYMBOLS / NAMES_PER_MARKER; markers++) {
    const at = tokens.start - up(4 * markers);
    if (at < 0) break;
    if (markersAscend(view, at, markers)) yield* namesBefore(region, at, markers, wordSize);
  }
  for (let count = 1; count <= MOST_SYMBOLS; count++) {
    const markers = Math.ceil(count / NAMES_PER_MARKER);
    const sequences = tokens.start - up(BYTES_PER_SEQUENCE * count),
      at = sequences - up(4 * markers);
    if (at < 0) break;
    if (markersAscend(view, at, markers) && isPermutation(region.bytes, sequences, count))
      yield* namesBefore(region, at, markers, wordSize, count);
  }
}

/** `kallsyms_seqs_of_names` holds every row once, in the order of the names; big-endian. */
function isPermutation(bytes: Uint8Array, start: number, count: number): boolean {
  const row = (index: number): number => {
    const at = start + BYTES_PER_SEQUENCE * index;
    return (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
  };
  // Nearly every candidate is ruled out here, before anything is allocated.
  for (let index = 0; index < Math.min(count, 4); index++) if (row(index) >= count) return false;
  const seen = new Uint8Array(count);
  for (let index = 0; index < count; index++) {
    const value = row(index);
    if (value >= count || seen[value] === 1) return false;
    seen[value] = 1;
  }
  return true;
}

function markersAscend(view: DataView, at: number, markers: number): boolean {
  if (view.getUint32(at, true) !== 0) return false;
  let previous = 0;
  for (let marker = 1; marker < markers; marker++) {
    const offset = view.getUint32(at + 4 * marker, true);
    // A name takes at least two bytes.
    if (offset - previous < 2 * NAMES_PER_MARKER || offset - previous > MOST_BYTES_PER_MARKER) return false;
    previous = offset;
  }
  return true;
}

/** Tries every start from which the names could end at the markers. */
function* namesBefore(
  region: RegionBytes,
  markersAt: number,
  markers: number,
  wordSize: number,
  exactly?: number,
): Generator<NameTable> {
  const { view } = region;
  const least = exactly ?? (markers - 1) * NAMES_PER_MARKER + 1;
  const most = exactly ?? markers * NAMES_PER_MARKER;
  const lastMarker = view.getUint32(markersAt + 4 * (markers - 1), true);
  const nearest = markersAt - Math.ceil((lastMarker + 2) / wordSize) * wordSize;
  const farthest = Math.max(wordSize, nearest - MOST_BYTES_PER_MARKER);
  for (let at = nearest; at >= farthest; at -= wordSize) {
    const countAt = at - wordSize;
    const count = view.getUint32(countAt, true);
    if (count < least || count > most) continue;
    if (wordSize === 8 && view.getUint32(countAt + 4, true) !== 0) continue;
    const names = walk(region, at, count, markersAt);
    if (names !== undefined && markersAt - names.end < wordSize) yield { countAt, count, ...names };
  }
}

function walk({ bytes, view }: RegionBytes, start: number, count: number, markersAt: number) {
  const offset = new Uint32Array(count);
  const length = new Uint16Array(count);
  let at = start;
  for (let row = 0; row < count; row++) {
    if (row % NAMES_PER_MARKER === 0) {
      if (view.getUint32(markersAt + 4 * (row / NAMES_PER_MARKER), true) !== at - start) return undefined;
    }
    let size = bytes[at++];
    if (size >= 0x80) size = (size & 0x7f) | (bytes[at++] << 7);
    if (size === 0 || at + size > markersAt) return undefined;
    offset[row] = at;
    length[row] = size;
    at += size;
  }
  return { offset, length, end: at };
}
