/**
 * What one instruction does to known contents, compiled into a step that names what it reads, so that a demand can be followed backwards.
 *
 * Understood: moves, zero and sign extension, add, sub, adc, sbb, and, or, xor, inc, dec, neg, not, imul, lea, shifts by constants, xchg, cmov,
 * setcc, push and pop; on registers, immediates and a memory operand. Everything else makes what it may write unknown, by the
 * instruction's effect. Sound if every step's result covers the machine's for all contents that agree with what is known
 * (a property test runs them against concrete arithmetic).
 */
import { ConditionCode, MemorySizeExt, Mnemonic, OpKind, Register, type Instruction } from "iced-x86";
import { ECX } from "@pv/x86-ir";
import {
  addBits,
  andBits,
  orBits,
  shiftLeft,
  shiftRight,
  subtractBits,
  UNKNOWN_BITS,
  xorBits,
  type KnownBits,
} from "./known-bits.js";
import { combine, exactly, insert, joinKnown, map, oneOf, UNKNOWN, type Known } from "./known-values.js";

/** Contents of the general registers by hardware number, and at `MEMORY` that of the memory operand. */
export type Contents = Known[];
export const MEMORY = 16;

/** One instruction, or what it does to one of the things that it writes. */
export interface Step {
  /** Positions in the contents on which the results depend. */
  readonly reads: readonly number[];
  /** Positions that it gives a content; all others stay. */
  readonly writes: readonly number[];
  run(contents: Contents): void;
}

/** A register or memory operand: its position, the bits of the low 32 it covers, and where they begin. */
interface Slice {
  readonly position: number;
  readonly mask: number;
  readonly shift: number;
  readonly width: 8 | 16 | 32 | 64;
}

/** The slice of a general register, or undefined for any other register. */
export function sliceOf(register: Register): Slice | undefined {
  if (register >= Register.AL && register <= Register.BL)
    return { position: register - Register.AL, mask: 0xff, shift: 0, width: 8 };
  if (register >= Register.AH && register <= Register.BH)
    return { position: register - Register.AH, mask: 0xff00, shift: 8, width: 8 };
  if (register >= Register.SPL && register <= Register.R15L)
    return { position: register - Register.SPL + 4, mask: 0xff, shift: 0, width: 8 };
  if (register >= Register.AX && register <= Register.R15W)
    return { position: register - Register.AX, mask: 0xffff, shift: 0, width: 16 };
  if (register >= Register.EAX && register <= Register.R15D)
    return { position: register - Register.EAX, mask: -1, shift: 0, width: 32 };
  if (register >= Register.RAX && register <= Register.R15)
    return { position: register - Register.RAX, mask: -1, shift: 0, width: 64 };
  return undefined;
}

function memorySlice(bytes: number): Slice | undefined {
  switch (bytes) {
    case 1:
      return { position: MEMORY, mask: 0xff, shift: 0, width: 8 };
    case 2:
      return { position: MEMORY, mask: 0xffff, shift: 0, width: 16 };
    case 4:
      return { position: MEMORY, mask: -1, shift: 0, width: 32 };
    case 8:
      return { position: MEMORY, mask: -1, shift: 0, width: 64 };
    default:
      return undefined;
  }
}

type Source = (contents: Contents) => Known;

const immediateKinds = new Set<OpKind>([
  OpKind.Immediate8,
  OpKind.Immediate16,
  OpKind.Immediate32,
  OpKind.Immediate64,
  OpKind.Immediate8to16,
  OpKind.Immediate8to32,
  OpKind.Immediate8to64,
  OpKind.Immediate32to64,
]);

/** An immediate operand's low 32 bits, sign-extended to them. */
export function immediateOf(instruction: Instruction, operand: number): number | undefined {
  if (!immediateKinds.has(instruction.opKind(operand))) return undefined;
  return Number(BigInt.asIntN(32, instruction.immediate(operand) as bigint));
}

/** Collects what a step reads and writes while it is put together. */
class Compiler {
  readonly reads: number[] = [];
  readonly writes: number[] = [];

  constructor(readonly instruction: Instruction) {}

