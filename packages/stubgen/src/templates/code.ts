/**
 * An emitter for the handful of i386 encodings that stubs are made of. Holes must lie at known offsets and every
 * encoding must be the one that is meant, so each instruction is a method here and not the choice of an assembler; the
 * tests decode every one of them again.
 *
 * Encodings: SDM Vol. 2, instruction reference. Operand order in names and comments is AT&T's: source, destination.
 */
import { EAX, ECX } from "@pv/x86-ir";
import { HoleType, type Hole, type Template } from "../types.js";

/** General register, hardware number 0..7. */
export type Register = number;

export class StubCode {
  readonly #bytes: number[] = [];
  readonly #holes: Hole[] = [];
  #insertAt: number | undefined;

  /** push %r */
  push(r: Register): this {
    return this.#emit(0x50 + r);
  }

  /** pop %r */
  pop(r: Register): this {
    return this.#emit(0x58 + r);
  }

  pushf(): this {
    return this.#emit(0x9c);
  }

  popf(): this {
    return this.#emit(0x9d);
  }

  /** mov %from, %to; nothing where they are the same. */
  move(from: Register, to: Register): this {
    return from === to ? this : this.#emit(0x89, 0xc0 | (from << 3) | to);
  }

  /** mov $value, %r: touches no flags, unlike xor. */
  moveImmediate(r: Register, value: number): this {
    return this.#emit(0xb8 + r).#word(value);
  }

  /** mov $imm8, %al/%cl/%dl/%bl */
  moveLowByte(r: Register, value: number): this {
    return this.#emit(0xb0 + byteRegister(r), value & 0xff);
  }

  /** mov $imm8, %ah/%ch/%dh/%bh */
  moveHighByte(r: Register, value: number): this {
    return this.#emit(0xb4 + byteRegister(r), value & 0xff);
  }

  /** mov $imm16, %r16 */
  moveHalf(r: Register, value: number): this {
    return this.#emit(0x66, 0xb8 + r, value & 0xff, (value >>> 8) & 0xff);
  }

  /** push %r; movw $imm16, 2(%esp); pop %r: the upper half alone. */
  moveUpperHalf(r: Register, value: number): this {
    return this.push(r)
      .#emit(0x66, 0xc7, 0x44, 0x24, 0x02, value & 0xff, (value >>> 8) & 0xff)
      .pop(r);
  }

  /** mov $known value, %r */
  moveKnown(r: Register): this {
    return this.#emit(0xb8 + r).#hole(HoleType.known);
  }

  /** call routine */
  call(routine: number): this {
    return this.#emit(0xe8).#hole(HoleType.routine, routine);
  }

  /** incl counter: changes every arithmetic flag but CF. */
  incrementCounter(): this {
    return this.#emit(0xff, 0x05).#hole(HoleType.counter);
  }

  /** mov counter, %ecx; lea 1(%ecx), %ecx; mov %ecx, counter: no flags, but ECX. */
  incrementCounterThroughEcx(): this {
    const modrm = (ECX << 3) | 0x05;
    return this.#emit(0x8b, modrm)
      .#hole(HoleType.counter)
      .#emit(0x8d, 0x49, 0x01)
      .#emit(0x89, modrm)
      .#hole(HoleType.counter);
  }

  /** mov %esp, %eax */
  stackPointerToEax(): this {
    return this.#emit(0x89, 0xe0 | EAX);
  }

  /** andl $complement of the dead flags, (%esp); orl $garbage for them, (%esp) */
  garbleFlagsOnStack(): this {
    return this.#emit(0x81, 0x24, 0x24)
      .#hole(HoleType.deadFlagsComplement)
      .#emit(0x81, 0x0c, 0x24)
      .#hole(HoleType.deadFlagsGarbage);
  }

  /** movl $value, address */
  storeWord(address: number, value: number): this {
    return this.#emit(0xc7, 0x05).#word(address).#word(value);
  }

  /** mov address, %r */
  loadWord(address: number, r: Register): this {
    return this.#emit(0x8b, (r << 3) | 0x05).#word(address);
  }

  /** cmpl $0, address */
  compareWordWithZero(address: number): this {
    return this.#emit(0x83, 0x3d).#word(address).#emit(0);
  }

  /** mov offset(%esp), %r */
  loadFromStack(offset: number, r: Register): this {
    return this.#emit(0x8b, 0x44 | (r << 3), 0x24, offset);
  }

  /** mov %r, offset(%esp) */
  storeToStack(r: Register, offset: number): this {
    return this.#emit(0x89, 0x44 | (r << 3), 0x24, offset);
  }

  /** pop offset(%esp), where the offset counts from behind what is popped */
  popToStack(offset: number): this {
    return this.#emit(0x8f, 0x44, 0x24, offset);
  }

  /** iret */
  iret(): this {
    return this.#emit(0xcf);
  }

  /** testl $mask, (%esp) */
  testStackTop(mask: number): this {
    return this.#emit(0xf7, 0x04, 0x24).#word(mask);
  }

  /** andb $mask, offset(%esp) */
  andByteOnStack(offset: number, mask: number): this {
    return this.#emit(0x80, 0x64, 0x24, offset, mask);
  }

  /** sti */
  sti(): this {
    return this.#emit(0xfb);
  }

  /** push %cs, push %ss, push %ds, push %es */
  pushSegment(segment: number): this {
    return this.#emit(0x06 | (segment << 3));
  }

  /** hlt */
  hlt(): this {
    return this.#emit(0xf4);
  }

  /** je, jne or jecxz past what `body` emits, at most 127 bytes. */
  skip(condition: "je" | "jne" | "jecxz" | "always", body: (code: this) => void): this {
    const opcode = { je: 0x74, jne: 0x75, jecxz: 0xe3, always: 0xeb }[condition];
    this.#emit(opcode, 0);
    const from = this.#bytes.length;
    body(this);
    const distance = this.#bytes.length - from;
    if (distance > 127) throw new Error(`a short jump cannot skip ${distance} bytes`);
    this.#bytes[from - 1] = distance;
    return this;
  }

  /** Here go the site's original bytes. */
  original(): this {
    if (this.#insertAt !== undefined) throw new Error("a template has one place for the original bytes");
    this.#insertAt = this.#bytes.length;
    return this;
  }

  template(): Template {
    const made = { code: Uint8Array.from(this.#bytes), holes: this.#holes.slice() };
    return this.#insertAt === undefined ? made : { ...made, insertAt: this.#insertAt };
  }

  #emit(...bytes: number[]): this {
    this.#bytes.push(...bytes);
    return this;
  }

  #word(value: number): this {
    return this.#emit(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
  }

  #hole(type: HoleType, argument = 0): this {
    this.#holes.push({ offset: this.#bytes.length, type, argument });
    return this.#word(0);
  }
}

function byteRegister(r: Register): number {
  if (r > 3) throw new Error(`register ${r} has no byte parts`);
  return r;
}
