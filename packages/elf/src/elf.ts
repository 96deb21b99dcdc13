/**
 * Reads an ELF file for i386 or x86-64 into an `ElfFile`.
 *
 * The tables come through elfy, and everything that could hurt is checked before elfy sees the file, because it checks
 * nothing but the ends of the two header tables: it would assert on a file without section names, and walk a name
 * to the end of the file. Taken from elfy: section names, file offsets, sizes, links. Read here instead, because elfy
 * (1.0.0) rounds 64-bit addresses to 53 bits, takes `sh_addralign` and `sh_entsize` of ELF64 two bytes too early, and
 * turns types and flags into words, dropping those that it does not know (x86-64 is such an `e_machine`).
 *
 * Holds afterwards: every section with file contents, every segment and both tables lie inside `bytes`; alloc sections
 * and loaded segments do not wrap the 32-bit address space; loaded segments do not overlap; each name is a string.
 * Cost: linear in the number of headers plus the length of the section names.
 */
import elfy from "elfy";
import { attempt, fail } from "./diagnostic.js";
import type { Result } from "./diagnostic.js";
import {
  layoutOf,
  PT_LOAD,
  readHigh,
  readWord,
  SHF_ALLOC,
  SHT_NOBITS,
  SHT_NULL,
  SHT_STRTAB,
  viewOf,
} from "./layout.js";
import type { Layout } from "./layout.js";
import type { Arch, ElfFile, ElfSection, ElfSegment } from "./types.js";

const EM_386 = 3;
const EM_X86_64 = 62;

/** Bytes. The longest section name of a Debian kernel has 24; the limit keeps a hostile string table from costing time. */
const MAX_NAME_LENGTH = 4096;

const SPACE = 2 ** 32;

const hex = (value: number): string => `0x${value.toString(16)}`;

/**
 * Reads the container. Errors: PV1001 (something lies behind the end of the file), PV1002 (empty), PV1003 (not ELF),
 * PV1004 (another machine), PV1005 (big-endian), PV1006 (nonsense in a header).
 */
