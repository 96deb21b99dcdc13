/**
 * `.static_call_sites`: calls and jumps to a trampoline that the running kernel redirects (x86-64 with
 * CONFIG_HAVE_STATIC_CALL_INLINE; i386 redirects the trampolines only and has no table).
 *
 * Row (struct static_call_site, include/linux/static_call_types.h): 32-bit distances to the instruction and to the key,
 * whose two lowest bits are flags (a tail call; init code). The table lies inside .data or .rodata; where no symbol says
 * so, it is the longest run of rows whose instruction calls or jumps to a `__SCT__*` trampoline.
 */
import type { StaticCallSites } from "../types.js";
import { regionBytes } from "./regions.js";
import { longestRun } from "./rows.js";
import {
  ascendingRows,
  chooseLayout,
  codeOrComplaint,
  relative,
  sectionTable,
  tableBetween,
  type Image,
  type TableBytes,
} from "./source.js";

const NAME = "static_call_sites";
const ROW_SIZE = 8;
const FEWEST_ROWS = 4;
const FLAG_TAIL = 1;
const FLAGS = 3;
const CALL = 0xe8;
const JUMP = 0xe9;

export function readStaticCalls(image: Image): StaticCallSites | undefined {
  const table = sectionTable(image, `.${NAME}`) ?? tableBetween(image, NAME) ?? search(image);
  if (table === undefined) return undefined;
  const check = (_: unknown, at: number) => codeOrComplaint(image, "a site", relative(table, at));
  chooseLayout(table, [{ rowSize: ROW_SIZE, check }]);

  const count = table.bytes.length / ROW_SIZE;
  const sites = Uint32Array.from({ length: count }, (_, row) => relative(table, row * ROW_SIZE));
  const at = ascendingRows(sites).map((row) => row * ROW_SIZE);
  return {
    site: at.map((row) => relative(table, row)),
    key: at.map((row) => (relative(table, row + 4) & ~FLAGS) >>> 0),
    tail: Uint8Array.from(at, (row) => relative(table, row + 4) & FLAG_TAIL),
  };
}

function search(image: Image): TableBytes | undefined {
  const { symbols, memory, code } = image;
  if (symbols === undefined || image.wordSize === 4) return undefined;
  const trampolines = new Set(symbols.startingWith(["__SCT__"]).map((row) => symbols.address[row]));
  if (trampolines.size === 0) return undefined;
  const run = longestRun(image, {
    name: NAME,
    rowSize: ROW_SIZE,
    align: 4,
    fewest: FEWEST_ROWS,
    accepts: ({ start, view }, at) => {
      const site = (start + at + view.getInt32(at, true)) >>> 0;
      if (!code.holds(site, 5)) return false;
      const opcode = memory.u8(site);
      if (opcode !== CALL && opcode !== JUMP) return false;
      return trampolines.has((site + 5 + memory.i32(site + 1)) >>> 0);
    },
  });
  return run && { name: NAME, ...regionBytes(memory, run) };
}
