/** Random tables and random damage: never a crash, and whatever is read lies in the image's code. */
import { readdirSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openMemory, readElf, readKallsyms, readKernelTables, readSymtab, symbolTable } from "@pv/elf";
import type { KernelTables, SymbolTable } from "@pv/elf";
import { FAKE_KERNELS, fakeKernel, fakeSource, imageOfParts } from "./fake-kernel.js";

const CODE = { start: 0xc100_0000, size: 0x200 };
const SECTIONS = [
  "__ex_table",
  ".altinstructions",
  ".parainstructions",
  "__jump_table",
  ".smp_locks",
  "__bug_table",
  ".static_call_sites",
  "__mcount_loc",
  ".retpoline_sites",
  ".return_sites",
  ".rodata",
  ".init.data",
];

const inCode = (addresses: Uint32Array | undefined) =>
  (addresses ?? new Uint32Array(0)).every((at) => at >= CODE.start && at < CODE.start + CODE.size);

function expectConsistent(tables: KernelTables): void {
  const ascending = (list: Uint32Array) => list.every((at, row) => row === 0 || list[row - 1] <= at);
  const sites = [
    tables.exceptions?.insn,
    tables.alternatives?.site,
    tables.paravirt?.site,
    tables.jumpLabels?.code,
    tables.smpLocks?.site,
    tables.bugs?.site,
    tables.staticCalls?.site,
    tables.mcount?.site,
    tables.retpolines?.site,
    tables.returns?.site,
    tables.kprobeBlacklist?.site,
  ];
  for (const list of sites) {
    expect(inCode(list)).toBe(true);
    expect(ascending(list ?? new Uint32Array(0))).toBe(true);
  }
  expect(inCode(tables.exceptions?.fixup)).toBe(true);
  expect(inCode(tables.jumpLabels?.target)).toBe(true);
  for (const { code } of tables.problems) expect(["PV2001", "PV2002", "PV1009"]).toContain(code);
}

/** Words that often mean something: distances and addresses into the code, small numbers. */
const words = fc
  .array(
    fc.oneof(
      fc.integer({ min: -0x2400, max: 0x200 }),
      fc.nat(CODE.size + 8).map((offset) => CODE.start + offset),
      fc.nat(300),
      fc.integer(),
    ),
    { maxLength: 24 },
  )
  .chain((list) =>
    fc.nat(3).map((cut) => {
      const bytes = new Uint8Array(4 * list.length);
      const view = new DataView(bytes.buffer);
      list.forEach((value, index) => view.setInt32(4 * index, value | 0, true));
      return bytes.slice(0, Math.max(0, bytes.length - cut));
    }),
  );

test("random tables", () => {
  const code = fc.uint8Array({ minLength: CODE.size, maxLength: CODE.size });
  const symbols = fc.dictionary(
    fc.constantFrom(
      "__start_mcount_loc",
      "__stop_mcount_loc",
      "__start___jump_table",
      "__stop___jump_table",
      "__fentry__",
      "__start_static_call_sites",
      "__stop_static_call_sites",
      "get_kprobe",
      "notify_die",
      "__start_kprobe_blacklist",
      "__stop_kprobe_blacklist",
    ),
    fc.oneof(
      fc.nat(0x3000).map((offset) => CODE.start + offset),
      fc.nat(0xffff_ffff),
    ),
  );
  const tables = fc.array(fc.tuple(fc.constantFrom(...SECTIONS), words), { maxLength: 6 });
  fc.assert(
    fc.property(fc.constantFrom(32 as const, 64 as const), code, tables, symbols, (bits, text, list, named) => {
      let address = CODE.start + 0x1000;
      const parts = list.map(([name, bytes]) => {
        const part = { name, address, bytes };
        address += bytes.length + 4;
        return part;
      });
      const { elf, memory } = imageOfParts(bits, [
        { name: ".text", address: CODE.start, bytes: text, executable: true },
        ...parts,
      ]);
      expectConsistent(readKernelTables(elf, memory, tableOf(named)));
    }),
    { numRuns: 500 },
  );
});

test("fake kernels with changed bytes", () => {
  const names = readdirSync(FAKE_KERNELS)
    .filter((file) => file.endsWith(".s"))
    .map((file) => file.slice(0, -2));
  const kernels = names.sort().map((name) => fakeKernel(fakeSource(name)).bytes);
  const change = fc.record({ at: fc.nat(), to: fc.nat(255) });
  fc.assert(
    fc.property(fc.constantFrom(...kernels), fc.array(change, { minLength: 1, maxLength: 8 }), (kernel, changes) => {
      const bytes = kernel.slice();
      for (const { at, to } of changes) bytes[at % bytes.length] = to;
      const elf = readElf(bytes);
      if (!elf.ok) return;
      const memory = openMemory(elf.value);
      const tables = readKernelTables(elf.value, memory, readKallsyms(elf.value, memory) ?? readSymtab(elf.value));
      for (const { code } of tables.problems) expect(["PV2001", "PV2002", "PV1009"]).toContain(code);
    }),
    { numRuns: 500 },
  );
});

test("thousands of sections on top of each other take little time", () => {
  const bytes = new Uint8Array(1 << 20);
  const { elf, memory } = imageOfParts(32, [{ name: ".rodata", address: CODE.start, bytes }]);
  const sections = Array.from({ length: 20_000 }, (_, index) => {
    return { ...elf.sections[0], index, address: CODE.start + (index % 7), size: bytes.length - 16 };
  });
  const start = performance.now();
  const symbols = tableOf({ __fentry__: CODE.start, get_kprobe: CODE.start, notify_die: CODE.start });
  expect(readKernelTables({ ...elf, sections }, memory, symbols)).toEqual({ problems: [] });
  expect(readKallsyms({ ...elf, sections }, memory)).toBe(undefined);
  expect(performance.now() - start).toBeLessThan(5_000);
});

function tableOf(named: Readonly<Record<string, number>>): SymbolTable {
  const rows = Object.entries(named).sort((a, b) => a[1] - b[1]);
  const names = rows.map(([name]) => name);
  return symbolTable({
    address: Uint32Array.from(rows, ([, address]) => address),
    type: new Uint8Array(rows.length).fill("t".charCodeAt(0)),
    bytes: Uint8Array.from(names.keys()),
    offset: Uint32Array.from(names.keys()),
    length: new Uint16Array(rows.length).fill(1),
    tokens: names,
    skipped: 0,
  });
}
