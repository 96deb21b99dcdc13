/**
 * Debian's kernels in ring 3 under the monitor: every mode, plain and poisoned, two-level tables and PAE with and without page-table
 * isolation. What user programs print has to be what they print natively. Skipped by name where a kernel cannot be had.
 */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { busyboxForTests, DONE_LINE, kernelForTests, makeInitrd } from "@pv/kernels";
import {
  analyze,
  bootKernel,
  createProgress,
  loaderFor,
  machineNamed,
  MODES,
  PLAIN_LINE,
  QUICK_LINE,
  rewriteKernel,
  type BootResult,
  type Hypervisor,
  type MachineName,
  type Mode,
} from "../src/index.js";

const BOOT_LIMIT = 400_000;
const busybox = await busyboxForTests();
const flavours = await Promise.all(
  (["686", "686-pae"] as const).map(async (name) => ({ name, ...(await kernelForTests(name)) })),
);
const qemuThere = (await machineNamed("qemu").available()).ok;

interface How {
  readonly hypervisor?: Hypervisor;
  readonly machine?: MachineName;
  readonly mode?: Mode;
  readonly poison?: boolean;
  readonly line?: string;
}

/** What user programs printed. */
const said = (result: BootResult): string[] =>
  result.console.split(/\r*\n/).filter((line) => line.startsWith("guest:"));

for (const { name, file, reason } of flavours) {
  const missing = reason ?? busybox.reason;
  describe.skipIf(missing !== undefined)(
    `Debian's ${name}${missing === undefined ? "" : ` (skipped: ${missing})`}`,
    () => {
      let kernel: Uint8Array;
      let initrd: Uint8Array;
      let native: BootResult;

      async function boot({
        hypervisor = "ring3",
        machine = "v86",
        mode = "lean",
        poison,
        line = QUICK_LINE,
      }: How): Promise<BootResult> {
        const result = await bootKernel({
          machine: machineNamed(machine),
          hypervisor,
          loader: await loaderFor(hypervisor, undefined, { mode, count: true }),
          kernel,
          initrd,
          commandLine: line,
          memoryMiB: 256,
          until: DONE_LINE,
          timeoutSeconds: 180,
          ...(hypervisor === "bare" ? {} : { mode }),
          ...(poison === undefined ? {} : { poison }),
        });
        expect(result.userland, result.end.detail + result.console.slice(-2000)).toBe(true);
        return result;
      }

      beforeAll(async () => {
        kernel = rewriteKernel(await analyze(await readFile(file!.path), createProgress(undefined)));
        initrd = makeInitrd({ busybox: await readFile(busybox.file!.path) });
        native = await boot({ hypervisor: "bare" });
        expect(said(native).length).toBeGreaterThan(8);
      });

      test.each(MODES)(
        "mode %s",
        async (mode) => {
          const result = await boot({ mode });
          expect(said(result)).toEqual(said(native));
          expect(result.console).not.toMatch(/BUG:|WARNING:|Oops/);
          const { byKind, sites } = result.traps!;
          expect(sites.length).toBe(10);
          // With the flag in memory next to none of them is left.
          if (mode === "trap") expect(byKind.cli).toBeGreaterThan(50_000);
          else expect(byKind.cli! * 20).toBeLessThan(result.executed.byKind.cli!);
        },
        BOOT_LIMIT,
      );

      test("poisoned", async () => expect(said(await boot({ poison: true }))).toEqual(said(native)), BOOT_LIMIT);

      test.skipIf(name !== "686-pae")(
        "with page-table isolation",
        async () => {
          const result = await boot({ line: `${QUICK_LINE} pti=on` });
          expect(said(result)).toEqual(said(native));
          expect(result.console).toContain("Kernel/User page tables isolation: enabled");
          // Shadow tables outlive CR3: without that there would be half a million.
          expect(result.traps!.pageFaults).toBeLessThan(100_000);
        },
        BOOT_LIMIT,
      );

      test.skipIf(!qemuThere)(
        "on QEMU",
        async () => expect(said(await boot({ machine: "qemu" }))).toEqual(said(native)),
        BOOT_LIMIT,
      );

      test.skipIf(!qemuThere)(
        "on a plain command line, where every device is looked for",
        async () => expect(said(await boot({ machine: "qemu", line: PLAIN_LINE }))).toEqual(said(native)),
        BOOT_LIMIT,
      );
    },
  );
}
