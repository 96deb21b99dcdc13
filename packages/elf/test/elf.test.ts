/** Reading ELF files: what is in them, and a clear error for everything that is wrong with them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openMemory, readElf, readRelocations, readSymtab, sectionBytes, sectionNamed, unwrap } from "@pv/elf";
import type { DiagnosticCode } from "@pv/elf";
import { buildElf, text } from "./build-elf.js";
import type { TestElf } from "./build-elf.js";

const code = Uint8Array.from([0x55, 0x89, 0xe5, 0xfa, 0xfb, 0xc3, 0x78, 0x56, 0x34, 0x12]);
const KERNEL: TestElf = {
  sections: [
    { name: ".text", bytes: code, address: 0xc1000000, physical: 0x1000000 },
    { name: ".data", bytes: text("some data"), address: 0xc1002000, physical: 0x1002000, flags: 3, extra: 100 },
    { name: ".comment", bytes: text("not loaded") },
  ],
  appended: [0, 0xc1000006, 0xc1002000],
};
const KERNEL64: TestElf = {
  bits: 64,
  sections: [
    { name: ".text", bytes: code, address: 0x81000000, physical: 0x1000000 },
    { name: ".data..percpu", bytes: text("per-cpu!"), address: 0, high: 0, physical: 0x3000000, flags: 3 },
    { name: ".data", bytes: text("some data"), address: 0x82000000, physical: 0x2000000, flags: 3 },
  ],
  appended: [0, 0x82000000, 0, 0x81000002, 0x83000000, 0, 0x81000006],
};

function errorOf(bytes: Uint8Array): DiagnosticCode | undefined {
  const result = readElf(bytes);
  return result.ok ? undefined : result.error.code;
}

/** The file with a field changed. */
function poke(bytes: Uint8Array, at: number, size: 1 | 2 | 4, value: number): Uint8Array {
  const changed = bytes.slice();
  const view = new DataView(changed.buffer);
  if (size === 1) view.setUint8(at, value);
  else if (size === 2) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return changed;
}

describe("a good file", () => {
  test("of 32 bits", () => {
    const bytes = buildElf(KERNEL);
    const elf = unwrap(readElf(bytes));
    expect(elf).toMatchObject({ bits: 32, arch: "i386", type: 2, entry: 0x1000000, addressHigh: 0 });
    expect(elf.endOfElf).toBe(bytes.length - 12);
    expect(elf.sections.map(({ name }) => name)).toEqual(["", ".text", ".data", ".comment", ".shstrtab"]);
    expect(elf.sections[1]).toMatchObject({ index: 1, type: 1, flags: 6, address: 0xc1000000, size: 10, align: 4 });
    expect(elf.segments).toMatchObject([
      { type: 1, flags: 5, virtualAddress: 0xc1000000, physicalAddress: 0x1000000, fileSize: 10, memorySize: 10 },
      {
        type: 1,
        flags: 6,
        virtualAddress: 0xc1002000,
        physicalAddress: 0x1002000,
        fileSize: 9,
        memorySize: 109,
        align: 4,
      },
    ]);
    expect(Buffer.from(sectionBytes(elf, sectionNamed(elf, ".comment")!)).toString()).toBe("not loaded");
  });

  test("of 64 bits, with per-cpu data at address 0", () => {
    const elf = unwrap(readElf(buildElf(KERNEL64)));
    expect(elf).toMatchObject({ bits: 64, arch: "amd64", addressHigh: 0xffffffff, entry: 0x1000000 });
    expect(elf.sections[3]).toMatchObject({ name: ".data", address: 0x82000000, size: 9, align: 4, entrySize: 0 });
    const memory = openMemory(elf);
    expect(memory.has(0, 1)).toBe(false);
    expect(Buffer.from(memory.read(0x83000000, 8)).toString()).toBe("per-cpu!");
  });

  test("that is a part of a larger buffer", () => {
    const file = buildElf(KERNEL);
    const buffer = Buffer.concat([Buffer.alloc(13, 0xcc), file, Buffer.alloc(7, 0xcc)]);
    const elf = unwrap(readElf(buffer.subarray(13, 13 + file.length)));
    expect(elf.endOfElf).toBe(file.length - 12);
    expect(openMemory(elf).u32(0xc1000006)).toBe(0x12345678);
  });

  test("without sections, or without their names", () => {
    const bytes = buildElf(KERNEL);
    const none = poke(poke(poke(bytes, 32, 4, 0), 48, 2, 0), 50, 2, 0);
    expect(unwrap(readElf(none)).sections).toEqual([]);
    const nameless = unwrap(readElf(poke(bytes, 50, 2, 0)));
    expect(nameless.sections.map(({ name }) => name)).toEqual(["", "", "", "", ""]);
  });
});

