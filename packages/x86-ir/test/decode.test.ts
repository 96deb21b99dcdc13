import { readFileSync } from "node:fs";
import { type Bits, type CodeRegion, Flow, type Instructions, decode } from "@pv/x86-ir";
import fc from "fast-check";
import { Code, Decoder, DecoderOptions, OpKind } from "iced-x86";
import { describe, expect, test } from "vitest";
import { EffectTable, isLeaToItself } from "../src/effects.js";
import { padded, randomAddresses, randomBits, randomBytes } from "./random-code.js";

const NO_STARTS = new Uint32Array(0);
const START = 0xc100_0000;
const highOf = (bits: Bits): number => (bits === 64 ? 0xffff_ffff : 0);
const decodeBytes = (bytes: Uint8Array, bits: Bits, starts = NO_STARTS): Instructions =>
  decode([{ name: ".text", start: START, bytes }], bits, highOf(bits), starts);

/** Compares every row with what iced-x86 says when it is asked about those very bytes. */
function expectAsIced(code: Uint8Array, bits: Bits): void {
  const bytes = padded(code);
  const instructions = decodeBytes(bytes, bits),
    { effects } = instructions;
  const decoder = new Decoder(bits, bytes, DecoderOptions.None),
    table = new EffectTable(bits);
  let row = 0;
  for (let position = 0; position < bytes.length; row++) {
    decoder.position = position;
    decoder.ip = (BigInt(highOf(bits)) << 32n) | BigInt(START + position);
    const instruction = decoder.decode(),
      invalid = instruction.code === Code.INVALID;
    const branch =
      !invalid &&
      instruction.opCount > 0 &&
      instruction.op0Kind >= OpKind.NearBranch16 &&
      instruction.op0Kind <= OpKind.NearBranch64;
    const padding = isLeaToItself(instruction, bits) && instruction.memoryDisplacement === 0n;
    const effect = padding ? 1 : table.of(instruction, instructions.flow[row]);
    const [useParts, useRest, killParts, killRest, writeParts, writeRest] = contentOf(table, effect);
    const e = instructions.effect[row];
    expect({
      address: instructions.address[row],
      length: instructions.length[row],
      code: instructions.code[row],
      invalid: instructions.flow[row] === Flow.invalid,
      target: instructions.target[row],
      effect: [
        effects.useParts[e],
        effects.useRest[e],
        effects.killParts[e],
        effects.killRest[e],
        effects.writeParts[e],
        effects.writeRest[e],
      ],
    }).toEqual({
      address: START + position,
      length: invalid ? 1 : instruction.length,
      code: instruction.code,
      invalid,
      target: branch ? Number(BigInt.asUintN(32, instruction.nearBranchTarget)) : 0,
      effect: [useParts, useRest, killParts, killRest, writeParts, writeRest],
    });
    position += invalid ? 1 : instruction.length;
    instruction.free();
  }
  decoder.free();
  table.finish();
  expect(instructions.count).toBe(row);
}

function contentOf(table: EffectTable, row: number): number[] {
  const words = (table as unknown as { words: number[][] }).words;
  return words.map((column) => column[row] | 0);
}

describe("decode says what iced-x86 says", () => {
  test("of hostile code", () => {
    fc.assert(fc.property(randomBytes, randomBits, expectAsIced), { numRuns: 400 });
  });

  test("of one instruction with many addresses", () => {
    fc.assert(fc.property(randomAddresses, randomBits, expectAsIced), { numRuns: 600 });
  });

  test("of noise", () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), randomBits, expectAsIced), { numRuns: 200 });
  });

  test("of a real program: this Node's own machine code, where it is x86-64", () => {
    if (process.arch !== "x64" || process.platform !== "linux") return;
    const file = readFileSync(process.execPath);
    // The entry point of the ELF file lies in its code; a file offset near it is good enough.
    const from = Math.min(Number(file.readBigUInt64LE(24) & 0xff_ffffn), file.length - 20_000);
    expectAsIced(Uint8Array.from(file.subarray(from, from + 20_000)), 64);
  });
});

