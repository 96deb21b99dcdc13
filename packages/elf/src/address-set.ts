/**
 * A set of addresses in one typed array, for the inner loops that ask of every branch whether its target is in some table.
 *
 * Open addressing with linear steps, at most a quarter full: a question costs one multiplication and mostly one load. Address 0 stands for
 * an empty slot and is kept apart.
 */
import type { Va } from "./diagnostic.js";

export class AddressSet {
  private readonly slots: Uint32Array;
  private readonly shift: number;
  private readonly hasZero: boolean;
  readonly size: number;

  constructor(addresses: ArrayLike<number>) {
    let bits = 4;
    while (2 ** bits < addresses.length * 4) bits++;
    this.slots = new Uint32Array(2 ** bits);
    this.shift = 32 - bits;
    let hasZero = false,
      size = 0;
    for (let i = 0; i < addresses.length; i++) {
      const va = addresses[i]! >>> 0;
      if (va === 0) hasZero = true;
      else {
        const slot = this.slotOf(va);
        size += Number(this.slots[slot] === 0);
        this.slots[slot] = va;
      }
    }
    this.hasZero = hasZero;
    this.size = size + Number(hasZero);
  }

  has(va: Va): boolean {
    return va === 0 ? this.hasZero : this.slots[this.slotOf(va)] !== 0;
  }

  /** A number below `capacity` that stands for an address of the set (not 0), for columns about its members; -1 for any other. */
  indexOf(va: Va): number {
    const slot = va === 0 ? -1 : this.slotOf(va);
    return slot >= 0 && this.slots[slot] !== 0 ? slot : -1;
  }

  get capacity(): number {
    return this.slots.length;
  }

  /** The slot that holds the address, or the empty one where it would go. */
  private slotOf(va: number): number {
    const { slots } = this,
      mask = slots.length - 1;
    // Multiplicative hashing by the golden ratio: neighbouring addresses scatter.
    let slot = Math.imul(va, 0x9e37_79b1) >>> this.shift;
    while (slots[slot] !== 0 && slots[slot] !== va) slot = (slot + 1) & mask;
    return slot;
  }
}
