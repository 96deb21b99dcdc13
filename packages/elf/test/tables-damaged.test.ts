/** Damaged tables: which error, at which address; and that every other table is still read. */
import { describe, expect, test } from "vitest";
import { readKernelTables, type KernelTables, type SymbolTable } from "@pv/elf";
import { fakeKernel, fakeSource, imageOfParts, partsOf } from "./fake-kernel.js";

type Key = Exclude<keyof KernelTables, "problems">;
type Change = (bytes: Uint8Array) => Uint8Array;

const cut =
  (size: number): Change =>
  (bytes) =>
    bytes.slice(0, bytes.length - size);

/** Overwrites the 32-bit word at `offset`. */
const word =
  (offset: number, value: number): Change =>
  (bytes) => {
    const changed = bytes.slice();
    new DataView(changed.buffer).setUint32(offset, value >>> 0, true);
    return changed;
  };

const byte =
  (offset: number, value: number): Change =>
  (bytes) =>
    bytes.with(offset, value);

/** The tables of a fake kernel with one section's bytes changed and some symbols moved. */
function damaged(fake: string, section: string, change: Change, moved: Record<string, number> = {}): KernelTables {
  const kernel = fakeKernel(fakeSource(fake));
  const parts = partsOf(kernel).map((part) => (part.name === section ? { ...part, bytes: change(part.bytes) } : part));
  expect(parts.map(({ name }) => name)).toContain(section);
  const { elf, memory } = imageOfParts(kernel.elf.bits, parts);
  const symbols: SymbolTable = {
    ...kernel.symbols,
    lookup: (name) => {
      const address = kernel.symbols.lookup(name);
      return address === undefined ? undefined : address + (moved[name] ?? 0);
    },
  };
  return readKernelTables(elf, memory, symbols);
}

interface Case {
  readonly fake: string;
  readonly section: string;
  readonly change: Change;
  readonly lost: Key;
  /** Code, address in hexadecimal, message. */
  readonly problem: readonly [code: string, address: string, message: string];
}

const on =
  (fake: string, section: string, lost: Key) =>
  (change: Change, ...problem: Case["problem"]): Case => ({ fake, section, change, lost, problem });

const exceptions = on("exceptions", "__ex_table", "exceptions");
const alternatives = on("alternatives", ".altinstructions", "alternatives");
const paravirt = on("paravirt", ".parainstructions", "paravirt");
const jumpLabels = on("jump-labels", ".rodata", "jumpLabels");
const smpLocks = on("smp-locks", ".smp_locks", "smpLocks");
const bugs = on("bugs", "__bug_table", "bugs");
const retpolines = on("retpolines", ".retpoline_sites", "retpolines");
const returns = on("returns", ".return_sites", "returns");

