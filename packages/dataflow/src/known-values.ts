/**
 * Known values: what is known of a 32-bit content, as the set of values that it may have.
 *
 * Up to `LARGEST_SET` values are listed; more are described by patterns: the bits that they agree on (known-bits.ts). `0xcfc + (x & 3)` is
 * four values, `0xc0002001 + 16 * (x & 31)` is one pattern, and where a bank has its registers here or there, a union of two. Up to
 * `MOST_PATTERNS` are kept; beyond that, the two that leave the fewest bits unknown together become one, so that families of values
 * stay apart. The order is inclusion: nothing (no path gets there) is bottom, everything is top, and a join covers both sides.
 *
 * An operation on lists is done value by value; on patterns, by its counterpart on bits for each. Which patterns become one depends on what is there
 * when they do, so operations are sound, but neither join is associative nor are they monotone where patterns were joined:
 * whoever iterates has to keep what there was, and to give up patterns after a while (`agreed`).
 */
import { andBits, constant, equalBits, insertBits, joinBits, refines, type KnownBits } from "./known-bits.js";

/** How many values are listed; a power of two. Eight cover the legs of a switch, a bank of registers, and primary/secondary channels. */
export const LARGEST_SET = 8;
/** An operation is done value by value where it has no more results than this. */
const MOST_RESULTS = 64;
/** Patterns of which all pairs are looked at. */
const MOST_PAIRED = 32;
/** How many patterns are kept. */
export const MOST_PATTERNS = 8;
/** Patterns that leave this many values or fewer are called a range: few enough to choose an emulation by. */
export const LARGEST_RANGE = 256;

/** What all values agree on (`known` and `value`), and: */
export interface Known extends KnownBits {
  /** Ascending as signed words, without duplicates; undefined where only bits are known. */
  readonly values: readonly number[] | undefined;
  /** Each value agrees with one of these: at least two, none of which covers another, in a fixed order. Undefined where `values` or `known` say it all. */
  readonly patterns: readonly KnownBits[] | undefined;
}

/** No path gets there. */
export const NOTHING: Known = { known: -1, value: 0, values: [], patterns: undefined };
/** Anything. */
export const UNKNOWN: Known = { known: 0, value: 0, values: undefined, patterns: undefined };

/** Whether nothing is known: any value is possible. */
export const isAnything = (a: Known): boolean => a.known === 0 && a.values === undefined && a.patterns === undefined;

export function exactly(value: number): Known {
  return { known: -1, value: value | 0, values: [value | 0], patterns: undefined };
}

/** One of the given values (any order, duplicates allowed). */
export function oneOf(values: Iterable<number>): Known {
  const sorted = [...new Set([...values].map((value) => value | 0))].sort((a, b) => a - b);
  return sorted.length <= LARGEST_SET ? listed(sorted) : anyOf(sorted.map(constant));
}

/** A short list, ascending, without duplicates. */
function listed(sorted: readonly number[]): Known {
  if (sorted.length === 0) return NOTHING;
  let bits = constant(sorted[0]!);
  for (const value of sorted) bits = joinBits(bits, constant(value));
  return { known: bits.known, value: bits.value, values: sorted, patterns: undefined };
}

/** Whatever agrees with the bits. */
export function agreeing(bits: KnownBits): Known {
  if (bits.known === 0) return UNKNOWN;
  if (membersOf(bits) <= LARGEST_SET) return oneOf(membersIn(bits));
  return { known: bits.known, value: bits.value, values: undefined, patterns: undefined };
}

/** Whatever agrees with one of the patterns (any order, at least one). */
function anyOf(patterns: readonly KnownBits[]): Known {
  if (patterns.length === 1) return agreeing(patterns[0]!);
  let kept = withoutCovered(halvesJoined(patterns));
  if (kept.reduce((sum, each) => sum + membersOf(each), 0) <= LARGEST_SET)
    return listed([...new Set(kept.flatMap(membersIn))].sort((a, b) => a - b));
  while (kept.length > MOST_PATTERNS) {
    const [i, j] = closest(kept);
    kept = withoutCovered(halvesJoined([joinBits(kept[i]!, kept[j]!), ...kept.filter((_, k) => k !== i && k !== j)]));
  }
  if (kept.length === 1) return agreeing(kept[0]!);
  const { known, value } = kept.reduce(joinBits);
  return { known, value, values: undefined, patterns: kept };
}

