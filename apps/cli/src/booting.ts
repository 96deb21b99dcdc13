/**
 * Booting a kernel under a loader: pack the container, run the machine, read the counters out of the guest's memory.
 */
import { DIAGNOSTICS, fail, readElf, unwrap, type DiagnosticCode } from "@pv/elf";
import {
  annotationsOf,
  buildContainer,
  NO_PATCH,
  readMonitorCounts,
  readResidentState,
  RESIDENT_END,
  RESIDENT_PHYSICAL,
  templatesOf,
} from "@pv/runtime-loader";
import { entryOf, kindName } from "@pv/sensitive";
import { findGroup, ruleOf } from "@pv/stubgen";
import { formatAddress } from "./image-model.js";
import { checkJob, type EndReason, type Machine, type Typing } from "./machine/machine.js";
import type { Hypervisor, Mode } from "./names.js";

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
  /** How the kernel is rewritten, under a hypervisor other than `bare`; the loader has to be made for it. Default "lean". */
  readonly mode?: Mode;
  /** The run is over when the console shows this. */
  readonly until?: string;
  /** What is typed on the guest's console. Default: nothing. */
  readonly typing?: Typing;
  /** Count instructions, the same number every time, until the guest resets itself; QEMU only. Default false. */
  readonly counted?: boolean;
  readonly timeoutSeconds: number;
  readonly onConsole?: (text: string) => void;
  readonly signal?: AbortSignal;
  /** Report every site that trapped, not only the most frequent ones. Default false. */
  readonly profile?: boolean;
}

/** Sites that a report names if no profile is asked for. */
const TOP_SITES = 10;

export interface BootResult {
  readonly schemaVersion: 1;
  /** Whether the guest got as far as `until`. */
  readonly userland: boolean;
  readonly machine: string;
  readonly hypervisor: string;
  readonly poison: boolean;
  /** How the kernel was rewritten; not under `bare`, which knows one way only. */
  readonly mode?: Mode;
  /** Sites whose patch the loader applied. */
  readonly patched: number;
  /** Sites that trap into the hypervisor: none under `bare`, which runs in ring 0. */
  readonly trapped: number;
  /** Sites left as they are. */
  readonly untouched: number;
  /** How often patched sites were executed. */
  readonly executed: { readonly total: number; readonly byKind: Readonly<Record<string, number>> };
  /** What came into the hypervisor; not under `bare`, where nothing does. */
  readonly traps?: TrapCounts;
  /** Guest instructions, where the machine counts them. */
  readonly instructions: number | null;
  readonly seconds: number;
  readonly end: { readonly reason: EndReason; readonly detail: string };
  readonly console: string;
}

export interface TrapCounts {
  /** Entries into the monitor, for whatever reason. */
  readonly entries: number;
  readonly pageFaults: number;
  readonly hostInterrupts: number;
  /** Emulated instructions. */
  readonly byKind: Readonly<Record<string, number>>;
  /** The sites that trapped, most frequent first, at most `TOP_SITES`, or all for a profile. */
  readonly sites: readonly TrappingSite[];
  readonly modules: ModuleCounts;
}

/** Kernel modules that the guest loaded. */
export interface ModuleCounts {
  /** Whether their sites get traps when they are loaded; else they stay as they are. */
  readonly rewritten: boolean;
  /** Sites of modules that have a trap now, and how often these trapped. */
  readonly sites: number;
  readonly traps: number;
}

