/** What single instructions do to the stack and frame pointers, as offsets from where the return address lies (balance.ts). */
import { EBP, ESP, Flow, partsOf, type Program } from "@pv/x86-ir";
import {
  Decoder,
  DecoderOptions,
  InstructionInfoFactory,
  MemorySizeExt,
  Mnemonic,
  OpAccess,
  OpKind,
  Register,
  type Instruction,
} from "iced-x86";

/** An offset that is not known. Offsets are bytes above the place of the return address. */
export const UNKNOWN_OFFSET = 0x7fff_ffff;

/** The frame pointer that the caller had. */
export const CALLERS_FRAME = 0x7fff_fffe;

export interface Frame {
  /** Offset that the stack pointer holds. */
  stack: number;
  /** Offset that the frame pointer holds, or the caller's. */
  frame: number;
  /** Offset of the slot that keeps the caller's frame pointer. */
  saved: number;
}

const isStack = (register: Register): boolean => register === Register.ESP || register === Register.RSP;
const isFrame = (register: Register): boolean => register === Register.EBP || register === Register.RBP;

const isImmediate = (kind: OpKind): boolean => kind >= OpKind.Immediate8 && kind <= OpKind.Immediate32to64;

type Step = (at: Frame) => boolean;

/** What instructions do, compiled once for each distinct sequence of bytes; those that cannot touch the stack are not even decoded. */
export class StackSteps {
  readonly #info = new InstructionInfoFactory();
  readonly #steps = new Map<number, Step>();
  readonly #word: number;
  /** Effects that may write either pointer. */
  readonly #moves: Uint8Array;

  constructor(readonly program: Program) {
    const { bits, effects } = program.instructions;
    this.#word = bits / 8;
    const pointers = partsOf(ESP) | partsOf(EBP);
    this.#moves = Uint8Array.from(effects.writeParts, (parts) => ((parts & pointers) !== 0 ? 1 : 0));
  }

  free(): void {
    this.#info.free();
  }

  /** Carries `at` over instruction `i` (calls are the caller's business); false where it may store over the return address. */
  step(i: number, at: Frame): boolean {
    const { instructions } = this.program;
    if (instructions.flow[i] !== Flow.next) return true;
    const bytes = instructions.bytesOf(i);
    if (this.#moves[instructions.effect[i]] === 0 && !mayStore(bytes)) return true;
    if (bytes.length > 6) return this.#compile(i, bytes)(at);
    let key = 1;
    for (const byte of bytes) key = key * 256 + byte;
    let step = this.#steps.get(key);
    if (step === undefined) this.#steps.set(key, (step = this.#compile(i, bytes)));
    return step(at);
  }

  #compile(i: number, bytes: Uint8Array): Step {
    const { bits, effect, effects } = this.program.instructions;
    const decoder = new Decoder(bits, bytes, DecoderOptions.None);
    const instruction = decoder.decode();
    const stores = this.#storesOf(instruction);
    const move = moveOf(instruction, effects.writeParts[effect[i]], this.#word);
    instruction.free();
    decoder.free();
    const word = this.#word;
    return (at) => {
      for (const { base, offset, size } of stores) {
        const from = offsetOf(base, at);
        if (from === UNKNOWN_OFFSET) continue;
        const start = from + offset,
          end = start + size;
        if (start < word && end > 0) return false;
        if (at.saved !== UNKNOWN_OFFSET && start < at.saved + word && end > at.saved) at.saved = UNKNOWN_OFFSET;
      }
      move(at);
      return true;
    };
  }

  /** Stores relative to the stack or frame pointer, implicit ones included. */
  #storesOf(instruction: Instruction): { base: Register; offset: number; size: number }[] {
    const info = this.#info.info(instruction);
    const stores = [];
    for (const memory of info.usedMemory()) {
      const { access, base, index, displacement, memorySize } = memory;
      memory.free();
      if (access === OpAccess.Read || access === OpAccess.CondRead || access === OpAccess.NoMemAccess) continue;
      if (index !== Register.None || !(isStack(base) || isFrame(base))) continue;
      stores.push({ base, offset: Number(BigInt.asIntN(32, displacement)), size: MemorySizeExt.size(memorySize) });
    }
    info.free();
    return stores;
  }
}

