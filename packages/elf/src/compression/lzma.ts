/**
 * LZMA: the decoder under both `.lzma` files and the LZMA2 chunks of `.xz` files.
 *
 * Why not a package: the kernel is the largest thing that is ever decompressed here, and each user waits for it. This
 * decodes Debian's i386 kernel (16 MB) in 0.5 s on a machine where the WebAssembly decoder of xz-decompress needs
 * 0.95 s and a rewritten stream; it works synchronously and straight into an output of known size, which is the bound
 * for hostile input.
 *
 * The arithmetic decoder's two registers are kept as signed 32-bit integers, so that they stay machine words in
 * the engine; `>>> 0` at comparisons makes them unsigned. Small methods on fields are faster here than closures over
 * variables (0.87 s) and as fast as loops written out.
 *
 * Invariants: the dictionary is the output itself, so a distance is valid where it does not reach before
 * `dictionaryStart`; nothing is written at or behind `limit`; bytes behind the input's end read as zeros, at most
 * a few dozen until the loop notices.
 *
 * Source: LZMA specification (I. Pavlov, public domain) and xz's doc/lzma-file-format.txt.
 */
import { fail } from "../diagnostic.js";

/** Literal context bits, literal position bits, position bits. */
export interface LzmaProperties {
  readonly lc: number;
  readonly lp: number;
  readonly pb: number;
}

/** Splits the byte that stands for (pb * 5 + lp) * 9 + lc; undefined where it is out of range. */
export function lzmaProperties(byte: number): LzmaProperties | undefined {
  if (byte >= 9 * 5 * 5) return undefined;
  return { lc: byte % 9, lp: Math.floor(byte / 9) % 5, pb: Math.floor(byte / 45) };
}

// One array holds every 11-bit probability. Where each table starts; [n] is a table's shape.
const IS_MATCH = 0; // [state 12][position 16]
const IS_REP = 192; // [state 12]
const IS_REP0 = 204;
const IS_REP1 = 216;
const IS_REP2 = 228;
const IS_REP0_LONG = 240; // [state 12][position 16]
const SLOTS = 432; // [length 4][64]
const SPECIAL = 688; // trees of the distance slots 4..13, at distance - slot
const ALIGN = 816; // [16]
const LENGTHS = 832; // [514]
const REP_LENGTHS = 1346; // [514]
const LITERALS = 1860; // [context][768]
// Inside a length table: choice, choice 2, then
const LENGTH_LOW = 2; // [position 16][8]
const LENGTH_MID = 130; // [position 16][8]
const LENGTH_HIGH = 258; // [256]

const HALF = 1024;
const TOP = 0x1000000;
const END_MARKER = 0xffffffff;

export class LzmaDecoder {
  /** Where the next input byte is read. */
  inputAt = 0;
  /** Where the next output byte is written. */
  outputAt = 0;
  /** Output bytes before this one are no part of the dictionary. */
  dictionaryStart = 0;

  readonly #input: Uint8Array;
  readonly #output: Uint8Array;
  #probabilities = new Uint16Array(0);
  #properties: LzmaProperties = { lc: 0, lp: 0, pb: 0 };
  #range = 0;
  #code = 0;
  #state = 0;
  /** The last four distances, less one. */
  #rep0 = 0;
  #rep1 = 0;
  #rep2 = 0;
  #rep3 = 0;

  constructor(input: Uint8Array, output: Uint8Array) {
    this.#input = input;
    this.#output = output;
  }

