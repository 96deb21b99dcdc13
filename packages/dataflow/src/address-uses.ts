/**
 * Uses of an address: what is done through a pointer from where code makes it of a constant, forward to the end of its life.
 *
 * Problem: most variables are named in plain loads and stores, but here and there code takes the address of one: to clear it as a block, to choose
 * between two, to hand it to a function that stores a word. Forward over blocks, which registers and private stack slots may hold the address, plus
 * which offset; into visible compiled functions that get it as an argument. Loads are harmless, stores at a constant offset and block
 * fills of constant length are noted, everything else lets the address *escape*: nobody knows what happens through it.
 *
 * Invariant: whatever holds the address at run time is tracked, or the address has escaped. Cost: bounded by `MOST_STEPS` instructions.
 */
import { MemorySizeExt, Mnemonic, OpKind, Register, type Instruction } from "iced-x86";
import { EAX, EBP, ECX, EDI, EdgeKind, ESI, Flow, registersIn, type StaticData } from "@pv/x86-ir";
import { CONVENTIONS } from "./conventions.js";
import { isConditionalMove } from "./conditional.js";
import { isBitStore, onlyReads } from "./frames.js";
import { immediateOf, sliceOf } from "./transfer.js";
import { writesRegister, type Visibility } from "./visibility.js";

/** Addresses this far below a variable count as parts of it: most structures whose address is used are no larger. */
export const REACH = 128;

/** What is written through an address: bytes from an offset on. */
export interface Write {
  readonly offset: number;
  readonly size: number;
  /** The `rep stosl` that fills them with EAX; undefined where what is written is not followed. */
  readonly fill: number | undefined;
}

/** Offsets by place: registers by number, slots from `SLOTS` on. */
type Holders = ReadonlyMap<number, number>;
const SLOTS = 0x1_0000;

const MOST_STEPS = 10_000;
const MOST_DEPTH = 16;

export class AddressUses {
  #steps = 0;
  #writes: Write[] = [];
  /** Calls that were followed, by callee and what holds the address. */
  readonly #entered = new Set<string>();
  readonly #callerSaved: readonly number[];

  constructor(
    readonly visible: Visibility,
    readonly data: StaticData,
  ) {
    this.#callerSaved = CONVENTIONS[32].callerSaved;
  }

  /** What is written through the address that instruction `i` makes of the constant `va`; undefined if it escapes. */
  of(i: number, va: number): readonly Write[] | undefined {
    const instruction = this.visible.reader.read(i);
    if (instruction.mnemonic === Mnemonic.Cmp) return [];
    const slice = instruction.op0Kind === OpKind.Register ? sliceOf(instruction.op0Register) : undefined;
    if (instruction.mnemonic !== Mnemonic.Mov || slice?.width !== 32) return undefined;
    this.#steps = 0;
    this.#writes = [];
    this.#entered.clear();
    const holders = new Map([[slice.position, 0]]);
    return this.#follow({ start: i + 1, holders, va, depth: 0, atReturn: notReturned }) ? this.#writes : undefined;
  }

  /** Follows holders from an instruction on; false if the address escapes. */
  #follow(walk: Walk): boolean {
    const { start, holders } = walk;
    const { blocks } = this.visible.program;
    const first = blocks.ofInstruction[start];
    const entered = new Map<number, Holders>();
    const work: (readonly [block: number, from: number, holders: Holders])[] = [[first, start, holders]];
    const enter = (block: number, more: Holders): boolean => {
      const old = entered.get(block) ?? new Map<number, number>();
      const all = new Map(old);
      for (const [place, offset] of more) {
        if ((all.get(place) ?? offset) !== offset) return false;
        all.set(place, offset);
      }
      if (all.size === old.size) return true;
      entered.set(block, all);
      work.push([block, blocks.first[block], all]);
      return true;
    };
    for (let next = work.pop(); next !== undefined; next = work.pop()) {
      const [block, from, before] = next;
      const after = new Map(before);
      for (let i = from; i < blocks.end[block] && after.size > 0; i++) {
        if (++this.#steps > MOST_STEPS || !this.#step(i, after, walk)) return false;
      }
      // Where control leaves for a place that is not known, callers and callees see registers.
      if (after.size > 0 && blocks.escapes[block] === 1) return false;
      for (let e = blocks.successorStart[block]; e < blocks.successorStart[block + 1]; e++) {
        const to = blocks.successors[e],
          kind = blocks.edgeKind[e];
        if (!enter(to, after)) return false;
        // Some leave before the end.
        if ((kind === EdgeKind.exceptionFixup || kind === EdgeKind.alternative) && !enter(to, before)) return false;
      }
    }
    return true;
  }