describe("memory", () => {
  const memory = openMemory(unwrap(readElf(buildElf(KERNEL))));

  test("reads bytes and words, aligned or not", () => {
    expect(memory.u8(0xc1000000)).toBe(0x55);
    expect(memory.u16(0xc1000001)).toBe(0xe589);
    expect(memory.u32(0xc1000002)).toBe(0xc3fbfae5);
    expect(memory.i32(0xc1000002)).toBe(0xc3fbfae5 | 0);
    expect([...memory.read(0xc1000003, 2)]).toEqual([0xfa, 0xfb]);
    expect(memory.read(0xc100000a, 0).length).toBe(0);
  });

  test.each([
    [0, 4],
    [0xc0ffffff, 1],
    [0xc1000007, 4],
    [0xc100000a, 1],
    [0xc1002009, 1],
    [0xffffffff, 4],
    [0xc1000000, -1],
    [0xc1000000, 0x7fffffff],
  ])("has nothing at %i for %i bytes", (address, length) => {
    expect(memory.has(address, length)).toBe(false);
    expect(() => memory.read(address, length)).toThrow("PV1009");
  });

  test("falls back to sections where nothing is loaded", () => {
    const bytes = buildElf(KERNEL);
    const elf = unwrap(readElf(poke(poke(bytes, 52, 4, 0), 52 + 32, 4, 0)));
    expect(openMemory(elf).u32(0xc1000006)).toBe(0x12345678);
  });
});

describe("relocations", () => {
  test("of i386", () => {
    const relocations = readRelocations(unwrap(readElf(buildElf(KERNEL))));
    expect([...relocations!.absolute32]).toEqual([0xc1000006, 0xc1002000]);
    expect(relocations!.absolute64.length + relocations!.inverse32.length).toBe(0);
  });

  test("of x86-64, until Linux 6.14 and after it", () => {
    const old = readRelocations(unwrap(readElf(buildElf(KERNEL64))))!;
    expect([...old.absolute64]).toEqual([0x82000000]);
    expect([...old.inverse32]).toEqual([0x81000002, 0x83000000]);
    expect([...old.absolute32]).toEqual([0x81000006]);
    const recent = readRelocations(
      unwrap(readElf(buildElf({ ...KERNEL64, appended: [0, 0x82000000, 0, 0x81000006] }))),
    )!;
    expect([...recent.absolute64, ...recent.inverse32, ...recent.absolute32]).toEqual([0x82000000, 0x81000006]);
  });

  test.each([
    ["nothing", []],
    ["no zero first", [1, 2, 3]],
    ["descending addresses", [0, 2, 1]],
    ["too many lists", [0, 1, 0, 2]],
  ])("are not seen in %s", (_, appended) => {
    expect(readRelocations(unwrap(readElf(buildElf({ ...KERNEL, appended }))))).toBeUndefined();
  });
});

test("the symbol table, by address", () => {
  const row = (name: number, value: number, info: number, section: number) => {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, name, true);
    view.setUint32(4, value, true);
    view.setUint8(12, info);
    view.setUint16(14, section, true);
    return [...bytes];
  };
  const rows = [
    row(0, 0, 0, 0),
    row(7, 0xc1000003, 0x12, 1),
    row(1, 0xc1000000, 0x02, 1),
    row(1, 9, 0x04, 0xfff1),
    row(9, 5, 0x10, 0),
  ];
  const elf = buildElf({
    sections: [
      ...KERNEL.sections!,
      { name: ".symtab", type: 2, link: 5, bytes: Uint8Array.from(rows.flat()) },
      { name: ".strtab", type: 3, bytes: text("\0start\0cli\0") },
    ],
  });
  const symbols = readSymtab(unwrap(readElf(elf)))!;
  expect(symbols.count).toBe(2);
  expect([...symbols.address]).toEqual([0xc1000000, 0xc1000003]);
  expect(String.fromCharCode(...symbols.type)).toBe("tT");
  expect(symbols.name(1)).toBe("cli");
  expect(symbols.lookup("start")).toBe(0xc1000000);
  expect(symbols.lookup("stop")).toBeUndefined();
  expect([0xc0ffffff, 0xc1000002, 0xc1000003, 0xffffffff].map((address) => symbols.below(address))).toEqual([
    -1, 0, 1, 1,
  ]);
});

