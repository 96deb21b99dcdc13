/**
 * Bytes of code to columns of instructions: a linear sweep over every region that starts anew at every known start.
 *
 * Before: executable regions, and addresses at which an instruction is known to start. After: the rows tile every
 * region from its first byte to its last, in ascending order; what does not decode (or would run over a known start,
 * or over the region's end) is a row of one byte with `Flow.invalid`.
 *
 * Cost: one walk down the trie of shapes per instruction (shapes.ts); iced-x86 itself runs once per shape.
 */
import { fail } from "@pv/elf";
import { byteColumn, halfColumn, wordColumn } from "./columns.js";
import { EFFECT_ANYTHING, EFFECT_NONE, EffectTable } from "./effects.js";
import { indexed } from "./instructions.js";
import type { Bits } from "./locations.js";
import { MAX_INSTRUCTION_LENGTH, Shapes, Tail } from "./shapes.js";
import { type CodeRegion, Flow, type Instructions } from "./types.js";

/** Bytes per instruction that the columns are first made for; kernels have 3.1 to 3.3, and the columns grow. */
const BYTES_PER_INSTRUCTION = 3;

/**
 * Decodes `regions` (any order; they must be disjoint and lie within 32 bits of address). `starts`: addresses at which
 * an instruction starts, ascending; those outside the regions are ignored. `addressHigh`: upper half of all addresses.
 * Fails with PV1006 when regions overlap or wrap around.
 */
export function decode(
  regions: readonly CodeRegion[],
  bits: Bits,
  addressHigh: number,
  starts: Uint32Array,
): Instructions {
  const sorted = regions.filter((region) => region.bytes.length > 0).sort((a, b) => a.start - b.start);
  let end = 0,
    size = 0;
  for (const region of sorted) {
    if (region.start < end)
      fail("PV1006", `executable section ${region.name} overlaps the one before it`, region.start);
    end = region.start + region.bytes.length;
    size += region.bytes.length;
    if (end > 2 ** 32)
      fail("PV1006", `executable section ${region.name} runs past the end of the address space`, region.start);
  }

  const effects = new EffectTable(bits);
  const shapes = new Shapes(bits, effects);
  let columns = new Columns(Math.ceil(size / BYTES_PER_INSTRUCTION) + 16);
  let count = 0,
    transferCount = 0,
    nextStart = 0;
  for (const region of sorted) {
    const length = region.bytes.length,
      base = region.start;
    const bytes = new Uint8Array(length + MAX_INSTRUCTION_LENGTH + 1);
    bytes.set(region.bytes);
    const decoder = shapes.decoder(bytes);
    let { trie, info: shapeInfo, code: shapeCode } = shapes;
    let { address, length: lengths, code, flow, target, effect, transfers } = columns;
    let position = 0,
      limit = 0;
    while (position < length) {
      if (position >= limit) {
        while (nextStart < starts.length && starts[nextStart] <= base + position) nextStart++;
        limit = nextStart < starts.length ? Math.min(length, starts[nextStart] - base) : length;
      }
      if (count + MAX_INSTRUCTION_LENGTH >= address.length) {
        columns = columns.grown();
        ({ address, length: lengths, code, flow, target, effect, transfers } = columns);
      }

      let at = position + 1,
        word = trie[bytes[position] | (bytes[at] << 8)];
      while (word > 0) word = trie[word + bytes[++at]];
      let shape = ~word;
      if (word === 0) {
        shape = shapes.learn(decoder, bytes, position);
        ({ trie, info: shapeInfo, code: shapeCode } = shapes);
      }
      const info = shapeInfo[shape],
        next = position + (info & 15);
      if (next > limit) {
        for (; position < limit; position++, count++) {
          address[count] = base + position;
          lengths[count] = 1;
          flow[count] = Flow.invalid;
          effect[count] = EFFECT_ANYTHING;
          transfers[transferCount++] = count;
        }
        continue;
      }
      address[count] = base + position;
      lengths[count] = info & 15;
      code[count] = shapeCode[shape];
      effect[count] = info >>> 16;
      const how = (info >>> 4) & 15,
        tail = (info >>> 8) & 255;
      flow[count] = how;
      transfers[transferCount] = count;
      transferCount += Number(how !== Flow.next);
      if (tail !== Tail.none) {
        switch (tail) {
          case Tail.relative8:
            target[count] = base + next + ((bytes[next - 1] << 24) >> 24);
            break;
          case Tail.relative32:
            target[count] = base + next + word32(bytes, next - 4);
            break;
          case Tail.relative8to16:
            target[count] = (base + next + ((bytes[next - 1] << 24) >> 24)) & 0xffff;
            break;
          case Tail.relative16:
            target[count] = (base + next + word16(bytes, next - 2)) & 0xffff;
            break;
          case Tail.relative16to32:
            target[count] = base + next + word16(bytes, next - 2);
            break;
          case Tail.leaToItself8:
            if (bytes[next - 1] === 0) effect[count] = EFFECT_NONE;
            break;
          case Tail.leaToItself32:
            if (word32(bytes, next - 4) === 0) effect[count] = EFFECT_NONE;
            break;
        }
      }
      count++;
      position = next;
    }
    decoder.free();
  }
  shapes.free();
  return indexed({
    bits,
    addressHigh,
    regions: sorted,
    effects: effects.finish(),
    ...columns.cut(count, transferCount),
  });
}

const word16 = (bytes: Uint8Array, at: number): number => ((bytes[at] | (bytes[at + 1] << 8)) << 16) >> 16;
const word32 = (bytes: Uint8Array, at: number): number =>
  bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);

/** The columns while they grow. */
class Columns {
  readonly address: Uint32Array;
  readonly target: Uint32Array;
  readonly length: Uint8Array;
  readonly flow: Uint8Array;
  readonly code: Uint16Array;
  readonly effect: Uint16Array;
  readonly transfers: Uint32Array;

  constructor(capacity: number) {
    this.address = wordColumn(capacity);
    this.target = wordColumn(capacity);
    this.length = byteColumn(capacity);
    this.flow = byteColumn(capacity);
    this.code = halfColumn(capacity);
    this.effect = halfColumn(capacity);
    this.transfers = wordColumn(capacity);
  }

  grown(): Columns {
    const grown = new Columns(Math.ceil(this.address.length * 1.5) + 64);
    for (const key of ["address", "target", "length", "flow", "code", "effect", "transfers"] as const)
      grown[key].set(this[key]);
    return grown;
  }

  /** Views of the first `count` rows, and of as many transfers as there are. */
  cut(count: number, transferCount: number) {
    return {
      count,
      address: this.address.subarray(0, count),
      target: this.target.subarray(0, count),
      length: this.length.subarray(0, count),
      flow: this.flow.subarray(0, count),
      code: this.code.subarray(0, count),
      effect: this.effect.subarray(0, count),
      transfers: this.transfers.subarray(0, transferCount),
    };
  }
}
