/**
 * All kernel tables of an image: the places that the kernel itself patches, and edges that no branch shows.
 *
 * After it, every address in every table lies in the image's code; rows ascend by address, those of one address in the
 * table's own order. A table that does not make sense is left out and named in `problems`: never fatal.
 */
import { attempt, type Diagnostic } from "../diagnostic.js";
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
 * Reads every table. Never fails on a damaged image: see `problems`, whose codes are PV2001 (size), PV2002 (a row points
 * outside) and PV1009 (a table without file contents). Without `symbols`, tables that have no section of their own are
 * looked for by content where that is possible.
 */
export function readKernelTables(elf: ElfFile, memory: ImageMemory, symbols: SymbolTable | undefined): KernelTables {
  const image = imageOf(elf, memory, symbols);
  const problems: Diagnostic[] = [];
  const tables: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(READERS)) {
    const result = attempt<unknown>(() => read(image));
    if (!result.ok) problems.push(result.error);
    else if (result.value !== undefined) tables[name] = result.value;
  }
  return { ...(tables as Omit<KernelTables, "problems">), problems };
}
