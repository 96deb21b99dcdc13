/**
 * Visibility: what of a program's control flow is in sight, as far as contents can be followed along it.
 *
 * Problem: a content is followed backwards over all ways by which control gets to a place. Branches are edges and calls are rows (direct-calls.ts), but
 * what is entered from elsewhere, replaced at run time or only ever called by code of that sort cannot be seen. Nor can all that a call does:
 * what it leaves alone is convention, or plain to see in the callee.
 *
 * Cost: lookups; what hangs on a whole function is remembered.
 */
import { ECX, Flow, registersIn, type Program } from "@pv/x86-ir";
import { ASSUMPTIONS, CONVENTIONS, type Assumptions } from "./conventions.js";
import { DirectCalls } from "./direct-calls.js";
import { Frames, type Frame } from "./frames.js";
import { isNop } from "./nodes.js";
import { InstructionReader } from "./reader.js";

const BY_RETURN = 1 << ASSUMPTIONS.cReturn[0],
  BY_POINTER = 1 << ASSUMPTIONS.indirectCall[0];
/** INT3. */
const BREAKPOINT = 0xcc;
/** Blocks of a callee that are looked through for its returns. */
const LARGEST_CALLEE = 64;

export class Visibility {
  readonly reader: InstructionReader;
  readonly calls: DirectCalls;
  readonly #frames: Frames;
  readonly #preserved: number;
  readonly #transparent: ReadonlySet<number>;
  readonly #unseen: ReadonlySet<number>;
  readonly #returnThunks: ReadonlySet<number>;
  readonly #replaced: ReadonlySet<number>;
  readonly #alternativeSites: ReadonlySet<number>;
  readonly #fixups = new Map<number, number>();
  readonly #homes = new Map<number, number>();
  readonly #ledTo = new Map<number, boolean>();
  readonly #takers = new Map<number, boolean>();

  constructor(
    readonly program: Program,
    readonly assumptions: Assumptions,
  ) {
    const { facts, instructions } = program;
    this.reader = new InstructionReader(instructions);
    this.calls = new DirectCalls(program);
    this.#frames = new Frames(program, this.reader, this.calls.called);
    let saved = 0xffff;
    for (const r of CONVENTIONS[instructions.bits].callerSaved) saved &= ~(1 << r);
    this.#preserved = saved;
    this.#transparent = new Set(facts.transparent);
    this.#unseen = new Set([...facts.thunkAddress, ...facts.replaceable]);
    this.#returnThunks = new Set(facts.returnThunks);
    this.#replaced = new Set([...this.#unseen, ...facts.returnThunks]);
    this.#alternativeSites = new Set(facts.alternativeSite);
    facts.exceptionTo.forEach((to, row) => {
      this.#fixups.set(to, (this.#fixups.get(to) ?? 0) | (facts.exceptionWrites[row] ?? -1));
    });
  }

  free(): void {
    this.reader.free();
  }

  /** The frame that a block's instructions address, if it is followed. */
  frameAt(block: number): Frame | undefined {
    let home = this.#homes.get(block);
    if (home === undefined) this.#homes.set(block, (home = this.#frames.homeOf(block)));
    return home < 0 || !this.assumptions.privateSlots ? undefined : this.#frames.of(home);
  }

  /** The frame that an instruction may address a slot of, or push to or pop from. Most name neither ESP nor EBP, and need no frame to be made. */
  frameOf(i: number): Frame | undefined {
    return this.#frames.touches(i) ? this.frameAt(this.program.blocks.ofInstruction[i]) : undefined;
  }

  // ---- ways into blocks

  /** Whether something other than direct branches leads to an address. */
  isTaken(va: number): boolean {
    return this.#replaced.has(va) || contains(this.program.facts.addressTaken, va);
  }

  /** Whether control may get to a block other than over edges. */
  isOpen(block: number): boolean {
    const { blocks, functions, instructions } = this.program;
    const first = blocks.first[block];
    const f = functions.containing(first);
    return this.isTaken(instructions.address[first]) || (f >= 0 && functions.entryInstruction[f] === first);
  }

  /** Padding that aligns what follows: no-operations and breakpoints that nothing leads to. It falls into code, but never runs. */
  isPadding(block: number): boolean {
    const { blocks, instructions } = this.program;
    const first = blocks.first[block];
    if (blocks.predecessorStart[block] !== blocks.predecessorStart[block + 1] || this.isOpen(block)) return false;
    for (let i = first; i < blocks.end[block]; i++) {
      const bytes = instructions.bytesOf(i);
      if (bytes[0] !== BREAKPOINT && !isNop(bytes)) return false;
    }
    return true;
  }

