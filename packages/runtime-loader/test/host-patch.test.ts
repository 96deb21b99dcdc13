/**
 * Two of everything that matters: the patcher that runs in the guest, built as a program of this machine, against the
 * reference patcher, byte for byte, on random kernels; and both refuse what is damaged.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readElf, unwrap } from "@pv/elf";
import { bareProfile } from "@pv/stubgen";
import {
  patchKernel,
  previrtualize,
  readPrevirtualized,
  readResident,
  readTemplates,
  writeTemplates,
} from "@pv/runtime-loader";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { damage, damaged, kernels } from "./arbitraries.js";
import { fakeKernel, fakeResident, GOLDEN_WINDOWS } from "./fake-kernel.js";

const APP = fileURLToPath(new URL("../../../apps/runtime-loader", import.meta.url));
const tools = spawnSync("gcc", ["--version"]).status === 0;
const templateBytes = writeTemplates(bareProfile());

let directory = "";
const path = (name: string) => join(directory, name);

beforeAll(() => {
  if (!tools) return;
  directory = mkdtempSync(join(tmpdir(), "pv-host-patch-"));
  const args = [join(APP, "build.mjs"), path("build"), "host-patch", "resident.bin"];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(status, stderr).toBe(0);
  writeFileSync(path("fake-resident.bin"), fakeResident());
});
afterAll(() => {
  if (directory !== "") rmSync(directory, { recursive: true, force: true });
});

interface Outcome {
  readonly code: string;
  readonly image?: Uint8Array;
  readonly arena?: Uint8Array;
  readonly summary?: string;
}

function guest(image: Uint8Array, templates: Uint8Array, poison: boolean, resident: string): Outcome {
  writeFileSync(path("kernel.elf"), image);
  writeFileSync(path("templates.bin"), templates);
  const files = [
    path("kernel.elf"),
    path("templates.bin"),
    "c0000000",
    poison ? "1" : "0",
    path("image"),
    path("arena"),
    path(resident),
  ];
  const { status, stdout, stderr } = spawnSync(path("build/host-patch"), files, { encoding: "utf8" });
  if (status === 1) return { code: /PV\d{4}/.exec(stdout)?.[0] ?? stdout };
  expect(status, stderr).toBe(0);
  const bytes = (name: string) => new Uint8Array(readFileSync(path(name)));
  return { code: "ok", image: bytes("image"), arena: bytes("arena"), summary: stdout.trim() };
}

function reference(image: Uint8Array, templates: Uint8Array, poison: boolean, resident: string): Outcome {
  const opened = readPrevirtualized(image);
  if (!opened.ok) return { code: opened.error.code };
  const table = readTemplates(templates);
  if (!table.ok) return { code: table.error.code };
  const { elf, annotations } = opened.value;
  const info = unwrap(readResident(new Uint8Array(readFileSync(path(resident)))));
  const patched = patchKernel({ elf, annotations, templates: table.value, resident: info, poison });
  if (!patched.ok) return { code: patched.error.code };
  const { arena, applied, left, imageStart, stubs } = patched.value;
  const loads = elf.segments.filter(({ type, memorySize }) => type === 1 && memorySize > 0);
  const filled = Math.max(...loads.map(({ physicalAddress, fileSize }) => physicalAddress + fileSize)) - imageStart;
  const sites = annotations.sites.patch.reduce((count, patch) => count + (stubs[patch] > 0 ? 1 : 0), 0);
  const summary = `previrt: patched ${sites} sites in ${applied} patches, left ${left}, arena ${arena.length} bytes`;
  return { code: "ok", image: patched.value.image.subarray(0, filled), arena, summary };
}

/** Same code, summary and bytes; says where bytes differ, not which. */
function expectSame(found: Outcome, outcome: Outcome): void {
  expect([found.code, found.summary]).toEqual([outcome.code, outcome.summary]);
  for (const part of ["image", "arena"] as const) {
    const [a, b] = [found[part] ?? [], outcome[part] ?? []];
    expect(a.length, part).toBe(b.length);
    const differing = a.findIndex((byte, offset) => byte !== b[offset]);
    expect(differing, `first differing byte of the ${part}`).toBe(-1);
  }
}

describe.skipIf(!tools)("guest and reference", () => {
  test.each([
    ["plain", false, "fake-resident.bin"],
    ["poison", true, "fake-resident.bin"],
    ["poison, the real resident blob", true, "build/resident.bin"],
  ])("the golden kernel, %s", (_, poison, resident) => {
    const { elf, annotations } = fakeKernel(GOLDEN_WINDOWS, ["iret"]);
    const image = unwrap(previrtualize(elf, annotations));
    const outcome = reference(image, templateBytes, poison, resident);
    expect(outcome.code).toBe("ok");
    expectSame(guest(image, templateBytes, poison, resident), outcome);
  });

  test("random kernels", () => {
    fc.assert(
      fc.property(kernels, fc.boolean(), ({ elf, annotations }, poison) => {
        const image = unwrap(previrtualize(elf, annotations));
        const outcome = reference(image, templateBytes, poison, "build/resident.bin");
        expect(outcome.code).toBe("ok");
        expectSame(guest(image, templateBytes, poison, "build/resident.bin"), outcome);
      }),
      { numRuns: 150 },
    );
  });

  /** Where the table is in a pre-virtualized image. */
  const section = (image: Uint8Array) => unwrap(readElf(image)).sections.find(({ name }) => name === ".previrt")!;

  test("a changed byte in the file, the table or the templates is refused by both", () => {
    const { elf, annotations } = fakeKernel(GOLDEN_WINDOWS, ["iret"]);
    const image = unwrap(previrtualize(elf, annotations));
    const { offset, size } = section(image);
    const [start, end] = [elf.segments[0].offset, offset + size];
    // Between the segments and the table lie bytes of alignment, which nobody loads.
    const loadedEnd = Math.max(...elf.segments.map((s) => s.offset + s.fileSize));
    fc.assert(
      fc.property(fc.integer({ min: start, max: end - 1 }), fc.nat(7), (at, bit) => {
        fc.pre(at < loadedEnd || at >= offset);
        fc.pre(at - offset !== 14 && at - offset !== 15);
        const changed = image.slice();
        changed[at] ^= 1 << bit;
        const outcome = reference(changed, templateBytes, false, "fake-resident.bin");
        expect(outcome.code).not.toBe("ok");
        expect(guest(changed, templateBytes, false, "fake-resident.bin").code).not.toBe("ok");
      }),
      { numRuns: 60 },
    );
    fc.assert(
      fc.property(fc.nat(templateBytes.length - 1), fc.nat(7), (at, bit) => {
        const changed = templateBytes.slice();
        changed[at] ^= 1 << bit;
        expect(reference(image, changed, false, "fake-resident.bin").code).not.toBe("ok");
        expect(guest(image, changed, false, "fake-resident.bin").code).not.toBe("ok");
      }),
      { numRuns: 40 },
    );
  });

  test("a table that is nonsense with a right checksum is taken or refused by both", () => {
    fc.assert(
      fc.property(kernels, damage, ({ elf, annotations }, changes) => {
        const image = unwrap(previrtualize(elf, annotations));
        const { offset, size } = section(image);
        const changed = image.slice();
        changed.set(damaged(image.slice(offset, offset + size), changes, 20, 24), offset);
        const outcome = reference(changed, templateBytes, true, "fake-resident.bin");
        const inGuest = guest(changed, templateBytes, true, "fake-resident.bin");
        expectSame(inGuest, outcome);
      }),
      { numRuns: 150 },
    );
  });
});
