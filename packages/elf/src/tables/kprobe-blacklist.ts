/**
 * The kprobe blacklist: functions that must not be probed, because the handling of a probe runs them. What patches the
 * kernel at run time should know them as well.
 *
 * Row (NOKPROBE_SYMBOL, include/asm-generic/kprobes.h): the absolute address of a function. The table lies inside
 * .init.data between pointers of other kinds; where no symbol says so, it is the run of words that each are the start of
 * a known function and name two functions which every kernel with kprobes lists.
 */
import { AddressSet } from "../address-set.js";
import type { AddressTable } from "../types.js";
import { readWords } from "./addresses.js";
import { regionBytes, type Region } from "./regions.js";
import { absolute, highFits, tableBetween, type Image, type TableBytes } from "./source.js";

const NAME = "kprobe_blacklist";
const WITNESSES = ["get_kprobe", "notify_die"];

export function readKprobeBlacklist(image: Image): AddressTable | undefined {
  const table = tableBetween(image, NAME) ?? search(image);
  return table && readWords(image, table, "a function");
}

function search(image: Image): TableBytes | undefined {
  const { symbols, data } = image;
  if (symbols === undefined) return undefined;
  const witnesses = new Set<number>();
  for (const name of WITNESSES) {
    const address = symbols.lookup(name);
    if (address === undefined) return undefined;
    witnesses.add(address);
  }
  const functions = new AddressSet(symbols.address);
  for (const place of data) {
    const run = searchIn(image, place, functions, witnesses);
    if (run !== undefined) return { name: NAME, ...regionBytes(image.memory, run) };
  }
  return undefined;
}

/** The first run in the region that names all witnesses. */
function searchIn(image: Image, place: Region, functions: AddressSet, witnesses: ReadonlySet<number>) {
  const { wordSize, code, memory } = image;
  const region = regionBytes(memory, place);
  const size = region.bytes.length;
  const first = (wordSize - (place.start % wordSize)) % wordSize;
  let start = first;
  let seen = new Set<number>();
  for (let at = first; at + wordSize <= size; at += wordSize) {
    const address = absolute(region, at);
    if (code.holds(address) && functions.has(address) && highFits(image, region, at)) {
      if (witnesses.has(address)) seen.add(address);
      continue;
    }
    if (seen.size === witnesses.size) return { start: place.start + start, end: place.start + at };
    start = at + wordSize;
    if (seen.size > 0) seen = new Set();
  }
  const end = size - ((size - first) % wordSize);
  return seen.size === witnesses.size ? { start: place.start + start, end: place.start + end } : undefined;
}