describe("a bad file", () => {
  const good = buildElf(KERNEL);
  const segments = 52;
  const table = new DataView(good.buffer).getUint32(32, true);
  const section = (index: number, field: number) => table + index * 40 + field;

  test.each<[string, DiagnosticCode, Uint8Array]>([
    ["empty", "PV1002", new Uint8Array(0)],
    ["text", "PV1003", text("Hello, this is no kernel at all.\n".repeat(10))],
    ["a short text", "PV1003", text("a")],
    ["the magic number alone", "PV1001", good.slice(0, 4)],
    ["for ARM", "PV1004", buildElf({ ...KERNEL, machine: 40 })],
    ["for x32", "PV1004", buildElf({ ...KERNEL, machine: 62 })],
    ["big-endian", "PV1005", buildElf({ ...KERNEL, bigEndian: true, machine: 8 })],
    ["of class 7", "PV1006", poke(good, 4, 1, 7)],
    ["of byte order 7", "PV1006", poke(good, 5, 1, 7)],
    ["with its section headers behind the end", "PV1001", poke(good, 32, 4, good.length)],
    ["with its section headers far behind the end", "PV1001", poke(good, 32, 4, 0xfffffff0)],
    ["with its program headers behind the end", "PV1001", poke(good, 28, 4, good.length - 4)],
    ["with 65535 program headers", "PV1001", poke(good, 44, 2, 65535)],
    ["with 65535 sections", "PV1001", poke(good, 48, 2, 65535)],
    ["with small section headers", "PV1006", poke(good, 46, 2, 8)],
    ["with large program headers", "PV1006", poke(good, 42, 2, 33)],
    ["with a table of no sections", "PV1006", poke(good, 48, 2, 0)],
    ["with program headers at 0", "PV1006", poke(good, 28, 4, 0)],
    ["with a segment behind the end", "PV1001", poke(good, segments + 4, 4, good.length)],
    ["with a huge segment", "PV1001", poke(good, segments + 16, 4, 0xffffffff)],
    ["with a segment that has more in the file than in memory", "PV1006", poke(good, segments + 20, 4, 5)],
    ["with a segment that leaves the address space", "PV1006", poke(good, segments + 20, 4, 0xf0000000)],
    ["with overlapping segments", "PV1006", poke(good, segments + 20, 4, 0x2001)],
    ["with a section behind the end", "PV1001", poke(good, section(3, 16), 4, good.length - 9)],
    [
      "with a section that leaves the address space",
      "PV1006",
      poke(poke(good, section(2, 4), 4, 8), section(2, 20), 4, 0xf0000000),
    ],
    ["with its section names nowhere", "PV1006", poke(good, 50, 2, 77)],
    ["with its section names in code", "PV1006", poke(good, 50, 2, 1)],
    ["with a name behind the end of the names", "PV1006", poke(good, section(1, 0), 4, 0x10000)],
    ["with an endless name", "PV1006", poke(good, section(4, 20), 4, 5)],
  ])("%s", (_, expected, bytes) => {
    expect(errorOf(bytes)).toBe(expected);
  });

  test("linked somewhere in the middle of 64 bits", () => {
    const sections = [{ name: ".text", bytes: code, address: 0x1000, high: 5 }];
    expect(errorOf(buildElf({ bits: 64, sections }))).toBe("PV1006");
  });

  test.each([KERNEL, KERNEL64])("cut off anywhere", (kernel) => {
    const bytes = buildElf(kernel);
    const end = bytes.length - kernel.appended!.length * 4;
    for (let length = 4; length < end; length += 7)
      expect(errorOf(bytes.slice(0, length)), `${length} bytes`).toBe("PV1001");
  });

  test("never makes anything else than a result", () => {
    const files = [buildElf(KERNEL), buildElf(KERNEL64)];
    const changes = fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(255)), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(fc.constantFrom(...files), changes, (file, list) => {
        const bytes = file.slice();
        for (const [place, value] of list) bytes[Math.floor(place * bytes.length)] = value;
        const result = readElf(bytes);
        if (!result.ok) return;
        const elf = result.value;
        for (const one of elf.sections) expect(sectionBytes(elf, one).length).toBeLessThanOrEqual(bytes.length);
        const memory = openMemory(elf);
        for (const { virtualAddress, fileSize } of elf.segments) {
          if (memory.has(virtualAddress, fileSize)) expect(memory.read(virtualAddress, fileSize).length).toBe(fileSize);
        }
        readRelocations(elf);
        readSymtab(elf);
      }),
      { numRuns: 2000 },
    );
  });

  test("with many long names does not take long", () => {
    // 60,000 sections whose names are the whole table: quadratic for a reader that believes it.
    const count = 60000;
    const names = new Uint8Array(1 << 20).fill(0x61);
    names[names.length - 1] = 0;
    const bytes = new Uint8Array(52 + names.length + count * 40);
    bytes.set(buildElf().subarray(0, 52));
    bytes.set(names, 52);
    const view = new DataView(bytes.buffer);
    view.setUint32(32, 52 + names.length, true);
    view.setUint16(48, count, true);
    view.setUint16(50, 1, true);
    for (let i = 1; i < count; i++) {
      const at = 52 + names.length + i * 40;
      view.setUint32(at + 4, i === 1 ? 3 : 8, true);
      view.setUint32(at + 16, 52, true);
      view.setUint32(at + 20, i === 1 ? names.length : 0, true);
    }
    expect(errorOf(bytes)).toBe("PV1006");
  });
});
