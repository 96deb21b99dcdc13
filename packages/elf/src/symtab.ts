/**
 * The symbol table of an ELF file as a `SymbolTable`, for kernels that still have one (an unstripped vmlinux, test images).
 *
 * Rows are the named symbols of sections and the absolute ones; file and section symbols are left out, and so is
 * what lives in another half of the address space than the image (x86-64's per-cpu offsets).
 */
import { sectionBytes } from "./elf.js";
import { symbolTable } from "./kallsyms/symbol-table.js";
import { layoutOf, readHigh, SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_STRTAB, SHT_SYMTAB, viewOf } from "./layout.js";
import type { ElfFile, ElfSection, SymbolTable } from "./types.js";

const STT_SECTION = 3;
const STT_FILE = 4;
const STB_LOCAL = 0;
const STB_WEAK = 2;
const SHN_ABS = 0xfff1;
const SHF_WRITE = 1;
/** Characters; what is longer is cut off. */
const LONGEST_NAME = 0xffff;
/** Names are plain text: each byte stands for itself. */
const LATIN1 = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

/** Undefined where the file has no symbol table or one whose links and sizes do not fit together. */
export function readSymtab(elf: ElfFile): SymbolTable | undefined {
  const section = elf.sections.find((candidate) => candidate.type === SHT_SYMTAB);
  const strings = section && elf.sections[section.link];
  if (section === undefined || strings === undefined || strings.type !== SHT_STRTAB) return undefined;
  const bytes = sectionBytes(elf, section);
  const names = sectionBytes(elf, strings);
  const view = viewOf(bytes);
  const wide = elf.bits === 64;
  const rowSize = wide ? 24 : 16;
  const word = layoutOf(elf.bits).word;
  const rows = Math.floor(bytes.length / rowSize);

  const kept = new Uint32Array(rows);
  const value = new Uint32Array(rows);
  let count = 0;
  for (let row = 1; row < rows; row++) {
    const at = row * rowSize;
    const info = bytes[at + (wide ? 4 : 12)];
    const index = view.getUint16(at + (wide ? 6 : 14), true);
    const name = view.getUint32(at, true);
    const kind = info & 15;
    if (name === 0 || name >= names.length || index === 0 || kind === STT_SECTION || kind === STT_FILE) continue;
    if (readHigh(view, at + (wide ? 8 : 4), word) !== elf.addressHigh) continue;
    value[row] = view.getUint32(at + (wide ? 8 : 4), true);
    kept[count++] = row;
  }
  const order = kept.subarray(0, count).toSorted((a, b) => value[a] - value[b] || a - b);
  const address = Uint32Array.from(order, (row) => value[row]);
  const offset = Uint32Array.from(order, (row) => view.getUint32(row * rowSize, true));
  const type = Uint8Array.from(order, (row) => {
    const at = row * rowSize;
    const index = view.getUint16(at + (wide ? 6 : 14), true);
    return letter(bytes[at + (wide ? 4 : 12)] >> 4, index, elf.sections[index]);
  });

  const length = Uint16Array.from(offset, (from) => {
    const name = names.subarray(from, from + LONGEST_NAME),
      end = name.indexOf(0);
    return end < 0 ? name.length : end;
  });
  return symbolTable({ address, type, bytes: names, offset, length, tokens: LATIN1, skipped: 0 });
}

/** The letter that nm(1) prints: capital for symbols visible outside of their file. */
function letter(binding: number, index: number, section: ElfSection | undefined): number {
  const kind =
    binding === STB_WEAK
      ? "W"
      : index === SHN_ABS || section === undefined
        ? "A"
        : section.flags & SHF_EXECINSTR
          ? "T"
          : section.type === SHT_NOBITS
            ? "B"
            : section.flags & SHF_WRITE
              ? "D"
              : section.flags & SHF_ALLOC
                ? "R"
                : "N";
  return (binding === STB_LOCAL ? kind.toLowerCase() : kind).charCodeAt(0);
}
