/**
 * The isolation suite: a kernel that attacks the monitor of back end ring3, case by case (test-images/guests/hostile), on both
 * machines and in every mode. Cases that go on share one boot and check themselves what they get; those that end the guest have one
 * each, and the monitor has to say why. After every boot the monitor's code and constants have to be in memory as they were built.
 */
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { readElf, sectionNamed, unwrap } from "@pv/elf";
import { buildContainer } from "@pv/runtime-loader";
import { loaderFor } from "../src/loading.js";
import { qemu, v86, type Machine, type MachineRun } from "../src/machine/index.js";
import { MODES, type Mode } from "../src/names.js";
import { Folder, previrt } from "./cli.fixture.js";

const GUESTS = new URL("../../../test-images/guests/", import.meta.url);
const BUILT = new URL("../../runtime-loader/build/", import.meta.url);
const MONITOR_LINEAR = 0xfc000000;
const MONITOR_PHYSICAL = 0x2c00000;

const sources = readdirSync(new URL("hostile/", GUESTS))
  .filter((name) => name.endsWith(".S"))
  .map((name) => readFileSync(new URL(`hostile/${name}`, GUESTS), "utf8"))
  .join("");
/** What stands behind a macro of hostile.h, line by line. */
const named = (macro: string, arguments_: string): readonly (readonly [name: string, report: string])[] =>
  [...sources.matchAll(new RegExp(`^${macro} ([\\w-]+)${arguments_}$`, "gm"))].map(([, name, report = ""]) => [
    name!,
    report,
  ]);
const REPORT = ', "([^"]+)"';
const everywhere = named("CASE", ""),
  withStubs = named("STUB_CASE", ""),
  endings = named("ENDING", REPORT),
  stubEndings = named("STUB_ENDING", REPORT),
  wild = named("WILD", "");

/** How a guest is rewritten. */
interface How {
  readonly mode: Mode;
  readonly poison?: boolean;
}
const WAYS: readonly (readonly [name: string, how: How])[] = [
  ...MODES.map((mode) => [mode, { mode }] as const),
  ["lean, poisoned", { mode: "lean", poison: true }],
];
const LEAN: How = { mode: "lean" };

const folder = new Folder();
const loaders = new Map<Mode, Uint8Array>();
let kernel: Uint8Array;
beforeAll(async () => {
  for (const mode of MODES) loaders.set(mode, await loaderFor("ring3", undefined, { mode }));
  const { code, stderr } = await previrt(
    "rewrite",
    "-o",
    folder.at("hostile"),
    new URL("build/hostile.elf", GUESTS).pathname,
  );
  expect(code, stderr).toBe(0);
  kernel = new Uint8Array(readFileSync(folder.at("hostile")));
});

async function runs(
  machine: Machine,
  { mode, poison = false }: How,
  commandLine: string,
  until: RegExp,
): Promise<MachineRun> {
  const module = unwrap(buildContainer({ kernel, commandLine, trapOnly: mode === "trap", poison }));
  return unwrap(await machine.run({ loader: loaders.get(mode)!, module, memoryMiB: 96, until, timeoutSeconds: 40 }));
}

/** What never changes in the monitor's memory, as it was built. */
async function expectIntact(run: MachineRun): Promise<void> {
  const elf = unwrap(readElf(new Uint8Array(readFileSync(new URL("boot-ring3-monitor.elf", BUILT)))));
  for (const name of [".text", ".rodata"]) {
    const section = sectionNamed(elf, name)!;
    const address = Number(section.address) - MONITOR_LINEAR + MONITOR_PHYSICAL;
    const now = await run.readPhysical(address, Number(section.size));
    const built = elf.bytes.subarray(Number(section.offset), Number(section.offset) + Number(section.size));
    expect(Buffer.compare(now, built), `the monitor's ${name} changed`).toBe(0);
  }
}

/** Runs one case that ends the guest; gives the console. */
async function runsToItsEnd(machine: Machine, how: How, name: string): Promise<string> {
  const run = await runs(machine, how, name, /previrt: monitor intact, 0x[0-9a-f]{8}|MONITOR CHANGED/);
  await expectIntact(run);
  await run.close();
  expect(run.console).toContain(`hostile: tries ${name}\n`);
  expect(run.console).not.toMatch(/the monitor faulted|MONITOR CHANGED/);
  expect(run.reached, run.console.slice(-500)).toBe(true);
  return run.console;
}

test("there are enough cases", () => {
  const names = [everywhere, withStubs, endings, stubEndings, wild].flat().map(([name]) => name);
  expect(names.length).toBeGreaterThan(110);
  expect(new Set(names).size).toBe(names.length);
  for (const kind of [withStubs, stubEndings, wild]) expect(kind.length).toBeGreaterThan(0);
});

for (const machine of [v86, qemu]) {
  const there = await machine.available();
  describe.skipIf(!there.ok)(machine.name, () => {
    test.each(WAYS)("what goes on gets what hardware would give it, mode %s", async (_, how) => {
      const run = await runs(machine, how, "all", /hostile: done/);
      await expectIntact(run);
      await run.close();
      const lines = run.console.split(/\r*\n/);
      expect(lines.filter((line) => /hostile: FAILED|the monitor faulted/.test(line))).toEqual([]);
      const cases = how.mode === "trap" ? everywhere : [...everywhere, ...withStubs];
      expect(
        lines
          .filter((line) => line.startsWith("hostile: ok "))
          .map((line) => line.slice(12))
          .toSorted(),
      ).toEqual(cases.map(([name]) => name).toSorted());
      expect(run.reached, run.console.slice(-500)).toBe(true);
    });

    test.each([...endings, ...stubEndings])("%s ends with: %s", async (name, report) => {
      const console = await runsToItsEnd(machine, LEAN, name);
      expect(console).toContain(`previrt: guest: ${report}, at `);
      expect(console).not.toMatch(/hostile: (ok|FAILED)/);
    });

    test.each(wild)("%s ends somehow", async (name) => {
      expect(await runsToItsEnd(machine, LEAN, name)).toMatch(/previrt: guest: (triple fault|halted)/);
    });
  });
}
