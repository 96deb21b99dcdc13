/**
 * The instruction table: columns, and the way from an address to its row.
 *
 * Each region keeps one bit per byte (set where an instruction starts) and, per word of 32 bits, the number of
 * instructions before it. A row is then that number plus a count of bits: constant time, 0.25 bytes per byte of code,
 * no search.
 */
import type { Va } from "@pv/elf";
import type { Bits } from "./locations.js";
import type { CodeRegion, Effects, InstructionId, Instructions } from "./types.js";

export interface InstructionColumns {
  readonly count: number;
  readonly address: Uint32Array;
  readonly length: Uint8Array;
  readonly code: Uint16Array;
  readonly flow: Uint8Array;
  readonly target: Uint32Array;
  readonly effect: Uint16Array;
}

export class InstructionTable implements Instructions {
  readonly count: number;
  readonly address: Uint32Array;
  readonly length: Uint8Array;
  readonly code: Uint16Array;
  readonly flow: Uint8Array;
  readonly target: Uint32Array;
  readonly effect: Uint16Array;

  /** Per region: bit i of the map is set where an instruction starts at byte i. */
  private readonly starts: Uint32Array[] = [];
  /** Per region and word of the map: the row of the first instruction at or behind that word. */
  private readonly before: Uint32Array[] = [];
  private latest = 0;

  /** `regions` ascending and disjoint; `columns` ascending by address, every row inside a region. */
  constructor(
    readonly bits: Bits,
    readonly addressHigh: number,
    readonly regions: readonly CodeRegion[],
    readonly effects: Effects,
    columns: InstructionColumns,
  ) {
    this.count = columns.count;
    this.address = columns.address;
    this.length = columns.length;
    this.code = columns.code;
    this.flow = columns.flow;
    this.target = columns.target;
    this.effect = columns.effect;

    const { address, count } = columns;
    let row = 0;
    for (const region of regions) {
      const size = region.bytes.length,
        first = row;
      const starts = new Uint32Array((size >>> 5) + 1),
        before = new Uint32Array((size >>> 5) + 1);
      for (; row < count && address[row] - region.start < size; row++) {
        const offset = address[row] - region.start;
        starts[offset >>> 5] |= 1 << (offset & 31);
      }
      for (let word = 0, rows = first; word < starts.length; word++) {
        before[word] = rows;
        rows += popcount(starts[word]);
      }
      this.starts.push(starts);
      this.before.push(before);
    }
  }

  at(va: Va): InstructionId {
    const region = this.regionOf(va);
    if (region < 0) return -1;
    const offset = va - this.regions[region].start,
      word = this.starts[region][offset >>> 5],
      bit = offset & 31;
    if (((word >>> bit) & 1) === 0) return -1;
    return this.before[region][offset >>> 5] + popcount(word & ((1 << bit) - 1));
  }

  covering(va: Va): InstructionId {
    const region = this.regionOf(va);
    if (region < 0) return -1;
    const offset = va - this.regions[region].start,
      word = this.starts[region][offset >>> 5];
    const row = this.before[region][offset >>> 5] + popcount(word & (0xffff_ffff >>> (31 - (offset & 31)))) - 1;
    if (row < 0 || va < this.address[row]) return -1;
    return va - this.address[row] < this.length[row] ? row : -1;
  }

  bytesOf(instruction: InstructionId): Uint8Array {
    const address = this.address[instruction],
      region = this.regions[this.regionOf(address)];
    const offset = address - region.start;
    return region.bytes.subarray(offset, offset + this.length[instruction]);
  }

  /** Index of the region that holds `va`, or -1. Kernels have about seven, and one of them nearly everything. */
  regionOf(va: Va): number {
    const regions = this.regions,
      latest = this.latest;
    if (
      latest < regions.length &&
      va >= regions[latest].start &&
      va - regions[latest].start < regions[latest].bytes.length
    )
      return latest;
    for (let i = 0; i < regions.length; i++) {
      if (va >= regions[i].start && va - regions[i].start < regions[i].bytes.length) return (this.latest = i);
    }
    return -1;
  }
}

function popcount(word: number): number {
  word -= (word >>> 1) & 0x5555_5555;
  word = (word & 0x3333_3333) + ((word >>> 2) & 0x3333_3333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
