import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addBits,
  andBits,
  constant,
  equalBits,
  insertBits,
  joinBits,
  orBits,
  refines,
  shiftLeft,
  shiftRight,
  subtractBits,
  UNKNOWN_BITS,
  xorBits,
  type KnownBits,
} from "../src/known-bits.js";

const word = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const bits: fc.Arbitrary<KnownBits> = fc.tuple(word, word).map(([known, value]) => ({ known, value: value & known }));
/** A concrete word together with partial knowledge of it. */
const seen = fc.tuple(word, word).map(([value, known]) => ({ value, bits: { known, value: value & known } }));
const covers = (knowledge: KnownBits, value: number): boolean => refines(constant(value), knowledge);

describe("lattice laws", () => {
  test("join is commutative, associative and idempotent", () => {
    fc.assert(
      fc.property(bits, bits, bits, (a, b, c) => {
        expect(joinBits(a, b)).toEqual(joinBits(b, a));
        expect(joinBits(joinBits(a, b), c)).toEqual(joinBits(a, joinBits(b, c)));
        expect(equalBits(joinBits(a, a), a)).toBe(true);
      }),
    );
  });
  test("join is the least upper bound, unknown is top", () => {
    fc.assert(
      fc.property(bits, bits, (a, b) => {
        const joined = joinBits(a, b);
        expect(refines(a, joined) && refines(b, joined)).toBe(true);
        expect(refines(a, UNKNOWN_BITS)).toBe(true);
        if (refines(a, b)) expect(joined).toEqual(b);
      }),
    );
  });
});

describe("operations cover the machine's", () => {
  const operations: [string, (a: KnownBits, b: KnownBits) => KnownBits, (a: number, b: number) => number][] = [
    ["and", andBits, (a, b) => a & b],
    ["or", orBits, (a, b) => a | b],
    ["xor", xorBits, (a, b) => a ^ b],
    ["add", addBits, (a, b) => (a + b) | 0],
    ["subtract", subtractBits, (a, b) => (a - b) | 0],
  ];
  test.each(operations)("%s", (_, abstract, concrete) => {
    fc.assert(
      fc.property(seen, seen, (a, b) => {
        const result = abstract(a.bits, b.bits);
        expect(covers(result, concrete(a.value, b.value))).toBe(true);
        expect(result.value & ~result.known).toBe(0);
      }),
    );
  });
  test.each(operations)("%s is monotone and exact on constants", (_, abstract, concrete) => {
    fc.assert(
      fc.property(seen, bits, bits, (a, b, c) => {
        expect(refines(abstract(a.bits, b), abstract(joinBits(a.bits, c), b))).toBe(true);
        expect(abstract(constant(a.value), constant(b.value))).toEqual(constant(concrete(a.value, b.value)));
      }),
    );
  });
  test("shifts and insertion", () => {
    fc.assert(
      fc.property(seen, seen, fc.nat(31), word, (a, b, count, mask) => {
        expect(covers(shiftLeft(a.bits, count), a.value << count)).toBe(true);
        expect(covers(shiftRight(a.bits, count), a.value >>> count)).toBe(true);
        expect(covers(insertBits(a.bits, b.bits, mask), (a.value & ~mask) | (b.value & mask))).toBe(true);
      }),
    );
  });
});