  /** Carries holders over one instruction; false if the address escapes. */
  #step(i: number, holders: Map<number, number>, walk: Walk): boolean {
    const { program, reader } = this.visible;
    const { effect, effects, flow } = program.instructions;
    switch (flow[i]) {
      case Flow.call:
      case Flow.indirectCall:
        return this.#call(i, holders, walk);
      case Flow.return:
        return walk.atReturn(holders);
      case Flow.interrupt:
      case Flow.interruptReturn:
        return false;
    }
    const e = effect[i];
    const uses = registersIn(effects.useParts[e], effects.useRest[e]);
    const held = [...holders.keys()].some((place) => place < SLOTS && ((uses >>> place) & 1) === 1);
    const slot = this.#slotOf(i);
    if (!held && !(slot !== undefined && holders.has(slot))) {
      this.#forget(i, holders, slot);
      return true;
    }
    return this.#use(i, reader.read(i), holders, slot, walk.va);
  }

  /** Drops what an instruction overwrites. */
  #forget(i: number, holders: Map<number, number>, slot: number | undefined): void {
    const { effect, effects } = this.visible.program.instructions;
    const e = effect[i];
    const written = effects.killParts[e] & (effects.killParts[e] >>> 16) & effects.killRest[e];
    for (const place of holders.keys()) if (place < SLOTS && ((written >>> place) & 1) === 1) holders.delete(place);
    const frame = this.visible.frameOf(i);
    if (slot !== undefined && frame?.stores.has(i) === true && frame.operand.get(i)!.width === 4) holders.delete(slot);
  }

  /** The private slot that an instruction addresses; -1 for another place in the frame. */
  #slotOf(i: number): number | undefined {
    const frame = this.visible.frameOf(i);
    const slot = frame?.operand.get(i);
    if (frame === undefined || slot === undefined) return undefined;
    const isPrivate = slot.width === 4 && slot.offset < 0 && slot.offset + 4 <= frame.lowestTaken;
    return isPrivate ? 2 * SLOTS + slot.offset : -1;
  }

  /** An instruction that reads a holder. */
  #use(
    i: number,
    instruction: Instruction,
    holders: Map<number, number>,
    slot: number | undefined,
    va: number,
  ): boolean {
    const { mnemonic } = instruction;
    const inRegister = (operand: number): number | undefined => {
      if (operand >= instruction.opCount || instruction.opKind(operand) !== OpKind.Register) return undefined;
      const slice = sliceOf(instruction.opRegister(operand));
      return slice?.width === 32 ? slice.position : undefined;
    };
    const to = inRegister(0),
      from = inRegister(1);
    if (mnemonic === Mnemonic.Stosd || mnemonic === Mnemonic.Movsd) return this.#fill(i, instruction, holders);
    const base = sliceOf(instruction.memoryBase)?.position,
      index = sliceOf(instruction.memoryIndex)?.position;
    const hasMemory = [0, 1].some((op) => op < instruction.opCount && instruction.opKind(op) === OpKind.Memory);
    if (
      hasMemory &&
      slot === undefined &&
      ((base !== undefined && holders.has(base)) || (index !== undefined && holders.has(index)))
    ) {
      const offset = base === undefined ? undefined : holders.get(base);
      const there =
        offset === undefined || index !== undefined
          ? undefined
          : offset + Number(BigInt.asIntN(32, instruction.memoryDisplacement as bigint));
      if (mnemonic === Mnemonic.Lea) {
        if (there === undefined || to === undefined) return false;
        holders.set(to, there);
        return true;
      }
      // Its value must not be the address itself.
      const stored = from ?? -1;
      if (instruction.op0Kind === OpKind.Memory && !onlyReads(mnemonic)) {
        const size = MemorySizeExt.size(instruction.memorySize);
        if (there === undefined || size === 0 || holders.has(stored) || isBitStore(instruction)) return false;
        this.#writes.push({ offset: there, size, fill: undefined });
        return true;
      }
      if (mnemonic === Mnemonic.Push || mnemonic === Mnemonic.Xchg) return false;
      const other = to !== undefined && to !== base && to !== index && holders.has(to);
      // A load over a holder ends it; what is computed with one is not followed.
      if (other && mnemonic !== Mnemonic.Mov && mnemonic !== Mnemonic.Cmp && mnemonic !== Mnemonic.Test)
        return this.#computed(instruction, to!, holders, va);
      this.#forget(i, holders, undefined);
      return true;
    }
    switch (mnemonic) {
      case Mnemonic.Cmp:
      case Mnemonic.Test:
        return true;
      case Mnemonic.Mov:
        if (slot !== undefined && instruction.op0Kind === OpKind.Memory) {
          const isAddress = from !== undefined && holders.has(from);
          // Relative to the stack pointer, it may be an argument of the next call.
          if (isAddress && (slot < 0 || sliceOf(instruction.memoryBase)?.position !== EBP)) return false;
          if (isAddress) holders.set(slot, holders.get(from)!);
          else this.#forget(i, holders, slot);
          return true;
        }
        if (to === undefined) return false;
        if (slot !== undefined) {
          if (!holders.has(slot)) return false;
          holders.set(to, holders.get(slot)!);
          return true;
        }
        if (from === undefined || !holders.has(from)) return false;
        holders.set(to, holders.get(from)!);
        return true;
      case Mnemonic.Add:
      case Mnemonic.Sub: {
        const by = immediateOf(instruction, 1);
        if (to === undefined || (from !== undefined && holders.has(from)) || slot !== undefined) return false;
        if (by === undefined) return this.#computed(instruction, to, holders, va);
        holders.set(to, holders.get(to)! + (mnemonic === Mnemonic.Add ? by : -by));
        return true;
      }
    }
    if (to !== undefined && isConditionalMove(instruction) && slot === undefined) {
      const offset = from === undefined ? undefined : holders.get(from);
      if (offset === undefined) return true;
      if ((holders.get(to) ?? offset) !== offset) return false;
      holders.set(to, offset);
      return true;
    }
    return false;
  }

  /** The address plus something: the same variable of another processor, or not followed. */
  #computed(instruction: Instruction, to: number, holders: Map<number, number>, va: number): boolean {
    return (
      instruction.mnemonic === Mnemonic.Add &&
      holders.has(to) &&
      this.data.isPerCpu(va) &&
      instruction.op0Kind === OpKind.Register
    );
  }

  /** `rep stosl` and `rep movsl` of constant length. */
  #fill(i: number, instruction: Instruction, holders: Map<number, number>): boolean {
    const isStore = instruction.mnemonic === Mnemonic.Stosd;
    const count = instruction.hasRepPrefix ? this.#constantBefore(i, ECX) : 1;
    if (count === undefined || (isStore && holders.has(EAX))) return false;
    const size = 4 * count;
    const target = holders.get(EDI),
      source = isStore ? undefined : holders.get(ESI);
    if (target !== undefined) {
      this.#writes.push({ offset: target, size, fill: isStore ? i : undefined });
      // What comes behind is written by nobody who keeps to the block, or by somebody.
      this.#writes.push({ offset: target + size, size: REACH, fill: undefined });
      holders.delete(EDI);
    }
    if (source !== undefined) holders.delete(ESI);
    return !holders.has(ECX);
  }

  /** The constant that the last write to a register in the same block moves into it. */
  #constantBefore(i: number, register: number): number | undefined {
    const { blocks, instructions } = this.visible.program;
    const { flow } = instructions;
    for (let row = i - 1; row >= blocks.first[blocks.ofInstruction[i]]; row--) {
      if (flow[row] === Flow.call || flow[row] === Flow.indirectCall) return undefined;
      if (!writesRegister(this.visible.program, register, row)) continue;
      const instruction = this.visible.reader.read(row);
      const isWhole = sliceOf(instruction.op0Register)?.width === 32 && instruction.op0Kind === OpKind.Register;
      const value = instruction.mnemonic === Mnemonic.Mov && isWhole ? immediateOf(instruction, 1) : undefined;
      return value !== undefined && value >= 0 && value < LARGEST_BLOCK ? value : undefined;
    }
    return undefined;
  }

  #call(i: number, holders: Map<number, number>, { va, depth }: Walk): boolean {
    const callee = this.visible.calleeOf(i);
    if (callee === "nothing") return true;
    const { functions } = this.visible.program;
    const isC = callee !== undefined && functions.traced[callee] === 1;
    const isPassed = (place: number): boolean => (isC ? this.#callerSaved.includes(place) : place < SLOTS);
    // What a call leaves in ECX is of no use to anybody.
    if (isC && holders.has(ECX) && !this.visible.takesThird(callee)) holders.delete(ECX);
    const passed = new Map([...holders].filter(([place]) => this.#callerSaved.includes(place)));
    // What is called through a pointer keeps the rest, too.
    if (passed.size === 0 && (isC || callee === undefined)) return true;
    if (callee === undefined || depth >= MOST_DEPTH) return false;
    const handed = new Map([...holders].filter(([place]) => isPassed(place)));
    // Of other code it is not assumed that it keeps anything: what holds the address at its return must have done so before.
    const asBefore = (at: Holders): boolean =>
      [...at].every(
        ([place, offset]) => place >= SLOTS || (!this.#callerSaved.includes(place) && handed.get(place) === offset),
      );
    const start = functions.entryInstruction[callee];
    if (
      handed.size > 0 &&
      !this.#follow({ start, holders: handed, va, depth: depth + 1, atReturn: isC ? notReturned : asBefore })
    )
      return false;
    for (const place of passed.keys()) holders.delete(place);
    return true;
  }
}

/** One function's part of the way: from where, who holds the address, the address, calls passed, and what may hold it where the function returns. */
interface Walk {
  readonly start: number;
  readonly holders: Holders;
  readonly va: number;
  readonly depth: number;
  readonly atReturn: (holders: Holders) => boolean;
}

/** Addresses are results in EAX; no number of 64 bits has one in its upper half. */
const notReturned = (holders: Holders): boolean => !holders.has(EAX);

/** Words that one block may fill. */
const LARGEST_BLOCK = 0x1_0000;

export const isPlain = ({ memoryBase, memoryIndex }: Instruction): boolean =>
  memoryBase === Register.None && memoryIndex === Register.None;