export interface TrappingSite {
  readonly address: string;
  readonly kind: string;
  readonly traps: number;
  /** Why it traps: the planner's rule that keeps it in place, or that the profile has no stub for its window. */
  readonly reason: string;
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

function containerOf({ kernel, initrd, commandLine, poison = false, unpatched = false, mode }: BootJob): Uint8Array {
  const trapOnly = mode === "trap";
  return unwrap(
    buildContainer({ kernel, ...(initrd === undefined ? {} : { initrd }), commandLine, poison, unpatched, trapOnly }),
  );
}

/**
 * Runs a job to its end. Errors: those of `checkBoot`, and what the loader says where it refuses the kernel (PV1003 to
 * PV1006, PV4001 to PV4006, PV5003).
 */
export async function bootKernel(job: BootJob): Promise<BootResult> {
  const { machine, poison = false, unpatched = false } = job;
  const run = unwrap(
    await machine.run({
      loader: job.loader,
      module: containerOf(job),
      memoryMiB: job.memoryMiB,
      ...(job.until === undefined ? {} : { until: job.until }),
      ...(job.typing === undefined ? {} : { typing: job.typing }),
      ...(job.counted === undefined ? {} : { counted: job.counted }),
      timeoutSeconds: job.timeoutSeconds,
      ...(job.onConsole === undefined ? {} : { onConsole: job.onConsole }),
      ...(job.signal === undefined ? {} : { signal: job.signal }),
    }),
  );
  try {
    failIfRefused(run.console);
    const read = run.readPhysical.bind(run);
    // A machine that has failed may have taken its memory with it.
    const lost = unpatched || run.reason === "error";
    const counts = lost ? NOT_PATCHED : await readCounts(job, read);
    return {
      schemaVersion: 1,
      userland: run.reached,
      machine: machine.name,
      hypervisor: job.hypervisor,
      poison,
      ...(job.hypervisor === "bare" ? {} : { mode: job.mode ?? "lean" }),
      ...counts,
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

type Counts = Pick<BootResult, "patched" | "trapped" | "untouched" | "executed" | "traps">;
const NOT_PATCHED: Counts = { patched: 0, trapped: 0, untouched: 0, executed: { total: 0, byKind: {} } };
type ReadPhysical = (address: number, length: number) => Promise<Uint8Array>;

async function readCounts(job: BootJob, read: ReadPhysical): Promise<Counts> {
  const { kernel, loader, mode } = job;
  const area = await read(RESIDENT_PHYSICAL, RESIDENT_END - RESIDENT_PHYSICAL);
  const state = readResidentState((physical, length) =>
    area.subarray(physical - RESIDENT_PHYSICAL, physical - RESIDENT_PHYSICAL + length),
  );
  if (!state.ok || state.value.status !== 1) return NOT_PATCHED;
  const { sites, moduleHook } = unwrap(annotationsOf(unwrap(readElf(kernel))));
  // The loader leaves a patch out when the profile has no template for one of its sites.
  const templates = unwrap(templatesOf(loader));
  const leftOut = new Set<number>();
  for (let s = 0; s < sites.count; s++) {
    if (findGroup(templates.groups, sites.kind[s], sites.form[s]) === undefined) leftOut.add(sites.patch[s]);
  }
  const inStub = (s: number): boolean => mode !== "trap" && sites.patch[s] !== NO_PATCH && !leftOut.has(sites.patch[s]);
  const patched = sites.patch.reduce((n, _, s) => n + (inStub(s) ? 1 : 0), 0);
  const executed = byKindOf(state.value.counters);
  const counted = {
    patched,
    executed: { total: Object.values(executed).reduce((n, m) => n + m, 0), byKind: executed },
  };
  if (job.hypervisor === "bare") return { ...counted, trapped: 0, untouched: sites.count - patched };

  const monitor = unwrap(await readMonitorCounts(read));
  const vectors = monitor.vectors;
  /** Row of the annotation table by row of the monitor's, -1 for sites of modules. */
  const annotated = new Int32Array(monitor.count).fill(-1);
  let own = 0,
    trapped = 0;
  for (let row = 0; row < monitor.count && own < sites.count; row++) if (!monitor.module[row]) annotated[row] = own++;
  annotated.forEach((s, row) => {
    if (s < 0 || inStub(s)) return;
    const faults = entryOf(sites.kind[s])!.class !== "silent";
    if (faults || monitor.trapped[row] === 1) trapped++;
  });
  const reasonOf = (s: number): string => {
    if (s < 0) return "in a kernel module";
    return mode === "trap" ? "no stubs in this mode" : (ruleOf(sites.reason[s])?.name ?? "no stub for its window");
  };
  const rows = [...monitor.traps.keys()].filter((row) => monitor.traps[row] > 0);
  rows.sort((a, b) => monitor.traps[b] - monitor.traps[a] || a - b);
  const named = rows.slice(0, job.profile ? rows.length : TOP_SITES).map((row) => ({
    address: formatAddress(monitor.address[row], 0, 32),
    kind: kindName(monitor.kind[row]),
    traps: monitor.traps[row],
    reason: reasonOf(annotated[row]),
  }));
  const ofModules = [...monitor.module.keys()].filter((row) => monitor.module[row]);
  return {
    ...counted,
    trapped,
    untouched: sites.count - patched - trapped,
    traps: {
      entries: vectors.reduce((n, m) => n + m, 0),
      pageFaults: vectors[PAGE_FAULT],
      hostInterrupts: vectors.subarray(HOST_VECTOR, HOST_VECTOR_END).reduce((n, m) => n + m, 0),
      byKind: byKindOf(monitor.kinds),
      sites: named,
      modules: {
        rewritten: moduleHook !== null,
        sites: ofModules.length,
        traps: ofModules.reduce((n, row) => n + monitor.traps[row], 0),
      },
    },
  };
}

const PAGE_FAULT = 14,
  HOST_VECTOR = 0x20,
  HOST_VECTOR_END = 0x30;

function byKindOf(counters: Uint32Array): Record<string, number> {
  const byKind: Record<string, number> = {};
  // Number 0 is no kind: instructions that were not sensitive.
  counters.forEach((count, kind) => {
    if (count > 0 && kind > 0) byKind[kindName(kind)] = count;
  });
  return byKind;
}
