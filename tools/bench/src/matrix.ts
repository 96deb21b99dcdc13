/**
 * `npm run kernels [FLAVOUR...]`: every i386 flavour on every machine, as it is, patched, and patched with poison, and the same
 * in ring 3 in every mode; each boot runs the whole workload. A patched boot passes when its console text, normalised, is that of
 * the unpatched one; in ring 3, where the kernel finds another processor and other devices, what the programs printed.
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
  QUICK_LINE,
  rewriteKernel,
  table,
  type BootJob,
  type BootResult,
  type Machine,
} from "previrt";
import { BOOTABLE, Exit, flavoursNamed, kernelOf, orLeftOut, run, say, workloadInitrd } from "./command.js";

const WORKLOAD_DONE = "workload: done";
/** One boot with the workload takes an emulator a minute; several may share the processors. Seconds. */
const LIMIT = 900;

/** How the kernel is started; the first is what the others are compared with. */
const MODES = [
  ["native", { hypervisor: "bare", unpatched: true }],
  ["patched", { hypervisor: "bare" }],
  ["poisoned", { hypervisor: "bare", poison: true }],
  ["trap", { hypervisor: "ring3", mode: "trap" }],
  ["full", { hypervisor: "ring3", mode: "full" }],
  ["lean", { hypervisor: "ring3", mode: "lean" }],
  ["lean, poisoned", { hypervisor: "ring3", mode: "lean", poison: true }],
] as const satisfies readonly (readonly [name: string, how: Partial<BootJob> & Pick<BootJob, "hypervisor">])[];

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
    const cells: Cell[] = [];
    let native: BootResult | undefined;
    for (const [name, how] of MODES) {
      const result = await bootKernel({
        machine,
        loader: await loaderFor(how.hypervisor, undefined, "mode" in how ? { mode: how.mode } : {}),
        kernel,
        initrd,
        ...how,
        commandLine: QUICK_LINE,
        memoryMiB: 256,
        until: DONE_LINE,
        timeoutSeconds: LIMIT,
      });
      native ??= result;
      const why = wrong(result, native);
      const cell = {
        text: `${why === undefined ? "pass" : "FAIL"} ${result.seconds.toFixed(0)} s`,
        failed: why !== undefined,
      };
      say(`${release} on ${machine.name}, ${name}: ${cell.text}${why === undefined ? "" : ` (${why})`}`);
      cells.push(cell);
    }
    rows.push({ release, machine: machine.name, cells });
  }
  return rows;
}

interface Cell {
  readonly text: string;
  readonly failed: boolean;
}

interface Row {
  readonly release: string;
  readonly machine: string;
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
  const cells = rows.map(({ release, machine, cells: row }) => [release, machine, ...row.map(({ text }) => text)]);
  process.stdout.write(
    `${table([["kernel", "machine", ...MODES.map(([name]) => name)], ...cells], "ll" + "r".repeat(MODES.length))}\n`,
  );
  const failed = rows.some((row) => row.cells.some((cell) => cell.failed));
  return failed ? Exit.findings : leftOut ? Exit.degraded : Exit.done;
}

await run(matrix);
