/**
 * What the readers of kernel tables share: finding a table's bytes, checking its size and rows, and saying where it is
 * wrong.
 *
 * A table is a section of its own or, where the kernel's linker script merged it into another one, lies between two
 * symbols. Most layouts changed over the years and none carries a version, so a reader lists the layouts it knows, newest
 * first, and takes the first whose row size divides the table and whose every row makes sense.
 */
import { fail, type Va } from "../diagnostic.js";
import { SHT_NOBITS } from "../layout.js";
import type { ElfFile, ImageMemory, SymbolTable } from "../types.js";
import { hex, regionBytes, regions, RegionSet, type Region } from "./regions.js";

/** What a reader may ask about the image. */
export interface Image {
  readonly elf: ElfFile;
  readonly memory: ImageMemory;
  readonly symbols: SymbolTable | undefined;
  /** Bytes of an address word: 4 or 8. */
  readonly wordSize: 4 | 8;
  readonly code: RegionSet;
  /** Regions that are not executable, ascending. */
  readonly data: readonly Region[];
}

export interface TableBytes {
  readonly name: string;
  readonly start: Va;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** One way a table's rows may look. */
export interface Layout {
  /** Bytes. */
  readonly rowSize: number;
  /** What is wrong with the row at offset `at`, as the end of a sentence that begins with the row; or undefined. */
  check(table: TableBytes, at: number): string | undefined;
}

export function imageOf(elf: ElfFile, memory: ImageMemory, symbols: SymbolTable | undefined): Image {
  const all = regions(elf, memory);
  return {
    elf,
    memory,
    symbols,
    wordSize: elf.bits === 64 ? 8 : 4,
    code: new RegionSet(all.filter(({ executable }) => executable)),
    data: all.filter(({ executable }) => !executable),
  };
}

/**
 * The table in the section `name`; undefined where there is none, or it is empty or without contents (as in files that
 * hold debug information only). PV1009 where the contents lie outside the file.
 */
export function sectionTable({ elf, memory }: Image, name: string): TableBytes | undefined {
  const section = elf.sections.find((candidate) => candidate.name === name);
  if (section === undefined || section.size === 0 || section.type === SHT_NOBITS) return undefined;
  return { name, ...regionBytes(memory, { start: section.address, end: section.address + section.size }) };
}

/**
 * The table between the symbols `__start_STEM` and `__stop_STEM`; undefined where these are unknown or equal. `name` is
 * what messages call it.
 */
export function tableBetween({ symbols, memory }: Image, stem: string, name = stem): TableBytes | undefined {
  const start = symbols?.lookup(`__start_${stem}`);
  const end = symbols?.lookup(`__stop_${stem}`);
  if (start === undefined || end === undefined || start === end) return undefined;
  if (end < start) {
    fail("PV2001", `\`__stop_${stem}\` (${hex(end)}) lies before \`__start_${stem}\` (${hex(start)})`, start);
  }
  return { name, ...regionBytes(memory, { start, end }) };
}

/**
 * The first layout whose row size divides the table and whose check holds for all rows. Fails with PV2001 where no row
 * size divides, and with PV2002 and the first bad row of the newest layout that divides otherwise.
 */
export function chooseLayout<L extends Layout>(table: TableBytes, layouts: readonly L[]): L {
  const { name, start, bytes } = table;
  let firstComplaint: (() => never) | undefined;
  for (const layout of layouts) {
    if (bytes.length % layout.rowSize !== 0) continue;
    const complaint = firstBadRow(table, layout);
    if (complaint === undefined) return layout;
    firstComplaint ??= complaint;
  }
  firstComplaint?.();
  const sizes = [...new Set(layouts.map(({ rowSize }) => rowSize))].join(" or ");
  return fail("PV2001", `${name} at ${hex(start)} has ${bytes.length} bytes: not a multiple of ${sizes}`, start);
}

function firstBadRow(table: TableBytes, layout: Layout): (() => never) | undefined {
  const { name, start, bytes } = table;
  for (let at = 0; at < bytes.length; at += layout.rowSize) {
    const wrong = layout.check(table, at);
    if (wrong === undefined) continue;
    const row = at / layout.rowSize;
    return () => fail("PV2002", `row ${row} of ${name} (at ${hex(start + at)}) ${wrong}`, (start + at) >>> 0);
  }
  return undefined;
}

/** The address that a 32-bit distance from its own place means: offset `at` of the table. */
export function relative({ start, view }: TableBytes, at: number): Va {
  return (start + at + view.getInt32(at, true)) >>> 0;
}

/** The low half of an absolute address word. */
export function absolute({ view }: { view: DataView }, at: number): Va {
  return view.getUint32(at, true);
}

/** Whether the upper half of the absolute address word at `at` is the image's (i386 has none). */
export function highFits({ elf }: Image, { view }: { view: DataView }, at: number): boolean {
  return elf.bits === 32 || view.getUint32(at + 4, true) === elf.addressHigh;
}

/** `undefined`, or that the row names `what` at an address which is not code. */
export function codeOrComplaint({ code }: Image, what: string, address: Va, length = 1): string | undefined {
  if (code.holds(address, length)) return undefined;
  return `names ${what} at ${hex(address)}, outside the image's code`;
}

/**
 * The order of rows by ascending address; rows of the same address keep the table's order (where alternatives overlap,
 * the later one wins at boot).
 */
export function ascendingRows(address: Uint32Array): Uint32Array {
  const rows = Uint32Array.from(address, (_, row) => row);
  for (let row = 1; row < address.length; row++) {
    if (address[row - 1] > address[row]) return rows.sort((a, b) => address[a] - address[b] || a - b);
  }
  return rows;
}
