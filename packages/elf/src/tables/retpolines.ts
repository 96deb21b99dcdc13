/**
 * `.retpoline_sites`: calls of and jumps to `__x86_indirect_thunk_*` that the kernel rewrites at boot (5.16 and later,
 * x86-64). Row: the 32-bit distance to the instruction (tools/objtool/check.c).
 */
import type { AddressTable } from "../types.js";
import { readDistances } from "./addresses.js";
import { sectionTable, type Image } from "./source.js";

export function readRetpolines(image: Image): AddressTable | undefined {
  const table = sectionTable(image, ".retpoline_sites");
  return table && readDistances(image, table, "a thunk call");
}
