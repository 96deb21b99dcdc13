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

/**
 * Every table, each read when it is first asked for. Never fails on a damaged image: see `problems` (asking for them reads all), whose
 * codes are PV2001 (size), PV2002 (a row points outside) and PV1009 (a table without file contents). Without `symbols`,
 * tables that have no section of their own are looked for by content where that is possible.
 */
export function readKernelTables(elf: ElfFile, memory: ImageMemory, symbols: SymbolTable | undefined): KernelTables {
  const image = imageOf(elf, memory, symbols);
  const tables = {};
  const results: (() => Result<unknown>)[] = [];
  for (const [name, read] of Object.entries(READERS)) {
    const result = lazy(() => attempt<unknown>(() => read(image)));
    results.push(result);
    const get = (): unknown => {
      const outcome = result();
      return outcome.ok ? outcome.value : undefined;
    };
    Object.defineProperty(tables, name, { get, enumerable: true });
  }
  const problems = (): Diagnostic[] => results.flatMap((result) => errorOf(result()));
  Object.defineProperty(tables, "problems", { get: lazy(problems), enumerable: true });
  return tables as KernelTables;
}

function errorOf(result: Result<unknown>): Diagnostic[] {
  return result.ok ? [] : [result.error];
}