  slice(operand: number): Slice | undefined {
    const { instruction } = this;
    if (operand >= instruction.opCount) return undefined;
    const kind = instruction.opKind(operand);
    if (kind === OpKind.Register) return sliceOf(instruction.opRegister(operand));
    return kind === OpKind.Memory ? memorySlice(MemorySizeExt.size(instruction.memorySize)) : undefined;
  }

  /** The operand's content at bit 0. */
  source(operand: number): Source | undefined {
    const immediate = immediateOf(this.instruction, operand);
    if (immediate !== undefined) {
      const value = exactly(immediate);
      return () => value;
    }
    const slice = this.slice(operand);
    if (slice === undefined) return undefined;
    const { position, mask, shift } = slice;
    this.reads.push(position);
    if (mask === -1) return (contents) => contents[position]!;
    return (contents) =>
      map(
        contents[position]!,
        (value) => (value & mask) >>> shift,
        (bits) => shiftRight(andBits(bits, { known: -1, value: mask }), shift),
      );
  }

  /** Puts a content (at bit 0) into the slice; 32- and 64-bit writes replace the register. */
  target({ position, mask, shift }: Slice): (contents: Contents, value: Known) => void {
    this.writes.push(position);
    if (mask !== -1) this.reads.push(position);
    return (contents, value) => {
      contents[position] = insert(contents[position]!, shifted(value, shift), mask);
    };
  }

  done(run: (contents: Contents) => void): Step {
    return { reads: [...new Set(this.reads)], writes: this.writes, run };
  }
}

const shifted = (a: Known, count: number): Known =>
  count === 0
    ? a
    : map(
        a,
        (value) => value << count,
        (bits) => shiftLeft(bits, count),
      );

type Operation = readonly [each: (x: number, y: number) => number, onBits: (a: KnownBits, b: KnownBits) => KnownBits];
const ADD: Operation = [(x, y) => (x + y) | 0, addBits];
const SUBTRACT: Operation = [(x, y) => (x - y) | 0, subtractBits];
const XOR: Operation = [(x, y) => x ^ y, xorBits];
const BINARY: ReadonlyMap<Mnemonic, Operation> = new Map<Mnemonic, Operation>([
  [Mnemonic.Add, ADD],
  [Mnemonic.Sub, SUBTRACT],
  [Mnemonic.And, [(x, y) => x & y, andBits]],
  [Mnemonic.Or, [(x, y) => x | y, orBits]],
  [Mnemonic.Xor, XOR],
]);
const MULTIPLY: Operation = [Math.imul, () => UNKNOWN_BITS];
const ONE = exactly(1),
  ALL_ONES = exactly(-1),
  ZERO = exactly(0);

/** String instructions that, repeated, count to the end. */
const COUNTED: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Movsb,
  Mnemonic.Movsw,
  Mnemonic.Movsd,
  Mnemonic.Stosb,
  Mnemonic.Stosw,
  Mnemonic.Stosd,
]);

