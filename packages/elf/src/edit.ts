/**
 * Changes an ELF file: bytes at an address, sections that are not loaded. Each function gives a new `ElfFile`.
 *
 * What stays where it is: everything that a segment or a kept section speaks of. Only the tail is built anew, in this
 * order: what is kept, the new section, the names of sections, the section header table, and last of all what the file
 * had behind its ELF part, because the kernel's boot code reads relocations backwards from the end of the file. So
 * adding and then removing a section gives the old file, byte for byte, if its tail was built in this order, as GNU
 * binutils do; and changing one section over and over does not make the file grow.
 *
 * Section numbers never change (symbols and links use them): a removed section leaves an inactive header behind, unless
 * it was the last.
 */
import { fail, unwrap } from "./diagnostic.js";
import type { Va } from "./diagnostic.js";
import { readElf } from "./elf.js";
import { layoutOf, readWord, SHF_ALLOC, SHT_NOBITS, SHT_NULL, SHT_STRTAB, viewOf, writeWord } from "./layout.js";
import type { Layout } from "./layout.js";
import { fileOffsets } from "./memory.js";
import type { ElfFile, ElfSection } from "./types.js";

/** The file's bytes: an `ElfFile` that was read and not changed gives what was read. */
export function writeElf(elf: ElfFile): Uint8Array {
  return elf.bytes.slice();
}

export interface Patch {
  readonly address: Va;
  readonly bytes: Uint8Array;
}

/** Overwrites bytes at a virtual address. Fails with PV1009 where they are not wholly backed by file contents. */
export function patchBytes(elf: ElfFile, address: Va, bytes: Uint8Array): ElfFile {
  return patchAll(elf, [{ address, bytes }]);
}

/** Does several patches, in order, for the price of one copy of the file. */
export function patchAll(elf: ElfFile, patches: Iterable<Patch>): ElfFile {
  const offsets = fileOffsets(elf);
  const changed = elf.bytes.slice();
  for (const { address, bytes } of patches) {
    const offset = offsets(address, bytes.length);
    if (offset < 0) {
      const where = `0x${(address >>> 0).toString(16)}`;
      fail("PV1009", `the ${bytes.length} bytes at ${where} that should be patched are not in the file`, address);
    }
    changed.set(bytes, offset);
  }
  return reread(changed);
}

export interface NewSection {
  readonly name: string;
  /** SHT_*: one with contents in the file. */
  readonly type: number;
  /** SHF_*, without SHF_ALLOC: such a section would need a segment. */
  readonly flags: number;
  /** Of the file offset: a power of two. */
  readonly align: number;
  readonly bytes: Uint8Array;
}

/** Adds a section that is not loaded, or replaces the one of that name. */
export function addSection(elf: ElfFile, section: NewSection): ElfFile {
  const { name, type, flags, align, bytes } = section;
  if (name === "" || name.includes("\0")) throw new RangeError(`not a section name: ${JSON.stringify(name)}`);
  if (type === SHT_NULL || type === SHT_NOBITS) throw new RangeError(`a section of type ${type} has no bytes`);
  if (flags & SHF_ALLOC) throw new RangeError(`section ${name} would have to be loaded`);
  if (align < 1 || (align & (align - 1)) !== 0) throw new RangeError(`an alignment of ${align} is no power of two`);
  const tail = new Tail(elf);
  const old = find(elf, name);
  const record = old === undefined ? tail.append(tail.addName(name)) : tail.records[old.index];
  const { section: field, word } = tail.layout;
  const view = viewOf(record);
  view.setUint32(field.type, type, true);
  writeWord(view, field.flags, word, flags >>> 0);
  writeWord(view, field.addr, word, 0);
  writeWord(view, field.size, word, bytes.length);
  view.setUint32(field.link, 0, true);
  view.setUint32(field.info, 0, true);
  writeWord(view, field.addralign, word, align);
  writeWord(view, field.entsize, word, 0);
  return tail.build(old, { record, bytes, align });
}

/** Removes a section that is not loaded; gives `elf` itself where there is none of that name. */
export function removeSection(elf: ElfFile, name: string): ElfFile {
  const old = find(elf, name);
  if (old === undefined) return elf;
  const tail = new Tail(elf);
  if (old.index === tail.names) throw new RangeError(`section ${name} holds the names of the others`);
  tail.remove(old.index);
  return tail.build(old, undefined);
}

function find(elf: ElfFile, name: string): ElfSection | undefined {
  const section = elf.sections.find((candidate) => candidate.name === name && candidate.type !== SHT_NULL);
  if (section !== undefined && section.flags & SHF_ALLOC) throw new RangeError(`section ${name} is loaded`);
  return section;
}

function alignUp(value: number, align: number): number {
  return Math.ceil(value / align) * align;
}

function reread(bytes: Uint8Array): ElfFile {
  return unwrap(readElf(bytes));
}

/** The section header table and the names, taken out of the file to be changed. */
/** A page: no linker asks for more. */
const MAX_NAMES_ALIGN = 4096;

class Tail {
  readonly layout: Layout;
  /** Section headers, raw. */
  readonly records: Uint8Array[] = [];
  /** Index of the section of section names. */
  readonly names: number;
  #strings: Uint8Array;

