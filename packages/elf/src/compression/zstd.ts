/**
 * zstd: one frame, without dictionaries.
 *
 * Why not a package: fzstd checks neither the content's checksum (of 60 copies of a kernel with three flipped bits each
 * it took 29 as whole) nor the lengths of matches, so that the work on a made-up file has no sensible bound. Here each
 * length is checked before it is used; the work is bounded by the size of the output.
 *
 * Source: RFC 8878, section numbers in the comments.
 */
import { fail } from "../diagnostic.js";
import { viewOf } from "../layout.js";
import { xxhash64Low } from "./xxhash64.js";
import {
  BackwardBits,
  decodeHuffman,
  fseTable,
  oneSymbolTable,
  readFseTable,
  readHuffmanTable,
} from "./zstd-entropy.js";
import type { FseTable, HuffmanTable } from "./zstd-entropy.js";

/** Bytes: no block holds more. */
const BLOCK_SIZE = 128 << 10;

const damaged = (what: string, at: number): never => fail("PV1008", `the zstd data has ${what}`, at);

/** One of the three numbers of a sequence: how its codes turn into values, and the table that codes start with. */
interface Kind {
  readonly bits: Uint8Array;
  readonly base: Uint32Array;
  readonly maxLog: number;
  readonly preset: FseTable;
}

/** 3.1.1.3.2.1.1: values of codes follow from the bits that they take. */
function kind(first: number, bits: readonly number[], maxLog: number, counts: readonly number[], log: number): Kind {
  const base = new Uint32Array(bits.length);
  let value = first;
  for (const [code, width] of bits.entries()) {
    base[code] = value;
    value += 2 ** width;
  }
  return { bits: Uint8Array.from(bits), base, maxLog, preset: fseTable(counts, log) };
}

const many = (count: number, value: number): number[] => Array.from({ length: count }, () => value);
const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

const LITERAL_LENGTHS = kind(
  0,
  [...many(16, 0), 1, 1, 1, 1, 2, 2, 3, 3, 4, ...upTo(6, 16)],
  9,
  [4, 3, ...many(11, 2), 1, 1, 1, ...many(9, 2), 3, 2, ...many(5, 1), ...many(4, -1)],
  6,
);
const MATCH_LENGTHS = kind(
  3,
  [...many(32, 0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, ...upTo(7, 16)],
  9,
  [1, 4, 3, ...many(6, 2), ...many(37, 1), ...many(7, -1)],
  6,
);
const OFFSETS = kind(1, upTo(0, 31), 8, [...many(6, 1), 2, 2, 2, ...many(15, 1), ...many(5, -1)], 5);

/** Decodes the frame at the start of `input` into `output`, which it must fill exactly. */
export function decodeZstd(input: Uint8Array, output: Uint8Array): void {
  // 3.1.1.1: descriptor, window, dictionary, content size
  const descriptor = input[4];
  const single = (descriptor & 0x20) !== 0;
  if (descriptor & 8) damaged("a reserved flag", 4);
  if (descriptor & 3) fail("PV1007", "the zstd frame needs a dictionary", 4);
  const sizeAt = single ? 5 : 6;
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6];
  if (sizeAt + sizeBytes > input.length) fail("PV1008", "the zstd data is cut off", input.length);
  const size = input.subarray(sizeAt, sizeAt + sizeBytes).reduceRight((sum, byte) => sum * 256 + byte, 0);
  const contentSize = sizeBytes === 2 ? size + 256 : size;
  if (sizeBytes > 0 && contentSize !== output.length) {
    fail("PV1008", `the zstd frame holds ${contentSize} bytes instead of ${output.length}`, sizeAt);
  }
  const decoder = new ZstdDecoder(input, output);
  const end = decoder.blocks(sizeAt + sizeBytes);
  if (decoder.outputAt !== output.length) {
    fail("PV1008", `the zstd frame holds ${decoder.outputAt} bytes instead of ${output.length}`, end);
  }
  if ((descriptor & 4) === 0) return;
  if (end + 4 > input.length) fail("PV1008", "the zstd data is cut off", end);
  if (viewOf(input).getUint32(end, true) !== xxhash64Low(output)) {
    fail("PV1008", "the decompressed kernel does not have the checksum that the zstd frame names", end);
  }
}