describe("the sweep", () => {
  test("tiles every region with rows that are found by address", () => {
    fc.assert(
      fc.property(
        fc.array(randomBytes, { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(400), { maxLength: 5 }),
        randomBits,
        (parts, offsets, bits) => {
          let start = START;
          const regions = parts.map((bytes): CodeRegion => {
            const region = { name: "", start, bytes };
            start += bytes.length + 7;
            return region;
          });
          const starts = Uint32Array.from(offsets, (offset) => START + offset).sort();
          const instructions = decode([...regions].reverse(), bits, highOf(bits), starts);
          let row = 0;
          for (const region of regions) {
            for (let offset = 0; offset < region.bytes.length; row++) {
              const va = region.start + offset,
                length = instructions.length[row];
              expect(instructions.address[row]).toBe(va);
              expect(instructions.bytesOf(row)).toEqual(region.bytes.subarray(offset, offset + length));
              for (let inside = va; inside < va + length; inside++) {
                expect(instructions.at(inside)).toBe(inside === va ? row : -1);
                expect(instructions.covering(inside)).toBe(row);
              }
              offset += length;
            }
            const behind = region.start + region.bytes.length;
            expect([instructions.at(behind), instructions.covering(behind)]).toEqual([-1, -1]);
          }
          expect(instructions.count).toBe(row);
          for (const va of starts)
            if (regions.some((region) => va >= region.start && va < region.start + region.bytes.length))
              expect(instructions.at(va)).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("gives up what runs over a known start or over the end", () => {
    // mov $0x90909090, %eax; the start lies in its immediate.
    const bytes = Uint8Array.of(0xb8, 0x90, 0x90, 0x90, 0x90, 0xc3, 0xe9, 0x00);
    const instructions = decodeBytes(bytes, 32, Uint32Array.of(0x1000, START + 2, 0xf000_0000));
    expect([...instructions.length]).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    expect([...instructions.flow]).toEqual([
      Flow.invalid,
      Flow.invalid,
      Flow.next,
      Flow.next,
      Flow.next,
      Flow.return,
      Flow.invalid,
      Flow.invalid,
    ]);
  });

  test("cuts targets as the operand size says", () => {
    const instructions = decodeBytes(
      Uint8Array.of(0x66, 0xeb, 0x05, 0x66, 0xe9, 0xfe, 0xff, 0xe8, 0xfb, 0xff, 0xff, 0xff),
      32,
    );
    expect([...instructions.target]).toEqual([0x0008, 0x0005, START + 7]);
  });

  test("refuses regions that overlap or leave the address space", () => {
    const bytes = new Uint8Array(16);
    const region = (start: number): CodeRegion => ({ name: ".text", start, bytes });
    expect(() => decode([region(0x1000), region(0x1008)], 32, 0, NO_STARTS)).toThrow(/PV1006.*overlaps/);
    expect(() => decode([region(0xffff_fff8)], 32, 0, NO_STARTS)).toThrow(/PV1006.*address space/);
    expect(decode([], 32, 0, NO_STARTS).count).toBe(0);
  });

  test("survives more shapes than it remembers", () => {
    // Distinct prefix sequences, each of which would make nodes of its own.
    const prefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67];
    const bytes: number[] = [];
    for (let n = 0; n < 20_000; n++) {
      for (let i = 0, rest = n * 7919; i < 6; i++, rest = Math.floor(rest / 8)) bytes.push(prefixes[rest % 8]);
      bytes.push(0x8b, 0x44, 0x24, n & 255);
    }
    const instructions = decodeBytes(Uint8Array.from(bytes), 64);
    expect(instructions.count).toBe(20_000);
    expect(new Set(instructions.code)).toHaveProperty("size", 2);
  });
});
