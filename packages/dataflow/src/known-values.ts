/**
 * Known values: what is known of a 32-bit content, as the set of values that it may have.
 *
 * Up to `LARGEST_SET` values are listed; more are described by the bits that they agree on (known-bits.ts), so that `0xcfc + (x & 3)`
 * is four values and `0xc0002001 + 16 * (x & 31)` is a mask. The order is inclusion: nothing (no path gets there) is bottom, everything is
 * top, and a join is the union, or the bits that all its members agree on. Bits that leave no more than `LARGEST_SET` values are
 * listed, so every element has one form, and joining is associative. Chains are at most LARGEST_SET + 32 long.
 *
 * An operation on lists is done value by value; on bits, by its counterpart there.
 */
import {
  andBits,
  constant,
  equalBits,
  insertBits,
  joinBits,
  refines,
  UNKNOWN_BITS,
  type KnownBits,
} from "./known-bits.js";

/** How many values are listed; a power of two. Eight cover the legs of a switch, a bank of registers, and primary/secondary channels. */
export const LARGEST_SET = 8;
/** Bits that leave this many values or fewer are called a range: few enough to choose an emulation by, 2^8 ports or MSRs. */
export const RANGE_BITS = 8;

export interface Known extends KnownBits {
  /** Ascending as signed words, without duplicates; undefined where only bits are known. `known` and `value` are what they agree on. */
  readonly values: readonly number[] | undefined;
}

/** No path gets there. */
export const NOTHING: Known = { known: -1, value: 0, values: [] };
/** Anything. */
export const UNKNOWN: Known = { ...UNKNOWN_BITS, values: undefined };

export function exactly(value: number): Known {
  return { ...constant(value), values: [value | 0] };
}

/** One of the given values (any order, duplicates allowed). */
export function oneOf(values: Iterable<number>): Known {
  const sorted = [...new Set([...values].map((value) => value | 0))].sort((a, b) => a - b);
  if (sorted.length === 0) return NOTHING;
  let bits = constant(sorted[0]!);
  for (const value of sorted) bits = joinBits(bits, constant(value));
  return sorted.length <= LARGEST_SET ? { ...bits, values: sorted } : { ...bits, values: undefined };
}

/** Whatever agrees with the bits. */
export function agreeing(bits: KnownBits): Known {
  if (bits.known === 0) return UNKNOWN;
  const unknown = ~bits.known;
  if (bitCount(unknown) > LIST_BITS) return { known: bits.known, value: bits.value, values: undefined };
  const values: number[] = [];
  // Counts through the subsets of the unknown bits.
  for (let part = 0; ; part = (part - unknown) & unknown) {
    values.push(bits.value | part);
    if (part === unknown) break;
  }
  return oneOf(values);
}
const LIST_BITS = Math.log2(LARGEST_SET);

export function joinKnown(a: Known, b: Known): Known {
  if (a === b || b.values?.length === 0) return a;
  if (a.values?.length === 0) return b;
  if (a.values !== undefined && b.values !== undefined) return oneOf([...a.values, ...b.values]);
  const bits = joinBits(a, b);
  return { known: bits.known, value: bits.value, values: undefined };
}

export function equalKnown(a: Known, b: Known): boolean {
  if (a === b) return true;
  if (!equalBits(a, b) || a.values?.length !== b.values?.length) return false;
  return a.values?.every((value, i) => value === b.values![i]) ?? true;
}

/** Whether every value of `a` is one of `b`'s. */
export function within(a: Known, b: Known): boolean {
  if (a.values?.length === 0) return true;
  if (b.values === undefined) return refines(a, b);
  return a.values?.every((value) => b.values!.includes(value)) ?? false;
}

/** What an operation makes of one operand. */
export function map(a: Known, each: (value: number) => number, onBits: (a: KnownBits) => KnownBits): Known {
  if (a.values === undefined) return agreeing(onBits(a));
  return a.values.length === 1 ? exactly(each(a.values[0]!)) : oneOf(a.values.map(each));
}

/** What an operation makes of two operands that have nothing to do with each other. */
export function combine(
  a: Known,
  b: Known,
  each: (x: number, y: number) => number,
  onBits: (a: KnownBits, b: KnownBits) => KnownBits,
): Known {
  if (a.values?.length === 0 || b.values?.length === 0) return NOTHING;
  if (a.values === undefined || b.values === undefined) return agreeing(onBits(a, b));
  if (a.values.length === 1 && b.values.length === 1) return exactly(each(a.values[0]!, b.values[0]!));
  return oneOf(a.values.flatMap((x) => b.values!.map((y) => each(x, y))));
}

/** Takes `from` inside the mask and keeps `into` outside of it. */
export function insert(into: Known, from: Known, mask: number): Known {
  if (mask === -1) return from;
  return combine(
    into,
    from,
    (x, y) => (x & ~mask) | (y & mask),
    (x, y) => insertBits(x, y, mask),
  );
}

/** The values that lie between two unsigned words (inclusive), or those that do not. */
export function between(a: Known, low: number, high: number, inside: boolean): Known {
  const isIn = (value: number): boolean => value >>> 0 >= low && value >>> 0 <= high;
  if (a.values !== undefined) {
    const kept = a.values.filter((value) => isIn(value) === inside);
    return kept.length === a.values.length ? a : oneOf(kept);
  }
  if (!inside) {
    // What remains at one end of what the bits allow is an interval again.
    const least = a.value >>> 0,
      most = (a.value | ~a.known) >>> 0;
    if (low <= least && high >= most) return NOTHING;
    if (low <= least && high >= least) return between(a, high + 1, most, true);
    return high >= most && low <= most ? between(a, least, low - 1, true) : a;
  }
  if (high - low < LARGEST_SET) {
    const values: number[] = [];
    for (let value = low; value <= high; value++) if (((value ^ a.value) & a.known) === 0) values.push(value);
    return oneOf(values);
  }
  // The leading bits on which both ends agree.
  const shared = Math.clz32(low ^ high);
  const mask = shared === 0 ? 0 : shared === 32 ? -1 : ~(-1 >>> shared);
  if (((a.value ^ low) & a.known & mask) !== 0) return NOTHING;
  return agreeing({ known: a.known | mask, value: (a.value & ~mask) | (low & mask) });
}

/** The bits in a mask; all others are zero. */
export function masked(a: Known, mask: number): Known {
  return map(
    a,
    (value) => value & mask,
    (bits) => andBits(bits, constant(mask)),
  );
}

/** How much is known of the bits in a mask: one value, a few, a range of them, or less. */
export type Knowledge = "exact" | "set" | "range" | "nothing";

export function knowledgeOf(a: Known, mask: number): Knowledge {
  if (a.values?.length === 0) return "nothing";
  if ((a.known & mask) === mask) return "exact";
  if (a.values !== undefined) return "set";
  return bitCount(~a.known & mask) <= RANGE_BITS ? "range" : "nothing";
}

function bitCount(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
