/**
 * Known contents: what registers are known to hold directly before given instructions, and why.
 *
 * Problem: of three million instructions, a few thousand are asked about, and each answer hangs on a handful of others, which may lie in callers
 * and callees. So a demand is followed backwards. A *content* is a register, or a private stack slot (frames.ts), at a place; it is
 *
 *   defined   by the last instruction before the place, in its block, that writes it        a step over other contents (transfer.ts)
 *   returned  by a call                                                                     joined over the returns of the callee
 *   merged    at the start of a block                                                       joined over all ways in: branches,
 *                                                                                           visible calls and jumps into a function
 *   tested    where a conditional branch leaves                                             what the condition leaves of it
 *   unknown   loaded, left by a call, passed by unseen callers, ...                         a leaf with its reason
 *
 * Each content is made once, so demands share what they have in common. The contents are a system of equations over known values
 * (known-values.ts), solved upwards from nothing as they are made: what a finished content depends on is finished.
 * Sound: every way into a block is an edge, a visible call, or makes the content unknown. What calls leave alone is convention:
 * callee-saved registers survive compiled C and calls through pointers, if those assumptions are made.
 * Cost: contents demanded, times the height of the lattice where they are in loops; 20 to 30 contents a question on kernels.
 */
import { ConditionCode, MemorySizeExt, Mnemonic, OpKind, Register, type Instruction } from "iced-x86";
import { EAX, ECX, EdgeKind, ESP, Flow, type Program, type StaticData } from "@pv/x86-ir";
import { isPlain, type Surroundings } from "./address-uses.js";
import { ASSUMPTIONS, CONVENTIONS, type Assumptions } from "./conventions.js";
import { DirectCalls } from "./direct-calls.js";
import { Frames, type Frame, type Slot } from "./frames.js";
import {
  agreed,
  between,
  combine,
  equalKnown,
  exactly,
  insert,
  isAnything,
  joinKnown,
  map,
  masked,
  NOTHING,
  patternsOf,
  UNKNOWN,
  type Known,
} from "./known-values.js";
import { Loops, type Place } from "./lockstep.js";
import { addBits, shiftLeft, UNKNOWN_BITS } from "./known-bits.js";
import { comparisonOf, conditionOf, narrowed } from "./known-order.js";
import { isNop } from "./nodes.js";
import { InstructionReader } from "./reader.js";
import { Variables, type Variable } from "./variables.js";
import { compileStep, compileTest, MEMORY, remainder, sliceOf, type Step } from "./transfer.js";

/** Why a content is not known, in the order of the reports: name and sentence. */
export const UNKNOWN_REASONS = {
  memory: "loaded from memory that is not followed",
  merge: "paths bring different values",
  call: "left or returned by a call",
  caller: "passed by callers that are not all visible",
  computation: "computed in a way that is not followed",
  exception: "written by the handler of an exception",
  outside: "control comes from out of sight",
} as const;
export type UnknownReason = keyof typeof UNKNOWN_REASONS;

export const ContentKind = { defined: 0, returned: 1, merged: 2, tested: 3, unknown: 4, variable: 5 } as const;

/** One content. `inputs` are the contents that it is made of, each with the instruction directly behind it. */
export interface Content {
  readonly kind: (typeof ContentKind)[keyof typeof ContentKind];
  /** The instruction that defines, returns, tests or loses it, or the first one of the block in which ways merge. */
  readonly instruction: number;
  /** Register by hardware number, or `SLOT` and above: a stack slot. */
  readonly place: number;
  readonly value: Known;
  readonly inputs: readonly Content[];
  /** Of unknown contents. */
  readonly reason: UnknownReason | undefined;
  /** Bits (`ASSUMPTIONS`) of what it rests on itself; see `restsOn` for all that it hangs on. */
  readonly restsOn: number;
}

/** Bits (`ASSUMPTIONS`) of what a content rests on, with all its inputs: perhaps one too many, never one too few. */
export function restsOn(content: Content): number {
  const seen = new Set([content]);
  let bits = 0;
  for (const each of seen) {
    bits |= each.restsOn;
    for (const input of each.inputs) seen.add(input);
  }
  return bits;
}

interface MutableContent extends Content {
  restsOn: number;
  value: Known;
  inputs: MutableContent[];
  /** Those that it is an input of. */
  users: MutableContent[];
  evaluate: ((inputs: readonly MutableContent[]) => Known) | undefined;
  /** How often it was evaluated. */
  rounds: number;
  state: 0 | 1 | 2;
}
const State = { made: 0, queued: 1, expanded: 2 } as const;

/** Places of stack slots: this plus the distance and the width, packed. */
export const SLOT = 0x100;
const SLOT_REACH = 0x1_0000;
const placeOf = ({ offset, width }: Slot): number => SLOT + (offset + SLOT_REACH) * 16 + width;
export const slotOf = (place: number): Slot => ({
  offset: Math.floor((place - SLOT) / 16) - SLOT_REACH,
  width: (place - SLOT) % 16,
});

/** Places of variables: this plus a number in the order in which they were met. */
const VARIABLE = 0x40_0000;

const [BY_RETURN, BY_POINTER, BY_SLOT, BY_GLOBAL] = (
  ["cReturn", "indirectCall", "privateSlots", "ownGlobals"] as const
).map((name) => 1 << ASSUMPTIONS[name][0]) as [number, number, number, number];
/** Addresses of variables are followed through slots and over calls. */
const BY_VARIABLE = BY_GLOBAL | BY_SLOT | BY_RETURN;

