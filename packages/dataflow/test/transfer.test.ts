/** Steps against a small concrete machine: whatever is called known is what straight-line programs compute. */
import { Decoder, DecoderOptions } from "iced-x86";
import fc from "fast-check";
import { expect, test } from "vitest";
import { agreeing, exactly, joinKnown, oneOf, UNKNOWN, within, type Known } from "../src/known-values.js";
import { compileStep, MEMORY, remainder } from "../src/transfer.js";

/** One instruction: its bytes, and what it does to eight 32-bit registers. */
interface Operation {
  readonly bytes: readonly number[];
  run(registers: Int32Array): void;
}

const register = fc.nat(7);
const word = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const wordBytes = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
const modrm = (reg: number, rm: number): number => 0xc0 | (reg << 3) | rm;

/** opcode of `op r/m32, r32`, and of `op r/m32, imm32` the /digit; what it computes. */
const BINARY: [opcode: number, digit: number, run: (a: number, b: number) => number][] = [
  [0x01, 0, (a, b) => a + b],
  [0x29, 5, (a, b) => a - b],
  [0x21, 4, (a, b) => a & b],
  [0x09, 1, (a, b) => a | b],
  [0x31, 6, (a, b) => a ^ b],
];
const low8 = (registers: Int32Array, r: number): number => (r < 4 ? registers[r]! : registers[r - 4]! >>> 8) & 0xff;

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.tuple(fc.constantFrom(...BINARY), register, register).map(([[opcode, , run], d, s]) => ({
    bytes: [opcode, modrm(s, d)],
    run: (r: Int32Array) => void (r[d] = run(r[d]!, r[s]!)),
  })),
  fc.tuple(fc.constantFrom(...BINARY), register, word).map(([[, digit, run], d, value]) => ({
    bytes: [0x81, modrm(digit, d), ...wordBytes(value)],
    run: (r: Int32Array) => void (r[d] = run(r[d]!, value)),
  })),
  fc.tuple(register, word).map(([d, value]) => ({
    bytes: [0xb8 + d, ...wordBytes(value)],
    run: (r: Int32Array) => void (r[d] = value),
  })),
  fc.tuple(register, register).map(([d, s]) => ({
    bytes: [0x89, modrm(s, d)],
    run: (r: Int32Array) => void (r[d] = r[s]!),
  })),
  fc.tuple(register, fc.nat(255)).map(([d, value]) => ({
    bytes: [0xb0 + d, value],
    run: (r: Int32Array) => {
      const [to, shift] = d < 4 ? [d, 0] : [d - 4, 8];
      r[to] = (r[to]! & ~(0xff << shift)) | (value << shift);
    },
  })),
  fc.tuple(register, register, fc.boolean()).map(([d, s, signed]) => ({
    bytes: [0x0f, signed ? 0xbe : 0xb6, modrm(d, s)],
    run: (r: Int32Array) => void (r[d] = signed ? (low8(r, s) << 24) >> 24 : low8(r, s)),
  })),
  fc.tuple(register, fc.nat(31), fc.boolean()).map(([d, count, left]) => ({
    bytes: [0xc1, modrm(left ? 4 : 5, d), count],
    run: (r: Int32Array) => void (r[d] = left ? r[d]! << count : r[d]! >>> count),
  })),
  fc.tuple(register, register).map(([d, s]) => ({
    bytes: [0x87, modrm(s, d)],
    run: (r: Int32Array) => void ([r[d], r[s]] = [r[s]!, r[d]!]),
  })),
  // inc, dec, not
  fc.tuple(register, fc.nat(2)).map(([d, what]) => ({
    bytes: what === 2 ? [0xf7, modrm(2, d)] : [0xff, modrm(what, d)],
    run: (r: Int32Array) => void (r[d] = what === 2 ? ~r[d]! : r[d]! + (what === 0 ? 1 : -1)),
  })),
  // lea displacement(base, index, scale): base by SIB, no index 4, no base 5 without a displacement.
  fc
    .tuple(
      register,
      register,
      register.filter((x) => x !== 4),
      fc.nat(3),
      word,
    )
    .map(([d, base, index, scale, displacement]) => ({
      bytes: [0x8d, 0x84 | (d << 3), (scale << 6) | (index << 3) | base, ...wordBytes(displacement)],
      run: (r: Int32Array) => void (r[d] = r[base]! + (r[index]! << scale) + displacement),
    })),
  // neg; sar; imul by an immediate
  register.map((d) => ({ bytes: [0xf7, modrm(3, d)], run: (r: Int32Array) => void (r[d] = -r[d]!) })),
  fc.tuple(register, fc.nat(31)).map(([d, count]) => ({
    bytes: [0xc1, modrm(7, d), count],
    run: (r: Int32Array) => void (r[d] = r[d]! >> count),
  })),
  fc.tuple(register, register, word).map(([d, s, value]) => ({
    bytes: [0x69, modrm(d, s), ...wordBytes(value)],
    run: (r: Int32Array) => void (r[d] = Math.imul(r[s]!, value)),
  })),
  // adc, sbb: with and without a carry; setcc: either outcome
  fc.tuple(register, word, fc.boolean(), fc.boolean()).map(([d, value, carry, subtract]) => ({
    bytes: [0x81, modrm(subtract ? 3 : 2, d), ...wordBytes(value)],
    run: (r: Int32Array) => void (r[d] = subtract ? r[d]! - value - +carry : r[d]! + value + +carry),
  })),
  fc.tuple(register, fc.boolean()).map(([d, carry]) => ({
    bytes: [0x19, modrm(d, d)],
    run: (r: Int32Array) => void (r[d] = carry ? -1 : 0),
  })),
  fc.tuple(register, fc.boolean()).map(([d, is]) => ({
    bytes: [0x0f, 0x94, modrm(0, d)],
    run: (r: Int32Array) => {
      const [to, shift] = d < 4 ? [d, 0] : [d - 4, 8];
      r[to] = (r[to]! & ~(0xff << shift)) | (+is << shift);
    },
  })),
  // cmove: either outcome.
  fc.tuple(register, register, fc.boolean()).map(([d, s, taken]) => ({
    bytes: [0x0f, 0x44, modrm(d, s)],
    run: (r: Int32Array) => void (taken && (r[d] = r[s]!)),
  })),
);

