/**
 * The kernel's own symbol table (kallsyms), read from an image that was stripped of every other one.
 *
 * Nothing in the image says where kallsyms is, so it is recognised by content: first the token table, whose structure is
 * unmistakable, then the names and markers that end where it begins, then the addresses. Each step is checked against
 * all the data it claims, so what comes out is right or nothing comes out. Understood: kernels from 4.20 on, i386 and
 * x86-64. Cost: one pass over the read-only data and one over the names, tens of milliseconds for 150,000 symbols; names
 * are expanded when asked for.
 */
import type { ElfFile, ImageMemory, SymbolTable } from "./types.js";
import { type RegionBytes, regionBytes, regions } from "./tables/regions.js";
import { findAddresses } from "./kallsyms/addresses.js";
import { findNames } from "./kallsyms/names.js";
import { symbolTable } from "./kallsyms/symbol-table.js";
import { findTokenTables, type TokenTable } from "./kallsyms/tokens.js";

/** Look-alikes of the token table, and of the names before one, that are followed up before the search ends: bounds the work on hostile input. */
const MOST_CANDIDATES = 16;
/** The letters of nm(1). */
const TYPES = new Set([..."ABbCDdGgIiNnPpRrSsTtUuVvWw?-"].map((letter) => letter.charCodeAt(0)));

/**
 * The symbols of kallsyms, ascending by address; symbols of one address keep kallsyms' order (the best name first).
 * Undefined where the image has none that is understood. Left out is what lives in another half of the address space
 * than the image (x86-64's per-cpu offsets until 6.14). Never fails: damaged data is not recognised.
 */
export function readKallsyms(elf: ElfFile, memory: ImageMemory): SymbolTable | undefined {
  const wordSize = elf.bits / 8;
  let candidates = 0;
  // .rodata is the place; the others follow for images whose sections are named otherwise.
  const data = regions(elf, memory).filter(({ executable }) => !executable);
  data.sort((a, b) => Number(b.name === ".rodata") - Number(a.name === ".rodata"));
  const places = data.length > 0 ? data : regions(elf, memory);
  for (const place of places) {
    const region = regionBytes(memory, place);
    for (const table of findTokenTables(region, wordSize)) {
      if (++candidates > MOST_CANDIDATES) return undefined;
      const symbols = symbolsWith(elf, memory, region, table);
      if (symbols !== undefined) return symbols;
    }
  }
  return undefined;
}

/** The symbols that a token table belongs to: the first names for which addresses and types make sense, too. */
function symbolsWith(
  elf: ElfFile,
  memory: ImageMemory,
  region: RegionBytes,
  table: TokenTable,
): SymbolTable | undefined {
  const { bytes } = region;
  const firstOf = table.tokens.map((token) => (token === "" ? 0 : token.charCodeAt(0)));
  let candidates = 0;
  for (const names of findNames(region, table, elf.bits / 8)) {
    if (++candidates > MOST_CANDIDATES) return undefined;
    if (!names.offset.every((at) => TYPES.has(firstOf[bytes[at]]))) continue;
    const found = findAddresses(elf, memory, region, names, table);
    if (found === undefined) continue;

    const address = found.address.subarray(found.elsewhere);
    const offset = names.offset.subarray(found.elsewhere);
    const length = names.length.subarray(found.elsewhere);
    const type = Uint8Array.from(offset, (at) => firstOf[bytes[at]]);
    // The first character of a name is its type.
    return symbolTable({ address, type, bytes, offset, length, tokens: table.tokens, skipped: 1 });
  }
  return undefined;
}
