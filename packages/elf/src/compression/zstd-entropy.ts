/**
 * The two entropy coders of zstd: finite state entropy (FSE) and Huffman, both read backwards, from the last bit of
 * a stream to its first. Source: RFC 8878, section numbers in the comments.
 */
import { fail } from "../diagnostic.js";

const damaged = (what: string, at: number): never => fail("PV1008", `the zstd data has ${what}`, at);

/** Number of the highest bit that is set; -1 for 0. */
export const highestBit = (value: number): number => 31 - Math.clz32(value);

/** Reads bits from the end of `bytes[start..end)` to its start. The highest set bit of the last byte marks the end. */
export class BackwardBits {
  /** Bits left; below 0 where more were read than there are (they read as zeros). */
  left: number;
  readonly #bytes: Uint8Array;
  readonly #start: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    if (end <= start || bytes[end - 1] === 0) damaged("a bit stream without an end mark", end);
    this.#bytes = bytes;
    this.#start = start;
    this.left = (end - start - 1) * 8 + highestBit(bytes[end - 1]);
  }

  /** At most 24 bits. */
  read(count: number): number {
    this.left -= count;
    return this.peek(this.left, count);
  }

  /** `count` bits, at most 24, whose lowest is number `from`; bits below 0 are zeros. */
  peek(from: number, count: number): number {
    if (from < 0) return from + count <= 0 ? 0 : this.peek(0, from + count) << -from;
    const bytes = this.#bytes;
    const at = this.#start + (from >> 3);
    const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    return (word >>> (from & 7)) & ((1 << count) - 1);
  }
}

/** For each state: the symbol, and how to get to the next state: `base` plus `bits` more bits. */
export interface FseTable {
  readonly log: number;
  readonly symbol: Uint8Array;
  readonly bits: Uint8Array;
  readonly base: Uint16Array;
}

/** 4.1.1, second half. `counts` says how many states each symbol has; -1 stands for one of the lowest probability. */
export function fseTable(counts: ArrayLike<number>, log: number): FseTable {
  const size = 1 << log;
  const symbol = new Uint8Array(size);
  const bits = new Uint8Array(size);
  const base = new Uint16Array(size);
  const next = new Uint16Array(counts.length);
  let high = size;
  for (let s = 0; s < counts.length; s++) {
    if (counts[s] === -1) symbol[--high] = s;
    next[s] = Math.abs(counts[s]);
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let position = 0;
  for (let s = 0; s < counts.length; s++) {
    for (let i = 0; i < counts[s]; i++) {
      symbol[position] = s;
      do position = (position + step) & (size - 1);
      while (position >= high);
    }
  }
  for (let state = 0; state < size; state++) {
    const number = next[symbol[state]]++;
    bits[state] = log - highestBit(number);
    base[state] = (number << bits[state]) - size;
  }
  return { log, symbol, bits, base };
}

/** A table of one symbol, which costs no bits. */
export function oneSymbolTable(symbol: number): FseTable {
  return { log: 0, symbol: Uint8Array.of(symbol), bits: new Uint8Array(1), base: new Uint16Array(1) };
}

/** 4.1.1, first half: a table's description at `at`; gives the offset behind it, too. */
export function readFseTable(
  bytes: Uint8Array,
  at: number,
  end: number,
  maxLog: number,
  maxSymbol: number,
): { table: FseTable; end: number } {
  let position = at * 8;
  const read = (count: number): number => {
    const first = position >> 3;
    const word = bytes[first] | (bytes[first + 1] << 8) | (bytes[first + 2] << 16);
    const value = (word >> (position & 7)) & ((1 << count) - 1);
    position += count;
    return value;
  };
  const log = read(4) + 5;
  if (log > maxLog) damaged(`an FSE table of ${log} bits`, at);
  const counts: number[] = [];
  let remaining = 1 << log;
  while (remaining > 0) {
    if (counts.length > maxSymbol || position > end * 8) damaged("a bad FSE table", at);
    // A number from 0 to remaining + 1: the lower ones are written with one bit less.
    const width = highestBit(remaining + 1) + 1;
    const short = (1 << (width - 1)) - 1;
    const threshold = (1 << width) - 2 - remaining;
    let value = read(width);
    if ((value & short) < threshold) {
      value &= short;
      position--;
    } else if (value > short) value -= threshold;
    const count = value - 1;
    counts.push(count);
    remaining -= Math.abs(count);
    for (let repeat = count === 0 ? 3 : 0; repeat === 3;) {
      repeat = read(2);
      for (let i = 0; i < repeat; i++) counts.push(0);
    }
  }
  const behind = (position + 7) >> 3;
  if (remaining < 0 || counts.length > maxSymbol + 1 || behind > end) damaged("a bad FSE table", at);
  return { table: fseTable(counts, log), end: behind };
}

/** For each `log` bits: the symbol that they start with, and how many of them are its own. */
export interface HuffmanTable {
  readonly log: number;
  readonly symbol: Uint8Array;
  readonly bits: Uint8Array;
}

const MAX_HUFFMAN_LOG = 11;
const MAX_WEIGHT_LOG = 6;

/** 4.2.1: a tree's description at `at`; gives the offset behind it, too. */
export function readHuffmanTable(bytes: Uint8Array, at: number, end: number): { table: HuffmanTable; end: number } {
  if (at >= end) damaged("no Huffman tree where one is needed", at);
  const header = bytes[at];
  const behind = at + 1 + (header < 128 ? header : (header - 126) >> 1);
  if (behind > end) damaged("a Huffman tree that is cut off", at);
  const weights = header < 128 ? packedWeights(bytes, at + 1, behind) : plainWeights(bytes, at + 1, header - 127);
  return { table: huffmanTable(weights, at), end: behind };
}

function plainWeights(bytes: Uint8Array, at: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (i % 2 === 0 ? bytes[at + (i >> 1)] >> 4 : bytes[at + (i >> 1)] & 15));
}

