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

export const UNKNOWN_BITS: KnownBits = { known: 0, value: 0 };

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

/**
 * Sums bit by bit: a carry is known where the smallest and the largest operands that agree with what is known produce the same one.
 * What lies above unknown bits thus stays known as long as no carry can get there.
 */
function addWithCarry(a: KnownBits, b: KnownBits, carry: 0 | 1): KnownBits {
  const least = (a.value + b.value + carry) | 0,
    most = ((a.value | ~a.known) + (b.value | ~b.known) + carry) | 0;
  const carryZero = ~(most ^ (a.value | ~a.known) ^ (b.value | ~b.known)),
    carryOne = least ^ a.value ^ b.value;
  const known = a.known & b.known & (carryZero | carryOne);
  return { known, value: least & known };
}

const lowMask = (bits: number): number => (bits >= 32 ? -1 : (1 << bits) - 1);

export function addBits(a: KnownBits, b: KnownBits): KnownBits {
  return addWithCarry(a, b, 0);
}

export function subtractBits(a: KnownBits, b: KnownBits): KnownBits {
  return addWithCarry(a, { known: b.known, value: ~b.value & b.known }, 1);
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
