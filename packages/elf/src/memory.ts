/**
 * The image's memory, as its file contents give it: a map from virtual addresses to file offsets.
 *
 * Loaded segments are the truth; a file without any (an object made for a test) falls back to its alloc sections with
 * an address. One segment of x86-64 kernels before 6.15 is linked at address 0: per-cpu data, whose symbols are offsets.
 * It is mapped where the boot code puts it (its physical address, seen through the kernel's mapping), which is also
 * where the image's relocations speak of it; so low addresses stay unmapped and a null pointer is caught.
 *
 * A look-up costs a comparison with the range used last, and a binary search where that fails.
 */
import { fail } from "./diagnostic.js";
import type { Va } from "./diagnostic.js";
import { layoutOf, PT_LOAD, readHigh, readWord, SHF_ALLOC, SHT_NOBITS, SHT_NULL, viewOf } from "./layout.js";
import type { ElfFile, ImageMemory } from "./types.js";

interface Range {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

/** The ranges of addresses that have file contents, ascending, without overlaps. */
function rangesOf(elf: ElfFile): Range[] {
  const layout = layoutOf(elf.bits);
  const view = viewOf(elf.bytes);
  const phoff = readWord(view, layout.header.phoff, layout.word);
  const high = (index: number) =>
    readHigh(view, phoff + index * layout.segmentSize + layout.segment.vaddr, layout.word);
  const loaded = elf.segments.filter((segment) => segment.type === PT_LOAD && segment.fileSize > 0);
  const home = loaded.filter((segment) => high(segment.index) === elf.addressHigh);
  const displacement = home.length > 0 ? home[0].virtualAddress - home[0].physicalAddress : 0;
  const ranges: Range[] = [];
  const add = (start: number, size: number, offset: number): void => {
    ranges.push({ start, end: start + size, offset });
  };
  for (const segment of home) add(segment.virtualAddress, segment.fileSize, segment.offset);
  for (const segment of loaded) {
    if (home.includes(segment)) continue;
    const start = (segment.physicalAddress + displacement) >>> 0;
    const free = ranges.every((range) => start >= range.end || start + segment.fileSize <= range.start);
    if (free && start + segment.fileSize <= 2 ** 32) add(start, segment.fileSize, segment.offset);
  }
  if (loaded.length === 0) {
    for (const section of elf.sections) {
      const { address: start, type, size } = section;
      if ((section.flags & SHF_ALLOC) === 0 || type === SHT_NOBITS || type === SHT_NULL || start === 0) continue;
      if (ranges.every((range) => start >= range.end || start + size <= range.start)) add(start, size, section.offset);
    }
  }
  return ranges.toSorted((a, b) => a.start - b.start);
}

class Ranges {
  readonly #ranges: readonly Range[];
  #last: Range;

  constructor(elf: ElfFile) {
    this.#ranges = rangesOf(elf);
    this.#last = this.#ranges[0] ?? { start: 1, end: 0, offset: 0 };
  }

  /** File offset of `length` bytes at `address`, or -1 where they are not wholly in one range. */
  offset(address: Va, length: number): number {
    // Nothing is everywhere: an empty table may start where its section ends.
    if (length === 0) return 0;
    let range = this.#last;
    if (address < range.start || address >= range.end) {
      let low = 0;
      let high = this.#ranges.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (this.#ranges[middle].end <= address) low = middle + 1;
        else high = middle;
      }
      const found = this.#ranges[low];
      if (found === undefined || address < found.start) return -1;
      this.#last = range = found;
    }
    return length > 0 && address + length <= range.end ? range.offset + (address - range.start) : -1;
  }

  need(address: Va, length: number): number {
    const offset = this.offset(address, length);
    if (offset >= 0) return offset;
    const where = `0x${(address >>> 0).toString(16)}`;
    return fail("PV1009", `${length} bytes at ${where} are not in the image's file contents`, address);
  }
}

/**
 * Opens the memory of an image. `read` and the readers of words fail with PV1009 (an `InputError`) outside of the file
 * contents; words may be unaligned.
 */
export function openMemory(elf: ElfFile): ImageMemory {
  const ranges = new Ranges(elf);
  const { bytes } = elf;
  const view = viewOf(bytes);
  return {
    read(address, length) {
      const offset = ranges.need(address, length);
      return bytes.subarray(offset, offset + length);
    },
    has: (address, length) => ranges.offset(address, length) >= 0,
    u8: (address) => bytes[ranges.need(address, 1)],
    u16: (address) => view.getUint16(ranges.need(address, 2), true),
    u32: (address) => view.getUint32(ranges.need(address, 4), true),
    i32: (address) => view.getInt32(ranges.need(address, 4), true),
  };
}

/** Turns addresses into file offsets: `-1` where `length` bytes are not wholly backed by the file. */
export function fileOffsets(elf: ElfFile): (address: Va, length: number) => number {
  const ranges = new Ranges(elf);
  return (address, length) => ranges.offset(address, length);
}