  /** Starts with fresh probabilities, state and distances. */
  reset(properties: LzmaProperties): void {
    this.#properties = properties;
    const size = LITERALS + (0x300 << (properties.lc + properties.lp));
    if (this.#probabilities.length !== size) this.#probabilities = new Uint16Array(size);
    this.#probabilities.fill(HALF);
    this.#state = 0;
    this.#rep0 = this.#rep1 = this.#rep2 = this.#rep3 = 0;
  }

  /** Reads the five bytes that start a range-coded stream. */
  startRange(): void {
    const input = this.#input;
    const at = this.inputAt;
    if (at + 5 > input.length) fail("PV1008", "the LZMA data is cut off", at);
    if (input[at] !== 0) fail("PV1008", "an LZMA stream does not start with a zero byte", at);
    this.#range = -1;
    this.#code = (input[at + 1] << 24) | (input[at + 2] << 16) | (input[at + 3] << 8) | input[at + 4];
    this.inputAt = at + 5;
  }

  /** Ends a range-coded stream: true where its code is used up, as it is at the end of each undamaged one. */
  endRange(): boolean {
    this.#normalize();
    return this.#code === 0 && this.inputAt <= this.#input.length;
  }

  /** Copies `size` input bytes at `from`, which must exist, to the output. */
  copy(from: number, size: number): void {
    this.#output.set(this.#input.subarray(from, from + size), this.outputAt);
    this.outputAt += size;
    this.inputAt = from + size;
  }

  /** True where the next symbol is the end marker. */
  endMarker(): boolean {
    const position = (this.outputAt - this.dictionaryStart) & ((1 << this.#properties.pb) - 1);
    if (this.#bit(IS_MATCH + (this.#state << 4) + position) === 0 || this.#bit(IS_REP + this.#state) === 1)
      return false;
    return this.#distance(this.#length(LENGTHS, position)) === END_MARKER;
  }

  /** Decodes until `outputAt` is `limit`, which is at most the output's length. */
  decode(limit: number): void {
    const output = this.#output;
    const inputLength = this.#input.length;
    const { lc, lp, pb } = this.#properties;
    const positionMask = (1 << pb) - 1;
    const literalMask = (1 << lp) - 1;
    const start = this.dictionaryStart;
    let outputAt = this.outputAt;
    let state = this.#state;
    let rep0 = this.#rep0;

    while (outputAt < limit) {
      if (this.inputAt > inputLength) fail("PV1008", "the LZMA data is cut off", inputLength);
      const done = outputAt - start;
      const position = done & positionMask;
      if (this.#bit(IS_MATCH + (state << 4) + position) === 0) {
        const previous = done > 0 ? output[outputAt - 1] : 0;
        const base = LITERALS + (((done & literalMask) << lc) + (previous >> (8 - lc))) * 0x300;
        output[outputAt] = state < 7 ? this.#literal(base) : this.#literalAfterMatch(base, output[outputAt - rep0 - 1]);
        outputAt++;
        state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
        continue;
      }
      let length;
      if (this.#bit(IS_REP + state) === 0) {
        this.#rep3 = this.#rep2;
        this.#rep2 = this.#rep1;
        this.#rep1 = rep0;
        length = this.#length(LENGTHS, position);
        rep0 = this.#distance(length);
        state = state < 7 ? 7 : 10;
      } else if (this.#bit(IS_REP0 + state) === 0) {
        if (this.#bit(IS_REP0_LONG + (state << 4) + position) === 0) {
          length = 1;
          state = state < 7 ? 9 : 11;
        } else {
          length = this.#length(REP_LENGTHS, position);
          state = state < 7 ? 8 : 11;
        }
      } else {
        let distance = this.#rep1;
        if (this.#bit(IS_REP1 + state) === 1) {
          distance = this.#rep2;
          if (this.#bit(IS_REP2 + state) === 1) {
            distance = this.#rep3;
            this.#rep3 = this.#rep2;
          }
          this.#rep2 = this.#rep1;
        }
        this.#rep1 = rep0;
        rep0 = distance;
        length = this.#length(REP_LENGTHS, position);
        state = state < 7 ? 8 : 11;
      }
      if (rep0 >= done) fail("PV1008", "the LZMA data points before its start", this.inputAt);
      const end = outputAt + length;
      if (end > limit) fail("PV1008", "the LZMA data is longer than it is said to be", this.inputAt);
      for (let from = outputAt - rep0 - 1; outputAt < end;) output[outputAt++] = output[from++];
    }
    this.outputAt = outputAt;
    this.#state = state;
    this.#rep0 = rep0;
  }

  #normalize(): void {
    if (this.#range >>> 0 < TOP) {
      this.#range <<= 8;
      this.#code = (this.#code << 8) | this.#input[this.inputAt++];
    }
  }

  #bit(index: number): number {
    this.#normalize();
    const probability = this.#probabilities[index];
    const range = this.#range;
    const code = this.#code;
    const bound = Math.imul(range >>> 11, probability);
    if (code >>> 0 < bound >>> 0) {
      this.#range = bound;
      this.#probabilities[index] = probability + ((2 * HALF - probability) >> 5);
      return 0;
    }
    this.#range = (range - bound) | 0;
    this.#code = (code - bound) | 0;
    this.#probabilities[index] = probability - (probability >> 5);
    return 1;
  }

  #tree(base: number, bits: number): number {
    let symbol = 1;
    for (let i = 0; i < bits; i++) symbol = (symbol << 1) | this.#bit(base + symbol);
    return symbol - (1 << bits);
  }

  /** A tree whose number starts with its lowest bit. */
  #reverseTree(base: number, bits: number): number {
    let symbol = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.#bit(base + symbol);
      symbol = (symbol << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  #literal(base: number): number {
    let symbol = 1;
    while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(base + symbol);
    return symbol;
  }

  /** The byte at the last distance is surely not the literal: its bits select the table up to the first difference. */
  #literalAfterMatch(base: number, other: number): number {
    let symbol = 1;
    let same = 0x100;
    while (symbol < 0x100) {
      other <<= 1;
      const expected = other & same;
      const bit = this.#bit(base + same + expected + symbol);
      symbol = (symbol << 1) | bit;
      same &= bit === 0 ? ~expected : expected;
    }
    return symbol;
  }

