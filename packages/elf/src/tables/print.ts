/**
 * Kernel tables as text: one line for each table with its number of rows, and under it one line for each row. This is
 * what tests and people read.
 */
import type { KernelTables } from "../types.js";
import { hex } from "./regions.js";

type Names = Exclude<keyof KernelTables, "problems">;
type Rows = { readonly count: number; readonly row: (index: number) => string };

/**
 * The tables that are there, then the problems; each line ends in "\n". At most `limit` rows of each table are shown
 * (default: all); the rest is counted.
 */
export function printKernelTables(tables: KernelTables, limit = Infinity): string {
  let text = "";
  for (const name of Object.keys(PRINTERS) as Names[]) {
    const rows = rowsOf(tables, name);
    if (rows === undefined) continue;
    text += `${name}: ${rows.count}\n`;
    const shown = Math.min(limit, rows.count);
    for (let index = 0; index < shown; index++) text += `  ${rows.row(index)}\n`;
    if (shown > 0 && shown < rows.count) text += `  ... ${rows.count - shown} more\n`;
  }
  for (const { code, message } of tables.problems) text += `problem ${code}: ${message}\n`;
  return text;
}

function rowsOf<N extends Names>(tables: KernelTables, name: N): Rows | undefined {
  const table = tables[name];
  // The compiler does not see that table and printer belong to the same name.
  return table === undefined ? undefined : (PRINTERS[name] as (table: unknown) => Rows)(table);
}

const addresses = ({ site }: { readonly site: Uint32Array }): Rows => ({
  count: site.length,
  row: (index) => hex(site[index]),
});

const PRINTERS: { readonly [N in Names]-?: (table: NonNullable<KernelTables[N]>) => Rows } = {
  exceptions: ({ insn, fixup, type }) => ({
    count: insn.length,
    row: (index) => `${hex(insn[index])} -> ${hex(fixup[index])} type 0x${type[index].toString(16)}`,
  }),
  alternatives: ({ site, siteLength, replacement, replacementLength, feature }) => ({
    count: site.length,
    row: (index) =>
      `${hex(site[index])}+${siteLength[index]} <- ${hex(replacement[index])}+${replacementLength[index]}` +
      ` feature 0x${feature[index].toString(16)}`,
  }),
  paravirt: ({ site, type, length }) => ({
    count: site.length,
    row: (index) => `${hex(site[index])}+${length[index]} type ${type[index]}`,
  }),
  jumpLabels: ({ code, target, key }) => ({
    count: code.length,
    row: (index) => `${hex(code[index])} -> ${hex(target[index])} key ${hex(key[index])}`,
  }),
  smpLocks: addresses,
  bugs: ({ site, flags, warning }) => ({
    count: site.length,
    row: (index) => `${hex(site[index])} flags 0x${flags[index].toString(16)}${warning[index] === 1 ? " warning" : ""}`,
  }),
  staticCalls: ({ site, key, tail }) => ({
    count: site.length,
    row: (index) => `${hex(site[index])} key ${hex(key[index])}${tail[index] === 1 ? " tail" : ""}`,
  }),
  mcount: addresses,
  retpolines: addresses,
  returns: addresses,
  kprobeBlacklist: addresses,
  vdso: ({ start, end }) => ({
    count: start.length,
    row: (index) => `${hex(start[index])}..${hex(end[index])}`,
  }),
};
