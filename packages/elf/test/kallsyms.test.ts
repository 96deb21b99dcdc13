/** kallsyms in every layout, as a round trip; and data that only looks like it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readKallsyms } from "@pv/elf";
import { imageOfParts, type Part } from "./fake-kernel.js";
import { kallsymsParts, tokenTable, type EncodedSymbol, type KallsymsLayout } from "./kallsyms-encoder.js";

/** Random tables of each layout: more for a thorough look. */
const RUNS = Number(process.env["PREVIRT_KALLSYMS_RUNS"] ?? 40);

const LAYOUTS: KallsymsLayout[] = [];
for (const order of ["6.1", "6.2", "6.4"] as const) {
  for (const addresses of ["absolute", "relative"] as const) {
    LAYOUTS.push({ bits: 32, order, addresses }, { bits: 64, order, addresses });
  }
  LAYOUTS.push({ bits: 64, order, addresses: "absolutePercpu" });
}

const read = (bits: 32 | 64, parts: readonly Part[]) => {
  const { elf, memory } = imageOfParts(bits, parts);
  return readKallsyms(elf, memory);
};

/** Names of C and of compilers; some longer than 127 characters. */
const name = fc.oneof(
  { weight: 20, arbitrary: fc.stringMatching(/^[a-z_][a-z0-9_]{0,12}(\.cold|\.isra\.0)?$/) },
  { weight: 1, arbitrary: fc.stringMatching(/^_R[A-Za-z0-9_]{130,300}$/) },
);
const symbol = fc.record({
  offset: fc.nat(4095),
  text: fc.tuple(fc.constantFrom(..."TtDdRrBbWwVA"), name).map(([type, text]) => type + text),
});
const strings = fc.uniqueArray(fc.stringMatching(/^[a-z_]{2,5}$/), { maxLength: 150 });

function ascending(symbols: readonly { offset: number; text: string }[], percpu: number): EncodedSymbol[] {
  return symbols
    .map(({ offset, text }, index) => ({ address: (index < percpu ? 0 : 0xc100_0000) + offset, text }))
    .sort((a, b) => a.address - b.address);
}

describe("round trip", () => {
  for (const layout of LAYOUTS) {
    test(`${layout.bits} bits, order of ${layout.order}, ${layout.addresses} addresses`, () => {
      fc.assert(
        fc.property(fc.array(symbol, { minLength: 4, maxLength: 40 }), strings, fc.nat(2), (list, tokens, percpu) => {
          const absolute = layout.addresses === "absolutePercpu" ? percpu : 0;
          const symbols = ascending(list, absolute);
          const table = read(layout.bits, kallsymsParts(symbols, tokenTable(tokens), layout));
          const rows = Array.from({ length: table?.count ?? 0 }, (_, row) => ({
            address: table!.address[row],
            text: String.fromCharCode(table!.type[row]) + table!.name(row),
          }));
          expect(rows).toEqual(symbols.slice(absolute));
        }),
        { numRuns: RUNS },
      );
    });
  }

  test("thousands of symbols, with markers", () => {
    const symbols = Array.from({ length: 5000 }, (_, row) => ({
      address: 0xc100_0000 + row,
      text: `t${"function_of_some_length".slice(0, 1 + (row % 23))}_${row}`,
    }));
    for (const layout of LAYOUTS) {
      const table = read(layout.bits, kallsymsParts(symbols, tokenTable(["function", "_of_", "some"]), layout));
      expect(table?.count).toBe(5000);
      for (const row of [0, 255, 256, 4095, 4096, 4999]) expect(`t${table?.name(row)}`).toBe(symbols[row].text);
      expect(table?.lookup(symbols[4991].text.slice(1))).toBe(0xc100_0000 + 4991);
    }
  });
});

describe("the symbol table", () => {
  const at = (address: number, text: string) => ({ address: 0xc100_0000 + address, text });
  const symbols = [at(0, "T_text"), at(0, "Tstartup_32"), at(16, "tsame"), at(32, "tsame"), at(48, "T_etext")];
  const table = read(32, kallsymsParts(symbols, tokenTable([]), LAYOUTS[0]))!;

  test("lookup gives the first symbol of that name", () => {
    expect(table.lookup("same")).toBe(0xc100_0010);
    expect(table.lookup("startup_32")).toBe(0xc100_0000);
    expect(table.lookup("Tstartup_32")).toBe(undefined);
  });

  test("below gives the last row at or before the address", () => {
    const rows = [-1, 0, 15, 16, 47, 48, 4096].map((offset) => table.below(0xc100_0000 + offset));
    expect(rows).toEqual([-1, 1, 1, 2, 3, 4, 4]);
    expect(table.below(0)).toBe(-1);
  });

  test("rows outside of the table are a mistake of the caller", () => {
    expect(() => table.name(5)).toThrow(RangeError);
    expect(() => table.name(-1)).toThrow(RangeError);
  });
});

describe("what is not kallsyms", () => {
  const symbols = Array.from({ length: 600 }, (_, row) => ({ address: 0xc100_0000 + row, text: `tname_${row}` }));
  const parts = kallsymsParts(symbols, tokenTable(["name_"]), LAYOUTS[0]);

  test("random bytes are recognised as nothing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), (bytes) => {
        expect(read(32, [{ name: ".rodata", address: 0xc100_0000, bytes }])).toBe(undefined);
      }),
    );
  });

  test("a cut-off table is recognised as nothing", () => {
    const [text, rodata] = parts;
    const [first, last] = [12, rodata.bytes.length - 16];
    for (let cut = 4; cut < last - first; cut += 260) {
      expect(read(32, [text, { ...rodata, bytes: rodata.bytes.slice(0, last - cut) }])).toBe(undefined);
      expect(
        read(32, [text, { ...rodata, address: rodata.address + cut, bytes: rodata.bytes.slice(first + cut) }]),
      ).toBe(undefined);
    }
  });

  test("changed bytes never make it fail, and what is recognised is consistent", () => {
    const change = fc.record({ at: fc.nat(parts[1].bytes.length - 1), to: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = parts[1].bytes.slice();
        for (const { at, to } of changes) bytes[at] = to;
        const table = read(32, [parts[0], { ...parts[1], bytes }]);
        if (table === undefined) return;
        expect(table.address.length).toBe(table.count);
        expect([...table.address]).toEqual([...table.address].sort((a, b) => a - b));
        for (let row = 0; row < table.count; row += 50) expect(typeof table.name(row)).toBe("string");
      }),
      { numRuns: 300 },
    );
  });

  test("megabytes of zeros and of look-alikes take little time", () => {
    const zeros = new Uint8Array(8 << 20);
    const counting = new Uint8Array(8 << 20);
    const view = new DataView(counting.buffer);
    for (let at = 0; at < counting.length; at += 2) view.setUint16(at, (at / 2) & 0x1ff, true);
    const start = performance.now();
    for (const bytes of [zeros, counting]) {
      expect(read(64, [{ name: ".rodata", address: 0x8100_0000, bytes }])).toBe(undefined);
    }
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