  /** Whether an alternative may replace what a block begins with. */
  isAlternativeSite(block: number): boolean {
    return this.#alternativeSites.has(this.program.instructions.address[this.program.blocks.first[block]]);
  }

  /** Registers (bit r) that the way from a block over an exception to its fix-up may write. */
  writtenOnException(from: number, to: number): number {
    const { blocks, instructions } = this.program;
    const e = instructions.effect[blocks.first[from]];
    const { writeParts, writeRest } = instructions.effects;
    return registersIn(writeParts[e], writeRest[e]) | (this.#fixups.get(instructions.address[blocks.first[to]]) ?? -1);
  }

  /**
   * Whether calls and jumps lead to a function from one that is entered from out of sight. Functions that only call each other are not dead
   * code for us: something unknown leads there.
   */
  isLedTo(f: number): boolean {
    const known = this.#ledTo.get(f);
    if (known !== undefined) return known;
    const { blocks, functions, instructions } = this.program;
    const seen = new Set([f]),
      work = [f];
    let found = false;
    for (let g = work.pop(); g !== undefined && !found; g = work.pop()) {
      const entry = blocks.ofInstruction[functions.entryInstruction[g]];
      const from: number[] = Array.from(this.calls.of(g), (call) => functions.containing(call));
      for (let p = blocks.predecessorStart[entry]; p < blocks.predecessorStart[entry + 1]; p++)
        if (!this.isPadding(blocks.predecessors[p]))
          from.push(functions.containing(blocks.first[blocks.predecessors[p]]));
      found = from.length === 0 || this.isTaken(instructions.address[blocks.first[entry]]);
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

  // ---- calls

  /** The function that a direct call enters; "nothing" where the call does nothing; undefined where what runs is not visible. */
  calleeOf(call: number): number | "nothing" | undefined {
    const { instructions, facts } = this.program;
    const target = instructions.target[call];
    if (instructions.flow[call] !== Flow.call || this.#unseen.has(target)) return undefined;
    if (this.#transparent.has(target) || contains(facts.tracedCalls, instructions.address[call])) return "nothing";
    const callee = this.calls.functionAt(target);
    return callee >= 0 ? callee : undefined;
  }

  /** What a call does to a register: leaves it alone, with the bits of what that rests on; hands it back; or nobody knows. */
  leftBy(call: number, register: number): number | "returned" | undefined {
    const { cReturn, indirectCall } = this.assumptions;
    const isSaved = ((this.#preserved >>> register) & 1) === 1;
    if (this.#isElsewhere(call)) return isSaved && indirectCall ? BY_POINTER : undefined;
    const callee = this.calleeOf(call);
    if (callee === "nothing") return 0;
    if (callee === undefined) return undefined;
    const isC = this.program.functions.traced[callee] === 1;
    if (isC && isSaved && cReturn) return BY_RETURN;
    if (((this.calls.mayWrite(callee, this.#unseen) >>> register) & 1) === 0) return 0;
    return isC ? "returned" : undefined;
  }

  /** Whether a call goes through a pointer, or to code that is replaced. */
  #isElsewhere(call: number): boolean {
    const { flow, target } = this.program.instructions;
    return flow[call] === Flow.indirectCall || this.#unseen.has(target[call]);
  }

  /** Rows at which what a direct call enters returns; undefined where that is not all in sight. */
  returnsOf(call: number): readonly number[] | undefined {
    const callee = this.calls.functionAt(this.program.instructions.target[call]);
    return this.calls.returnsOf(callee, LARGEST_CALLEE, this.#returnThunks, this.#unseen);
  }

  /**
   * Whether a compiled function may take an argument in ECX. It does not if some call of it hands it what another call left there: that is
   * no result, by the convention.
   */
  takesThird(callee: number): boolean {
    let takes = this.#takers.get(callee);
    if (takes === undefined)
      this.#takers.set(callee, (takes = !this.calls.of(callee).some((row) => this.#isLeft(row))));
    return takes;
  }

  /** Whether ECX before a call is what another call in its block left. */
  #isLeft(call: number): boolean {
    const { blocks, functions, instructions } = this.program;
    const { flow } = instructions;
    for (let i = call - 1; i >= blocks.first[blocks.ofInstruction[call]]; i--) {
      if (flow[i] === Flow.call) {
        const callee = this.calleeOf(i);
        return typeof callee === "number" && functions.traced[callee] === 1;
      }
      if (flow[i] !== Flow.next || writesRegister(this.program, ECX, i)) return false;
    }
    return false;
  }
}

/** Whether an instruction may write a part of a register. */
export function writesRegister({ instructions: { effect, effects } }: Program, register: number, i: number): boolean {
  const e = effect[i];
  return ((registersIn(effects.writeParts[e], effects.writeRest[e]) >>> register) & 1) === 1;
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