/** Those of the patterns become one that differ in one bit, from the lowest bit on. */
function halvesJoined(patterns: readonly KnownBits[]): readonly KnownBits[] {
  let kept = patterns,
    halved = halves(kept);
  for (let bit = 1; bit !== 0 && halved !== 0; bit <<= 1) {
    if ((halved & bit) === 0) continue;
    const waiting = new Map<number, KnownBits[]>();
    const joined: KnownBits[] = [];
    for (const each of kept) {
      const without = each.value & ~bit;
      const others = waiting.get(without);
      const half = others?.findIndex(({ known, value }) => known === each.known && value !== each.value) ?? -1;
      if (half >= 0) {
        others!.splice(half, 1);
        joined.push({ known: each.known & ~bit, value: without });
      } else if (others === undefined) waiting.set(without, [each]);
      else others.push(each);
    }
    if (joined.length === 0) continue;
    for (const rest of waiting.values()) joined.push(...rest);
    kept = joined;
    halved = halves(kept);
  }
  return kept;
}

/** Bits in which some pair of patterns differs, and in nothing else; of many patterns, bits in which any differ. */
function halves(patterns: readonly KnownBits[]): number {
  let bits = 0;
  if (patterns.length > MOST_PAIRED) {
    for (const { value } of patterns) bits |= value ^ patterns[0]!.value;
    return bits;
  }
  for (let i = 0; i < patterns.length; i++) {
    const { known, value } = patterns[i]!;
    for (let j = i + 1; j < patterns.length; j++) {
      const difference = value ^ patterns[j]!.value;
      if (known === patterns[j]!.known && (difference & (difference - 1)) === 0) bits |= difference;
    }
  }
  return bits;
}

/** The two patterns that leave the fewest bits unknown together. */
function closest(patterns: readonly KnownBits[]): readonly [number, number] {
  let best: readonly [number, number] = [0, 1],
    fewest = 33;
  for (let i = 0; i < patterns.length; i++)
    for (let j = i + 1; j < patterns.length; j++) {
      const unknown = bitCount(~joinBits(patterns[i]!, patterns[j]!).known);
      if (unknown < fewest) [fewest, best] = [unknown, [i, j]];
    }
  return best;
}

/** In a fixed order: by what they surely contain, then by what they leave open. */
function withoutCovered(patterns: readonly KnownBits[]): KnownBits[] {
  const kept: KnownBits[] = [];
  for (const each of patterns) {
    if (kept.some((other) => refines(each, other))) continue;
    for (let i = kept.length - 1; i >= 0; i--) if (refines(kept[i]!, each)) kept.splice(i, 1);
    kept.push(each);
  }
  return kept.sort((a, b) => (a.value >>> 0) - (b.value >>> 0) || a.known - b.known);
}

/** The patterns that together are a value: its listed ones, its patterns, or its bits. */
export function patternsOf(a: Known): readonly KnownBits[] {
  return a.patterns ?? a.values?.map(constant) ?? [a];
}

/** The smallest and the largest value as unsigned numbers; undefined where there is none. */
export function boundsOf(a: Known): readonly [low: number, high: number] | undefined {
  const patterns = patternsOf(a);
  if (patterns.length === 0) return undefined;
  let low = 0xffff_ffff,
    high = 0;
  for (const { known, value } of patterns) {
    low = Math.min(low, value >>> 0);
    high = Math.max(high, (value | ~known) >>> 0);
  }
  return [low, high];
}

const membersOf = ({ known }: KnownBits): number => 2 ** bitCount(~known);

function membersIn({ known, value }: KnownBits): number[] {
  const unknown = ~known,
    members: number[] = [];
  // Counts through the subsets of the unknown bits.
  for (let part = 0; ; part = (part - unknown) & unknown) {
    members.push(value | part);
    if (part === unknown) return members;
  }
}

/** What all values agree on, and no more. */
export function agreed(a: Known): Known {
  return a.patterns === undefined ? a : agreeing(a);
}

