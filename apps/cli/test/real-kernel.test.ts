/**
 * The main job on Debian's own kernels: analysed, rewritten, patched inside the guest, booted. Assertions are on console text, bytes and
 * counters, never on time. What needs a kernel that cannot be had, or QEMU where it is missing, is skipped by name.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import {
  analyzeLiveness,
  ASSUMPTIONS,
  DEFAULT_ASSUMPTIONS,
  NO_ASSUMPTIONS,
  openLedger,
  type Assumptions,
  type Liveness,
} from "@pv/dataflow";
import { readElf, unwrap } from "@pv/elf";
import { busyboxForTests, DONE_LINE, kernelForTests, makeInitrd, USERLAND_LINE } from "@pv/kernels";
import {
  annotationsOf,
  buildContainer,
  patchKernel,
  readResident,
  readResidentState,
  RESIDENT_END,
  RESIDENT_PHYSICAL,
} from "@pv/runtime-loader";
import { kindNumber } from "@pv/sensitive";
import { bareProfile } from "@pv/stubgen";
import { EAX, partsOf, restOf } from "@pv/x86-ir";
import {
  analyze,
  bootKernel,
  buildModel,
  createProgress,
  loaderFor,
  machineNamed,
  normalizeConsole,
  QUICK_LINE,
  rewriteKernel,
  type Analysis,
  type BootResult,
  type Machine,
} from "../src/index.js";

const debian = await kernelForTests("686");
const cloud = await kernelForTests("cloud-amd64");
const busybox = await busyboxForTests();
const qemu = machineNamed("qemu");
const qemuThere = await qemu.available();
const missing = debian.reason ?? busybox.reason;
const BOOT_LIMIT = 400_000;

describe.skipIf(missing !== undefined)(
  `Debian's 686 kernel${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let analysis: Analysis;
    let kernel: Uint8Array;
    let loader: Uint8Array;
    let initrd: Uint8Array;

    beforeAll(async () => {
      analysis = await analyze(await readFile(debian.file!.path), createProgress(undefined));
      kernel = rewriteKernel(analysis);
      loader = await loaderFor("bare");
      initrd = makeInitrd({ busybox: await readFile(busybox.file!.path) });
    });

    const boot = (
      machine: Machine,
      how: { poison?: boolean; unpatched?: boolean; kernel?: Uint8Array; timeoutSeconds?: number } = {},
    ): Promise<BootResult> =>
      bootKernel({
        machine,
        hypervisor: "bare",
        loader,
        kernel,
        initrd,
        commandLine: QUICK_LINE,
        memoryMiB: 256,
        until: DONE_LINE,
        timeoutSeconds: 180,
        ...how,
      });

    test("has its sites found, most of them patched, and a reason for every other", () => {
      const model = buildModel(analysis);
      const left = model.sites.filter(({ tactic }) => tactic === "in-place");
      expect(model.summary.sites).toBeGreaterThanOrEqual(4500);
      expect(model.summary.sites - left.length).toBeGreaterThanOrEqual(1500);
      expect(left.filter(({ reason }) => reason === null)).toEqual([]);
      expect(model.summary.registers.reduction).toBeGreaterThanOrEqual(0.6);
    });

    test("has no function that returns 64 bits taken for one that returns 32", () => {
      const { program, image } = analysis;
      // Everywhere: the pipeline looks only at functions that sites depend on.
      const liveness = analyzeLiveness(program, DEFAULT_ASSUMPTIONS);
      const wide = [
        "sched_clock",
        "native_sched_clock",
        "ktime_get",
        "ktime_get_real_seconds",
        "get_jiffies_64",
        "div64_u64",
        "generic_file_llseek",
        "vfs_llseek",
        "default_llseek",
        "ktime_get_with_offset",
        "nsecs_to_jiffies64",
        "local_clock",
        "get_random_u64",
      ];
      const found = wide.flatMap((name) => image.symbols?.lookup(name) ?? []);
      expect(found.length).toBeGreaterThan(8);
      for (const va of found) {
        const f = program.functions.containing(program.instructions.at(va));
        expect(liveness.narrow.has(f), image.symbols!.name(image.symbols!.below(va))).toBe(false);
      }
      const rows = Array.from({ length: program.functions.count }, (_, f) => f);
      expect(rows.filter((f) => liveness.narrow.has(f)).length).toBeGreaterThan(10_000);
    });

    test("has a ledger that names each assumption without which a fact would be another", () => {
      const { program, sites, liveness } = analysis;
      const ledger = openLedger(program, liveness);
      const words = Array.from(sites.instruction, (row) => ledger.behind(row));
      const analyzed = (assumptions: Assumptions) =>
        analyzeLiveness(program, assumptions, sites.instruction, liveness.locations);
      const missing = (name: string, bits: number, other: Liveness): string[] =>
        Array.from(sites.instruction).flatMap((row, s) => {
          const [fact, without] = [liveness.worthKeeping(row), other.worthKeeping(row)];
          const same = fact.parts === without.parts && fact.rest === without.rest;
          return same || (words[s]! & bits) !== 0
            ? []
            : [`${name} at ${program.instructions.address[row].toString(16)}`];
        });
      for (const name of Object.keys(ASSUMPTIONS) as (keyof Assumptions)[])
        expect(missing(name, 1 << ASSUMPTIONS[name][0], analyzed({ ...DEFAULT_ASSUMPTIONS, [name]: false }))).toEqual(
          [],
        );
      expect(missing("all", -1, analyzed(NO_ASSUMPTIONS))).toEqual([]);
      // Not by naming everything.
      expect(words.filter((word) => word === 0).length).toBeGreaterThan(words.length / 4);
    });

    test("stays the same kernel when it is rewritten: its loaded bytes do not change", () => {
      const rewritten = unwrap(readElf(kernel));
      const { elf } = analysis.image;
      for (const { offset, fileSize } of elf.segments) {
        expect(
          Buffer.compare(elf.bytes.subarray(offset, offset + fileSize), kernel.subarray(offset, offset + fileSize)),
        ).toBe(0);
      }
      expect(unwrap(annotationsOf(rewritten)).sites.count).toBe(analysis.sites.count);
    });

    test.each([false, true])(
      "is patched inside the guest to the bytes of the reference patcher (poison: %s)",
      async (poison) => {
        const elf = unwrap(readElf(kernel));
        const blob = await readFile(fileURLToPath(new URL("../../runtime-loader/build/resident.bin", import.meta.url)));
        const reference = unwrap(
          patchKernel({
            elf,
            annotations: unwrap(annotationsOf(elf)),
            templates: bareProfile(),
            resident: unwrap(readResident(blob)),
            poison,
          }),
        );
        const module = unwrap(buildContainer({ kernel, commandLine: "", poison, stopBehindPatching: true }));
        const run = unwrap(
          await machineNamed("v86").run({
            loader,
            module,
            memoryMiB: 256,
            until: "previrt: stopped behind patching",
            timeoutSeconds: 120,
          }),
        );
        try {
          expect(run.reached, run.detail).toBe(true);
          const image = await run.readPhysical(reference.imageStart, reference.image.length);
          expect(Buffer.compare(image, reference.image)).toBe(0);
          const area = await run.readPhysical(RESIDENT_PHYSICAL, RESIDENT_END - RESIDENT_PHYSICAL);
          const state = unwrap(
            readResidentState((at, length) => area.subarray(at - RESIDENT_PHYSICAL, at - RESIDENT_PHYSICAL + length)),
          );
          const arena = state.arenaAddress - 0xc000_0000 - RESIDENT_PHYSICAL;
          expect(state.arenaUsed).toBe(reference.arena.length);
          expect(Buffer.compare(area.subarray(arena, arena + state.arenaUsed), reference.arena)).toBe(0);
          expect(state).toMatchObject({
            status: 1,
            applied: reference.applied,
            left: reference.left,
            poison,
            arenaChecksum: reference.arenaChecksum,
            kernelChecksum: reference.kernelChecksum,
          });
        } finally {
          await run.close();
        }
      },
      BOOT_LIMIT,
    );

    const machines: [string, Machine, boolean][] = [
      ["v86", machineNamed("v86"), true],
      ["qemu", qemu, qemuThere.ok],
    ];
    for (const [name, machine, there] of machines) {
      describe.skipIf(!there)(`on ${name}${there ? "" : " (skipped: not installed)"}`, () => {
        test(
          "reaches userland, plain and poisoned, with the console text of an unpatched boot",
          async () => {
            const native = await boot(machine, { unpatched: true });
            const plain = await boot(machine);
            const poisoned = await boot(machine, { poison: true });
            for (const result of [native, plain, poisoned]) {
              expect(result.userland, result.end.detail + result.console.slice(-2000)).toBe(true);
              expect(result.console).toContain(USERLAND_LINE);
            }
            expect(normalizeConsole(plain.console)).toBe(normalizeConsole(native.console));
            expect(normalizeConsole(poisoned.console)).toBe(normalizeConsole(native.console));
            expect(plain.patched).toBeGreaterThanOrEqual(1500);
            for (const kind of ["pushf", "cli", "sti", "popf", "in", "out"])
              expect(plain.executed.byKind[kind], kind).toBeGreaterThan(1000);
            expect(native.executed.total).toBe(0);
          },
          BOOT_LIMIT,
        );
      });
    }

    test(
      "does not survive poison when a fact is wrong",
      async () => {
        // Claims that EAX is dead behind every CLI, also where the flags that PUSHF saved are in it.
        const liveParts = analysis.facts.liveParts.slice(),
          liveRest = analysis.facts.liveRest.slice();
        analysis.sites.kind.forEach((kind, s) => {
          if (kind !== kindNumber("cli")) return;
          liveParts[s] &= ~partsOf(EAX);
          liveRest[s] &= ~restOf(EAX);
        });
        const broken = rewriteKernel({ ...analysis, facts: { ...analysis.facts, liveParts, liveRest } });
        const result = await boot(machineNamed("v86"), { poison: true, kernel: broken, timeoutSeconds: 30 });
        expect(result.userland).toBe(false);
      },
      BOOT_LIMIT,
    );
  },
);

test.skipIf(cloud.reason !== undefined)(
  `Debian's amd64 cloud kernel is analysed${cloud.reason === undefined ? "" : ` (skipped: ${cloud.reason})`}`,
  async () => {
    const analysis = await analyze(await readFile(cloud.file!.path), createProgress(undefined));
    const model = buildModel(analysis);
    expect(model.image.arch).toBe("amd64");
    expect(analysis.image.tables.problems).toEqual([]);
    expect(model.summary.sites).toBeGreaterThan(2000);
    expect(model.sites.every(({ tactic, reason }) => (tactic === "in-place") === (reason !== null))).toBe(true);
  },
);