/** The step of an instruction; undefined where it is not understood. */
export function compileStep(instruction: Instruction): Step | undefined {
  const { mnemonic } = instruction;
  const compiler = new Compiler(instruction);
  if (mnemonic === Mnemonic.Push) {
    const source = compiler.source(0);
    if (source === undefined) return undefined;
    compiler.writes.push(MEMORY);
    return compiler.done((contents) => void (contents[MEMORY] = source(contents)));
  }
  if (instruction.hasRepPrefix && COUNTED.has(mnemonic)) {
    compiler.writes.push(ECX);
    return compiler.done((contents) => void (contents[ECX] = ZERO));
  }
  const slice = compiler.slice(0);
  if (slice === undefined) return undefined;
  if (mnemonic === Mnemonic.Pop) {
    if (slice.position === MEMORY || slice.width < 32) return undefined;
    compiler.reads.push(MEMORY);
    const pop = compiler.target(slice);
    return compiler.done((contents) => pop(contents, contents[MEMORY]!));
  }
  if (mnemonic >= Mnemonic.Cmova && mnemonic <= Mnemonic.Cmovs && instruction.opCount === 2)
    return moved(compiler, slice, (own, other) => joinKnown(own, other));
  const sameRegister =
    instruction.opCount === 2 &&
    instruction.op0Kind === OpKind.Register &&
    instruction.op1Kind === OpKind.Register &&
    instruction.op0Register === instruction.op1Register;
  const binary = BINARY.get(mnemonic);
  if (binary !== undefined) {
    if (sameRegister && (mnemonic === Mnemonic.Xor || mnemonic === Mnemonic.Sub)) return set(compiler, slice, ZERO);
    return moved(compiler, slice, (own, other) => combine(own, other, ...binary));
  }
  switch (mnemonic) {
    case Mnemonic.Mov: {
      const source = compiler.source(1);
      if (source === undefined) return undefined;
      const store = compiler.target(slice);
      return compiler.done((contents) => store(contents, source(contents)));
    }
    case Mnemonic.Movzx: {
      const source = compiler.source(1);
      if (source === undefined) return undefined;
      const store = compiler.target(slice);
      return compiler.done((contents) => store(contents, source(contents)));
    }
    case Mnemonic.Movsx:
    case Mnemonic.Movsxd: {
      const width = compiler.slice(1)?.width;
      const source = compiler.source(1);
      if (source === undefined || width === undefined) return undefined;
      const store = compiler.target(slice);
      return compiler.done((contents) => store(contents, signExtended(source(contents), width)));
    }
    case Mnemonic.Inc:
      return unary(compiler, slice, (own) => combine(own, ONE, ...ADD));
    case Mnemonic.Dec:
      return unary(compiler, slice, (own) => combine(own, ONE, ...SUBTRACT));
    case Mnemonic.Not:
      return unary(compiler, slice, (own) => combine(own, ALL_ONES, ...XOR));
    case Mnemonic.Neg:
      return unary(compiler, slice, (own) => combine(ZERO, own, ...SUBTRACT));
    // The carry is not followed: either outcome.
    case Mnemonic.Adc:
      return moved(compiler, slice, (own, other) => {
        const sum = combine(own, other, ...ADD);
        return joinKnown(sum, combine(sum, ONE, ...ADD));
      });
    case Mnemonic.Sbb:
      if (sameRegister) return set(compiler, slice, oneOf([0, -1]));
      return moved(compiler, slice, (own, other) => {
        const difference = combine(own, other, ...SUBTRACT);
        return joinKnown(difference, combine(difference, ONE, ...SUBTRACT));
      });
    case Mnemonic.Imul: {
      if (instruction.opCount === 1) return undefined;
      const [a, b] = instruction.opCount === 2 ? [0, 1] : [1, 2];
      const x = compiler.source(a),
        y = compiler.source(b);
      if (x === undefined || y === undefined) return undefined;
      const store = compiler.target(slice);
      return compiler.done((contents) => store(contents, combine(x(contents), y(contents), ...MULTIPLY)));
    }
    case Mnemonic.Lea:
      return lea(compiler, slice);
    case Mnemonic.Shl:
    case Mnemonic.Sal:
    case Mnemonic.Shr:
    case Mnemonic.Sar:
      return shift(compiler, slice);
    case Mnemonic.Xchg: {
      const other = compiler.slice(1);
      if (other === undefined) return undefined;
      const a = compiler.source(0)!,
        b = compiler.source(1)!;
      const storeA = compiler.target(slice),
        storeB = compiler.target(other);
      return compiler.done((contents) => {
        const [x, y] = [a(contents), b(contents)];
        storeA(contents, y);
        storeB(contents, x);
      });
    }
    default:
      return instruction.conditionCode !== ConditionCode.None && instruction.opCount === 1 && slice.width === 8
        ? set(compiler, slice, oneOf([0, 1]))
        : undefined;
  }
}

function set(compiler: Compiler, slice: Slice, value: Known): Step {
  const store = compiler.target(slice);
  return compiler.done((contents) => store(contents, value));
}

function unary(compiler: Compiler, slice: Slice, of: (own: Known) => Known): Step {
  const own = compiler.source(0)!;
  const store = compiler.target(slice);
  return compiler.done((contents) => store(contents, of(own(contents))));
}

function moved(compiler: Compiler, slice: Slice, of: (own: Known, other: Known) => Known): Step | undefined {
  const own = compiler.source(0)!,
    other = compiler.source(1);
  if (other === undefined) return undefined;
  const store = compiler.target(slice);
  return compiler.done((contents) => store(contents, of(own(contents), other(contents))));
}

