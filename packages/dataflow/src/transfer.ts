/**
 * What one instruction does to known register contents, compiled once per instruction into a step.
 *
 * Understood: moves, zero and sign extension, add, sub, and, or, xor, inc, dec, not, lea, shifts by constants, xchg, cmov;
 * on registers and immediates. Everything else makes what it may write unknown, by the instruction's effect.
 * Sound if every step's result covers the machine's for all contents that agree with the known bits
 * (a property test runs them against concrete arithmetic).
 */
import { MemorySize, Mnemonic, OpKind, Register, type Instruction } from "iced-x86";
import {
  addBits,
  andBits,
  constant,
  insertBits,
  joinBits,
  orBits,
  shiftLeft,
  shiftRight,
  subtractBits,
  UNKNOWN,
  xorBits,
  type KnownBits,
} from "./known-bits.js";

/** Known bits of the general registers, by hardware number. */
export type RegisterContents = KnownBits[];
export type Step = (contents: RegisterContents) => void;

/** A register operand: hardware number, the bits of its low 32 it covers, and where they begin. */
interface Slice {
  readonly register: number;
  readonly mask: number;
  readonly shift: number;
  readonly width: 8 | 16 | 32 | 64;
}

/** The slice of a general register, or undefined for any other register. */
export function sliceOf(register: Register): Slice | undefined {
  if (register >= Register.AL && register <= Register.BL)
    return { register: register - Register.AL, mask: 0xff, shift: 0, width: 8 };
  if (register >= Register.AH && register <= Register.BH)
    return { register: register - Register.AH, mask: 0xff00, shift: 8, width: 8 };
  if (register >= Register.SPL && register <= Register.R15L)
    return { register: register - Register.SPL + 4, mask: 0xff, shift: 0, width: 8 };
  if (register >= Register.AX && register <= Register.R15W)
    return { register: register - Register.AX, mask: 0xffff, shift: 0, width: 16 };
  if (register >= Register.EAX && register <= Register.R15D)
    return { register: register - Register.EAX, mask: -1, shift: 0, width: 32 };
  if (register >= Register.RAX && register <= Register.R15)
    return { register: register - Register.RAX, mask: -1, shift: 0, width: 64 };
  return undefined;
}

type Source = (contents: RegisterContents) => KnownBits;

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

/** The operand's content at bit 0, or undefined if it is in memory. */
function sourceOf(instruction: Instruction, operand: number): Source | undefined {
  const kind = instruction.opKind(operand);
  if (kind === OpKind.Register) {
    const slice = sliceOf(instruction.opRegister(operand));
    if (slice === undefined) return undefined;
    return (contents) => shiftRight(andBits(contents[slice.register], constant(slice.mask)), slice.shift);
  }
  if (!immediateKinds.has(kind)) return undefined;
  const value = constant(Number(BigInt.asIntN(32, instruction.immediate(operand) as bigint)));
  return () => value;
}

/** Writes `bits` (at bit 0) into the slice; 32- and 64-bit writes replace the register. */
function store(contents: RegisterContents, slice: Slice, bits: KnownBits): void {
  contents[slice.register] = insertBits(contents[slice.register], shiftLeft(bits, slice.shift), slice.mask);
}

const BINARY: ReadonlyMap<Mnemonic, (a: KnownBits, b: KnownBits) => KnownBits> = new Map([
  [Mnemonic.Add, addBits],
  [Mnemonic.Sub, subtractBits],
  [Mnemonic.And, andBits],
  [Mnemonic.Or, orBits],
  [Mnemonic.Xor, xorBits],
]);