/** More visible callers than this are not looked at: they hardly ever agree, and asking them all is what would take time. */
const MOST_CALLERS = 64;
/** Instructions that are looked back for copies. */
const MOST_BACK = 16;
/** A content that grows this often gives up its patterns, and keeps what they agree on: chains of that are short. */
const MOST_ROUNDS = 48;
/** Blocks of a callee that are looked through for its returns. */
const LARGEST_CALLEE = 64;

/** What several of these can look things up in. */
interface Shared {
  readonly reader: InstructionReader;
  readonly calls: DirectCalls;
  readonly frames: Frames;
}

export class KnownContents {
  readonly #program: Program;
  readonly #assumptions: Assumptions;
  readonly #reader: InstructionReader;
  readonly #calls: DirectCalls;
  readonly #frames: Frames;
  readonly #preserved: number;
  readonly #word: number;
  readonly #transparent: ReadonlySet<number>;
  readonly #unseen: ReadonlySet<number>;
  readonly #returnThunks: ReadonlySet<number>;
  readonly #replaced: ReadonlySet<number>;
  readonly #fixups = new Map<number, number>();
  readonly #merges = new Map<number, MutableContent>();
  readonly #definitions = new Map<number, MutableContent>();
  readonly #homes = new Map<number, number>();
  readonly #queue: MutableContent[] = [];
  readonly #loops: Loops;
  readonly #data: StaticData | undefined;
  readonly #variables: Variables | undefined;
  /** Who asks about variables must not wait for answers that ask about them. */
  #withoutData: KnownContents | undefined;
  /** Addresses of the variables that were met, and their contents by address and size. */
  readonly #met: number[] = [];
  readonly #contents = new Map<number, MutableContent | undefined>();
  readonly #scratch: Known[] = Array.from({ length: MEMORY + 1 }, () => UNKNOWN);

