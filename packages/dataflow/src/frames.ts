/**
 * Frames: which instructions of a function read and write which slots of its stack frame, and which slots nobody else can write.
 *
 * Problem: compilers keep in stack slots what does not fit into registers, and what is stored through a pointer might hit a slot. Forward over
 * the function's blocks, where ESP and EBP point, as distances from ESP at the function's entry; an operand that is addressed by either is then a
 * slot, a distance. A slot is *private* if the function takes no address at or below it: pointers into the frame come from addresses that
 * are taken, and reach upwards from them (assumption `privateSlots`). Compilers lay out what has an address first and spill below it, so
 * that this is no loss.
 *
 * Invariant: a distance is the same on all paths to a block, or it is not used. Where ESP gets lost, or a frame address is computed with anything
 * but constants, no slot is private. Cost: the function's instructions once, those that name ESP or EBP decoded.
 */
import { MemorySizeExt, Mnemonic, OpKind, Register, type Instruction } from "iced-x86";
import { EBP, ESP, EdgeKind, Flow, registersIn, type Program } from "@pv/x86-ir";
import type { InstructionReader } from "./reader.js";
import { immediateOf, sliceOf } from "./transfer.js";

/** A part of the frame: distance from ESP at the function's entry, and bytes. */
export interface Slot {
  readonly offset: number;
  readonly width: number;
}

export const overlap = (a: Slot, b: Slot): boolean => a.offset < b.offset + b.width && b.offset < a.offset + a.width;

export interface Frame {
  /** Slot of the explicit memory operand, and of what push and pop move, by instruction. */
  readonly operand: ReadonlyMap<number, Slot>;
  readonly stack: ReadonlyMap<number, Slot>;
  /** Instructions that write `operand`. */
  readonly stores: ReadonlySet<number>;
  /** ESP before each call, and at each jump that ends a block. */
  readonly pointer: ReadonlyMap<number, number>;
  /** Slots that end at or below this distance are private. */
  readonly lowestTaken: number;
}

/** Not an address in the frame; or one on some paths only, or not known which. */
const FOREIGN = Number.NaN,
  LOST = Number.POSITIVE_INFINITY;
const join = (a: number, b: number): number => (Object.is(a, b) ? a : LOST);
const isKnown = (distance: number): boolean => Number.isFinite(distance);

/** Frames of functions, computed when they are first asked for. */
export class Frames {
  readonly #frames = new Map<number, Frame>();
  readonly #called: Uint8Array;
  readonly #touches: Uint8Array;

  /** `called`: 1 for each function that a direct call names. */
  constructor(
    readonly program: Program,
    readonly reader: InstructionReader,
    called: Uint8Array,
  ) {
    this.#called = called;
    this.#touches = frameRows(program);
  }

  /** The frame of compiled function `f`. */
  of(f: number): Frame {
    let frame = this.#frames.get(f);
    if (frame === undefined) this.#frames.set(f, (frame = this.#build(f)));
    return frame;
  }

  /** Whether an instruction reads or writes a part of ESP or EBP: no other one addresses a slot. */
  touches(i: number): boolean {
    return this.#touches[this.program.instructions.effect[i]] !== 0;
  }

