/**
 * All kernel tables of an image: the places that the kernel itself patches, and edges that no branch shows.
 *
 * After it, every address in every table lies in the image's code; rows ascend by address, those of one address in the
 * table's own order. A table that does not make sense is left out and named in `problems`: never fatal.
 */
import { attempt, type Diagnostic, type Result } from "../diagnostic.js";
import { lazy } from "../lazy.js";
import type { ElfFile, ImageMemory, KernelTables, SymbolTable } from "../types.js";
import { readAlternatives } from "./alternatives.js";
import { readBugs } from "./bugs.js";
import { readExceptions } from "./exceptions.js";
import { readJumpLabels } from "./jump-labels.js";
import { readKprobeBlacklist } from "./kprobe-blacklist.js";
import { readMcount } from "./mcount.js";
import { readParavirt } from "./paravirt.js";
import { readRetpolines } from "./retpolines.js";
import { readReturns } from "./returns.js";
import { readSmpLocks } from "./smp-locks.js";
import { imageOf, type Image } from "./source.js";
import { readStaticCalls } from "./static-calls.js";
import { readVdso } from "./vdso.js";

type Readers = { readonly [K in Exclude<keyof KernelTables, "problems">]-?: (image: Image) => KernelTables[K] };

const READERS: Readers = {
  exceptions: readExceptions,
  alternatives: readAlternatives,
  paravirt: readParavirt,
  jumpLabels: readJumpLabels,
  smpLocks: readSmpLocks,
  bugs: readBugs,
  staticCalls: readStaticCalls,
  mcount: readMcount,
  retpolines: readRetpolines,
  returns: readReturns,
  kprobeBlacklist: readKprobeBlacklist,
  vdso: readVdso,
};

/** The tables of an image, each read when it is first asked for. */
export interface TableReader {
  table<K extends keyof Readers>(name: K): KernelTables[K];
  all(): KernelTables;
}

/**
 * Reads every table. Never fails on a damaged image: see `problems`, whose codes are PV2001 (size), PV2002 (a row points
 * outside) and PV1009 (a table without file contents). Without `symbols`, tables that have no section of their own are
 * looked for by content where that is possible.
 */
export function readKernelTables(elf: ElfFile, memory: ImageMemory, symbols: SymbolTable | undefined): KernelTables {
  return tableReader(elf, memory, symbols).all();
}

/** `known`: tables that have been read already. */
export function tableReader(
  elf: ElfFile,
  memory: ImageMemory,
  symbols: SymbolTable | undefined,
  known: Partial<KernelTables> = {},
): TableReader {
  const image = imageOf(elf, memory, symbols);
  const results = new Map<keyof Readers, Result<unknown>>();
  const result = (name: keyof Readers): Result<unknown> => {
    let read = results.get(name);
    if (read === undefined) results.set(name, (read = attempt<unknown>(() => known[name] ?? READERS[name](image))));
    return read;
  };
  return {
    table: (name) => {
      const read = result(name);
      return (read.ok ? read.value : undefined) as KernelTables[typeof name];
    },
    all: lazy(() => {
      const problems: Diagnostic[] = [];
      const tables: Record<string, unknown> = {};
      for (const name of Object.keys(READERS) as (keyof Readers)[]) {
        const read = result(name);
        if (!read.ok) problems.push(read.error);
        else if (read.value !== undefined) tables[name] = read.value;
      }
      return { ...(tables as Omit<KernelTables, "problems">), problems };
    }),
  };
}
