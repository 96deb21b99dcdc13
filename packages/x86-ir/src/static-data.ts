/**
 * Static data of an image, as far as its words tell: which addresses of data the image names, where, and what lies there at first.
 *
 * The image's relocations list every word that holds an absolute address. An image without them may hold one in any word: all that fit count,
 * and whoever asks looks whether a word in code is an operand. Names are kept by page of what they name, so that a question looks at few.
 */
import {
  type ElfSection,
  type KernelImage,
  sectionBytes,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHT_NOBITS,
  type Va,
} from "@pv/elf";
import { wordsThatFit } from "./code-facts.js";

export interface StaticData {
  /** Calls back with all words that name an address from `low` up to, but not including `high`: where the word lies, and what it names. */
  names(low: Va, high: Va, tell: (place: Va, named: Va) => void): void;
  /** Whether the words are known to be addresses; if not, some merely look like one. */
  readonly isListed: boolean;
  /** Whether each processor has its own copy of what lies at an address, found by a segment or an offset. */
  isPerCpu(va: Va): boolean;
  /** What lies at an address at first, as an unsigned number; undefined outside of data. `bytes` is 1, 2 or 4. */
  initially(va: Va, bytes: number): number | undefined;
}

const PAGE_BITS = 12;

/** Undefined where addresses are named relative to the instruction (x86-64). */
export function staticData(image: KernelImage): StaticData | undefined {
  return image.elf.bits === 32 ? new NamedData(image) : undefined;
}

class NamedData implements StaticData {
  readonly isListed: boolean;
  readonly #image: KernelImage;
  readonly #sections: readonly ElfSection[];
  readonly #low: number;
  readonly #high: number;
  /** Names by page of what they name: rows [start[p], start[p + 1]). */
  readonly #start: Uint32Array;
  readonly #place: Uint32Array;
  readonly #named: Uint32Array;

  constructor(image: KernelImage) {
    const { elf, memory } = image;
    this.#image = image;
    this.#sections = elf.sections.filter(({ flags, size }) => (flags & SHF_ALLOC) !== 0 && size > 0);
    this.#low = this.#sections.reduce((low, { address }) => Math.min(low, address), 0xffff_ffff);
    this.#high = this.#sections.reduce((high, { address, size }) => Math.max(high, address + size), 0);
    const holds = (va: number): boolean => va >= this.#low && va < this.#high;
    // Early code of i386 runs at physical addresses and names data by them.
    const displacement =
      elf.segments
        .map(({ virtualAddress, physicalAddress }) => virtualAddress - physicalAddress)
        .find((difference) => difference !== 0) ?? 0;
    this.isListed = image.relocations !== undefined;
    const fits = (value: number): boolean => holds(value) || holds((value + displacement) >>> 0);
    const isCode = (va: number): boolean =>
      this.#sections.some(
        ({ flags, address, size }) => (flags & SHF_EXECINSTR) !== 0 && va >= address && va < address + size,
      );
    const words = image.relocations?.absolute32 ?? wordsThatFit(image, fits);
    const exported = this.#exported();
    const places = new Uint32Array(words.length + exported.length),
      named = new Uint32Array(places.length);
    let count = 0;
    for (let w = 0; w < words.length; w++) {
      const place = words[w];
      if (!memory.has(place, 4)) continue;
      const value = memory.u32(place);
      const va = holds(value) ? value : (value + displacement) >>> 0;
      // Small numbers look like physical addresses.
      if (!holds(va) || (va !== value && !this.isListed && !isCode(place))) continue;
      places[count] = place;
      named[count++] = va;
    }
    for (const [place, va] of exported) {
      places[count] = place;
      named[count++] = va;
    }
    const first = this.#low >>> PAGE_BITS;
    const start = new Uint32Array((Math.max(this.#high, this.#low) >>> PAGE_BITS) - first + 2);
    for (let k = 0; k < count; k++) start[(named[k] >>> PAGE_BITS) - first + 1]++;
    for (let page = 1; page < start.length; page++) start[page] += start[page - 1];
    this.#place = new Uint32Array(count);
    this.#named = new Uint32Array(count);
    const cursor = start.slice();
    for (let k = 0; k < count; k++) {
      const row = cursor[(named[k] >>> PAGE_BITS) - first]++;
      this.#place[row] = places[k];
      this.#named[row] = named[k];
    }
    this.#start = start;
  }

  /** Exported symbols, which modules may write: words of `__ksymtab` that hold an offset from themselves. */
  #exported(): (readonly [place: number, va: number])[] {
    const found: (readonly [place: number, va: number])[] = [];
    for (const section of this.#sections) {
      if (!section.name.startsWith("__ksymtab") || section.name === "__ksymtab_strings") continue;
      const bytes = sectionBytes(this.#image.elf, section),
        view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      for (let at = 0; at + 4 <= bytes.length; at += 4) {
        const va = (section.address + at + view.getInt32(at, true)) >>> 0;
        if (va >= this.#low && va < this.#high) found.push([section.address + at, va]);
      }
    }
    return found;
  }

  names(low: Va, high: Va, tell: (place: Va, named: Va) => void): void {
    const first = this.#low >>> PAGE_BITS,
      pages = this.#start.length - 1;
    const from = Math.max(0, (low >>> PAGE_BITS) - first),
      to = Math.min(pages - 1, ((high - 1) >>> PAGE_BITS) - first);
    for (let page = from; page <= to; page++)
      for (let row = this.#start[page]; row < this.#start[page + 1]; row++) {
        const va = this.#named[row];
        if (va >= low && va < high) tell(this.#place[row], va);
      }
  }

  isPerCpu(va: Va): boolean {
    const section = this.#sections.find(({ address, size }) => va >= address && va < address + size);
    return section?.name.startsWith(".data..percpu") === true;
  }

  initially(va: Va, bytes: number): number | undefined {
    const section = this.#sections.find(({ address, size }) => va >= address && va + bytes <= address + size);
    if (section === undefined) return undefined;
    if (section.type === SHT_NOBITS) return 0;
    const { memory } = this.#image;
    if (!memory.has(va, bytes)) return undefined;
    return bytes === 1 ? memory.u8(va) : bytes === 2 ? memory.u16(va) : memory.u32(va);
  }
}