function shift(compiler: Compiler, slice: Slice): Step | undefined {
  const { instruction } = compiler;
  const { mnemonic } = instruction;
  const immediate = instruction.opCount === 2 ? immediateOf(instruction, 1) : undefined;
  if (immediate === undefined) return undefined;
  const count = immediate & (slice.width === 64 ? 63 : 31);
  const isLeft = mnemonic === Mnemonic.Shl || mnemonic === Mnemonic.Sal;
  // Above bit 31 nothing is known: a right shift of a 64-bit register brings in unknown bits.
  if (count >= slice.width || count > 31 || (slice.width === 64 && !isLeft)) return undefined;
  if (mnemonic === Mnemonic.Sar) {
    return unary(compiler, slice, (own) => {
      const wide = signExtended(own, slice.width);
      return map(
        wide,
        (value) => value >> count,
        ({ known, value }) => ({ known: known >> count, value: value >> count }),
      );
    });
  }
  return unary(compiler, slice, (own) =>
    isLeft
      ? shifted(own, count)
      : map(
          own,
          (value) => value >>> count,
          (bits) => shiftRight(bits, count),
        ),
  );
}

function signExtended(a: Known, width: number): Known {
  if (width >= 32) return a;
  const by = 32 - width;
  return map(
    a,
    (value) => (value << by) >> by,
    ({ known, value }) => ({ known: (known << by) >> by, value: (value << by) >> by }),
  );
}

function lea(compiler: Compiler, slice: Slice): Step | undefined {
  const { instruction } = compiler;
  const base = instruction.memoryBase,
    index = instruction.memoryIndex;
  const baseSlice = base === Register.None ? undefined : sliceOf(base);
  const indexSlice = index === Register.None ? undefined : sliceOf(index);
  // RIP-relative and 16-bit addressing are left alone.
  if (
    (base !== Register.None && (baseSlice?.width ?? 0) < 32) ||
    (index !== Register.None && (indexSlice?.width ?? 0) < 32)
  )
    return undefined;
  const displacement = exactly(Number(BigInt.asIntN(32, instruction.memoryDisplacement as bigint)));
  const scale = 31 - Math.clz32(instruction.memoryIndexScale);
  for (const part of [baseSlice, indexSlice]) if (part !== undefined) compiler.reads.push(part.position);
  const store = compiler.target(slice);
  return compiler.done((contents) => {
    let sum = displacement;
    // One register twice is one value: r + 2r is 3r.
    if (baseSlice !== undefined && indexSlice?.position === baseSlice.position) {
      const both = combine(contents[baseSlice.position]!, exactly(1 + (1 << scale)), ...MULTIPLY);
      store(contents, combine(sum, both, ...ADD));
      return;
    }
    if (baseSlice !== undefined) sum = combine(sum, contents[baseSlice.position]!, ...ADD);
    if (indexSlice !== undefined) sum = combine(sum, shifted(contents[indexSlice.position]!, scale), ...ADD);
    store(contents, sum);
  });
}

/** What is left of a register that an instruction which is not understood may write: the bits that it surely leaves. */
export function remainder(parts: number, rest: number, register: number): Step {
  let keep = -1;
  if ((parts >>> register) & 1) keep &= ~0xff;
  if ((parts >>> (16 + register)) & 1) keep &= ~0xff00;
  if ((rest >>> register) & 1) keep &= 0xffff;
  return {
    reads: keep === 0 ? [] : [register],
    writes: [register],
    run(contents) {
      contents[register] = keep === 0 ? UNKNOWN : insert(UNKNOWN, contents[register]!, keep);
    },
  };
}

/** What `jcc` behind an instruction says about the operand that it compares: the branch is taken where the operand lies in [low, high]. */
export interface Test {
  /** Position of the operand in the contents, and its bits: all 32, or the lowest 8 or 16. */
  readonly position: number;
  readonly mask: number;
  /** Unsigned words; where `inside` is 0 the branch is taken outside of the interval. */
  readonly low: number;
  readonly high: number;
  readonly inside: boolean;
}

/**
 * The test that a comparison with an immediate and a condition make, on 32-bit operands: `cmp r/m, imm`, `test r, r`, and results of
 * arithmetic compared with 0. On 64-bit operands equality alone tells something about the low half. Undefined where nothing is learnt.
 */
