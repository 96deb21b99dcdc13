import fc from "fast-check";
import { Code, Decoder } from "iced-x86";
import { describe, expect, test } from "vitest";
import { countKinds, entryOf, findSites, formOf, kindNumber, kindOfCode, printSites } from "@pv/sensitive";
import { type Bits, decode, Flow } from "@pv/x86-ir";

const program = (bytes: readonly number[] | Uint8Array, bits: Bits = 32, start = 0xc100_0000) =>
  decode(
    [{ name: ".text", start, bytes: Uint8Array.from(bytes) }],
    bits,
    bits === 64 ? 0xffff_ffff : 0,
    new Uint32Array(),
  );

// clac; cli; sti; rdtscp
const FOUR = [0x0f, 0x01, 0xca, 0xfa, 0xfb, 0x0f, 0x01, 0xf9];

describe("findSites", () => {
  test("columns are in order of address and as long as there are sites", () => {
    const sites = findSites(program([0x90, ...FOUR, 0xc3]));
    expect([...sites.instruction]).toEqual([1, 2, 3, 4]);
    expect([...sites.kind]).toEqual((["clac", "cli", "sti", "rdtscp"] as const).map(kindNumber));
    expect([sites.kind, sites.form, sites.inAlternative].map((column) => column.length)).toEqual([4, 4, 4]);
  });

  test("nothing in, nothing out", () => {
    expect(findSites(program([])).count).toBe(0);
    expect(printSites(findSites(program([0x90, 0xc3])), program([0x90, 0xc3]))).toBe("");
  });

  test("alternative ranges may be in any order, empty or overlapping, and end before `end`", () => {
    const mark = (start: readonly number[], end: readonly number[]) =>
      [
        ...findSites(program(FOUR), {
          alternativeRanges: { start: Uint32Array.from(start), end: Uint32Array.from(end) },
        }).inAlternative,
      ].join("");
    expect(mark([], [])).toBe("0000");
    expect(mark([0xc100_0003], [0xc100_0004])).toBe("0100");
    expect(mark([0xc100_0004, 0xc100_0000], [0xc100_0005, 0xc100_0003])).toBe("1010");
    expect(mark([0xc100_0000, 0xc100_0003], [0xc100_0008, 0xc100_0003])).toBe("1111");
    expect(mark([0xc100_0003, 0, 0xc100_0003], [0xc100_0005, 0xc100_0001, 0xc100_0004])).toBe("1110");
    expect(mark([0xc100_0008], [0xffff_ffff])).toBe("0000");
  });

  test("addresses in 64-bit mode are printed in full", () => {
    const code = program([0xfa], 64, 0x8100_0000);
    expect(printSites(findSites(code), code)).toBe("ffffffff81000000  cli           privileged\n");
  });

  test("counts are by number, then by name", () => {
    const sites = findSites(program([0xfb, 0xfa, 0xfa, 0xf4, 0xfb, 0xfa]));
    expect(countKinds(sites)).toEqual([
      { kind: "cli", count: 3 },
      { kind: "sti", count: 2 },
      { kind: "hlt", count: 1 },
    ]);
  });

  test("MOV to CS and moves of control registers that do not exist are no sites: they are #UD", () => {
    // mov %eax,%cs; mov %eax,%cr1; mov %eax,%cr5
    for (const bytes of [
      [0x8e, 0xc8],
      [0x0f, 0x22, 0xc8],
      [0x0f, 0x22, 0xe8],
    ]) {
      expect(findSites(program(bytes)).instruction).not.toContain(0);
    }
  });
});

/** Bytes with many sensitive opcodes and prefixes among them. */
const noise = fc.array(
  fc.oneof(
    fc.nat(255),
    fc.constantFrom(0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x0f, 0x41, 0x48, 0x4c, 0x2e, 0x64),
    fc.constantFrom(
      0xfa,
      0xfb,
      0x9c,
      0x9d,
      0xec,
      0xee,
      0x6d,
      0x8c,
      0x8e,
      0x20,
      0x22,
      0x00,
      0x01,
      0xc7,
      0xae,
      0x1e,
      0xcd,
    ),
  ),
  { maxLength: 120 },
);

test.each([32, 64] as const)(
  "on random bytes: the same sites as instruction by instruction with iced (%i bits)",
  (bits) => {
    fc.assert(
      fc.property(noise, (bytes) => {
        const code = program(bytes, bits);
        const sites = findSites(code);
        const found = [...sites.instruction].map((row, site) => [code.address[row], sites.kind[site]]);
        const expected: number[][] = [];
        for (let row = 0; row < code.count; row++) {
          if (code.flow[row] === Flow.invalid) continue;
          const decoder = new Decoder(bits, code.bytesOf(row), 0);
          const instruction = decoder.decode();
          const kind = instruction.code === Code.INVALID ? 0 : kindOfCode(instruction.code);
          if (kind !== 0) expected.push([code.address[row], kind]);
          instruction.free();
          decoder.free();
        }
        expect(found).toEqual(expected);
        // Forms come from the bytes alone, so bytes of what follows must not matter.
        for (let site = 0; site < sites.count; site++) {
          const alone = code.bytesOf(sites.instruction[site]);
          expect(formOf(entryOf(sites.kind[site])!, Uint8Array.of(...alone, ...bytes.slice(0, 4)), bits)).toBe(
            sites.form[site],
          );
          expect(sites.form[site]).toBeLessThanOrEqual(0xffff);
        }
        expect(printSites(sites, code).split("\n").length - 1).toBe(sites.count);
      }),
      { numRuns: 400 },
    );
  },
);
