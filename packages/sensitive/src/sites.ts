/**
 * Finding the sites: the rows of a decoded program that hold a sensitive instruction.
 *
 * One pass over the `code` column with a table of kind numbers by iced `Code`; only the few rows that hit are looked
 * at more closely. Every row counts, also in code that nothing reaches, and in the replacements of alternatives, which
 * are marked: their bytes are copied elsewhere before they run.
 *
 * Cost: 3 million rows in a few milliseconds.
 */
import { Flow, type Instructions } from "@pv/x86-ir";
import { entryOf, KIND_OF_CODE, kindName } from "./catalogue.js";
import { formatForm, formOf } from "./form.js";

/** Sites in ascending order of address, as columns. */
export interface Sites {
  readonly count: number;
  /** Row in `Instructions`. */
  readonly instruction: Uint32Array;
  /** Kind number in the catalogue. */
  readonly kind: Uint16Array;
  /** Operand form: see form.ts. */
  readonly form: Uint16Array;
  /** 1 where the site lies in the replacement of an alternative (.altinstr_replacement). */
  readonly inAlternative: Uint8Array;
}

export interface FindSitesOptions {
  /** Address ranges [start, end) of replacements of alternatives, in any order. Default: none. */
  readonly alternativeRanges?: { readonly start: Uint32Array; readonly end: Uint32Array };
}

export function findSites(instructions: Instructions, options: FindSitesOptions = {}): Sites {
  const { code, flow, bits } = instructions;
  // A list, for about one row in 600 hits: a column as long as the program costs more than the search.
  const hits: number[] = [];
  for (let row = 0; row < instructions.count; row++) {
    if (KIND_OF_CODE[code[row]] !== 0 && flow[row] !== Flow.invalid) hits.push(row);
  }

  const instruction = Uint32Array.from(hits);
  const kind = new Uint16Array(instruction.length);
  const form = new Uint16Array(instruction.length);
  for (let site = 0; site < instruction.length; site++) {
    const row = instruction[site];
    kind[site] = KIND_OF_CODE[code[row]];
    const entry = entryOf(kind[site])!;
    form[site] = entry.form === "none" ? 0 : formOf(entry, instructions.bytesOf(row), bits);
  }
  const inAlternative = markRanges(instructions, instruction, options.alternativeRanges);
  return { count: instruction.length, instruction, kind, form, inAlternative };
}

/** 1 for each row whose address lies in one of the ranges. Cost: sites * log(ranges). */
function markRanges(
  instructions: Instructions,
  rows: Uint32Array,
  ranges: FindSitesOptions["alternativeRanges"],
): Uint8Array {
  const marks = new Uint8Array(rows.length);
  if (ranges === undefined) return marks;
  const order = Uint32Array.from(ranges.start.keys()).sort((a, b) => ranges.start[a] - ranges.start[b]);
  const start = order.map((range) => ranges.start[range]);
  // Furthest end of all ranges up to here, so that ranges may overlap.
  const end = order.map((range) => ranges.end[range]);
  for (let range = 1; range < end.length; range++) end[range] = Math.max(end[range], end[range - 1]);
  rows.forEach((row, site) => {
    const address = instructions.address[row];
    let low = 0;
    let high = start.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (start[middle] <= address) low = middle + 1;
      else high = middle;
    }
    if (low > 0 && address < end[low - 1]) marks[site] = 1;
  });
  return marks;
}

/** Number of sites of each kind that occurs, by descending number, then by name. */
export function countKinds(sites: Sites): { readonly kind: string; readonly count: number }[] {
  const counts = new Map<number, number>();
  for (const kind of sites.kind) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts]
    .map(([kind, count]) => ({ kind: kindName(kind), count }))
    .sort((a, b) => b.count - a.count || (a.kind < b.kind ? -1 : 1));
}

/** The sites as text, one a line: address, kind, class, form; `alternative` where it lies in a replacement. */
export function printSites(sites: Sites, instructions: Instructions): string {
  const lines: string[] = [];
  for (let site = 0; site < sites.count; site++) {
    const entry = entryOf(sites.kind[site])!;
    const low = instructions.address[sites.instruction[site]].toString(16).padStart(8, "0");
    const address = instructions.bits === 64 ? instructions.addressHigh.toString(16).padStart(8, "0") + low : low;
    const form = formatForm(entry, sites.form[site], instructions.bits);
    const words = [`${address}  ${entry.kind.padEnd(13)} ${entry.class.padEnd(10)}`, form];
    if (sites.inAlternative[site] === 1) words.push("[alternative]");
    lines.push(words.join(" ").trimEnd());
  }
  return lines.map((line) => `${line}\n`).join("");
}