export function joinKnown(a: Known, b: Known): Known {
  if (a === b || b.values?.length === 0) return a;
  if (a.values?.length === 0) return b;
  if (a.values !== undefined && b.values !== undefined) return oneOf([...a.values, ...b.values]);
  if (isAnything(a)) return a;
  if (isAnything(b)) return b;
  // Most joins only see a content grow.
  if (within(a, b)) return b;
  if (within(b, a)) return a;
  return anyOf([...patternsOf(a), ...patternsOf(b)]);
}

export function equalKnown(a: Known, b: Known): boolean {
  if (a === b) return true;
  if (!equalBits(a, b) || a.values?.length !== b.values?.length || a.patterns?.length !== b.patterns?.length)
    return false;
  if (a.patterns !== undefined) return a.patterns.every((each, i) => equalBits(each, b.patterns![i]!));
  return a.values?.every((value, i) => value === b.values![i]) ?? true;
}

/** Whether every value of `a` is plainly one of `b`'s: each pattern of `a` within one of `b`'s. */
export function within(a: Known, b: Known): boolean {
  if (a.values?.length === 0) return true;
  if (b.values !== undefined) return a.values?.every((value) => b.values!.includes(value)) ?? false;
  const wider = patternsOf(b);
  return patternsOf(a).every((each) => wider.some((other) => refines(each, other)));
}

/** What an operation makes of one operand. */
export function map(a: Known, each: (value: number) => number, onBits: (a: KnownBits) => KnownBits): Known {
  if (a.values === undefined) return a.patterns === undefined ? agreeing(onBits(a)) : anyOf(a.patterns.map(onBits));
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
  if (a.values?.length === 1 && b.values?.length === 1) return exactly(each(a.values[0]!, b.values[0]!));
  if (a.values !== undefined && b.values !== undefined)
    return oneOf(a.values.flatMap((x) => b.values!.map((y) => each(x, y))));
  if (isAnything(a) || isAnything(b)) return agreeing(onBits(a, b));
  const results: KnownBits[] = [];
  for (const x of patternsOf(a))
    for (const y of patternsOf(b)) {
      const bits = onBits(x, y),
        most = membersOf(x) * membersOf(y);
      // Where bits say less than the values do, and these are few.
      if (membersOf(bits) <= most || most > MOST_RESULTS) results.push(bits);
      else {
        const values = new Set<number>(),
          others = membersIn(y);
        for (const one of membersIn(x)) for (const other of others) values.add(each(one, other));
        results.push(...halvesJoined(Array.from(values, constant)));
      }
    }
  return anyOf(results);
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
  if (a.patterns !== undefined) {
    const kept = a.patterns.map((each) => between(agreeing(each), low, high, inside));
    const open = kept.filter(({ values }) => values?.length !== 0);
    if (open.length === 0) return NOTHING;
    const narrowed = anyOf(open.flatMap(patternsOf));
    // Joined again, it may have lost more than it won.
    return within(narrowed, a) ? narrowed : a;
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
  // The blocks that the interval is made of, if they are few; else the leading bits on which both ends agree.
  const blocks = blocksOf(low, high) ?? [leading(low, high)];
  const met = blocks.filter(({ known, value }) => ((a.value ^ value) & a.known & known) === 0);
  if (met.length === 0) return NOTHING;
  return anyOf(met.map(({ known, value }) => ({ known: a.known | known, value: a.value | value })));
}

function leading(low: number, high: number): KnownBits {
  const shared = Math.clz32(low ^ high);
  const known = shared === 0 ? 0 : shared === 32 ? -1 : ~(-1 >>> shared);
  return { known, value: low & known };
}

/** Aligned blocks of 2^n words that together are an interval of unsigned words; undefined where they are more than are kept. */
function blocksOf(low: number, high: number): KnownBits[] | undefined {
  const blocks: KnownBits[] = [];
  for (let from = low; from <= high;) {
    let size = 1;
    while (from % (size * 2) === 0 && from + size * 2 - 1 <= high && size < 2 ** 32) size *= 2;
    if (blocks.length === MOST_PATTERNS) return undefined;
    const known = size === 2 ** 32 ? 0 : ~(size - 1);
    blocks.push({ known, value: from & known });
    from += size;
  }
  return blocks;
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
  const members = patternsOf(a).reduce((sum, { known }) => sum + 2 ** bitCount(~known & mask), 0);
  return members <= LARGEST_RANGE ? "range" : "nothing";
}

function bitCount(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
