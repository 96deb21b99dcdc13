/**
 * Booting a kernel under a loader: pack the container, run the machine, read the counters out of the guest's memory.
 */
import { DIAGNOSTICS, fail, readElf, unwrap, type DiagnosticCode } from "@pv/elf";
import {
  annotationsOf,
  buildContainer,
  NO_PATCH,
  readResidentState,
  RESIDENT_END,
  RESIDENT_PHYSICAL,
  templatesOf,
} from "@pv/runtime-loader";
import { kindName } from "@pv/sensitive";
import { findGroup } from "@pv/stubgen";
import { checkJob, type EndReason, type Machine } from "./machine/machine.js";
import type { Hypervisor } from "./names.js";

export interface BootJob {
  readonly machine: Machine;
  readonly hypervisor: Hypervisor;
  /** A loader image with that hypervisor's templates. */
  readonly loader: Uint8Array;
  /** The kernel as an ELF file, with its annotation table unless `unpatched`. */
  readonly kernel: Uint8Array;
  readonly initrd?: Uint8Array;
  readonly commandLine: string;
  readonly memoryMiB: number;
  /** Overwrite every dead register and flag with garbage. Default false. */
  readonly poison?: boolean;
  /** Start the kernel as it is, for comparison. Default false. */
  readonly unpatched?: boolean;
  /** The run is over when the console shows this. */
  readonly until: string;
  /** Count instructions, the same number every time, until the guest resets itself; QEMU only. Default false. */
  readonly counted?: boolean;
  readonly timeoutSeconds: number;
  readonly onConsole?: (text: string) => void;
  readonly signal?: AbortSignal;
}

export interface BootResult {
  readonly schemaVersion: 1;
  /** Whether the guest got as far as `until`. */
  readonly userland: boolean;
  readonly machine: string;
  readonly hypervisor: string;
  readonly poison: boolean;
  /** Sites whose patch the loader applied. */
  readonly patched: number;
  /** Sites that trap into the hypervisor: none under `bare`, which runs in ring 0. */
  readonly trapped: number;
  /** Sites left as they are. */
  readonly untouched: number;
  /** How often patched sites were executed. */
  readonly executed: { readonly total: number; readonly byKind: Readonly<Record<string, number>> };
  /** Guest instructions, where the machine counts them. */
  readonly instructions: number | null;
  readonly seconds: number;
  readonly end: { readonly reason: EndReason; readonly detail: string };
  readonly console: string;
}

/** What is told of a result: all but the console text, which has a channel of its own. */
export function bootReport(result: BootResult): Omit<BootResult, "console"> {
  const { console: _, ...report } = result;
  return report;
}

/**
 * Checks a job without starting anything; its kernel may still lack the table. Errors: PV5001 (no such machine here), PV9001 (memory
 * size, command line), PV1006 (loader), PV5003 (does not fit into memory).
 */
export async function checkBoot(job: BootJob): Promise<void> {
  unwrap(await job.machine.available());
  checkJob({ ...job, module: containerOf(job) });
}

function containerOf({ kernel, initrd, commandLine, poison = false, unpatched = false }: BootJob): Uint8Array {
  return unwrap(
    buildContainer({ kernel, ...(initrd === undefined ? {} : { initrd }), commandLine, poison, unpatched }),
  );
}

/**
 * Runs a job to its end. Errors: those of `checkBoot`, and what the loader says where it refuses the kernel (PV1003 to
 * PV1006, PV4001 to PV4006, PV5003).
 */
export async function bootKernel(job: BootJob): Promise<BootResult> {
  const { machine, kernel, poison = false, unpatched = false } = job;
  const run = unwrap(
    await machine.run({
      loader: job.loader,
      module: containerOf(job),
      memoryMiB: job.memoryMiB,
      until: job.until,
      ...(job.counted === undefined ? {} : { counted: job.counted }),
      timeoutSeconds: job.timeoutSeconds,
      ...(job.onConsole === undefined ? {} : { onConsole: job.onConsole }),
      ...(job.signal === undefined ? {} : { signal: job.signal }),
    }),
  );
  try {
    failIfRefused(run.console);
    const counts = unpatched ? NOT_PATCHED : await readCounts(kernel, job.loader, run.readPhysical.bind(run));
    return {
      schemaVersion: 1,
      userland: run.reached,
      machine: machine.name,
      hypervisor: job.hypervisor,
      poison,
      ...counts,
      trapped: 0,
      instructions: run.instructions,
      seconds: Math.round(run.seconds * 100) / 100,
      end: { reason: run.reason, detail: run.detail },
      console: run.console,
    };
  } finally {
    await run.close();
  }
}

/** What the loader writes last, before the console is the kernel's. */
const LOADER_DONE = "previrt: starting the kernel";

function failIfRefused(console: string): void {
  const [said] = console.split(LOADER_DONE, 1);
  const refused = /previrt: error (PV\d{4}) ([^\r\n]*)/.exec(said!);
  if (refused === null) return;
  const [, code, text] = refused as unknown as [string, DiagnosticCode, string];
  fail(code in DIAGNOSTICS ? code : "PV5002", `the loader refuses: ${text.trim()}`);
}

type Counts = Pick<BootResult, "patched" | "untouched" | "executed">;
const NOT_PATCHED: Counts = { patched: 0, untouched: 0, executed: { total: 0, byKind: {} } };

async function readCounts(
  kernel: Uint8Array,
  loader: Uint8Array,
  read: (address: number, length: number) => Promise<Uint8Array>,
): Promise<Counts> {
  const area = await read(RESIDENT_PHYSICAL, RESIDENT_END - RESIDENT_PHYSICAL);
  const state = readResidentState((physical, length) =>
    area.subarray(physical - RESIDENT_PHYSICAL, physical - RESIDENT_PHYSICAL + length),
  );
  if (!state.ok || state.value.status !== 1) return NOT_PATCHED;
  const { sites } = unwrap(annotationsOf(unwrap(readElf(kernel))));
  // The loader leaves a patch out when the profile has no template for one of its sites.
  const templates = unwrap(templatesOf(loader));
  const leftOut = new Set<number>();
  for (let s = 0; s < sites.count; s++) {
    if (findGroup(templates.groups, sites.kind[s], sites.form[s]) === undefined) leftOut.add(sites.patch[s]);
  }
  const patched = sites.patch.reduce((n, patch) => n + (patch === NO_PATCH || leftOut.has(patch) ? 0 : 1), 0);
  const byKind: Record<string, number> = {};
  let total = 0;
  state.value.counters.forEach((count, kind) => {
    if (count === 0) return;
    byKind[kindName(kind)] = count;
    total += count;
  });
  return { patched, untouched: sites.count - patched, executed: { total, byKind } };
}