class ZstdDecoder {
  outputAt = 0;
  readonly #input: Uint8Array;
  readonly #output: Uint8Array;
  readonly #literals = new Uint8Array(BLOCK_SIZE);
  #literalCount = 0;
  // What a block may take over from the one before.
  #huffman: HuffmanTable | undefined;
  #tables: (FseTable | undefined)[] = [undefined, undefined, undefined];
  #recent: [number, number, number] = [1, 4, 8];

  constructor(input: Uint8Array, output: Uint8Array) {
    this.#input = input;
    this.#output = output;
  }

  /** 3.1.1.2: all blocks of the frame; gives the offset behind them. */
  blocks(start: number): number {
    const input = this.#input;
    for (let at = start; ;) {
      if (at + 3 > input.length) fail("PV1008", "the zstd data is cut off", at);
      const header = input[at] | (input[at + 1] << 8) | (input[at + 2] << 16);
      const type = (header >> 1) & 3;
      const size = header >> 3;
      at += 3;
      const end = at + (type === 1 ? 1 : size);
      if (end > input.length) fail("PV1008", "the zstd data is cut off", at);
      const limit = Math.min(this.outputAt + BLOCK_SIZE, this.#output.length);
      if (type === 3) damaged("a block of unknown type", at);
      if (type === 2) this.#block(at, end, limit);
      else {
        if (this.outputAt + size > limit) damaged("more bytes than it may", at);
        if (type === 1) this.#output.fill(input[at], this.outputAt, this.outputAt + size);
        else this.#output.set(input.subarray(at, end), this.outputAt);
        this.outputAt += size;
      }
      at = end;
      if (header & 1) return at;
    }
  }

  #block(start: number, end: number, limit: number): void {
    let at = this.#readLiterals(start, end);
    // 3.1.1.3.2: number of sequences
    const input = this.#input;
    if (at >= end) damaged("a block without sequences", at);
    let count = input[at++];
    if (count === 255) {
      count = input[at] + (input[at + 1] << 8) + 0x7f00;
      at += 2;
    } else if (count >= 128) count = ((count - 128) << 8) + input[at++];
    if (count === 0) {
      this.#copyLiterals(0, this.#literalCount, limit);
      return;
    }
    if (at >= end) damaged("a block that is cut off", at);
    const modes = input[at++];
    if (modes & 3) damaged("reserved bits", at);
    for (const [i, what] of [LITERAL_LENGTHS, OFFSETS, MATCH_LENGTHS].entries()) {
      at = this.#readTable(i, what, (modes >> (6 - 2 * i)) & 3, at, end);
    }
    this.#sequences(count, new BackwardBits(input, at, end), limit);
  }