  /**
   * The compiled function that a block belongs to, over the branches that lead there: split-off parts and replacements of alternatives lie elsewhere.
   * -1 where there is none, or more than one.
   */
  homeOf(block: number): number {
    const { blocks, functions } = this.program;
    let home = -1;
    const seen = new Set([block]),
      work = [block];
    for (let b = work.pop(); b !== undefined; b = work.pop()) {
      const f = functions.containing(blocks.first[b]);
      if (f >= 0 && functions.traced[f] === 1) {
        if (home >= 0 && home !== f) return -1;
        home = f;
        continue;
      }
      if (seen.size > LARGEST_PART || (f >= 0 && this.#called[f] === 1)) return -1;
      for (let e = blocks.predecessorStart[b]; e < blocks.predecessorStart[b + 1]; e++) {
        const from = blocks.predecessors[e];
        if (seen.has(from)) continue;
        seen.add(from);
        work.push(from);
      }
    }
    return home;
  }

  /** Whether a branch into the block stays in function f: not into another function that somebody may call. */
  #staysIn(f: number, block: number, kind: number): boolean {
    if (kind === EdgeKind.alternative) return true;
    const { blocks, functions } = this.program;
    const g = functions.containing(blocks.first[block]);
    return g === f
      ? functions.entryInstruction[f] !== blocks.first[block]
      : g >= 0 && functions.traced[g] === 0 && this.#called[g] === 0;
  }

  #build(f: number): Frame {
    const { program } = this;
    const { blocks, functions, instructions } = program;
    const { flow } = instructions;
    const walk = new FrameWalk(program, this.reader);
    const entry = blocks.ofInstruction[functions.entryInstruction[f]];
    const at = new Map<number, readonly [esp: number, ebp: number]>([[entry, [0, FOREIGN]]]);
    const work = [entry];
    const word = instructions.bits / 8;
    for (let b = work.pop(); b !== undefined; b = work.pop()) {
      [walk.esp, walk.ebp] = at.get(b)!;
      const [startEsp, startEbp] = [walk.esp, walk.ebp];
      for (let i = blocks.first[b]; i < blocks.end[b]; i++) {
        if (flow[i] === Flow.call || flow[i] === Flow.indirectCall || i === blocks.end[b] - 1)
          walk.pointer.set(i, walk.esp);
        if (this.touches(i) && flow[i] !== Flow.call && flow[i] !== Flow.interrupt) walk.step(i, word);
      }
      for (let e = blocks.successorStart[b]; e < blocks.successorStart[b + 1]; e++) {
        const to = blocks.successors[e],
          kind = blocks.edgeKind[e];
        if (!this.#staysIn(f, to, kind)) continue;
        const before = kind === EdgeKind.exceptionFixup || kind === EdgeKind.alternative;
        // An alternative may leave from its site's start or its replacement's end: only what both agree on counts.
        const flows: (readonly [number, number])[] =
          kind === EdgeKind.exceptionFixup
            ? [[startEsp, startEbp]]
            : before
              ? [
                  [startEsp, startEbp],
                  [walk.esp, walk.ebp],
                ]
              : [[walk.esp, walk.ebp]];
        for (const [esp, ebp] of flows) {
          const old = at.get(to);
          const next = old === undefined ? ([esp, ebp] as const) : ([join(old[0], esp), join(old[1], ebp)] as const);
          if (old !== undefined && Object.is(old[0], next[0]) && Object.is(old[1], next[1])) continue;
          at.set(to, next);
          work.push(to);
        }
      }
    }
    return walk.finish();
  }
}

/** Blocks of a split-off part that are looked through for the function it was split from. */
const LARGEST_PART = 256;

const frameRowsOf = new WeakMap<object, Uint8Array>();
/** 1 for each row of effects that reads or writes a part of ESP or EBP. */
function frameRows({ instructions: { effects } }: Program): Uint8Array {
  let rows = frameRowsOf.get(effects);
  if (rows === undefined) {
    const { count, useParts, useRest, writeParts, writeRest } = effects;
    const either = (1 << ESP) | (1 << EBP);
    rows = new Uint8Array(count);
    for (let e = 0; e < count; e++) {
      const parts = useParts[e] | writeParts[e];
      rows[e] = (registersIn(parts, useRest[e] | writeRest[e]) & either) === 0 ? 0 : 1;
    }
    frameRowsOf.set(effects, rows);
  }
  return rows;
}

/** Instructions that only read their first operand; of all others a first operand in memory counts as written, and no other one ever is. */
const ONLY_READ: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Cmp,
  Mnemonic.Test,
  Mnemonic.Bt,
  Mnemonic.Push,
  Mnemonic.Call,
  Mnemonic.Jmp,
  Mnemonic.Mul,
  Mnemonic.Imul,
  Mnemonic.Div,
  Mnemonic.Idiv,
]);
/** `bts %eax, mem` and its like reach any bit from the operand on. */
export const isBitStore = ({ mnemonic, op1Kind }: Instruction): boolean =>
  (mnemonic === Mnemonic.Bts || mnemonic === Mnemonic.Btr || mnemonic === Mnemonic.Btc) && op1Kind === OpKind.Register;
export const onlyReads = (mnemonic: Mnemonic): boolean => ONLY_READ.has(mnemonic);

/** What one pass over a block sees. A block may be passed again with less known: what it said before is then unsaid. */
class FrameWalk {
  esp = 0;
  ebp = FOREIGN;
  readonly operand = new Map<number, Slot>();
  readonly stack = new Map<number, Slot>();
  readonly stores = new Set<number>();
  readonly pointer = new Map<number, number>();
  #lowestTaken = Number.POSITIVE_INFINITY;

  constructor(
    readonly program: Program,
    readonly reader: InstructionReader,
  ) {}

  finish(): Frame {
    const { operand, stack, stores, pointer } = this;
    return { operand, stack, stores, pointer, lowestTaken: this.#lowestTaken };
  }

  /** An address in the frame gets into a place that is not followed. */
  #take(distance: number): void {
    if (Object.is(distance, FOREIGN)) return;
    this.#lowestTaken = Math.min(this.#lowestTaken, isKnown(distance) ? distance : Number.NEGATIVE_INFINITY);
  }

