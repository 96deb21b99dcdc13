/**
 * Runs of rows that make sense, for tables that no section and no symbol names: kernels without CONFIG_KALLSYMS_ALL list
 * code symbols only, and several tables lie inside .rodata or .init.data.
 *
 * The search takes the longest stretch of consecutive rows that all pass a test. A test must be so strong that chance
 * hits are rare (it looks at the code bytes that the row names), and a run counts from `fewest` rows on.
 * Cost: a test per row-aligned place, once per phase of the row size.
 */
import type { Va } from "../diagnostic.js";
import { regionBytes, type Region, type RegionBytes } from "./regions.js";
import type { Image } from "./source.js";

export interface RowTest {
  readonly name: string;
  /** Bytes; a multiple of `align`. */
  readonly rowSize: number;
  /** Alignment of the table's address, bytes. */
  readonly align: number;
  /** Fewest rows that count as a table. */
  readonly fewest: number;
  accepts(region: RegionBytes, at: number): boolean;
}

/** The longest run in any data region (the lowest of several), or undefined. */
export function longestRun({ memory, data }: Image, test: RowTest): { start: Va; end: number } | undefined {
  let best: { start: Va; end: number } | undefined;
  for (const place of data) {
    const run = longestIn(place, regionBytes(memory, place), test);
    if (run === undefined || run.end - run.start < test.fewest * test.rowSize) continue;
    if (best === undefined || run.end - run.start > best.end - best.start) best = run;
  }
  return best;
}

function longestIn({ start, end }: Region, region: RegionBytes, test: RowTest): { start: Va; end: number } | undefined {
  const { rowSize, align } = test;
  const size = end - start;
  const phases = rowSize / align;
  // For each phase of the row size, the length so far of the run that ends there.
  const runs = new Uint32Array(phases);
  let longest = 0;
  let endOfLongest = 0;
  let phase = 0;
  for (let at = (align - (start % align)) % align; at + rowSize <= size; at += align) {
    if (test.accepts(region, at)) {
      runs[phase]++;
      if (runs[phase] > longest) {
        longest = runs[phase];
        endOfLongest = at + rowSize;
      }
    } else {
      runs[phase] = 0;
    }
    if (++phase === phases) phase = 0;
  }
  if (longest === 0) return undefined;
  return { start: start + endOfLongest - longest * rowSize, end: start + endOfLongest };
}