const CASES: readonly Case[] = [
  exceptions(cut(1), "PV2001", "c1001000", "__ex_table at 0xc1001000 has 35 bytes: not a multiple of 12 or 8"),
  exceptions(
    word(12, 0x1000_0000),
    "PV2002",
    "c100100c",
    "row 1 of __ex_table (at 0xc100100c) names an instruction at 0xd100100c, outside the image's code",
  ),
  exceptions(
    word(28, 0),
    "PV2002",
    "c1001018",
    "row 2 of __ex_table (at 0xc1001018) names a fix-up at 0xc100101c, outside the image's code",
  ),
  alternatives(
    cut(1),
    "PV2001",
    "c1001000",
    ".altinstructions at 0xc1001000 has 47 bytes: not a multiple of 14 or 12 or 13",
  ),
  alternatives(byte(10, 0), "PV2002", "c1001000", "row 0 of .altinstructions (at 0xc1001000) replaces 0 bytes"),
  alternatives(byte(11, 4), "PV2002", "c1001000", "row 0 of .altinstructions (at 0xc1001000) puts 4 bytes into 3"),
  alternatives(
    byte(9, 0x41),
    "PV2002",
    "c1001000",
    "row 0 of .altinstructions (at 0xc1001000) asks for CPU feature 16692",
  ),
  alternatives(
    word(0, 0),
    "PV2002",
    "c1001000",
    "row 0 of .altinstructions (at 0xc1001000) names a site at 0xc1001000, outside the image's code",
  ),
  alternatives(
    word(4, 0),
    "PV2002",
    "c1001000",
    "row 0 of .altinstructions (at 0xc1001000) names a replacement at 0xc1001004, outside the image's code",
  ),
  paravirt(cut(1), "PV2001", "c1001040", ".parainstructions at 0xc1001040 has 13 bytes: not a multiple of 8"),
  paravirt(
    word(8, 0xc0ff_ffff),
    "PV2002",
    "c1001048",
    "row 1 of .parainstructions (at 0xc1001048) names a site at 0xc0ffffff, outside the image's code",
  ),
  on("paravirt-64", ".parainstructions", "paravirt")(
    word(20, 0),
    "PV2002",
    "81001098",
    "row 1 of .parainstructions (at 0x81001098) names a site in another half of the address space",
  ),
  jumpLabels(
    word(12, 0),
    "PV2002",
    "c100100c",
    "row 1 of __jump_table (at 0xc100100c) names an instruction at 0xc100100c, outside the image's code",
  ),
  jumpLabels(
    word(16, 0),
    "PV2002",
    "c100100c",
    "row 1 of __jump_table (at 0xc100100c) names a target at 0xc1001010, outside the image's code",
  ),
  smpLocks(cut(1), "PV2001", "c1001000", ".smp_locks at 0xc1001000 has 63 bytes: not a multiple of 4"),
  smpLocks(
    word(4, 4),
    "PV2002",
    "c1001004",
    "row 1 of .smp_locks (at 0xc1001004) names a LOCK prefix at 0xc1001008, outside the image's code",
  ),
  bugs(cut(1), "PV2001", "c1002000", "__bug_table at 0xc1002000 has 35 bytes: not a multiple of 12 or 16 or 8"),
  bugs(
    word(0, 0xc100_0000),
    "PV2002",
    "c1002000",
    "row 0 of __bug_table (at 0xc1002000) names a site at 0xc1000000, where there is no undefined instruction",
  ),
  on("bugs-64", "__bug_table", "bugs")(
    word(12, 0),
    "PV2002",
    "8100200c",
    "row 1 of __bug_table (at 0x8100200c) names a site at 0x8100200c, outside the image's code",
  ),
  on("static-calls", ".rodata", "staticCalls")(
    word(8, 0),
    "PV2002",
    "81001008",
    "row 1 of static_call_sites (at 0x81001008) names a site at 0x81001008, outside the image's code",
  ),
  on("mcount", ".init.data", "mcount")(
    word(20, 0xc100_1010),
    "PV2002",
    "c1001020",
    "row 2 of __mcount_loc (at 0xc1001020) names a call at 0xc1001010, outside the image's code",
  ),
  on("mcount-64", ".init.data", "mcount")(
    word(4, 0),
    "PV2002",
    "81001010",
    "row 0 of __mcount_loc (at 0x81001010) names a call in another half of the address space",
  ),
  retpolines(cut(2), "PV2001", "81001000", ".retpoline_sites at 0x81001000 has 6 bytes: not a multiple of 4"),
  retpolines(
    word(4, 0x7fff_ffff),
    "PV2002",
    "81001004",
    "row 1 of .retpoline_sites (at 0x81001004) names a thunk call at 0x01001003, outside the image's code",
  ),
  returns(cut(2), "PV2001", "81001008", ".return_sites at 0x81001008 has 14 bytes: not a multiple of 4"),
  returns(
    word(0, 0),
    "PV2002",
    "81001008",
    "row 0 of .return_sites (at 0x81001008) names a return at 0x81001008, outside the image's code",
  ),
  on("kprobe-blacklist", ".init.data", "kprobeBlacklist")(
    word(16, 0),
    "PV2002",
    "c1001010",
    "row 0 of kprobe_blacklist (at 0xc1001010) names a function at 0x00000000, outside the image's code",
  ),
];

const asCase = ({ code, message, address }: KernelTables["problems"][number]) => [code, address?.toString(16), message];

describe("one damaged table is left out and named", () => {
  for (const { fake, section, change, lost, problem } of CASES) {
    test(`${fake}: ${problem[2]}`, () => {
      const tables = damaged(fake, section, change);
      expect(tables.problems.map(asCase)).toEqual([problem]);
      expect(tables).not.toHaveProperty(lost);
    });
  }
});

describe("symbols around a table that make no sense", () => {
  const moved = (by: number) => damaged("jump-labels", ".text", (bytes) => bytes, { __stop___jump_table: by });

  test("a size that is no multiple of the rows", () => {
    expect(moved(1).problems.map(asCase)).toEqual([
      ["PV2001", "c1001000", "__jump_table at 0xc1001000 has 61 bytes: not a multiple of 12"],
    ]);
  });

  test("the end before the start", () => {
    expect(moved(-0x100).problems.map(asCase)).toEqual([
      ["PV2001", "c1001000", "`__stop___jump_table` (0xc1000f3c) lies before `__start___jump_table` (0xc1001000)"],
    ]);
  });

  test("the end outside the image", () => {
    expect(moved(0x9000).problems.map(({ code, address }) => [code, address])).toEqual([["PV1009", 0xc100_1000]]);
  });
});

test("the other tables of the image are still read", () => {
  const { source } = fakeSource("exceptions");
  const parts = partsOf(fakeKernel({ source: source + fakeSource("smp-locks").source, bits: 32 }));
  const { elf, memory } = imageOfParts(
    32,
    parts.map((part) => (part.name === "__ex_table" ? { ...part, bytes: cut(1)(part.bytes) } : part)),
  );
  const tables = readKernelTables(elf, memory, undefined);
  expect(tables.problems.map(({ code }) => code)).toEqual(["PV2001"]);
  expect(tables.smpLocks?.site.length).toBe(3);
});

test("an image without tables has none, and no problems", () => {
  const parts = [{ name: ".text", address: 0xc100_0000, bytes: Uint8Array.of(0xc3), executable: true }];
  const { elf, memory } = imageOfParts(32, parts);
  expect(readKernelTables(elf, memory, undefined)).toEqual({ problems: [] });
});