  /** 2..273 */
  #length(base: number, position: number): number {
    if (this.#bit(base) === 0) return 2 + this.#tree(base + LENGTH_LOW + (position << 3), 3);
    if (this.#bit(base + 1) === 0) return 10 + this.#tree(base + LENGTH_MID + (position << 3), 3);
    return 18 + this.#tree(base + LENGTH_HIGH, 8);
  }

  /** Unsigned, less one; `END_MARKER` says that the data ends. */
  #distance(length: number): number {
    const slot = this.#tree(SLOTS + (Math.min(length - 2, 3) << 6), 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const high = ((2 | (slot & 1)) << bits) >>> 0;
    if (slot < 14) return high + this.#reverseTree(SPECIAL + high - slot, bits);
    let direct = 0;
    for (let i = 4; i < bits; i++) {
      this.#normalize();
      this.#range >>>= 1;
      const bit = this.#code >>> 0 >= this.#range ? 1 : 0;
      if (bit === 1) this.#code = (this.#code - this.#range) | 0;
      direct = (direct << 1) | bit;
    }
    return high + ((direct << 4) >>> 0) + this.#reverseTree(ALIGN, 4);
  }
}

/**
 * Decodes a `.lzma` file (13 bytes of header, then one stream; no checksum) into `output`, which it must fill exactly.
 * The header's length may be unknown (all ones): then an end marker must follow.
 */
export function decodeLzma(input: Uint8Array, output: Uint8Array): void {
  if (input.length < 18) fail("PV1008", "the LZMA header is cut off", input.length);
  const properties = lzmaProperties(input[0]);
  if (properties === undefined) fail("PV1008", `the LZMA properties ${input[0]} do not exist`, 0);
  const sizeBytes = input.subarray(5, 13);
  const unknown = sizeBytes.every((byte) => byte === 0xff);
  const size = sizeBytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
  if (!unknown && size !== output.length) {
    fail("PV1008", `the LZMA header promises ${size} bytes instead of ${output.length}`, 5);
  }
  const decoder = new LzmaDecoder(input, output);
  decoder.reset(properties);
  decoder.inputAt = 13;
  decoder.startRange();
  decoder.decode(output.length);
  if (unknown && !decoder.endMarker()) fail("PV1008", "the LZMA data does not end where it should", decoder.inputAt);
  if (!decoder.endRange()) fail("PV1008", "the LZMA data is damaged", decoder.inputAt);
}
