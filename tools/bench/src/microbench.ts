/**
 * `npm run microbench [FLAVOUR]`: how many instructions a boot takes, and each of the workload's microbenchmarks, in every
 * mode in which a kernel can be started. QEMU counts them: its time is made of instructions, so the figures are the same in every run.
 *
 * A benchmark's figure is instructions per round, the program's own included.
 */
import {
  analyze,
  bootKernel,
  createProgress,
  loaderFor,
  machineNamed,
  QUICK_LINE,
  rewriteKernel,
  table,
  type BootJob,
} from "previrt";
import { fail } from "@pv/elf";
import { BOOTABLE, flavoursNamed, kernelOf, run, Exit, say, workloadInitrd } from "./command.js";

/** How the kernel is started; the first is what the others are compared with. */
const MODES: Readonly<Record<string, Pick<BootJob, "hypervisor" | "mode" | "unpatched">>> = {
  native: { hypervisor: "bare", unpatched: true },
  bare: { hypervisor: "bare" },
  trap: { hypervisor: "ring3", mode: "trap" },
  full: { hypervisor: "ring3", mode: "full" },
  lean: { hypervisor: "ring3", mode: "lean" },
};

/** A shell script that ends in a reset, at which the count stops. */
const BOOT = "reboot -f";
const BENCHMARKS = `workload microbench\n${BOOT}`;
/** Reset by a triple fault: the usual way first waits for a keyboard controller, which not every machine has. */
const LINE = `${QUICK_LINE} reboot=t`;
const LIMIT = 600;

async function microbench(args: readonly string[]): Promise<number> {
  if (args.length > 1) fail("PV9001", "one flavour at a time");
  const [flavour] = flavoursNamed(args, ["686"], BOOTABLE);
  const { bytes, release } = await kernelOf(flavour!);
  const kernel = rewriteKernel(await analyze(bytes, createProgress(undefined)));
  const count = async (mode: string, initrd: Uint8Array, until: string) => {
    say(`${release}, ${mode}, until "${until}"`);
    const job = MODES[mode]!;
    const result = await bootKernel({
      machine: machineNamed("qemu"),
      ...job,
      loader: await loaderFor(job.hypervisor, undefined, job.mode === undefined ? {} : { mode: job.mode }),
      kernel,
      initrd,
      commandLine: LINE,
      memoryMiB: 256,
      until,
      counted: true,
      timeoutSeconds: LIMIT,
    });
    if (!result.userland) fail("PV5002", `${mode}: the guest did not show "${until}": ${result.end.detail}`);
    return result;
  };

  const boot = await workloadInitrd(BOOT);
  const benchmarks = await workloadInitrd(BENCHMARKS);
  const columns: Map<string, number>[] = [];
  for (const mode of Object.keys(MODES)) {
    const column = new Map([
      ["boot", (await count(mode, boot, "reboot: Restarting system")).instructions ?? Number.NaN],
    ]);
    const { console } = await count(mode, benchmarks, "microbench: done");
    for (const [, name, rounds, counts] of console.matchAll(/^microbench: (\S+) (\d+) rounds (\d+) counts\r*$/gm))
      column.set(name!, Number(counts) / Number(rounds));
    columns.push(column);
  }
  const native = columns[0]!;
  const rows = [...native].map(([name, instructions]) => [
    name,
    ...columns.flatMap((column, i) => {
      const own = column.get(name) ?? Number.NaN;
      return [own.toFixed(name === "boot" ? 0 : 1), ...(i === 0 ? [] : [(own / instructions).toFixed(3)])];
    }),
  ]);
  const heads = Object.keys(MODES).flatMap((mode, i) => (i === 0 ? [mode] : [mode, "ratio"]));
  process.stdout.write(`${release}, instructions\n\n${table([["work", ...heads], ...rows])}\n`);
  return Exit.done;
}

await run(microbench);