  /** Without static data, nothing is known of variables. */
  constructor(program: Program, assumptions: Assumptions, data?: StaticData, shared?: Shared) {
    const { facts, instructions } = program;
    this.#program = program;
    this.#assumptions = assumptions;
    this.#reader = shared?.reader ?? new InstructionReader(instructions);
    this.#calls = shared?.calls ?? new DirectCalls(program);
    this.#frames = shared?.frames ?? new Frames(program, this.#reader, this.#calls.called);
    this.#word = instructions.bits / 8;
    let saved = 0xffff;
    for (const r of CONVENTIONS[instructions.bits].callerSaved) saved &= ~(1 << r);
    this.#preserved = saved;
    this.#transparent = new Set(facts.transparent);
    this.#unseen = new Set([...facts.thunkAddress, ...facts.replaceable]);
    this.#returnThunks = new Set(facts.returnThunks);
    this.#replaced = new Set([...this.#unseen, ...facts.returnThunks]);
    facts.exceptionTo.forEach((to, row) => {
      this.#fixups.set(to, (this.#fixups.get(to) ?? 0) | (facts.exceptionWrites[row] ?? -1));
    });
    this.#loops = new Loops({
      program,
      reader: this.#reader,
      frameAt: (block) => this.#frameAt(block),
      isOpen: (block) => this.#isOpen(block),
      isPadding: (block) => this.#isPadding(block),
      keeps: (call, register) => {
        const left = this.#call(call, register);
        return typeof left === "number" ? left : undefined;
      },
    });
    const { cReturn, ownGlobals, privateSlots } = assumptions;
    if (data === undefined || !cReturn || !ownGlobals || !privateSlots) return;
    this.#data = data;
    const around: Surroundings = {
      program,
      reader: this.#reader,
      frameAt: (block) => this.#frameAt(block),
      calleeOf: (call) => this.#calleeOf(call),
      contentBefore: (row, register) =>
        (this.#withoutData ??= new KnownContents(program, assumptions, undefined, this.#shared)).at(row, register)
          .value,
      takesThird: (callee) => this.#takesThird(callee),
      isPerCpu: (va) => data.isPerCpu(va),
    };
    this.#variables = new Variables(around, data);
  }

  get #shared(): Shared {
    return { reader: this.#reader, calls: this.#calls, frames: this.#frames };
  }

  free(): void {
    this.#reader.free();
  }

  /** What is known of a register directly before an instruction, with all that it hangs on. */
  at(instruction: number, register: number): Content {
    const content = this.#before(instruction, register);
    this.#need(content);
    this.#settle();
    return content;
  }

  /** Makes the inputs of everything that is needed, then solves the new equations. */
  #settle(): void {
    const fresh: MutableContent[] = [];
    for (let content = this.#queue.pop(); content !== undefined; content = this.#queue.pop()) {
      this.#expand(content);
      content.state = State.expanded;
      fresh.push(content);
    }
    // Inputs were made after what needs them, so that the last is the first that can be evaluated.
    const work = fresh;
    const waiting = new Set(fresh);
    for (let content = work.pop(); content !== undefined; content = work.pop()) {
      waiting.delete(content);
      if (content.evaluate === undefined) continue;
      const brought = content.evaluate(content.inputs);
      if (equalKnown(brought, content.value)) continue;
      const found = joinKnown(content.value, brought);
      const value = content.rounds++ < MOST_ROUNDS ? found : agreed(found);
      if (equalKnown(value, content.value)) continue;
      content.value = value;
      for (const user of content.users) {
        if (waiting.has(user)) continue;
        waiting.add(user);
        work.push(user);
      }
    }
  }

  #need(content: MutableContent): void {
    if (content.state !== State.made) return;
    content.state = State.queued;
    this.#queue.push(content);
  }

  #make(kind: Content["kind"], instruction: number, place: number): MutableContent {
    return {
      kind,
      instruction,
      place,
      value: NOTHING,
      inputs: [],
      reason: undefined,
      restsOn: place >= VARIABLE ? BY_VARIABLE : place >= SLOT ? BY_SLOT : 0,
      users: [],
      evaluate: undefined,
      rounds: 0,
      state: State.made,
    };
  }

  #unknown(instruction: number, place: number, reason: UnknownReason): MutableContent {
    return { ...this.#make(ContentKind.unknown, instruction, place), value: UNKNOWN, reason, state: State.expanded };
  }

  #connect(
    content: MutableContent,
    inputs: MutableContent[],
    evaluate: (inputs: readonly MutableContent[]) => Known,
  ): void {
    content.inputs = inputs;
    content.evaluate = evaluate;
    for (const input of inputs) {
      input.users.push(content);
      this.#need(input);
    }
  }

  // ---- backwards within a block

  /** The content of a place directly before an instruction. */
  #before(instruction: number, place: number): MutableContent {
    const { blocks } = this.#program;
    const block = blocks.ofInstruction[instruction];
    return this.#search(block, instruction, place);
  }

  /** The content behind the last instruction of a block. */
  #behind(block: number, place: number): MutableContent {
    return this.#search(block, this.#program.blocks.end[block], place);
  }

  #search(block: number, end: number, place: number): MutableContent {
    const { instructions, blocks } = this.#program;
    const { effect, effects, flow } = instructions;
    const { writeParts, writeRest } = effects;
    const first = blocks.first[block];
    if (place >= SLOT) return this.#searchSlot(block, end, place);
    const low = 1 << place,
      high = 1 << (16 + place);
    const settle = (content: MutableContent): MutableContent => {
      content.restsOn |= passed;
      return content;
    };
    let passed = 0;
    for (let i = end - 1; i >= first; i--) {
      const f = flow[i];
      if (f === Flow.call || f === Flow.indirectCall) {
        if (place === ESP) continue;
        const found = this.#call(i, place);
        if (typeof found !== "number") return settle(found);
        passed |= found;
      } else if (f === Flow.interrupt || f === Flow.invalid) return this.#unknown(i, place, "outside");
      else {
        const e = effect[i];
        if ((writeParts[e] & (low | high)) !== 0 || (writeRest[e] & low) !== 0)
          return settle(this.#definition(i, place));
      }
    }
    return settle(this.#merge(block, place));
  }

  #searchSlot(block: number, end: number, place: number): MutableContent {
    const { instructions, blocks } = this.#program;
    const { flow } = instructions;
    const frame = this.#frameAt(block);
    const { offset, width } = slotOf(place);
    if (frame === undefined || offset + width > frame.lowestTaken) return this.#unknown(end - 1, place, "memory");
    const overlaps = (slot: Slot): boolean => slot.offset < offset + width && offset < slot.offset + slot.width;
    for (let i = end - 1; i >= blocks.first[block]; i--) {
      const f = flow[i];
      if (f === Flow.call || f === Flow.indirectCall) {
        // Below the stack pointer is the callee's.
        const pointer = frame.pointer.get(i);
        if (pointer === undefined || !(offset >= pointer)) return this.#unknown(i, place, "call");
        continue;
      }
      const operand = frame.stores.has(i) ? frame.operand.get(i) : undefined;
      const pushed = frame.stack.get(i);
      const writes = operand ?? (pushed !== undefined && isPush(this.#reader.read(i).mnemonic) ? pushed : undefined);
      if (writes === undefined || !overlaps(writes)) continue;
      return writes.offset === offset && writes.width >= width
        ? this.#definition(i, place)
        : this.#unknown(i, place, "memory");
    }
    return this.#merge(block, place);
  }

  #frameAt(block: number) {
    let home = this.#homes.get(block);
    if (home === undefined) this.#homes.set(block, (home = this.#frames.homeOf(block)));
    return home < 0 || !this.#assumptions.privateSlots ? undefined : this.#frames.of(home);
  }

  /** What a call leaves in a register; where it leaves it alone, the bits of what that rests on. */
  #call(i: number, place: number): MutableContent | number {
    const { instructions, functions, facts } = this.#program;
    const { cReturn, indirectCall } = this.#assumptions;
    const target = instructions.target[i];
    const isSaved = ((this.#preserved >>> place) & 1) === 1;
    if (instructions.flow[i] === Flow.indirectCall || this.#unseen.has(target))
      return isSaved && indirectCall ? BY_POINTER : this.#unknown(i, place, "call");
    if (this.#transparent.has(target) || contains(facts.tracedCalls, instructions.address[i])) return 0;
    const callee = this.#calls.functionAt(target);
    if (callee < 0) return this.#unknown(i, place, "call");
    const isC = functions.traced[callee] === 1;
    if (isC && isSaved && cReturn) return BY_RETURN;
    if (((this.#calls.mayWrite(callee, this.#unseen) >>> place) & 1) === 0) return 0;
    if (!isC) return this.#unknown(i, place, "call");
    return this.#memo(this.#definitions, i, place, () => this.#make(ContentKind.returned, i, place));
  }

  /**
   * Whether a compiled function may take an argument in ECX. It does not if some call of it hands it what another call left there: that is
   * no result, by the convention.
   */
  #takesThird(callee: number): boolean {
    let takes = this.#takers.get(callee);
    if (takes === undefined)
      this.#takers.set(callee, (takes = !this.#calls.of(callee).some((row) => this.#isLeft(row))));
    return takes;
  }
  readonly #takers = new Map<number, boolean>();

  /** Whether ECX before a call is what another call in its block left. */
  #isLeft(call: number): boolean {
    const { blocks, functions, instructions } = this.#program;
    const { effect, effects, flow } = instructions;
    for (let i = call - 1; i >= blocks.first[blocks.ofInstruction[call]]; i--) {
      const e = effect[i];
      if (flow[i] === Flow.call) {
        const callee = this.#calleeOf(i);
        return typeof callee === "number" && functions.traced[callee] === 1;
      }
      const written = effects.writeParts[e] | (effects.writeParts[e] >>> 16) | effects.writeRest[e];
      if (flow[i] !== Flow.next || ((written >>> ECX) & 1) === 1) return false;
    }
    return false;
  }

  #memo(table: Map<number, MutableContent>, row: number, place: number, make: () => MutableContent): MutableContent {
    const key = place * 0x400_0000 + row;
    let content = table.get(key);
    if (content === undefined) table.set(key, (content = make()));
    return content;
  }

  #definition(i: number, place: number): MutableContent {
    return this.#memo(this.#definitions, i, place, () => {
      const instruction = this.#reader.read(i);
      const { effect, effects } = this.#program.instructions;
      const e = effect[i];
      const position = place >= SLOT ? MEMORY : place;
      let step = compileStep(instruction);
      if (step === undefined || !step.writes.includes(position)) {
        if (place >= SLOT) return this.#unknown(i, place, "computation");
        step = remainder(effects.writeParts[e], effects.writeRest[e], place);
        if (step.reads.length === 0) return this.#unknown(i, place, "computation");
      }
      if (isConditionalMove(instruction) && place < SLOT) return this.#chosen(i, place);
      const content = this.#make(ContentKind.defined, i, place);
      const loads = step.reads.includes(MEMORY) ? this.#loaded(i, instruction.mnemonic === Mnemonic.Pop) : undefined;
      // A load that is not followed, and nothing else: the reason is plain.
      if (loads === undefined && step.reads.length === 1 && step.reads[0] === MEMORY) {
        const value = this.#run(step, [], position);
        if (isAnything(value)) return this.#unknown(i, place, "memory");
      }
      this.#steps.set(content, [step, position, loads]);
      return content;
    });
  }
  readonly #steps = new Map<
    MutableContent,
    readonly [step: Step, position: number, loads: MutableContent | undefined]
  >();

  /** What a conditional move leaves: either side, as far as the condition allows it. */
  #chosen(i: number, place: number): MutableContent {
    const instruction = this.#reader.read(i);
    const condition = instruction.conditionCode as ConditionCode;
    const slice = sliceOf(instruction.op1Register);
    const isRegister = instruction.op1Kind === OpKind.Register && slice?.width === 32;
    const flags = this.#flagsBefore(i);
    const content = this.#make(ContentKind.defined, i, place);
    const other = isRegister
      ? this.#before(i, slice.position)
      : (this.#loaded(i, false) ?? this.#unknown(i, MEMORY, "memory"));
    const own = this.#before(i, place);
    content.state = State.expanded;
    const join = (all: readonly MutableContent[]): Known =>
      all.reduce((value, input) => joinKnown(value, input.value), NOTHING);
    const scan = flags === undefined || condition !== ConditionCode.e ? undefined : this.#scanned(flags, place);
    if (scan !== undefined)
      // Where there was no bit to find, the other side is taken.
      this.#connect(content, [scan, other], ([source, else_]) => joinKnown(bitNumber(source!.value), else_!.value));
    else {
      const isKept = (of: number): boolean => flags !== undefined && !this.#isWritten(of, flags + 1, i);
      const inputs = [
        isKept(place) ? this.#testedBy(flags!, condition, false, place, own) : own,
        isRegister && isKept(slice.position) ? this.#testedBy(flags!, condition, true, slice.position, other) : other,
      ];
      this.#connect(content, inputs, join);
    }
    content.value = content.evaluate!(content.inputs);
    return content;
  }

  /** What BSR or BSF looks through, if that is instruction `i` and it writes the register. */
  #scanned(i: number, place: number): MutableContent | undefined {
    const { mnemonic, op0Register, op1Kind, op1Register } = this.#reader.read(i);
    const to = sliceOf(op0Register),
      from = op1Kind === OpKind.Register ? sliceOf(op1Register) : undefined;
    const isScan = (mnemonic === Mnemonic.Bsr || mnemonic === Mnemonic.Bsf) && to?.position === place;
    return isScan && to.width === 32 && from !== undefined ? this.#before(i, from.position) : undefined;
  }

  /** The instruction in the same block that the flags before an instruction come from. */
  #flagsBefore(i: number): number | undefined {
    const { blocks, instructions } = this.#program;
    const { effect, effects, flow } = instructions;
    for (let row = i - 1; row >= blocks.first[blocks.ofInstruction[i]]; row--) {
      if (flow[row] !== Flow.next) return undefined;
      if ((effects.writeRest[effect[row]] & ARITHMETIC) !== 0) return row;
    }
    return undefined;
  }

  #isWritten(register: number, from: number, to: number): boolean {
    const { effect, effects } = this.#program.instructions;
    for (let i = from; i < to; i++) {
      const e = effect[i];
      if ((((effects.writeParts[e] | (effects.writeParts[e] >>> 16) | effects.writeRest[e]) >>> register) & 1) === 1)
        return true;
    }
    return false;
  }

  /** What an instruction loads, if that can be followed. */
  #loaded(i: number, pop: boolean): MutableContent | undefined {
    const frame = this.#frameAt(this.#program.blocks.ofInstruction[i]);
    const slot = pop ? frame?.stack.get(i) : frame?.operand.get(i);
    if (frame === undefined || slot === undefined) return pop ? undefined : this.#variable(i);
    if (slot.offset + slot.width > frame.lowestTaken || slot.width > 8) return undefined;
    return Math.abs(slot.offset) < SLOT_REACH / 2 ? this.#before(i, placeOf(slot)) : undefined;
  }

  /** The variable that an instruction's memory operand names, if who writes it is followed. */
  #variable(i: number): MutableContent | undefined {
    if (this.#variables === undefined) return undefined;
    const instruction = this.#reader.read(i);
    const { memorySegment } = instruction;
    if (!isPlain(instruction)) return undefined;
    const va = Number(BigInt.asUintN(32, instruction.memoryDisplacement as bigint)),
      bytes = MemorySizeExt.size(instruction.memorySize);
    // FS is the processor's own copies (arch/x86/include/asm/percpu.h).
    const isOwn = memorySegment === Register.FS && this.#data!.isPerCpu(va);
    if ((memorySegment !== Register.DS && !isOwn) || (bytes !== 1 && bytes !== 2 && bytes !== 4)) return undefined;
    const key = va * 8 + bytes;
    if (!this.#contents.has(key)) {
      const variable = this.#variables.at(va, bytes);
      const row = variable?.stores[0] ?? variable?.fills[0] ?? i;
      const content =
        variable === undefined ? undefined : this.#make(ContentKind.variable, row, VARIABLE + this.#met.push(va) - 1);
      this.#contents.set(key, content);
      if (content !== undefined) this.#stored.set(content, variable!);
    }
    return this.#contents.get(key);
  }
  readonly #stored = new Map<MutableContent, Variable>();

  /** The address of the variable that a place stands for; undefined for registers and slots. */
  addressOf(place: number): number | undefined {
    return this.#met[place - VARIABLE];
  }

  #expandVariable(content: MutableContent): void {
    const { initial, stores, fills } = this.#stored.get(content)!;
    const inputs = [
      ...stores.map((row) => this.#definition(row, content.place)),
      ...fills.map((row) => this.#before(row, EAX)),
    ];
    const atFirst = exactly(initial);
    this.#connect(content, inputs, (all) => all.reduce((value, input) => joinKnown(value, input.value), atFirst));
    this.#stored.delete(content);
  }

  /** The function that a direct call enters, for `Surroundings`. */
  #calleeOf(call: number): number | "nothing" | undefined {
    const { instructions, facts } = this.#program;
    const target = instructions.target[call];
    if (instructions.flow[call] !== Flow.call || this.#unseen.has(target)) return undefined;
    if (this.#transparent.has(target) || contains(facts.tracedCalls, instructions.address[call])) return "nothing";
    const callee = this.#calls.functionAt(target);
    return callee >= 0 ? callee : undefined;
  }

  #run(step: Step, inputs: readonly MutableContent[], position: number): Known {
    const scratch = this.#scratch;
    step.reads.forEach((read, k) => (scratch[read] = inputs[k]?.value ?? UNKNOWN));
    // Nothing is computed where some operand has no value yet.
    if (inputs.some(({ value }) => value.values?.length === 0)) return NOTHING;
    step.run(scratch);
    return scratch[position]!;
  }

  // ---- inputs

  #expand(content: MutableContent): void {
    switch (content.kind) {
      case ContentKind.defined: {
        const [step, position, loads] = this.#steps.get(content)!;
        const { instruction } = content;
        const inputs = step.reads.map((read) =>
          read !== MEMORY ? this.#before(instruction, read) : (loads ?? this.#unknown(instruction, MEMORY, "memory")),
        );
        this.#connect(content, inputs, (values) => this.#run(step, values, position));
        this.#steps.delete(content);
        return;
      }
      case ContentKind.returned:
        this.#expandReturned(content);
        return;
      case ContentKind.variable:
        this.#expandVariable(content);
        return;
      case ContentKind.merged:
        this.#expandMerge(content);
        return;
    }
  }

  #expandReturned(content: MutableContent): void {
    const { instructions } = this.#program;
    const callee = this.#calls.functionAt(instructions.target[content.instruction]);
    const returns = this.#calls.returnsOf(callee, LARGEST_CALLEE, this.#returnThunks, this.#unseen);
    const inputs =
      returns === undefined || returns.length === 0
        ? [this.#unknown(content.instruction, content.place, "call")]
        : returns.map((row) => this.#before(row, content.place));
    this.#joinOf(content, inputs);
  }

  /** Joins inputs; a leaf among them that is unknown settles it, and the others need not be looked at. */
  #joinOf(content: MutableContent, inputs: MutableContent[]): void {
    const settled = inputs.find(isLost);
    this.#connect(content, settled === undefined ? inputs : [settled], (all) =>
      all.reduce((value, input) => joinKnown(value, input.value), NOTHING),
    );
  }

  #merge(block: number, place: number): MutableContent {
    return this.#memo(this.#merges, block, place, () =>
      this.#make(ContentKind.merged, this.#program.blocks.first[block], place),
    );
  }

  #expandMerge(content: MutableContent): void {
    const { blocks } = this.#program;
    const { place, instruction } = content;
    const block = blocks.ofInstruction[instruction];
    if (this.#expandLockstep(content, block)) return;
    const inputs: MutableContent[] = [];
    for (const input of this.#waysInto(block, instruction, place)) {
      inputs.push(input);
      if (isLost(input)) break;
    }
    this.#joinOf(content, inputs);
  }

  /** A place at the head of a loop that grows beside one which the latch compares (lockstep.ts). */
  #expandLockstep(content: MutableContent, head: number): boolean {
    const { place } = content;
    if (place === ESP || this.#program.instructions.bits === 64) return false;
    const loop = this.#loops.at(head, asPlace(place));
    const growth = loop === undefined ? undefined : this.#loops.growth(loop, asPlace(place));
    if (loop === undefined || growth === undefined) return false;
    const compared = this.#comparedIn(loop.latch);
    // It is found from the one that is compared, never the other way round.
    if (compared.includes(place)) return false;
    const counters = compared.map((other) => [other, this.#loops.growth(loop, asPlace(other))] as const);
    const counter = counters.find(([, other]) => other?.by === 1);
    if (counter === undefined) return false;
    const first = content.instruction;
    const counted = this.#merge(head, counter[0]);
    const before = [...this.#waysInto(head, first, place, loop.latch)],
      counterBefore = [...this.#waysInto(head, first, counter[0], loop.latch)];
    content.restsOn |= growth.restsOn | counter[1]!.restsOn;
    const join = (inputs: readonly MutableContent[]): Known =>
      inputs.reduce((value, input) => joinKnown(value, input.value), NOTHING);
    this.#connect(content, [counted, ...before, ...counterBefore], (inputs) => {
      const start = join(inputs.slice(1, 1 + before.length)),
        counterStart = join(inputs.slice(1 + before.length));
      return grown(start, growth.by, inputs[0]!.value, counterStart);
    });
    return true;
  }

  /** Registers and slots that the condition compares with which a block ends. */
  #comparedIn(block: number): readonly number[] {
    const { blocks, instructions } = this.#program;
    const last = blocks.end[block] - 1;
    const flags = instructions.flow[last] === Flow.conditional ? this.#flagsBefore(last) : undefined;
    if (flags === undefined) return [];
    const compare = this.#reader.read(flags);
    const comparison = comparisonOf(compare);
    const test = compileTest(compare, ConditionCode.e);
    const positions =
      comparison !== undefined ? [comparison.left, comparison.right] : test !== undefined ? [test.position] : [];
    return positions.flatMap((position) => [
      ...(position === MEMORY ? [] : [position]),
      ...this.#aliasesOf(flags, position),
    ]);
  }

  /** Contents of a place on all ways into a block; the first that is unknown ends the list. */
  *#waysInto(block: number, first: number, place: number, except = -1): Iterable<MutableContent> {
    const { blocks, instructions, functions } = this.#program;
    const address = instructions.address[first];
    const f = functions.containing(first);
    const isEntry = f >= 0 && functions.entryInstruction[f] === first;
    if (this.#isTaken(address)) return yield this.#unknown(first, place, isEntry ? "caller" : "outside");
    let ways = 0;
    if (isEntry) {
      if (!this.#isLedTo(f)) return yield this.#unknown(first, place, "caller");
      const calls = this.#calls.of(f);
      if (calls.length > MOST_CALLERS) return yield this.#unknown(first, place, "caller");
      for (const call of calls) {
        ways++;
        yield place >= SLOT ? this.#argument(call, place, first) : this.#before(call, place);
      }
    }
    const isC = isEntry && functions.traced[f] === 1;
    for (let p = blocks.predecessorStart[block]; p < blocks.predecessorStart[block + 1]; p++) {
      const from = blocks.predecessors[p];
      if (from === except || blocks.predecessors.indexOf(from, blocks.predecessorStart[block]) < p) continue;
      for (let e = blocks.successorStart[from]; e < blocks.successorStart[from + 1]; e++) {
        if (blocks.successors[e] !== block) continue;
        const kind = blocks.edgeKind[e];
        // Compiled functions are called or jumped to, never fallen into.
        if (kind === EdgeKind.fallThrough && (isC || this.#isPadding(from))) continue;
        ways++;
        yield this.#along(from, kind, block, place, isEntry);
      }
    }
    if (ways === 0) yield this.#unknown(first, place, isEntry ? "caller" : "outside");
  }

  readonly #ledTo = new Map<number, boolean>();

  /**
   * Whether calls and jumps lead to a function from one that is entered from out of sight. Functions that only call each other are not dead
   * code for us: something unknown leads there.
   */
  #isLedTo(f: number): boolean {
    const known = this.#ledTo.get(f);
    if (known !== undefined) return known;
    const { blocks, functions, instructions } = this.#program;
    const seen = new Set([f]),
      work = [f];
    let found = false;
    for (let g = work.pop(); g !== undefined && !found; g = work.pop()) {
      const entry = blocks.ofInstruction[functions.entryInstruction[g]];
      const from: number[] = Array.from(this.#calls.of(g), (call) => functions.containing(call));
      for (let p = blocks.predecessorStart[entry]; p < blocks.predecessorStart[entry + 1]; p++)
        if (!this.#isPadding(blocks.predecessors[p]))
          from.push(functions.containing(blocks.first[blocks.predecessors[p]]));
      found = from.length === 0 || this.#isTaken(instructions.address[blocks.first[entry]]);
      for (const h of from) {
        found ||= h < 0 || this.#ledTo.get(h) === true;
        if (h < 0 || seen.has(h)) continue;
        seen.add(h);
        work.push(h);
      }
    }
    this.#ledTo.set(f, found);
    return found;
  }

  /** The content that an edge brings. */
  #along(from: number, kind: number, to: number, place: number, crosses: boolean): MutableContent {
    const { blocks, instructions } = this.#program;
    if (place >= SLOT && crosses) return this.#argument(blocks.end[from] - 1, place, blocks.first[to]);
    switch (kind) {
      case EdgeKind.exceptionFixup: {
        if (place >= SLOT) return this.#merge(from, place);
        const first = blocks.first[from],
          e = instructions.effect[first];
        const { writeParts, writeRest } = instructions.effects;
        const written =
          writeParts[e] |
          (writeParts[e] >>> 16) |
          writeRest[e] |
          (this.#fixups.get(instructions.address[blocks.first[to]]) ?? -1);
        return (written >>> place) & 1 ? this.#unknown(first, place, "exception") : this.#merge(from, place);
      }
      case EdgeKind.alternative:
        return this.#isAlternativeSite(from) ? this.#merge(from, place) : this.#behind(from, place);
      case EdgeKind.branch:
      case EdgeKind.fallThrough:
        return this.#tested(from, kind === EdgeKind.branch, place, this.#behind(from, place));
      default:
        return this.#behind(from, place);
    }
  }

  #sites: ReadonlySet<number> | undefined;
  #isAlternativeSite(block: number): boolean {
    this.#sites ??= new Set(this.#program.facts.alternativeSite);
    return this.#sites.has(this.#program.instructions.address[this.#program.blocks.first[block]]);
  }

  /** A stack argument: the callee's slot as a slot of the caller, before the call or at the jump. */
  #argument(from: number, place: number, entry: number): MutableContent {
    const { blocks, instructions } = this.#program;
    const { offset, width } = slotOf(place);
    const pointer = this.#frameAt(blocks.ofInstruction[from])?.pointer.get(from) ?? Number.NaN;
    const pushed = instructions.flow[from] === Flow.call ? this.#word : 0;
    const there = pointer - pushed + offset;
    // What lies below the return address was never passed.
    if (offset < this.#word || !(Math.abs(there) < SLOT_REACH / 2)) return this.#unknown(entry, place, "memory");
    return this.#before(from, placeOf({ offset: there, width }));
  }

  /** Whether control may get to a block other than over edges. */
  #isOpen(block: number): boolean {
    const { blocks, functions, instructions } = this.#program;
    const first = blocks.first[block];
    const f = functions.containing(first);
    return this.#isTaken(instructions.address[first]) || (f >= 0 && functions.entryInstruction[f] === first);
  }

  /** Padding that aligns what follows: no-operations and breakpoints that nothing leads to. It falls into code, but never runs. */
  #isPadding(block: number): boolean {
    const { blocks, instructions } = this.#program;
    const first = blocks.first[block];
    if (blocks.predecessorStart[block] !== blocks.predecessorStart[block + 1] || this.#isOpen(block)) return false;
    for (let i = first; i < blocks.end[block]; i++) {
      const bytes = instructions.bytesOf(i);
      if (bytes[0] !== BREAKPOINT && !isNop(bytes)) return false;
    }
    return true;
  }

  /** Whether something other than direct branches leads to an address. */
  #isTaken(va: number): boolean {
    return this.#replaced.has(va) || contains(this.#program.facts.addressTaken, va);
  }

  // ---- conditions

  /** What a conditional branch at the end of a block leaves of a content that comes out of it. */
  #tested(from: number, taken: boolean, place: number, content: MutableContent): MutableContent {
    const { blocks, instructions } = this.#program;
    const { effects, effect, flow } = instructions;
    const last = blocks.end[from] - 1;
    // Both ways may lead to the same place.
    if (
      flow[last] !== Flow.conditional ||
      instructions.target[last] === instructions.address[last] + instructions.length[last]
    )
      return content;
    const low = place >= SLOT ? 0 : 1 << place;
    for (let i = last - 1; i >= blocks.first[from]; i--) {
      const e = effect[i];
      const setsFlags =
        (effects.writeRest[e] & ARITHMETIC) !== 0 || flow[i] === Flow.call || flow[i] === Flow.indirectCall;
      if (setsFlags)
        return this.#testedBy(i, this.#reader.read(last).conditionCode as ConditionCode, taken, place, content);
      const parts = effects.writeParts[e] | (effects.writeParts[e] >>> 16) | effects.writeRest[e];
      if ((parts & low) !== 0) return content;
      if (place >= SLOT && this.#frameAt(from)?.stores.has(i) === true) return content;
    }
    return content;
  }

  /** What is left of a content if the condition holds (or not) behind instruction `i`, which sets the flags. */
  #testedBy(
    i: number,
    condition: ConditionCode,
    taken: boolean,
    place: number,
    content: MutableContent,
  ): MutableContent {
    const compare = this.#reader.read(i);
    const test = compileTest(compare, condition);
    if (test !== undefined) {
      if (!(taken ? test.whenTaken : test.whenNot) || !this.#isAbout(i, test.position, place)) return content;
      const inside = test.inside === taken;
      const { low, high, mask } = test;
      return this.#narrow(i, place, [content], ([own]) =>
        mask === -1
          ? between(own!.value, low, high, inside)
          : insert(own!.value, between(masked(own!.value, mask), low, high, inside), mask),
      );
    }
    const comparison = comparisonOf(compare);
    if (comparison === undefined) return content;
    const { left, right } = comparison;
    const ofLeft = this.#isAbout(i, left, place);
    if (!ofLeft && !this.#isAbout(i, right, place)) return content;
    const holds = conditionOf(condition, taken, ofLeft);
    if (holds === undefined) return content;
    const position = ofLeft ? right : left;
    const other = position === MEMORY ? this.#loaded(i, false) : this.#before(i, position);
    if (other === undefined || isLost(other)) return content;
    return this.#narrow(i, place, [content, other], ([own, against]) => narrowed(own!.value, holds, against!.value));
  }

  /** Whether an operand of instruction `i` is a place, or holds the same as it: one was copied from the other in this block. */
  #isAbout(i: number, position: number, place: number): boolean {
    if (position === place) return true;
    // What it computes is compared, not what was copied.
    if (position !== MEMORY && this.#isWritten(position, i, i + 1)) return false;
    return this.#aliasesOf(i, position).includes(place);
  }

  /** The slot that a memory operand is, or what holds the same as a register before an instruction, as far as its block shows. */
  #aliasesOf(i: number, position: number): readonly number[] {
    const { blocks } = this.#program;
    const block = blocks.ofInstruction[i];
    const frame = this.#frameAt(block);
    if (position === MEMORY) {
      const slot = frame?.operand.get(i);
      return slot === undefined ? [] : [placeOf(slot)];
    }
    const found: number[] = [];
    const written: number[] = [];
    for (let row = i - 1; row >= blocks.first[block] && row >= i - MOST_BACK; row--) {
      if (this.#program.instructions.flow[row] !== Flow.next) break;
      const copy = this.#copyOf(row);
      if (copy !== undefined && copy.to === position && !written.includes(copy.from)) found.push(copy.from);
      if (copy !== undefined && copy.from === position && !written.includes(copy.to)) found.push(copy.to);
      if (this.#isWritten(position, row, row + 1)) break;
      for (let register = 0; register < 16; register++)
        if (this.#isWritten(register, row, row + 1)) written.push(register);
      const slot = frame?.stores.has(row) === true ? frame.operand.get(row) : undefined;
      // Only whole slots are compared: one that overlaps another is written with it.
      if (slot !== undefined) written.push(...this.#slotsOver(frame!, slot));
      if (frame?.stack.has(row) === true) break;
    }
    return found;
  }

  /** Places of the slots that a block's frame knows and that a store to one of them changes. */
  #slotsOver(frame: Frame, { offset, width }: Slot): number[] {
    const found: number[] = [];
    for (const other of frame.operand.values())
      if (other.offset < offset + width && offset < other.offset + other.width) found.push(placeOf(other));
    return found;
  }

  /** A move of 32 bits between registers and slots. */
  #copyOf(row: number): { readonly from: number; readonly to: number } | undefined {
    const slot = this.#frameAt(this.#program.blocks.ofInstruction[row])?.operand.get(row);
    const instruction = this.#reader.read(row);
    if (instruction.mnemonic !== Mnemonic.Mov) return undefined;
    const place = (operand: number): number | undefined => {
      const kind = instruction.opKind(operand);
      if (kind === OpKind.Memory) return slot?.width === 4 ? placeOf(slot) : undefined;
      const slice = kind === OpKind.Register ? sliceOf(instruction.opRegister(operand)) : undefined;
      return slice?.width === 32 ? slice.position : undefined;
    };
    const to = place(0),
      from = place(1);
    return to === undefined || from === undefined ? undefined : { from, to };
  }

  #narrow(
    i: number,
    place: number,
    inputs: MutableContent[],
    evaluate: (inputs: readonly MutableContent[]) => Known,
  ): MutableContent {
    const tested = this.#make(ContentKind.tested, i, place);
    tested.state = State.expanded;
    this.#connect(tested, inputs, evaluate);
    tested.value = evaluate(inputs);
    return tested;
  }
}

const asPlace = (place: number): Place => (place >= SLOT ? { slot: slotOf(place) } : { register: place });

/** What grows from `start` by a constant while a counter grows by 1 from its own start. */
function grown(start: Known, by: number, counter: Known, counterStart: Known): Known {
  if ([start, counter, counterStart].some(({ values }) => values?.length === 0)) return NOTHING;
  const first = counterStart.values?.length === 1 ? counterStart.values[0]! >>> 0 : undefined;
  const patterns = patternsOf(counter);
  const low = Math.min(...patterns.map(({ value }) => value >>> 0)),
    high = Math.max(...patterns.map(({ known, value }) => (value | ~known) >>> 0));
  const isBounded = first !== undefined && low >= first && high - first <= MOST_TURNS;
  const turns = isBounded ? between(UNKNOWN, 0, high - first, true) : UNKNOWN;
  const shift = 31 - Math.clz32(by);
  const distance =
    by === 1 << shift
      ? map(
          turns,
          (value) => value << shift,
          (bits) => shiftLeft(bits, shift),
        )
      : combine(turns, exactly(by), Math.imul, () => UNKNOWN_BITS);
  return combine(start, distance, (x, y) => (x + y) | 0, addBits);
}
/** Rounds of a loop whose counters are followed. */
const MOST_TURNS = 0x1_0000;

const isConditionalMove = ({ mnemonic, op0Kind, op0Register, opCount }: Instruction): boolean =>
  mnemonic >= Mnemonic.Cmova &&
  mnemonic <= Mnemonic.Cmovs &&
  opCount === 2 &&
  op0Kind === OpKind.Register &&
  sliceOf(op0Register)?.width === 32;

/** Numbers of bits that may be set. */
function bitNumber(of: Known): Known {
  const highest = Math.max(0, ...patternsOf(of).map(({ known, value }) => 31 - Math.clz32(value | ~known)));
  return between(UNKNOWN, 0, highest, true);
}

/** Whether an ascending list has a value. */
function contains(sorted: Uint32Array, value: number): boolean {
  let low = 0,
    high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === value;
}

/** Values only grow: nothing will ever be known of it. */
const isLost = ({ state, value }: MutableContent): boolean => state === State.expanded && isAnything(value);
/** INT3. */
const BREAKPOINT = 0xcc;
/** The arithmetic flags in location words. */
const ARITHMETIC = 0x3f << 16;
const isPush = (mnemonic: Mnemonic): boolean =>
  mnemonic === Mnemonic.Push || mnemonic === Mnemonic.Pushfd || mnemonic === Mnemonic.Pushfq;

/** Why a content is not known: the reason of the first unknown one that it is made of. */
export function reasonOf(content: Content): UnknownReason {
  const seen = new Set<Content>();
  let at = content;
  for (;;) {
    if (at.reason !== undefined) return at.reason;
    seen.add(at);
    const worst = at.inputs.find((input) => isAnything(input.value) && !seen.has(input));
    if (worst === undefined) return at.kind === ContentKind.merged ? "merge" : "computation";
    at = worst;
  }
}