  #of(register: Register): number {
    const position = sliceOf(register)?.position;
    return position === ESP ? this.esp : position === EBP ? this.ebp : FOREIGN;
  }

  #set(register: Register, distance: number): void {
    const slice = sliceOf(register);
    const whole = slice !== undefined && slice.width >= 32;
    if (slice?.position === ESP) this.esp = whole && isKnown(distance) ? distance : LOST;
    else if (slice?.position === EBP) this.ebp = whole ? distance : LOST;
  }

  step(i: number, word: number): void {
    const instruction = this.reader.read(i);
    const { mnemonic } = instruction;
    this.#operand(i, instruction);
    switch (mnemonic) {
      case Mnemonic.Push:
      case Mnemonic.Pushfd:
      case Mnemonic.Pushfq:
        // The caller's EBP is no address of ours; its own, pushed as an argument, is.
        if (instruction.opCount > 0 && instruction.op0Kind === OpKind.Register)
          this.#take(this.#of(instruction.op0Register));
        if (instruction.stackPointerIncrement !== -word) this.esp = LOST;
        this.esp -= word;
        this.#stack(i, this.esp, word);
        return;
      case Mnemonic.Pop:
      case Mnemonic.Popfd:
      case Mnemonic.Popfq: {
        this.#stack(i, this.esp, word);
        if (instruction.stackPointerIncrement !== word) this.esp = LOST;
        this.esp += word;
        if (instruction.opCount > 0 && instruction.op0Kind === OpKind.Register)
          this.#set(instruction.op0Register, FOREIGN);
        return;
      }
      case Mnemonic.Leave:
        this.esp = isKnown(this.ebp) ? this.ebp + word : LOST;
        this.ebp = FOREIGN;
        return;
      case Mnemonic.Ret:
        return;
      case Mnemonic.Cmp:
      case Mnemonic.Test:
        return;
      case Mnemonic.Mov:
        if (instruction.op1Kind === OpKind.Register) {
          const from = this.#of(instruction.op1Register);
          const own =
            instruction.op0Kind === OpKind.Register &&
            [ESP, EBP].includes(sliceOf(instruction.op0Register)?.position ?? -1);
          if (own) this.#set(instruction.op0Register, from);
          else this.#take(from);
          return;
        }
        break;
      case Mnemonic.Lea: {
        const distance = this.#address(instruction);
        const own = [ESP, EBP].includes(sliceOf(instruction.op0Register)?.position ?? -1);
        if (own) this.#set(instruction.op0Register, distance);
        else this.#take(distance);
        return;
      }
      case Mnemonic.Add:
      case Mnemonic.Sub: {
        const by = immediateOf(instruction, 1);
        if (instruction.op0Kind === OpKind.Register && by !== undefined) {
          const own = this.#of(instruction.op0Register);
          this.#set(instruction.op0Register, mnemonic === Mnemonic.Add ? own + by : own - by);
          return;
        }
        break;
      }
    }
    this.#other(i, instruction);
  }

  /** An instruction that is not followed: what it reads of frame addresses is taken, what it writes of ESP and EBP is lost. */
  #other(i: number, instruction: Instruction): void {
    for (let operand = 0; operand < instruction.opCount; operand++)
      if (instruction.opKind(operand) === OpKind.Register) {
        const distance = this.#of(instruction.opRegister(operand));
        // What it makes of the address is not known.
        if (!Object.is(distance, FOREIGN)) this.#take(LOST);
      }
    const { effects, effect, flow } = this.program.instructions;
    const e = effect[i];
    const written = registersIn(effects.writeParts[e], effects.writeRest[e]);
    // Calls leave ESP and EBP as they are, by convention.
    if (flow[i] === Flow.indirectCall) return;
    if ((written >>> ESP) & 1) this.esp = LOST;
    if ((written >>> EBP) & 1) this.ebp = Object.is(this.ebp, FOREIGN) ? FOREIGN : LOST;
  }

  /** The distance that a memory operand's address has, FOREIGN where it is not in the frame. */
  #address(instruction: Instruction): number {
    const base = this.#of(instruction.memoryBase),
      index = this.#of(instruction.memoryIndex);
    if (Object.is(base, FOREIGN) && Object.is(index, FOREIGN)) return FOREIGN;
    if (instruction.memoryIndex !== Register.None || !isKnown(base)) return LOST;
    return base + Number(BigInt.asIntN(32, instruction.memoryDisplacement as bigint));
  }

  /** Notes the explicit memory operand if it is in the frame. */
  #operand(i: number, instruction: Instruction): void {
    this.operand.delete(i);
    if (instruction.mnemonic === Mnemonic.Lea) return;
    for (let operand = 0; operand < instruction.opCount; operand++) {
      if (instruction.opKind(operand) !== OpKind.Memory) continue;
      const offset = this.#address(instruction);
      if (Object.is(offset, FOREIGN)) return;
      const width = MemorySizeExt.size(instruction.memorySize);
      const reads = operand > 0 || onlyReads(instruction.mnemonic);
      if (!isKnown(offset) || width === 0) {
        if (!reads) this.#take(LOST);
        return;
      }
      if (isBitStore(instruction)) this.#take(offset);
      this.operand.set(i, { offset, width });
      if (!reads) this.stores.add(i);
      return;
    }
  }

  #stack(i: number, offset: number, width: number): void {
    if (isKnown(offset)) this.stack.set(i, { offset, width });
    else {
      this.stack.delete(i);
      this.#take(LOST);
    }
  }
}
