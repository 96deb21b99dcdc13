/**
 * `.return_sites`: jumps to `__x86_return_thunk` that the kernel may turn back into RET (5.19 and later, with
 * CONFIG_RETHUNK). Row: the 32-bit distance to the instruction (tools/objtool/check.c).
 */
import type { AddressTable } from "../types.js";
import { readDistances } from "./addresses.js";
import { sectionTable, type Image } from "./source.js";

export function readReturns(image: Image): AddressTable | undefined {
  const table = sectionTable(image, ".return_sites");
  return table && readDistances(image, table, "a return");
}
