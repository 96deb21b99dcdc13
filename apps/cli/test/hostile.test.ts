/**
 * The isolation suite: a kernel that attacks the monitor of back end ring3, case by case (test-images/guests/hostile), on both
 * machines. Cases that go on share one boot and check themselves what they get; those that end the guest have one each, and
 * the monitor has to say why. After every boot the monitor's code and constants have to be in memory as they were built.
 */
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { readElf, sectionNamed, unwrap } from "@pv/elf";
import { buildContainer } from "@pv/runtime-loader";
import { loaderFor } from "../src/loading.js";
import { qemu, v86, type Machine, type MachineRun } from "../src/machine/index.js";
import { Folder, previrt } from "./cli.fixture.js";

const GUESTS = new URL("../../../test-images/guests/", import.meta.url);
const BUILT = new URL("../../runtime-loader/build/", import.meta.url);
const MONITOR_LINEAR = 0xfc000000;
const MONITOR_PHYSICAL = 0x2c00000;

const sources = readdirSync(new URL("hostile/", GUESTS))
  .filter((name) => name.endsWith(".S"))
  .map((name) => readFileSync(new URL(`hostile/${name}`, GUESTS), "utf8"))
  .join("");
const goingOn = [...sources.matchAll(/^CASE ([\w-]+)$/gm)].map(([, name]) => name!);
const endings = [...sources.matchAll(/^ENDING ([\w-]+), "([^"]+)"$/gm)].map(
  ([, name, report]) => [name!, report!] as const,
);

const folder = new Folder();
let loader: Uint8Array, kernel: Uint8Array;
beforeAll(async () => {
  loader = await loaderFor("ring3");
  const { code, stderr } = await previrt(
    "rewrite",
    "-o",
    folder.at("hostile"),
    new URL("build/hostile.elf", GUESTS).pathname,
  );
  expect(code, stderr).toBe(0);
  kernel = new Uint8Array(readFileSync(folder.at("hostile")));
});

async function runs(machine: Machine, commandLine: string, until: RegExp): Promise<MachineRun> {
  const module = unwrap(buildContainer({ kernel, commandLine, trapOnly: true }));
  return unwrap(await machine.run({ loader, module, memoryMiB: 96, until, timeoutSeconds: 40 }));
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

test("there are enough cases", () => {
  expect(goingOn.length + endings.length).toBeGreaterThan(90);
  expect(new Set([...goingOn, ...endings.map(([name]) => name)]).size).toBe(goingOn.length + endings.length);
});

for (const machine of [v86, qemu]) {
  const there = await machine.available();
  describe.skipIf(!there.ok)(machine.name, () => {
    test("what goes on gets what hardware would give it", async () => {
      const run = await runs(machine, "all", /hostile: done/);
      await expectIntact(run);
      await run.close();
      const lines = run.console.split(/\r*\n/);
      expect(lines.filter((line) => /hostile: FAILED|the monitor faulted/.test(line))).toEqual([]);
      expect(
        lines
          .filter((line) => line.startsWith("hostile: ok "))
          .map((line) => line.slice(12))
          .toSorted(),
      ).toEqual(goingOn.toSorted());
      expect(run.reached, run.console.slice(-500)).toBe(true);
    });

    test.each(endings)("%s ends with: %s", async (name, report) => {
      const run = await runs(machine, name, /previrt: monitor intact, 0x[0-9a-f]{8}|MONITOR CHANGED/);
      await expectIntact(run);
      await run.close();
      expect(run.console).toContain(`hostile: tries ${name}\n`);
      expect(run.console).toContain(`previrt: guest: ${report}, at `);
      expect(run.console).not.toMatch(/hostile: (ok|FAILED)|the monitor faulted|MONITOR CHANGED/);
      expect(run.reached).toBe(true);
    });
  });
}