/** 4.2.1.2: two states take turns, until the bits are used up. */
function packedWeights(bytes: Uint8Array, at: number, end: number): number[] {
  const { table, end: start } = readFseTable(bytes, at, end, MAX_WEIGHT_LOG, 255);
  const source = new BackwardBits(bytes, start, end);
  const weights: number[] = [];
  let state = source.read(table.log);
  let other = source.read(table.log);
  while (source.left >= 0 && weights.length < 255) {
    weights.push(table.symbol[state]);
    const next = table.base[state] + source.read(table.bits[state]);
    [state, other] = [other, next];
  }
  weights.push(table.symbol[state]);
  return weights;
}

function huffmanTable(weights: number[], at: number): HuffmanTable {
  let sum = 0;
  for (const weight of weights) {
    if (weight > MAX_HUFFMAN_LOG) damaged("a bad Huffman weight", at);
    sum += weight === 0 ? 0 : 1 << (weight - 1);
  }
  // The last symbol's weight is whatever completes a power of two.
  const log = highestBit(sum) + 1;
  const rest = (1 << log) - sum;
  if (sum === 0 || log > MAX_HUFFMAN_LOG || (rest & (rest - 1)) !== 0 || weights.length > 255)
    damaged("a bad Huffman tree", at);
  weights.push(highestBit(rest) + 1);
  const symbol = new Uint8Array(1 << log);
  const bits = new Uint8Array(1 << log);
  let from = 0;
  for (let weight = 1; weight <= log; weight++) {
    for (let s = 0; s < weights.length; s++) {
      if (weights[s] !== weight) continue;
      const to = from + (1 << (weight - 1));
      symbol.fill(s, from, to);
      bits.fill(log + 1 - weight, from, to);
      from = to;
    }
  }
  return { log, symbol, bits };
}

/** 4.2.2: decodes one stream into `output[from..to)`. */
export function decodeHuffman(
  table: HuffmanTable,
  bytes: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  from: number,
  to: number,
): void {
  const { log, symbol, bits } = table;
  const source = new BackwardBits(bytes, start, end);
  let left = source.left;
  for (let at = from; at < to; at++) {
    const code = source.peek(left - log, log);
    output[at] = symbol[code];
    left -= bits[code];
  }
  if (left !== 0) damaged("a Huffman stream of a wrong length", start);
}
