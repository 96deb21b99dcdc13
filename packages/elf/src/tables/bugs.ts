/**
 * `__bug_table`: the UD2 of each BUG and WARN. Behind the UD2 of a WARN execution goes on.
 *
 * Layouts (struct bug_entry, include/asm-generic/bug.h and arch/x86/include/asm/bug.h):
 *
 *     with CONFIG_DEBUG_BUGVERBOSE               12 bytes   site, file, u16 line, u16 flags
 *     the same from 6.19 on                      16 bytes   site, format, file, u16 line, u16 flags
 *     without                                     8 bytes   site, u16 flags, padding
 *
 * Addresses are 32 bits: distances from their own place, but on i386 absolute for most of its history.
 * Which one it is shows in the code: every site holds an undefined instruction.
 */
import type { Va } from "../diagnostic.js";
import type { BugTable } from "../types.js";
import { hex } from "./regions.js";
import {
  absolute,
  ascendingRows,
  chooseLayout,
  codeOrComplaint,
  relative,
  sectionTable,
  type Image,
  type Layout,
  type TableBytes,
} from "./source.js";

interface BugLayout extends Layout {
  readonly flagsAt: number;
  readonly siteOf: (table: TableBytes, at: number) => Va;
}

/** BUGFLAG_WARNING */
const FLAG_WARNING = 1;

export function readBugs(image: Image): BugTable | undefined {
  const table = sectionTable(image, "__bug_table");
  if (table === undefined) return undefined;
  const layout = (rowSize: number, flagsAt: number, siteOf: typeof relative): BugLayout => ({
    rowSize,
    flagsAt,
    siteOf,
    check: (_, at) => check(image, siteOf(table, at)),
  });
  const layouts = (image.wordSize === 4 ? [absolute, relative] : [relative]).flatMap((siteOf) => [
    layout(12, 10, siteOf),
    layout(16, 14, siteOf),
    layout(8, 4, siteOf),
  ]);
  const { rowSize, flagsAt, siteOf } = chooseLayout(table, layouts);

  const count = table.bytes.length / rowSize;
  const sites = Uint32Array.from({ length: count }, (_, row) => siteOf(table, row * rowSize));
  const at = ascendingRows(sites).map((row) => row * rowSize);
  const flags = Uint16Array.from(at, (row) => table.view.getUint16(row + flagsAt, true));
  return {
    site: at.map((row) => siteOf(table, row)),
    flags,
    warning: Uint8Array.from(flags, (value) => value & FLAG_WARNING),
  };
}

function check(image: Image, site: Va): string | undefined {
  const outside = codeOrComplaint(image, "a site", site, 2);
  if (outside !== undefined || isUndefinedInstruction(image, site)) return outside;
  return `names a site at ${hex(site)}, where there is no undefined instruction`;
}

/** UD2 (0F 0B), or the UD1 (prefixes, 0F B9) that newer kernels use for a WARN with arguments. */
function isUndefinedInstruction({ memory }: Image, site: Va): boolean {
  for (let at = site; at < site + 4 && memory.has(at, 2); at++) {
    const byte = memory.u8(at);
    if (byte === 0x0f) return memory.u8(at + 1) === 0x0b || memory.u8(at + 1) === 0xb9;
    const isPrefix = byte === 0x67 || byte === 0x66 || (byte & 0xf0) === 0x40;
    if (!isPrefix) return false;
  }
  return false;
}
