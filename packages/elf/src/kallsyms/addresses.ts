/**
 * The addresses of kallsyms: three encodings, at two places (scripts/kallsyms.c, kernel/kallsyms.c).
 *
 *     until 6.3   offsets  relative_base  num_syms ...         or  addresses  num_syms ...
 *     6.4-        ... token_index  offsets  relative_base      or  ... token_index  addresses
 *
 * (The second column is without CONFIG_KALLSYMS_BASE_RELATIVE.)
 * An offset is a 32-bit distance from the base; where per-cpu symbols are absolute (x86-64 until 6.14), a number >= 0 is
 * the address itself and a negative one means base - 1 - offset. Which place and encoding it is shows in the result: the
 * addresses ascend, as kallsyms is sorted, and most of them have contents in the image (all but those of .bss).
 */
import type { ElfFile, ImageMemory } from "../types.js";
import type { RegionBytes } from "../tables/regions.js";
import type { NameTable } from "./names.js";
import type { TokenTable } from "./tokens.js";

export interface Addresses {
  /** Low 32 bits of each symbol's address, ascending. */
  readonly address: Uint32Array;
  /** How many of the first rows live in another half of the address space than the image. */
  readonly elsewhere: number;
}

/** The addresses that belong to a table of names; undefined where no encoding fits. */
export function findAddresses(
  elf: ElfFile,
  memory: ImageMemory,
  region: RegionBytes,
  names: NameTable,
  tokens: TokenTable,
): Addresses | undefined {
  const wordSize = elf.bits / 8;
  const size = Math.ceil((4 * names.count) / wordSize) * wordSize;
  return (
    relative(elf, memory, region, names.count, names.countAt - wordSize - size, names.countAt - wordSize) ??
    relative(elf, memory, region, names.count, tokens.end, tokens.end + size) ??
    absolute(elf, memory, region, names.count, names.countAt - wordSize * names.count) ??
    absolute(elf, memory, region, names.count, tokens.end)
  );
}

function relative(
  { bits, addressHigh }: ElfFile,
  memory: ImageMemory,
  { bytes, view }: RegionBytes,
  count: number,
  at: number,
  baseAt: number,
): Addresses | undefined {
  if (at < 0 || baseAt + bits / 8 > bytes.length) return undefined;
  const base = view.getUint32(baseAt, true);
  if (bits === 64 && view.getUint32(baseAt + 4, true) !== addressHigh) return undefined;
  if (!memory.has(base, 1)) return undefined;

  const address = new Uint32Array(count);
  let elsewhere = 0;
  for (let row = 0; row < count; row++) {
    const offset = view.getInt32(at + 4 * row, true);
    address[row] = base + offset;
    if (offset >= 0) elsewhere++;
  }
  // Offsets of up to 2 GiB are never negative; the other encoding has at least the base's own, -1.
  if (bits === 32 || elsewhere === count) return checked(memory, address, 0);
  for (let row = 0; row < count; row++) {
    const offset = address[row] - base;
    address[row] = (offset | 0) >= 0 ? offset : base - 1 - offset;
  }
  return checked(memory, address, elsewhere);
}

function absolute(
  { bits, addressHigh }: ElfFile,
  memory: ImageMemory,
  { bytes, view }: RegionBytes,
  count: number,
  at: number,
): Addresses | undefined {
  if (at < 0 || at + (bits / 8) * count > bytes.length) return undefined;
  const address = new Uint32Array(count);
  let elsewhere = 0;
  for (let row = 0; row < count; row++) {
    const entry = at + (bits / 8) * row;
    address[row] = view.getUint32(entry, true);
    const high = bits === 64 ? view.getUint32(entry + 4, true) : addressHigh;
    if (high !== addressHigh && high !== 0) return undefined;
    if (high !== addressHigh) elsewhere++;
  }
  return checked(memory, address, elsewhere);
}

/** The addresses, if they make sense. */
function checked(memory: ImageMemory, address: Uint32Array, elsewhere: number): Addresses | undefined {
  let inImage = 0;
  for (let row = 0; row < address.length; row++) {
    if (row > 0 && address[row - 1] > address[row]) return undefined;
    if (row >= elsewhere && memory.has(address[row], 1)) inImage++;
  }
  return inImage * 2 >= address.length - elsewhere ? { address, elsewhere } : undefined;
}
