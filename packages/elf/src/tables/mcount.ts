/**
 * `__mcount_loc`: the `call __fentry__` at the start of each function, which the kernel turns into a NOP at boot.
 *
 * Row: the absolute address of the call (scripts/recordmcount.c, tools/objtool). The table lies inside .init.data; where
 * no symbol says so, it is the longest run of words that name calls of one and the same function.
 */
import type { AddressTable } from "../types.js";
import { readWords } from "./addresses.js";
import { regionBytes } from "./regions.js";
import { longestRun } from "./rows.js";
import { absolute, highFits, sectionTable, tableBetween, type Image, type TableBytes } from "./source.js";

const NAME = "__mcount_loc";
const FEWEST_ROWS = 4;
const CALL = 0xe8;

export function readMcount(image: Image): AddressTable | undefined {
  const table = sectionTable(image, NAME) ?? tableBetween(image, "mcount_loc", NAME) ?? search(image);
  return table && readWords(image, table, "a call");
}

function search(image: Image): TableBytes | undefined {
  const tracer = image.symbols?.lookup("__fentry__") ?? image.symbols?.lookup("mcount") ?? undefined;
  if (tracer === undefined) return undefined;
  const { memory, code, wordSize } = image;
  const run = longestRun(image, {
    name: NAME,
    rowSize: wordSize,
    align: wordSize,
    fewest: FEWEST_ROWS,
    accepts: (region, at) => {
      const site = absolute(region, at);
      if (!highFits(image, region, at) || !code.holds(site, 5) || memory.u8(site) !== CALL) return false;
      return (site + 5 + memory.i32(site + 1)) >>> 0 === tracer;
    },
  });
  return run && { name: NAME, ...regionBytes(memory, run) };
}
