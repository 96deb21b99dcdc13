/**
 * `.parainstructions`: indirect calls of paravirt operations that the kernel patches at boot (until 6.7; alternatives
 * since).
 *
 * Row (struct paravirt_patch_site, arch/x86/include/asm/paravirt_types.h): an absolute address, the operation's type and
 * the site's length, one byte each, then padding to the next word; older kernels put a u16 into that padding. The last
 * row may lack its padding.
 */
import { fail } from "../diagnostic.js";
import type { ParavirtSites } from "../types.js";
import { hex } from "./regions.js";
import { absolute, ascendingRows, codeOrComplaint, highFits, sectionTable, type Image } from "./source.js";

export function readParavirt(image: Image): ParavirtSites | undefined {
  const table = sectionTable(image, ".parainstructions");
  if (table === undefined) return undefined;
  const { wordSize } = image;
  const rowSize = 2 * wordSize;
  const { start, bytes } = table;
  const rest = bytes.length % rowSize;
  if (rest !== 0 && rest < wordSize + 2) {
    fail("PV2001", `.parainstructions at ${hex(start)} has ${bytes.length} bytes: not a multiple of ${rowSize}`, start);
  }

  const count = Math.ceil(bytes.length / rowSize);
  for (let row = 0; row < count; row++) {
    const at = row * rowSize;
    const length = bytes[at + wordSize + 1];
    const wrong = highFits(image, table, at)
      ? codeOrComplaint(image, "a site", absolute(table, at), Math.max(1, length))
      : "names a site in another half of the address space";
    if (wrong === undefined) continue;
    fail("PV2002", `row ${row} of .parainstructions (at ${hex(start + at)}) ${wrong}`, (start + at) >>> 0);
  }
  const sites = Uint32Array.from({ length: count }, (_, row) => absolute(table, row * rowSize));
  const at = ascendingRows(sites).map((row) => row * rowSize);
  return {
    site: at.map((row) => absolute(table, row)),
    type: Uint8Array.from(at, (row) => bytes[row + wordSize]),
    length: Uint8Array.from(at, (row) => bytes[row + wordSize + 1]),
  };
}