/** True where the bytes may hold an operand relative to the stack pointer, or above the frame pointer. */
function mayStore(bytes: Uint8Array): boolean {
  for (let b = 1; b < bytes.length; b++) {
    const modrm = bytes[b] & 0xc7;
    if ((modrm === 0x04 || modrm === 0x44 || modrm === 0x84) && (bytes[b + 1] & 7) === ESP) return true;
    if ((modrm === 0x45 && bytes[b + 1] < 0x80) || modrm === 0x85) return true;
  }
  return false;
}

function offsetOf(register: Register, at: Frame): number {
  if (isStack(register)) return at.stack;
  return isFrame(register) && at.frame !== CALLERS_FRAME ? at.frame : UNKNOWN_OFFSET;
}

const plus = (offset: number, by: number): number => (offset === UNKNOWN_OFFSET ? offset : offset + by);

/** What becomes of the two pointers; `writes` is the word `parts` that the instruction may write. */
function moveOf(instruction: Instruction, writes: number, word: number): (at: Frame) => void {
  const { mnemonic, opCount, isStackInstruction, stackPointerIncrement } = instruction;
  const movesStack = (writes & partsOf(ESP)) !== 0,
    movesFrame = (writes & partsOf(EBP)) !== 0;
  const isRegister = (operand: number) => operand < opCount && instruction.opKind(operand) === OpKind.Register;
  const to = isRegister(0) ? instruction.op0Register : Register.None,
    from = isRegister(1) ? instruction.op1Register : Register.None;
  const grow = (at: Frame): void => void (at.stack = plus(at.stack, stackPointerIncrement));
  const loseFrame = (at: Frame): void => void (movesFrame && (at.frame = UNKNOWN_OFFSET));
  const restoreFrame = (at: Frame, slot: number): void =>
    void (at.frame = slot === at.saved && slot !== UNKNOWN_OFFSET ? CALLERS_FRAME : UNKNOWN_OFFSET);

  if (mnemonic === Mnemonic.Leave)
    return (at) => {
      const slot = offsetOf(Register.EBP, at);
      restoreFrame(at, slot);
      at.stack = plus(slot, word);
    };
  if (mnemonic === Mnemonic.Push && isFrame(to))
    return (at) => {
      grow(at);
      if (at.frame === CALLERS_FRAME) at.saved = at.stack;
    };
  if (mnemonic === Mnemonic.Pop && isFrame(to))
    return (at) => {
      restoreFrame(at, at.stack);
      grow(at);
    };
  if (isStackInstruction && (mnemonic === Mnemonic.Push || !isStack(to)))
    return (at) => {
      loseFrame(at);
      grow(at);
    };
  if (mnemonic === Mnemonic.Mov && isFrame(to)) return (at) => void (at.frame = offsetOf(from, at));
  if (!movesStack) return loseFrame;
  if (mnemonic === Mnemonic.Mov && isFrame(from)) return (at) => void (at.stack = offsetOf(from, at));
  if (isStack(to) && (mnemonic === Mnemonic.Add || mnemonic === Mnemonic.Sub) && isImmediate(instruction.op1Kind)) {
    const immediate = Number(BigInt.asIntN(32, instruction.immediate(1) as bigint));
    const by = mnemonic === Mnemonic.Add ? immediate : -immediate;
    return (at) => void (at.stack = plus(at.stack, by));
  }
  if (mnemonic === Mnemonic.Lea && isStack(to) && instruction.memoryIndex === Register.None) {
    const base = instruction.memoryBase,
      by = Number(BigInt.asIntN(32, instruction.memoryDisplacement));
    return (at) => void (at.stack = plus(offsetOf(base, at), by));
  }
  return (at) => {
    loseFrame(at);
    at.stack = UNKNOWN_OFFSET;
  };
}