export function readElf(bytes: Uint8Array): Result<ElfFile> {
  // A plain view: `slice` of a Node Buffer would not copy.
  return attempt(() => parse(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
}

export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

function parse(bytes: Uint8Array): ElfFile {
  if (bytes.length === 0) fail("PV1002", "the file is empty");
  if (!isElf(bytes)) fail("PV1003", "the file does not start with the ELF magic number");
  const view = viewOf(bytes);
  const { arch, bits } = identify(bytes, view);
  const layout = layoutOf(bits);
  const tables = checkTables(bytes, view, layout);
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parser = new elfy.Parser();
  const header = parser.parseHeader(file);
  let body = parser.parseBody(file, header);
  if (tables.named) body = parser.resolveBody(body, header);

  const segments = body.programs.map((program, index): ElfSegment => {
    const at = tables.phoff + index * layout.segmentSize;
    return {
      index,
      type: view.getUint32(at + layout.segment.type, true),
      flags: view.getUint32(at + layout.segment.flags, true),
      offset: program.offset,
      virtualAddress: view.getUint32(at + layout.segment.vaddr, true),
      physicalAddress: view.getUint32(at + layout.segment.paddr, true),
      fileSize: program.filesz,
      memorySize: program.memsz,
      align: readWord(view, at + layout.segment.align, layout.word),
    };
  });
  const sections = body.sections.map((section, index): ElfSection => {
    const at = tables.shoff + index * layout.sectionSize;
    const type = view.getUint32(at + layout.section.type, true);
    // An inactive header: the rest of it has no meaning, apart from entry 0's use for very long tables.
    const inactive = type === SHT_NULL;
    return {
      index,
      name: typeof section.name === "string" ? section.name : "",
      type,
      flags: view.getUint32(at + layout.section.flags, true),
      address: view.getUint32(at + layout.section.addr, true),
      offset: inactive ? 0 : section.off,
      size: inactive ? 0 : section.size,
      link: section.link,
      info: section.info,
      align: readWord(view, at + layout.section.addralign, layout.word),
      entrySize: readWord(view, at + layout.section.entsize, layout.word),
    };
  });
  return {
    bits,
    arch,
    type: view.getUint16(16, true),
    entry: view.getUint32(layout.header.entry, true),
    addressHigh: tables.addressHigh,
    sections,
    segments,
    bytes,
    endOfElf: tables.end,
  };
}

function identify(bytes: Uint8Array, view: DataView): { arch: Arch; bits: 32 | 64 } {
  if (bytes.length < 20) fail("PV1001", `the ELF header is cut off after ${bytes.length} bytes`, bytes.length);
  if (bytes[5] === 2) fail("PV1005", "the ELF file is big-endian", 5);
  if (bytes[5] !== 1) fail("PV1006", `the ELF header names byte order ${bytes[5]}, which does not exist`, 5);
  if (bytes[4] !== 1 && bytes[4] !== 2)
    fail("PV1006", `the ELF header names class ${bytes[4]}, which does not exist`, 4);
  const bits = bytes[4] === 1 ? 32 : 64;
  const machine = view.getUint16(18, true);
  if (machine === EM_386 && bits === 32) return { arch: "i386", bits };
  if (machine === EM_X86_64 && bits === 64) return { arch: "amd64", bits };
  return fail("PV1004", `the file is ELF${bits} for machine ${machine} (i386 is ELF32 for 3, x86-64 ELF64 for 62)`, 18);
}

interface Tables {
  readonly phoff: number;
  readonly shoff: number;
  readonly named: boolean;
  readonly addressHigh: number;
  /** File offset behind everything that a header speaks of. */
  readonly end: number;
}

function checkTables(bytes: Uint8Array, view: DataView, layout: Layout): Tables {
  const { header, word, headerSize } = layout;
  if (bytes.length < headerSize) fail("PV1001", `the ELF header is cut off after ${bytes.length} bytes`, bytes.length);
  const phoff = readWord(view, header.phoff, word);
  const phnum = view.getUint16(header.phnum, true);
  const shoff = readWord(view, header.shoff, word);
  const shnum = view.getUint16(header.shnum, true);
  let end = headerSize;
  const within = (what: string, offset: number, size: number): void => {
    if (offset + size > bytes.length) {
      const range = `${hex(offset)}..${hex(offset + size)}`;
      fail("PV1001", `${what} is at ${range}, but the file has only ${hex(bytes.length)} bytes`, bytes.length);
    }
    if (offset + size > end) end = offset + size;
  };
  const table = (what: string, offset: number, count: number, entryField: number, entrySize: number): boolean => {
    if (count === 0) {
      // elfy and we agree to see no table then; with an offset it would be one of more than 65,279 entries.
      if (offset !== 0 && what === "section")
        fail("PV1006", "the section header table claims an offset but no entries", 0);
      return false;
    }
    const claimed = view.getUint16(entryField, true);
    if (claimed !== entrySize)
      fail("PV1006", `a ${what} header has ${claimed} bytes instead of ${entrySize}`, entryField);
    if (offset === 0) fail("PV1006", `the ${what} header table has ${count} entries at offset 0`, 0);
    within(`the ${what} header table (${count} entries)`, offset, count * entrySize);
    return true;
  };
  const hasSegments = table("program", phoff, phnum, header.phentsize, layout.segmentSize);
  const hasSections = table("section", shoff, shnum, header.shentsize, layout.sectionSize);

  const high = { code: -1, load: -1, section: -1 };
  if (hasSegments) checkSegments(view, layout, phoff, phnum, within, high);
  const named = hasSections && checkSections(bytes, view, layout, shoff, shnum, within, high);
  const addressHigh = high.code >= 0 ? high.code : high.load >= 0 ? high.load : Math.max(high.section, 0);
  if (addressHigh !== 0 && addressHigh !== 0xffffffff) {
    fail(
      "PV1006",
      `code is linked at addresses ${hex(addressHigh)}xxxxxxxx, neither in the lowest nor in the highest 4 GiB`,
    );
  }
  return { phoff, shoff, named, addressHigh, end };
}

/** Upper halves of addresses met so far: of executable loaded segments, loaded segments, alloc sections; -1 for none. */
interface Highs {
  code: number;
  load: number;
  section: number;
}

type Within = (what: string, offset: number, size: number) => void;

function checkSegments(
  view: DataView,
  layout: Layout,
  phoff: number,
  count: number,
  within: Within,
  high: Highs,
): void {
  const { segment, word } = layout;
  const loaded: { index: number; start: number; end: number; half: number }[] = [];
  for (let index = 0; index < count; index++) {
    const at = phoff + index * layout.segmentSize;
    const fileSize = readWord(view, at + segment.filesz, word);
    const memorySize = readWord(view, at + segment.memsz, word);
    within(`segment ${index}`, readWord(view, at + segment.offset, word), fileSize);
    if (view.getUint32(at + segment.type, true) !== PT_LOAD) continue;
    const start = view.getUint32(at + segment.vaddr, true);
    const half = readHigh(view, at + segment.vaddr, word);
    if (fileSize > memorySize) {
      fail(
        "PV1006",
        `segment ${index} has more bytes in the file (${hex(fileSize)}) than in memory (${hex(memorySize)})`,
        at,
      );
    }
    if (start + memorySize > SPACE) {
      fail("PV1006", `segment ${index} at ${hex(start)} with ${hex(memorySize)} bytes does not fit into 4 GiB`, at);
    }
    if (memorySize === 0) continue;
    loaded.push({ index, start, end: start + memorySize, half });
    // x86-64 kernels link their per-cpu data at address 0: only code says where the image lives.
    if (view.getUint32(at + segment.flags, true) & 1) high.code = Math.max(high.code, half);
    high.load = Math.max(high.load, half);
  }
  loaded.sort((a, b) => a.half - b.half || a.start - b.start);
  for (let i = 1; i < loaded.length; i++) {
    const [low, next] = [loaded[i - 1], loaded[i]];
    if (low.half === next.half && next.start < low.end) {
      fail("PV1006", `segments ${low.index} and ${next.index} overlap in memory at ${hex(next.start)}`, next.start);
    }
  }
}

/** True where the sections have names. */
function checkSections(
  bytes: Uint8Array,
  view: DataView,
  layout: Layout,
  shoff: number,
  count: number,
  within: Within,
  high: Highs,
): boolean {
  const { section, word } = layout;
  for (let index = 0; index < count; index++) {
    const at = shoff + index * layout.sectionSize;
    const type = view.getUint32(at + section.type, true);
    if (type === SHT_NULL) continue;
    const size = readWord(view, at + section.size, word);
    if (type !== SHT_NOBITS) within(`section ${index}`, readWord(view, at + section.offset, word), size);
    const alloc = (view.getUint32(at + section.flags, true) & SHF_ALLOC) !== 0;
    const address = alloc ? view.getUint32(at + section.addr, true) : 0;
    if (address + size > SPACE) {
      fail("PV1006", `section ${index} at ${hex(address)} with ${hex(size)} bytes does not fit into 4 GiB`, at);
    }
    if (alloc) high.section = Math.max(high.section, readHigh(view, at + section.addr, word));
  }
  const strings = view.getUint16(layout.header.shstrndx, true);
  if (strings === 0) return false;
  if (strings >= count)
    fail("PV1006", `section names are said to be in section ${strings} of ${count}`, layout.header.shstrndx);
  const at = shoff + strings * layout.sectionSize;
  if (view.getUint32(at + section.type, true) !== SHT_STRTAB)
    fail("PV1006", "the section of section names is no string table", at);
  const start = readWord(view, at + section.offset, word);
  const size = readWord(view, at + section.size, word);
  checkNames(bytes.subarray(start, start + size), start);
  for (let index = 0; index < count; index++) {
    const name = view.getUint32(shoff + index * layout.sectionSize + section.name, true);
    // Offset 0 of an empty table is the customary "no name".
    if (name >= size && name !== 0)
      fail("PV1006", `the name of section ${index} is behind the end of the string table`, at);
  }
  return true;
}

/** No name in the table is longer than `MAX_NAME_LENGTH`, the last one included. */
function checkNames(table: Uint8Array, offset: number): void {
  for (let from = 0; from < table.length;) {
    const end = table.indexOf(0, from);
    const length = (end < 0 ? table.length : end) - from;
    if (length > MAX_NAME_LENGTH) fail("PV1006", `a section name has ${length} characters`, offset + from);
    if (end < 0) fail("PV1006", "the last section name is not terminated", offset + from);
    from = end + 1;
  }
}

/** The first section of that name. */
export function sectionNamed(elf: ElfFile, name: string): ElfSection | undefined {
  return elf.sections.find((section) => section.name === name);
}

/** A section's bytes in the file (a view): none for SHT_NOBITS. */
export function sectionBytes(elf: ElfFile, section: ElfSection): Uint8Array {
  if (section.type === SHT_NOBITS || section.type === SHT_NULL) return elf.bytes.subarray(0, 0);
  return elf.bytes.subarray(section.offset, section.offset + section.size);
}
