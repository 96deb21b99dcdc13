/**
 * The parts of an image that have bytes, split into code and data: what a table may point at, and where a table that
 * has no section of its own is looked for.
 *
 * A region is an allocated section with contents; in a file without section headers, a loadable segment. "Code" is what
 * the headers call executable, so the checks of the table readers do not depend on any decoding.
 */
import type { Va } from "../diagnostic.js";
import { SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_NULL } from "../layout.js";
import type { ElfFile, ImageMemory } from "../types.js";

export interface Region {
  readonly name: string;
  readonly start: Va;
  /** One past the last byte; at most 2^32. */
  readonly end: number;
  readonly executable: boolean;
}

/** The bytes of a region (a view), ready for aligned and unaligned little-endian access. */
export interface RegionBytes {
  readonly start: Va;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

const PT_LOAD = 1;
const PF_X = 1;

/**
 * Regions that `memory` backs wholly, ascending by address and apart from each other: one that overlaps an earlier one is
 * left out, so that the sum of their sizes is bounded by the file's.
 */
export function regions(elf: ElfFile, memory: ImageMemory): Region[] {
  const found: Region[] = [];
  const add = (name: string, start: Va, size: number, executable: boolean) => {
    if (size > 0 && start + size <= 2 ** 32 && memory.has(start, size)) {
      found.push({ name, start, end: start + size, executable });
    }
  };
  for (const { name, type, flags, address, size } of elf.sections) {
    if (type === SHT_NULL || type === SHT_NOBITS || (flags & SHF_ALLOC) === 0) continue;
    add(name, address, size, (flags & SHF_EXECINSTR) !== 0);
  }
  if (found.length === 0) {
    for (const { index, type, flags, virtualAddress, fileSize } of elf.segments) {
      if (type === PT_LOAD) add(`segment ${index}`, virtualAddress, fileSize, (flags & PF_X) !== 0);
    }
  }
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  let end = 0;
  return found.filter((region) => {
    if (region.start < end) return false;
    end = region.end;
    return true;
  });
}

export function regionBytes(memory: ImageMemory, { start, end }: { start: Va; end: number }): RegionBytes {
  const bytes = memory.read(start, end - start);
  return { start, bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** Tells whether an address lies in one of some regions; neighbouring questions mostly hit the same one. */
export class RegionSet {
  private last = 0;

  /** `all` must ascend and not overlap. */
  constructor(private readonly all: readonly Region[]) {}

  /** Whether `length` (>= 1) bytes at `address` lie within one region. */
  holds(address: Va, length = 1): boolean {
    const { all } = this;
    if (all.length === 0) return false;
    const { start, end } = all[this.last];
    if (address >= start && address + length <= end) return true;
    let low = 0;
    let high = all.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (all[middle].start <= address) low = middle;
      else high = middle - 1;
    }
    if (address < all[low].start || address + length > all[low].end) return false;
    this.last = low;
    return true;
  }
}

/** An address as messages show it. */
export function hex(address: number): string {
  return `0x${(address >>> 0).toString(16).padStart(8, "0")}`;
}
