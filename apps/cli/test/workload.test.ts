/**
 * A patched kernel at work, every register that is called dead overwritten: the workload of test-images looks at registers
 * and flags across everything that enters the kernel, so a wrong fact shows itself there. Its lines are the same on every
 * machine, and the same as those of the kernel as it came.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { busyboxForTests, DONE_LINE, kernelForTests, makeInitrd } from "@pv/kernels";
import {
  analyze,
  bootKernel,
  createProgress,
  loaderFor,
  machineNamed,
  QUICK_LINE,
  rewriteKernel,
  type Hypervisor,
  type Machine,
} from "../src/index.js";

const debian = await kernelForTests("686");
const busybox = await busyboxForTests();
const missing = debian.reason ?? busybox.reason;
const qemu = machineNamed("qemu");
const qemuThere = await qemu.available();
const LIMIT = 400;

describe.skipIf(missing !== undefined)(`Workload${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  let kernel: Uint8Array;
  let loader: Uint8Array;
  let initrd: Uint8Array;
  let lines: readonly string[];

  const work = async (
    machine: Machine,
    how: { hypervisor?: Hypervisor; poison?: boolean; unpatched?: boolean },
  ): Promise<string[]> => {
    const hypervisor = how.hypervisor ?? "bare";
    const result = await bootKernel({
      machine,
      hypervisor,
      loader: hypervisor === "bare" ? loader : await loaderFor(hypervisor),
      kernel,
      initrd,
      commandLine: QUICK_LINE,
      memoryMiB: 256,
      until: DONE_LINE,
      timeoutSeconds: LIMIT,
      ...how,
    });
    expect(result.userland, result.end.detail + result.console.slice(-2000)).toBe(true);
    expect(result.patched).toBeGreaterThanOrEqual(how.unpatched === true ? 0 : 1500);
    return result.console.split(/\r*\n/).filter((line) => /^(workload|guest): /.test(line));
  };
  // Only one of the machines can make a processor stop at each instruction.
  const common = (all: readonly string[]): string[] => all.filter((line) => !line.startsWith("workload: stepping "));

  beforeAll(async () => {
    const built = fileURLToPath(new URL("../../../test-images/guests/build/workload", import.meta.url));
    kernel = rewriteKernel(await analyze(await readFile(debian.file!.path), createProgress(undefined)));
    loader = await loaderFor("bare");
    initrd = makeInitrd({ busybox: await readFile(busybox.file!.path), workload: await readFile(built) });
  });

  test(
    "ends well on v86, poisoned",
    async () => {
      lines = await work(machineNamed("v86"), { poison: true });
      expect(lines).toContain("workload: done");
      expect(lines.filter((line) => line.startsWith("workload: ") && !/^workload: (\S+ ok |done$)/.test(line))).toEqual(
        [],
      );
      expect(lines.filter((line) => / ok /.test(line)).length).toBeGreaterThan(25);
    },
    LIMIT * 1000,
  );

  test.skipIf(!qemuThere.ok)(
    `prints the same on qemu, as it came, poisoned, and poisoned in ring 3${qemuThere.ok ? "" : " (skipped: not installed)"}`,
    async () => {
      const native = await work(qemu, { unpatched: true });
      expect(await work(qemu, { poison: true })).toEqual(native);
      expect(await work(qemu, { hypervisor: "ring3", poison: true })).toEqual(native);
      expect(common(native)).toEqual(common(lines));
    },
    LIMIT * 3000,
  );
});
