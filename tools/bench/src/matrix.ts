/**
 * `npm run kernels [FLAVOUR...]`: every i386 flavour on every machine, as it is, patched, and patched with poison, and the same
 * in ring 3 in every mode and on a plain command line; those with PAE without and with page-table isolation. Each boot runs the whole
 * workload. A patched boot passes when its console text, normalised, is that of the unpatched one; in ring 3, where the kernel finds
 * another processor and other devices, what the programs printed.
 *
 * Exit codes: 1 a cell failed, 4 a machine or a kernel was left out.
 */
import { DONE_LINE, type Flavour } from "@pv/kernels";
import {
  analyze,
  bootKernel,
  createProgress,
  loaderFor,
  machineNamed,
  MACHINES,
  normalizeConsole,
  PLAIN_LINE,
  QUICK_LINE,
  rewriteKernel,
  table,
  type BootJob,
  type BootResult,
  type Hypervisor,
  type Machine,
} from "previrt";
import { BOOTABLE, Exit, flavoursNamed, kernelOf, orLeftOut, run, say, workloadInitrd } from "./command.js";

const WORKLOAD_DONE = "workload: done";
/** Seconds that a boot may take as the kernel came; the workload takes an emulator one or two minutes where it is alone. */
const LIMIT = 3600;
/** Any other boot may take so many times that, on a machine that others use, too. */
const SLOWER = 20;

interface Way extends Partial<BootJob> {
  readonly name: string;
  readonly hypervisor: Hypervisor;
}

/** How the kernel is started; the first is what the others are compared with. */
const WAYS: readonly Way[] = [
  { name: "native", hypervisor: "bare", unpatched: true },
  { name: "patched", hypervisor: "bare" },
  { name: "poisoned", hypervisor: "bare", poison: true },
  { name: "trap", hypervisor: "ring3", mode: "trap" },
  { name: "full", hypervisor: "ring3", mode: "full" },
  { name: "lean", hypervisor: "ring3", mode: "lean" },
  { name: "full, poisoned", hypervisor: "ring3", mode: "full", poison: true },
  { name: "lean, poisoned", hypervisor: "ring3", mode: "lean", poison: true },
  { name: "lean, plain line", hypervisor: "ring3", mode: "lean", commandLine: PLAIN_LINE },
];

/** Page-table isolation, which is for kernels with PAE. */
type Isolation = "-" | "off" | "on";
const isolations = (flavour: Flavour): readonly Isolation[] => (flavour === "686" ? ["-"] : ["off", "on"]);

/** In ring 0, stubs are not in the page tables that an isolated kernel enters on. */
const possible = ({ hypervisor, unpatched = false }: Way, isolation: Isolation): boolean =>
  hypervisor !== "bare" || unpatched || isolation !== "on";

/** What is wrong with a boot, one sentence; undefined if nothing is. */
function wrong(result: BootResult, native: BootResult | undefined): string | undefined {
  const lines = result.console.split(/\r*\n/);
  const failed = lines.find((line) => /^workload: .*failed/.test(line));
  if (failed !== undefined) return failed;
  if (!result.userland) return `${result.end.reason}: ${result.end.detail} Last line: ${lines.at(-1) || lines.at(-2)}`;
  if (!lines.includes(WORKLOAD_DONE)) return "the workload did not come to its end";
  if (native === undefined || native === result) return undefined;
  const programsOnly = result.hypervisor !== native.hypervisor;
  const [ours, theirs] = [result, native].map(({ console }) =>
    normalizeConsole(console)
      .split("\n")
      .filter((line) => !programsOnly || /^(workload|guest): /.test(line)),
  ) as [string[], string[]];
  const at = ours.findIndex((line, i) => line !== theirs[i]);
  if (at < 0 && ours.length === theirs.length) return undefined;
  return `the console differs: "${ours[at] ?? "(end)"}" instead of "${theirs[at] ?? "(end)"}"`;
}

async function rowsOf(flavour: Flavour, machines: readonly Machine[], initrd: Uint8Array): Promise<Row[]> {
  const { bytes, release } = await kernelOf(flavour);
  const kernel = rewriteKernel(await analyze(bytes, createProgress(undefined)));
  const rows: Row[] = [];
  for (const machine of machines) {
    for (const isolation of isolations(flavour)) {
      const title = [release, machine.name, isolation];
      const cells: Cell[] = [];
      let native: BootResult | undefined;
      for (const way of WAYS) {
        if (!possible(way, isolation)) {
          cells.push({ text: "-", failed: false });
          continue;
        }
        const { name, commandLine = QUICK_LINE, ...how } = way;
        const result = await bootKernel({
          ...how,
          machine,
          loader: await loaderFor(how.hypervisor, undefined, how.mode === undefined ? {} : { mode: how.mode }),
          kernel,
          initrd,
          commandLine: isolation === "-" ? commandLine : `${commandLine} pti=${isolation}`,
          memoryMiB: 256,
          until: DONE_LINE,
          timeoutSeconds: native === undefined ? LIMIT : Math.max(LIMIT / 4, native.seconds * SLOWER),
        });
        native ??= result;
        const why = wrong(result, native);
        const cell = {
          text: `${why === undefined ? "pass" : "FAIL"} ${result.seconds.toFixed(0)} s`,
          failed: why !== undefined,
        };
        say(`${title.join(" ")}, ${name}: ${cell.text}${why === undefined ? "" : ` (${why})`}`);
        cells.push(cell);
      }
      rows.push({ title, cells });
    }
  }
  return rows;
}

interface Cell {
  readonly text: string;
  readonly failed: boolean;
}

interface Row {
  /** Kernel, machine, page-table isolation. */
  readonly title: readonly string[];
  readonly cells: readonly Cell[];
}

async function matrix(names: readonly string[]): Promise<number> {
  const flavours = flavoursNamed(names, BOOTABLE, BOOTABLE);
  const machines: Machine[] = [];
  for (const machine of MACHINES.map(machineNamed)) {
    const there = await machine.available();
    if (there.ok) machines.push(machine);
    else say(`${machine.name} left out: ${there.error.message}`);
  }
  const initrd = await workloadInitrd();
  const rows: Row[] = [];
  let leftOut = machines.length < MACHINES.length;
  for (const flavour of flavours) {
    const made = await orLeftOut(flavour, () => rowsOf(flavour, machines, initrd));
    if (made === undefined) leftOut = true;
    else rows.push(...made);
  }
  const cells = rows.map(({ title, cells: row }) => [...title, ...row.map(({ text }) => text)]);
  const head = ["kernel", "machine", "pti", ...WAYS.map(({ name }) => name)];
  process.stdout.write(`${table([head, ...cells], "lll" + "r".repeat(WAYS.length))}\n`);
  const failed = rows.some((row) => row.cells.some((cell) => cell.failed));
  return failed ? Exit.findings : leftOut ? Exit.degraded : Exit.done;
}

await run(matrix);
