/**
 * Known bits: the lattice of what is known of a 32-bit register content.
 *
 * A value is two words: `known`, the bits that are known, and `value`, their contents (zero where not known). The order is
 * by what is known: everything known is low, nothing known is top; `unreached` (no path yet) is bottom and is kept apart
 * by the analysis. Joining keeps what both sides agree on. On x86-64 this speaks of a register's low half: ports, MSR
 * indices and CPUID leaves are 32-bit numbers (SDM Vol. 2A IN, Vol. 2B RDMSR, Vol. 2A CPUID).
 */
export interface KnownBits {
  readonly known: number;
  readonly value: number;
}

export const UNKNOWN: KnownBits = { known: 0, value: 0 };

export function constant(value: number): KnownBits {
  return { known: -1, value: value | 0 };
}

/** Joins two values: what both know and agree on. */
export function joinBits(a: KnownBits, b: KnownBits): KnownBits {
  const known = a.known & b.known & ~(a.value ^ b.value);
  return { known, value: a.value & known };
}

/** Whether `a` knows everything that `b` knows, with the same contents. */
export function refines(a: KnownBits, b: KnownBits): boolean {
  return (a.known & b.known) === b.known && (a.value & b.known) === b.value;
}

export const equalBits = (a: KnownBits, b: KnownBits): boolean => a.known === b.known && a.value === b.value;

export function andBits(a: KnownBits, b: KnownBits): KnownBits {
  const zero = (a.known & ~a.value) | (b.known & ~b.value);
  const one = a.known & a.value & b.known & b.value;
  return { known: zero | one, value: one };
}

export function orBits(a: KnownBits, b: KnownBits): KnownBits {
  const one = (a.known & a.value) | (b.known & b.value);
  const zero = a.known & ~a.value & b.known & ~b.value;
  return { known: zero | one, value: one };
}

export function xorBits(a: KnownBits, b: KnownBits): KnownBits {
  const known = a.known & b.known;
  return { known, value: (a.value ^ b.value) & known };
}

/** Number of low bits that are known in both: sums and differences are known as far as that. */
function knownRun(known: number): number {
  const unknown = ~known;
  return unknown === 0 ? 32 : 31 - Math.clz32(unknown & -unknown);
}

const lowMask = (bits: number): number => (bits >= 32 ? -1 : (1 << bits) - 1);

export function addBits(a: KnownBits, b: KnownBits): KnownBits {
  const known = lowMask(knownRun(a.known & b.known));
  return { known, value: (a.value + b.value) & known };
}

export function subtractBits(a: KnownBits, b: KnownBits): KnownBits {
  const known = lowMask(knownRun(a.known & b.known));
  return { known, value: (a.value - b.value) & known };
}

export function shiftLeft(a: KnownBits, count: number): KnownBits {
  const filled = lowMask(count);
  return { known: (a.known << count) | filled, value: a.value << count };
}

export function shiftRight(a: KnownBits, count: number): KnownBits {
  const filled = count === 0 ? 0 : ~(-1 >>> count);
  return { known: (a.known >>> count) | filled, value: (a.value >>> count) | 0 };
}

/** Keeps `into` outside `mask` and takes `from` inside it. */
export function insertBits(into: KnownBits, from: KnownBits, mask: number): KnownBits {
  return { known: (into.known & ~mask) | (from.known & mask), value: (into.value & ~mask) | (from.value & mask) };
}