  /** 3.1.1.3.1: fills `#literals`; gives the offset behind the section. */
  #readLiterals(start: number, end: number): number {
    const input = this.#input;
    if (end - start < 2) damaged("a block of no bytes", start);
    const type = input[start] & 3;
    const format = (input[start] >> 2) & 3;
    const field = (from: number, bits: number): number => {
      let value = 0;
      for (let i = 4; i >= 0; i--) value = value * 256 + input[start + i];
      return Math.floor(value / 2 ** from) % 2 ** bits;
    };
    if (type < 2) {
      const wide = (format & 1) === 1;
      const size = wide ? field(4, format === 1 ? 12 : 20) : field(3, 5);
      const at = start + (wide ? (format === 1 ? 2 : 3) : 1);
      const behind = at + (type === 0 ? size : 1);
      if (size > BLOCK_SIZE || behind > end) damaged("literals of a wrong size", start);
      if (type === 0) this.#literals.set(input.subarray(at, behind));
      else this.#literals.fill(input[at], 0, size);
      this.#literalCount = size;
      return behind;
    }
    const width = [10, 10, 14, 18][format];
    const size = field(4, width);
    let at = start + [3, 3, 4, 5][format];
    const behind = at + field(4 + width, width);
    if (size > BLOCK_SIZE || behind > end) damaged("literals of a wrong size", start);
    if (type === 2) ({ table: this.#huffman, end: at } = readHuffmanTable(input, at, behind));
    const table = this.#huffman ?? damaged("no Huffman tree where one is needed", start);
    this.#literalCount = size;
    if (format === 0) {
      decodeHuffman(table, input, at, behind, this.#literals, 0, size);
      return behind;
    }
    // Four streams; the lengths of the first three come first.
    const each = (size + 3) >> 2;
    if (at + 6 > behind || each * 3 > size) damaged("literals of a wrong size", at);
    let from = at + 6;
    for (let i = 0; i < 4; i++) {
      const to = i === 3 ? behind : from + input[at + 2 * i] + (input[at + 2 * i + 1] << 8);
      if (to > behind) damaged("literals of a wrong size", at);
      decodeHuffman(table, input, from, to, this.#literals, i * each, i === 3 ? size : (i + 1) * each);
      from = to;
    }
    return behind;
  }

  /** 3.1.1.3.2.1: predefined, one symbol, described here, or the one of the block before. */
  #readTable(index: number, what: Kind, mode: number, at: number, end: number): number {
    if (mode === 0) this.#tables[index] = what.preset;
    else if (mode === 1) {
      if (at >= end || this.#input[at] >= what.bits.length) damaged("a bad code", at);
      this.#tables[index] = oneSymbolTable(this.#input[at]);
      return at + 1;
    } else if (mode === 2) {
      const described = readFseTable(this.#input, at, end, what.maxLog, what.bits.length - 1);
      this.#tables[index] = described.table;
      return described.end;
    } else if (this.#tables[index] === undefined) damaged("no table where one is needed", at);
    return at;
  }

  /** 3.1.1.3.2.1.2 and 3.1.1.4 */
  #sequences(count: number, source: BackwardBits, limit: number): void {
    const output = this.#output;
    const [lengths, offsets, matches] = this.#tables as FseTable[];
    let lengthState = source.read(lengths.log);
    let offsetState = source.read(offsets.log);
    let matchState = source.read(matches.log);
    let literalAt = 0;
    for (let i = 0; i < count; i++) {
      const lengthCode = lengths.symbol[lengthState];
      const offsetCode = offsets.symbol[offsetState];
      const matchCode = matches.symbol[matchState];
      const high = offsetCode > 16 ? source.read(offsetCode - 16) * 0x10000 : 0;
      const value = OFFSETS.base[offsetCode] + high + source.read(Math.min(offsetCode, 16));
      const match = MATCH_LENGTHS.base[matchCode] + source.read(MATCH_LENGTHS.bits[matchCode]);
      const literals = LITERAL_LENGTHS.base[lengthCode] + source.read(LITERAL_LENGTHS.bits[lengthCode]);
      if (i + 1 < count) {
        lengthState = lengths.base[lengthState] + source.read(lengths.bits[lengthState]);
        matchState = matches.base[matchState] + source.read(matches.bits[matchState]);
        offsetState = offsets.base[offsetState] + source.read(offsets.bits[offsetState]);
      }
      const offset = this.#offset(value, literals);
      this.#copyLiterals(literalAt, literals, limit);
      literalAt += literals;
      let to = this.outputAt;
      if (offset === 0 || offset > to) damaged("a match before its start", to);
      const stop = to + match;
      if (stop > limit) damaged("more bytes than it may", to);
      for (let from = to - offset; to < stop;) output[to++] = output[from++];
      this.outputAt = stop;
    }
    if (source.left !== 0) damaged("sequences of a wrong length", this.outputAt);
    this.#copyLiterals(literalAt, this.#literalCount - literalAt, limit);
  }

  /** 3.1.1.5: values 1 to 3 repeat one of the last three offsets. */
  #offset(value: number, literals: number): number {
    const [first, second, third] = this.#recent;
    const which = value > 3 ? 4 : value - (literals === 0 ? 0 : 1);
    if (which === 0) return first;
    const offset = which === 4 ? value - 3 : which === 1 ? second : which === 2 ? third : first - 1;
    this.#recent = [offset, first, which === 1 ? third : second];
    return offset;
  }

  #copyLiterals(from: number, count: number, limit: number): void {
    let to = this.outputAt;
    const stop = to + count;
    if (from + count > this.#literalCount || stop > limit) damaged("more bytes than it may", to);
    if (count > 64) this.#output.set(this.#literals.subarray(from, from + count), to);
    else for (let at = from; to < stop;) this.#output[to++] = this.#literals[at++];
    this.outputAt = stop;
  }
}