/** A content, and knowledge that covers it: a few values, or some bits. */
const start = fc
  .tuple(word, word, fc.array(word, { maxLength: 3 }), fc.boolean())
  .map(([value, mask, others, listed]): [number, Known] => [
    value,
    listed ? oneOf([value, ...others]) : agreeing({ known: mask, value: value & mask }),
  ]);

test("what is called known is what a concrete machine computes", () => {
  const state = fc.array(start, { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(state, fc.array(operation, { minLength: 1, maxLength: 12 }), (initial, program) => {
      const machine = Int32Array.from(initial, ([value]) => value);
      const contents = [...initial.map(([, known]) => known), ...Array.from({ length: 9 }, () => UNKNOWN)];
      for (const { bytes, run } of program) {
        const decoder = new Decoder(32, Uint8Array.from(bytes), DecoderOptions.None);
        const instruction = decoder.decode();
        expect(instruction.length).toBe(bytes.length);
        const step = compileStep(instruction)!;
        instruction.free();
        decoder.free();
        // What a step does not name as read must not matter.
        const blind = contents.map((content, r) => (step.reads.includes(r) ? content : UNKNOWN));
        step.run(blind);
        for (const written of step.writes) contents[written] = blind[written]!;
        run(machine);
        contents.slice(0, 8).forEach((known, r) => expect(within(exactly(machine[r]!), known)).toBe(true));
      }
      expect(contents[MEMORY]).toBe(UNKNOWN);
    }),
    { numRuns: 1000 },
  );
});

test("of a register that is partly overwritten, the rest remains", () => {
  fc.assert(
    fc.property(start, fc.nat(7), word, ([value, known], written, garbage) => {
      const [l, h, u] = [written & 1, (written >> 1) & 1, (written >> 2) & 1];
      const mask = (l ? 0xff : 0) | (h ? 0xff00 : 0) | (u ? 0xffff_0000 : 0);
      const contents = [UNKNOWN, known];
      remainder((l << 1) | (h << 17), u << 1, 1).run(contents);
      expect(within(exactly((value & ~mask) | (garbage & mask)), contents[1]!)).toBe(true);
      if (mask === 0) expect(within(contents[1]!, joinKnown(known, known))).toBe(true);
    }),
  );
});