  constructor(readonly elf: ElfFile) {
    this.layout = layoutOf(elf.bits);
    const { bytes } = elf;
    const { header, sectionSize, word, section } = this.layout;
    const view = viewOf(bytes);
    const shoff = readWord(view, header.shoff, word);
    for (let i = 0; i < elf.sections.length; i++) {
      this.records.push(bytes.slice(shoff + i * sectionSize, shoff + (i + 1) * sectionSize));
    }
    if (this.records.length === 0) this.records.push(new Uint8Array(sectionSize));
    const names = elf.sections[view.getUint16(header.shstrndx, true)];
    if (elf.sections.length > 0 && names !== undefined && names.type === SHT_STRTAB) {
      this.names = names.index;
      this.#strings = bytes.slice(names.offset, names.offset + names.size);
      if (this.#strings.length === 0) this.#strings = new Uint8Array(1);
      return;
    }
    this.#strings = new Uint8Array(1);
    for (const record of this.records) viewOf(record).setUint32(section.name, 0, true);
    this.names = this.records.length;
    const record = viewOf(this.append(this.addName(".shstrtab")));
    record.setUint32(section.type, SHT_STRTAB, true);
    writeWord(record, section.addralign, word, 1);
  }

  /** A new section header with that name; the index is that of its place in `records`. */
  append(name: number): Uint8Array {
    const record = new Uint8Array(this.layout.sectionSize);
    viewOf(record).setUint32(this.layout.section.name, name, true);
    this.records.push(record);
    return record;
  }

  /** Offset of a new string. */
  addName(name: string): number {
    const text = Buffer.from(`${name}\0`, "latin1");
    const offset = this.#strings.length;
    const strings = new Uint8Array(offset + text.length);
    strings.set(this.#strings);
    strings.set(text, offset);
    this.#strings = strings;
    return offset;
  }

  remove(index: number): void {
    const { section } = this.layout;
    this.records[index] = new Uint8Array(this.layout.sectionSize);
    while (this.records.length > 1 && viewOf(this.records.at(-1)!).getUint32(section.type, true) === SHT_NULL) {
      this.records.pop();
    }
    // Names at the end that nobody uses any more go, too.
    let used = 1;
    for (const record of this.records) {
      const end = this.#strings.indexOf(0, viewOf(record).getUint32(section.name, true)) + 1;
      used = Math.max(used, end);
    }
    this.#strings = this.#strings.slice(0, used);
  }

  /** Puts the file together: without `old`'s contents, and with new ones for the section of one header. */
  build(old: ElfSection | undefined, added?: { record: Uint8Array; bytes: Uint8Array; align: number }): ElfFile {
    const { elf, layout, records } = this;
    const { section, word, header } = layout;
    const kept = this.#keptEnd(old);
    const dataAt = added === undefined ? kept : alignUp(kept, added.align);
    const namesRecord = viewOf(records[this.names]);
    // What a damaged header claims is not believed: names need no alignment anyway.
    const claimed = readWord(namesRecord, section.addralign, word);
    const namesAlign = claimed > 0 && claimed <= MAX_NAMES_ALIGN && (claimed & (claimed - 1)) === 0 ? claimed : 1;
    const namesAt = alignUp(dataAt + (added?.bytes.length ?? 0), namesAlign);
    const tableAt = alignUp(namesAt + this.#strings.length, word);
    const appendedAt = tableAt + records.length * layout.sectionSize;
    const appended = elf.bytes.subarray(elf.endOfElf);

    if (records.length >= 0xff00)
      fail("PV1006", `the file has too many sections (${elf.sections.length}) for another one`);
    writeWord(namesRecord, section.offset, word, namesAt);
    writeWord(namesRecord, section.size, word, this.#strings.length);
    if (added !== undefined) writeWord(viewOf(added.record), section.offset, word, dataAt);

    const bytes = new Uint8Array(appendedAt + appended.length);
    bytes.set(elf.bytes.subarray(0, kept));
    if (added !== undefined) bytes.set(added.bytes, dataAt);
    bytes.set(this.#strings, namesAt);
    records.forEach((record, i) => bytes.set(record, tableAt + i * layout.sectionSize));
    bytes.set(appended, appendedAt);
    const view = viewOf(bytes);
    writeWord(view, header.shoff, word, tableAt);
    view.setUint16(header.shentsize, layout.sectionSize, true);
    view.setUint16(header.shnum, records.length, true);
    view.setUint16(header.shstrndx, this.names, true);
    return reread(bytes);
  }

  /** End of what must stay where it is. */
  #keptEnd(old: ElfSection | undefined): number {
    const { elf, layout } = this;
    const phoff = readWord(viewOf(elf.bytes), layout.header.phoff, layout.word);
    let end = Math.max(layout.headerSize, phoff + elf.segments.length * layout.segmentSize);
    for (const segment of elf.segments) end = Math.max(end, segment.offset + segment.fileSize);
    for (const { index, type, offset, size } of elf.sections) {
      if (type === SHT_NULL || type === SHT_NOBITS || index === this.names || index === old?.index) continue;
      end = Math.max(end, offset + size);
    }
    return end;
  }
}
