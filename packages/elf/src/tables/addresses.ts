/**
 * Tables whose rows are single addresses: as words (`__mcount_loc`, the kprobe blacklist) or as 32-bit distances from
 * the row itself (`.smp_locks`, `.retpoline_sites`, `.return_sites`).
 */
import type { AddressTable } from "../types.js";
import {
  absolute,
  ascendingRows,
  chooseLayout,
  codeOrComplaint,
  highFits,
  relative,
  type Image,
  type TableBytes,
} from "./source.js";

/** Rows of absolute words. `what` names a row's meaning in messages. */
export function readWords(image: Image, table: TableBytes, what: string): AddressTable {
  const rowSize = image.wordSize;
  const check = (_: unknown, at: number) =>
    highFits(image, table, at)
      ? codeOrComplaint(image, what, absolute(table, at))
      : `names ${what} in another half of the address space`;
  chooseLayout(table, [{ rowSize, check }]);
  const site = Uint32Array.from({ length: table.bytes.length / rowSize }, (_, row) => absolute(table, row * rowSize));
  return { site: inOrder(site) };
}

/** Rows of distances from the row. With `skipZero`, rows of 0 are padding. */
export function readDistances(image: Image, table: TableBytes, what: string, skipZero = false): AddressTable {
  const padding = (at: number) => skipZero && table.view.getInt32(at, true) === 0;
  const check = (_: unknown, at: number) =>
    padding(at) ? undefined : codeOrComplaint(image, what, relative(table, at));
  chooseLayout(table, [{ rowSize: 4, check }]);
  const site = new Uint32Array(table.bytes.length / 4);
  let count = 0;
  for (let at = 0; at < table.bytes.length; at += 4) if (!padding(at)) site[count++] = relative(table, at);
  return { site: inOrder(site.slice(0, count)) };
}

function inOrder(site: Uint32Array): Uint32Array {
  return ascendingRows(site).map((row) => site[row]);
}
