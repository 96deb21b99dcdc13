/**
 * `.smp_locks`: LOCK prefixes that the kernel turns into DS prefixes when it runs on one processor, and back.
 *
 * Row (arch/x86/include/asm/alternative.h): the 32-bit distance to the prefix. The linker script pads the table to a
 * page with zeros, which the kernel skips (alternatives_smp_unlock).
 */
import type { AddressTable } from "../types.js";
import { readDistances } from "./addresses.js";
import { sectionTable, type Image } from "./source.js";

export function readSmpLocks(image: Image): AddressTable | undefined {
  const table = sectionTable(image, ".smp_locks");
  return table && readDistances(image, table, "a LOCK prefix", true);
}