/** The step of an instruction; `forget` is what to do where its result is not understood. */
export function compileStep(instruction: Instruction, forget: Step): Step {
  const { mnemonic } = instruction;
  const target =
    instruction.opCount > 0 && instruction.op0Kind === OpKind.Register ? sliceOf(instruction.op0Register) : undefined;
  if (target === undefined) return forget;
  const binary = BINARY.get(mnemonic);
  if (binary !== undefined) {
    const source = sourceOf(instruction, 1);
    if (source === undefined) return forget;
    const clears =
      (mnemonic === Mnemonic.Xor || mnemonic === Mnemonic.Sub) &&
      instruction.op1Kind === OpKind.Register &&
      instruction.op0Register === instruction.op1Register;
    if (clears) return (contents) => store(contents, target, constant(0));
    const own = sourceOf(instruction, 0)!;
    return (contents) => store(contents, target, binary(own(contents), source(contents)));
  }
  switch (mnemonic) {
    case Mnemonic.Mov: {
      const source = sourceOf(instruction, 1);
      return source === undefined ? forget : (contents) => store(contents, target, source(contents));
    }
    case Mnemonic.Movzx: {
      const source = sourceOf(instruction, 1);
      // From memory the width is still known: the bits above it are zero.
      const narrow =
        instruction.op1Kind === OpKind.Memory
          ? zeroAbove(instruction.memorySize === MemorySize.UInt8 ? 8 : 16)
          : undefined;
      return (contents) => store(contents, target, source?.(contents) ?? narrow!);
    }
    case Mnemonic.Movsx: {
      const source = sourceOf(instruction, 1);
      if (source === undefined) return forget;
      const width = sliceOf(instruction.op1Register)!.width;
      return (contents) => store(contents, target, signExtend(source(contents), width));
    }
    case Mnemonic.Inc:
    case Mnemonic.Dec: {
      const own = sourceOf(instruction, 0)!;
      const by = constant(mnemonic === Mnemonic.Inc ? 1 : -1);
      return (contents) => store(contents, target, addBits(own(contents), by));
    }
    case Mnemonic.Not: {
      const own = sourceOf(instruction, 0)!;
      return (contents) => store(contents, target, xorBits(own(contents), constant(-1)));
    }
    case Mnemonic.Lea:
      return lea(instruction, target) ?? forget;
    case Mnemonic.Shl:
    case Mnemonic.Shr: {
      if (instruction.op1Kind !== OpKind.Immediate8) return forget;
      const count = instruction.immediate8 & (target.width === 64 ? 63 : 31);
      // Above bit 31 nothing is known: a right shift of a 64-bit register brings in unknown bits.
      if (count >= target.width || count > 31 || (target.width === 64 && mnemonic === Mnemonic.Shr)) return forget;
      const own = sourceOf(instruction, 0)!;
      const shift = mnemonic === Mnemonic.Shl ? shiftLeft : shiftRight;
      return (contents) => store(contents, target, shift(own(contents), count));
    }
    case Mnemonic.Xchg: {
      const other = instruction.op1Kind === OpKind.Register ? sliceOf(instruction.op1Register) : undefined;
      if (other === undefined) return forget;
      const a = sourceOf(instruction, 0)!,
        b = sourceOf(instruction, 1)!;
      return (contents) => {
        const [x, y] = [a(contents), b(contents)];
        store(contents, target, y);
        store(contents, other, x);
      };
    }
    default:
      return forget;
  }
}

/** The step of a conditional move keeps what both outcomes agree on. */
export function compileConditionalMove(instruction: Instruction, forget: Step): Step {
  const target = sliceOf(instruction.op0Register),
    own = sourceOf(instruction, 0),
    source = sourceOf(instruction, 1);
  if (target === undefined || own === undefined || source === undefined) return forget;
  return (contents) => store(contents, target, joinBits(own(contents), source(contents)));
}

const zeroAbove = (width: number): KnownBits => ({ known: -1 << width, value: 0 });

function signExtend(bits: KnownBits, width: number): KnownBits {
  if (width >= 32) return bits;
  const low = (1 << width) - 1,
    sign = 1 << (width - 1);
  if ((bits.known & sign) === 0) return { known: bits.known & low, value: bits.value & low };
  const high = bits.value & sign ? ~low : 0;
  return { known: (bits.known & low) | ~low, value: (bits.value & low) | high };
}

function lea(instruction: Instruction, target: Slice): Step | undefined {
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
  const displacement = constant(Number(BigInt.asIntN(32, instruction.memoryDisplacement as bigint)));
  const scale = 31 - Math.clz32(instruction.memoryIndexScale);
  return (contents) => {
    let sum = displacement;
    if (baseSlice !== undefined) sum = addBits(sum, contents[baseSlice.register]);
    if (indexSlice !== undefined) sum = addBits(sum, shiftLeft(contents[indexSlice.register], scale));
    store(contents, target, sum);
  };
}

/** Forgets whatever the location words name. */
export function forgetting(parts: number, rest: number, registers: number): Step {
  const masks: [register: number, keep: number][] = [];
  for (let r = 0; r < registers; r++) {
    let written = 0;
    if ((parts >>> r) & 1) written |= 0xff;
    if ((parts >>> (16 + r)) & 1) written |= 0xff00;
    if ((rest >>> r) & 1) written |= 0xffff_0000;
    if (written !== 0) masks.push([r, ~written]);
  }
  return (contents) => {
    for (const [r, keep] of masks) contents[r] = insertBits(UNKNOWN, contents[r], keep);
  };
}