export function compileTest(
  compare: Instruction,
  condition: ConditionCode,
): (Test & { readonly whenTaken: boolean; readonly whenNot: boolean }) | undefined {
  const { mnemonic } = compare;
  const slice = compare.op0Kind === OpKind.Register ? sliceOf(compare.op0Register) : undefined;
  const bytes = compare.op0Kind === OpKind.Memory ? MemorySizeExt.size(compare.memorySize) : 0;
  const width = slice?.width ?? bytes * 8;
  const position = slice?.position ?? MEMORY;
  // Parts of registers, as unsigned numbers.
  if (width < 32 && (slice === undefined || slice.shift !== 0 || !UNSIGNED.has(condition))) return undefined;
  const mask = width < 32 ? slice!.mask : -1;
  let against: number | undefined;
  if (mnemonic === Mnemonic.Cmp) against = immediateOf(compare, 1);
  else if (mnemonic === Mnemonic.Test && slice !== undefined) {
    if (compare.op1Kind === OpKind.Register && compare.op1Register === compare.op0Register) against = 0;
  } else if (slice !== undefined && RESULTS.has(mnemonic)) {
    // The other conditions also look at CF and OF.
    if (!OF_RESULT.has(condition)) return undefined;
    against = 0;
  }
  if (against === undefined) return undefined;
  const isSign = condition === ConditionCode.s || condition === ConditionCode.ns;
  if (isSign && mnemonic === Mnemonic.Cmp) return undefined;
  const interval = isSign
    ? { low: 0x8000_0000, high: 0xffff_ffff, inside: condition === ConditionCode.s }
    : intervalOf(condition, against & mask);
  if (interval === undefined) return undefined;
  const isEquality = condition === ConditionCode.e || condition === ConditionCode.ne;
  if (width === 64 && !isEquality) return undefined;
  // Of 64 bits, "different" may be so in the upper half.
  const both = width <= 32;
  return { position, mask, ...interval, whenTaken: both || interval.inside, whenNot: both || !interval.inside };
}

const UNSIGNED: ReadonlySet<ConditionCode> = new Set([
  ConditionCode.e,
  ConditionCode.ne,
  ConditionCode.b,
  ConditionCode.ae,
  ConditionCode.be,
  ConditionCode.a,
]);
const OF_RESULT: ReadonlySet<ConditionCode> = new Set([
  ConditionCode.e,
  ConditionCode.ne,
  ConditionCode.s,
  ConditionCode.ns,
]);
const RESULTS: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Add,
  Mnemonic.Sub,
  Mnemonic.And,
  Mnemonic.Or,
  Mnemonic.Xor,
  Mnemonic.Inc,
  Mnemonic.Dec,
]);

/** The unsigned words for which a comparison with `value` meets a condition; signed ones where they are one interval. */
function intervalOf(condition: ConditionCode, value: number): Omit<Test, "position" | "mask"> | undefined {
  const unsigned = value >>> 0;
  const below = (inside: boolean) => (unsigned === 0 ? undefined : { low: 0, high: unsigned - 1, inside });
  const upTo = (inside: boolean) => ({ low: 0, high: unsigned, inside });
  // Signed: x < v for v >= 0 is [min, v - 1], as words everything from 0x80000000 on and [0, v - 1]: its complement is one interval.
  const signedFrom = (from: number, inside: boolean) =>
    from >= 0 && from <= 0x7fff_ffff ? { low: from, high: 0x7fff_ffff, inside } : undefined;
  switch (condition) {
    case ConditionCode.e:
      return { low: unsigned, high: unsigned, inside: true };
    case ConditionCode.ne:
      return { low: unsigned, high: unsigned, inside: false };
    case ConditionCode.b:
      return below(true);
    case ConditionCode.ae:
      return below(false);
    case ConditionCode.be:
      return upTo(true);
    case ConditionCode.a:
      return upTo(false);
    case ConditionCode.ge:
      return signedFrom(value, true);
    case ConditionCode.l:
      return signedFrom(value, false);
    case ConditionCode.g:
      return signedFrom(value + 1, true);
    case ConditionCode.le:
      return signedFrom(value + 1, false);
    default:
      return undefined;
  }
}
