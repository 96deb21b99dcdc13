/** Known values: laws of order and join, and that every operation covers what it stands for. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addBits, orBits, refines, shiftRight, type KnownBits } from "../src/known-bits.js";
import { formatKnown } from "../src/print.js";
import {
  agreed,
  agreeing,
  between,
  combine,
  equalKnown,
  exactly,
  insert,
  joinKnown,
  knowledgeOf,
  LARGEST_SET,
  map,
  masked,
  MOST_PATTERNS,
  NOTHING,
  oneOf,
  UNKNOWN,
  within,
  type Known,
} from "../src/known-values.js";

const word = fc.oneof(fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }), fc.integer({ min: -4, max: 20 }));
const known: fc.Arbitrary<Known> = fc.oneof(
  fc.array(word, { maxLength: 12 }).map(oneOf),
  fc.tuple(word, word).map(([bits, value]) => agreeing({ known: bits, value: value & bits })),
  // Few unknown bits: on both sides of what is listed.
  fc.tuple(word, fc.array(fc.nat(31), { maxLength: 5 })).map(([value, unknown]) => {
    const bits = unknown.reduce((mask, bit) => mask & ~(1 << bit), -1);
    return agreeing({ known: bits, value: value & bits });
  }),
  // Several patterns.
  fc
    .array(fc.tuple(word, word), { minLength: 2, maxLength: 4 })
    .map((all) => all.map(([bits, value]) => agreeing({ known: bits, value: value & bits })).reduce(joinKnown)),
  fc.constantFrom(NOTHING, UNKNOWN),
);
/** A word, and knowledge that covers it. */
const seen = fc.tuple(word, known).map(([value, other]) => ({ value, known: joinKnown(exactly(value), other) }));

describe("lattice laws", () => {
  test("join is commutative and idempotent, and covers both sides", () => {
    fc.assert(
      fc.property(known, known, (a, b) => {
        const joined = joinKnown(a, b);
        expect(equalKnown(joined, joinKnown(b, a))).toBe(true);
        expect(equalKnown(joinKnown(a, a), a)).toBe(true);
        expect(within(a, joined) && within(b, joined)).toBe(true);
        expect(within(NOTHING, a) && within(a, UNKNOWN)).toBe(true);
        expect(within(a, agreed(a))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
  test("without patterns, join is associative and the least upper bound", () => {
    const join = (a: Known, b: Known): Known => agreed(joinKnown(a, b));
    fc.assert(
      fc.property(known.map(agreed), known.map(agreed), known.map(agreed), (a, b, c) => {
        expect(equalKnown(join(join(a, b), c), join(a, join(b, c)))).toBe(true);
        if (within(a, c) && within(b, c)) expect(within(join(a, b), c)).toBe(true);
        if (within(a, b) && within(b, a)) expect(equalKnown(a, b)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
  test("patterns are few, none covers another, and they agree with the bits", () => {
    fc.assert(
      fc.property(known, known, (a, b) => {
        const { patterns, known: bits, value } = joinKnown(a, b);
        if (patterns === undefined) return;
        expect(patterns.length).toBeGreaterThan(1);
        expect(patterns.length).toBeLessThanOrEqual(MOST_PATTERNS);
        for (const each of patterns) {
          expect(refines(each, { known: bits, value })).toBe(true);
          expect(patterns.filter((other) => refines(each, other))).toEqual([each]);
        }
      }),
      { numRuns: 2000 },
    );
  });
  test("families of values stay apart", () => {
    const banks = Array.from({ length: 16 }, (_, i) => [0x401 + 4 * i, 0xc000_2001 + 16 * i]).flat();
    expect(formatKnown(banks.map(exactly).reduce(joinKnown))).toBe("000004**|c00020.1");
  });
  test("what is listed is short and agrees with its bits", () => {
    fc.assert(
      fc.property(known, (a) => {
        if (a.values === undefined) return;
        expect(a.values.length).toBeLessThanOrEqual(LARGEST_SET);
        for (const value of a.values) expect(value & a.known).toBe(a.value);
      }),
    );
  });
});

describe("operations", () => {
  const binary: [string, (x: number, y: number) => number, (a: KnownBits, b: KnownBits) => KnownBits][] = [
    ["add", (x, y) => (x + y) | 0, addBits],
    ["or", (x, y) => x | y, orBits],
  ];
  test.each(binary)("%s covers the machine's", (_, each, onBits) => {
    fc.assert(
      fc.property(seen, seen, (a, b) => {
        const result = combine(a.known, b.known, each, onBits);
        expect(within(exactly(each(a.value, b.value)), result)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
  test("shifts, masks and insertion cover the machine's", () => {
    fc.assert(
      fc.property(seen, seen, fc.nat(31), word, (a, b, count, mask) => {
        const shifted = map(
          a.known,
          (value) => value >>> count,
          (bits) => shiftRight(bits, count),
        );
        expect(within(exactly(a.value >>> count), shifted)).toBe(true);
        expect(within(exactly((a.value & ~mask) | (b.value & mask)), insert(a.known, b.known, mask))).toBe(true);
        expect(within(exactly(a.value & mask), masked(a.known, mask))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
  test("an interval keeps what lies in it, and loses knowledge of nothing", () => {
    const unsigned = word.map((value) => value >>> 0);
    fc.assert(
      fc.property(seen, unsigned, unsigned, fc.boolean(), (a, x, y, inside) => {
        const [low, high] = [Math.min(x, y), Math.max(x, y)];
        const kept = between(a.known, low, high, inside);
        const isIn = a.value >>> 0 >= low && a.value >>> 0 <= high;
        if (isIn === inside) expect(within(exactly(a.value), kept)).toBe(true);
        expect(within(kept, a.known)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});

test("how much is known is told by the bits that count", () => {
  expect(knowledgeOf(exactly(0x3f8), 0xffff)).toBe("exact");
  expect(knowledgeOf(agreeing({ known: 0xffff, value: 0x3f8 }), 0xffff)).toBe("exact");
  expect(knowledgeOf(oneOf([0x2f8, 0x3f8]), 0xffff)).toBe("set");
  expect(knowledgeOf(agreeing({ known: ~0x1f0, value: 0x400 }), -1)).toBe("range");
  expect(knowledgeOf(agreeing({ known: 0xf, value: 1 }), -1)).toBe("nothing");
  expect(knowledgeOf(NOTHING, -1)).toBe("nothing");
});
