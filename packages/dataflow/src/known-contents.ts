/**
 * Known contents: which register contents are literally known directly before given instructions, one function at a time.
 *
 * Forward over known bits (known-bits.ts) of every register; only the functions that hold a question are walked. A block
 * that something outside of the walked blocks can reach starts with nothing known. What a call leaves alone is a matter of
 * convention: callee-saved registers survive a call to compiled C or through a pointer, if those assumptions are made;
 * otherwise nothing does.
 *
 * Invariant: the contents at a block's start only lose knowledge, so the walk ends after at most 32 * registers changes a block.
 * Cost: blocks of the function times the depth of its loops.
 */
import { Decoder, DecoderOptions, Mnemonic, type Instruction } from "iced-x86";
import { EdgeKind, Flow, REGISTER_NAMES, type Program } from "@pv/x86-ir";
import { CONVENTIONS, setOf, type Assumptions } from "./conventions.js";
import { equalBits, joinBits, UNKNOWN, type KnownBits } from "./known-bits.js";
import { compileConditionalMove, compileStep, forgetting, type RegisterContents, type Step } from "./transfer.js";

/** What is known of `register` (hardware number) directly before `instruction`? */
export interface Question {
  readonly instruction: number;
  readonly register: number;
}

/** Answers in the order of the questions. */
export function knownContents(program: Program, questions: readonly Question[], assumptions: Assumptions): KnownBits[] {
  const answers: KnownBits[] = questions.map(() => UNKNOWN);
  const byFunction = new Map<number, number[]>();
  questions.forEach((question, q) => {
    const f = program.functions.containing(question.instruction);
    const list = byFunction.get(f);
    if (list === undefined) byFunction.set(f, [q]);
    else list.push(q);
  });
  const steps = new StepTable(program, assumptions);
  for (const [f, asked] of byFunction) {
    if (f >= 0) answerWithin(program, f, steps, asked, questions, answers);
  }
  return answers;
}

/** Walks one function to its fixpoint and reads the answers off. */
function answerWithin(
  program: Program,
  f: number,
  steps: StepTable,
  asked: readonly number[],
  questions: readonly Question[],
  answers: KnownBits[],
): void {
  const { blocks } = program;
  const walked = blocksOf(program, f);
  const entry: (RegisterContents | undefined)[] = [];
  const work: number[] = [];
  const meet = (block: number, contents: RegisterContents): void => {
    if (!walked.has(block)) return;
    const old = entry[block];
    if (old === undefined) {
      entry[block] = contents.slice();
      work.push(block);
      return;
    }
    let changed = false;
    for (let r = 0; r < old.length; r++) {
      const joined = joinBits(old[r], contents[r]);
      if (equalBits(joined, old[r])) continue;
      old[r] = joined;
      changed = true;
    }
    if (changed) work.push(block);
  };
  const nothing: RegisterContents = REGISTER_NAMES[program.instructions.bits].map(() => UNKNOWN);
  for (const block of walked) if (reachableFromOutside(program, block, walked)) meet(block, nothing);

  for (let block = work.pop(); block !== undefined; block = work.pop()) {
    const atStart = entry[block]!.slice();
    const contents = atStart.slice();
    for (let i = blocks.first[block]; i < blocks.end[block]; i++) steps.of(i)(contents);
    for (let e = blocks.successorStart[block]; e < blocks.successorStart[block + 1]; e++) {
      // The handler of an exception may write any register that its row names. An alternative may leave from the site's
      // start or from the replacement's end: both are joined.
      if (blocks.edgeKind[e] === EdgeKind.exceptionFixup) meet(blocks.successors[e], nothing);
      else meet(blocks.successors[e], contents);
      if (blocks.edgeKind[e] === EdgeKind.alternative) meet(blocks.successors[e], atStart);
    }
  }

  for (const q of asked) {
    const { instruction, register } = questions[q];
    const block = blocks.ofInstruction[instruction];
    // A block that no path reaches is not dead code for us: something unknown leads there.
    const contents = (entry[block] ?? nothing).slice();
    for (let i = blocks.first[block]; i < instruction; i++) steps.of(i)(contents);
    answers[q] = contents[register];
  }
}

/** The function's blocks, and those that its alternatives bring in. */
function blocksOf(program: Program, f: number): Set<number> {
  const { blocks, functions } = program;
  const walked = new Set<number>();
  for (let i = functions.entryInstruction[f]; i < functions.endInstruction[f];) {
    const block = blocks.ofInstruction[i];
    walked.add(block);
    i = blocks.end[block];
  }
  for (const block of walked) {
    for (let e = blocks.successorStart[block]; e < blocks.successorStart[block + 1]; e++) {
      if (blocks.edgeKind[e] === EdgeKind.alternative) walked.add(blocks.successors[e]);
    }
  }
  return walked;
}

function reachableFromOutside(program: Program, block: number, walked: ReadonlySet<number>): boolean {
  const { blocks, instructions, functions, facts } = program;
  const first = blocks.first[block];
  const start = blocks.predecessorStart[block],
    end = blocks.predecessorStart[block + 1];
  if (start === end) return true;
  for (let e = start; e < end; e++) if (!walked.has(blocks.predecessors[e])) return true;
  const f = functions.containing(first);
  return (
    (f >= 0 && functions.entryInstruction[f] === first) || includes(facts.addressTaken, instructions.address[first])
  );
}

/** Binary search in an ascending list. */
function includes(sorted: Uint32Array, value: number): boolean {
  let low = 0,
    high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === value;
}

const nop: Step = () => undefined;

/** The step of each instruction that was asked for, decoded once. */
class StepTable {
  readonly #steps = new Map<number, Step>();
  readonly #transparent: ReadonlySet<number>;
  readonly #tracedCalls: ReadonlySet<number>;
  readonly #registers: number;
  readonly #forgetAll: Step;
  readonly #forgetCallerSaved: Step;

  constructor(
    readonly program: Program,
    readonly assumptions: Assumptions,
  ) {
    const { bits } = program.instructions;
    this.#registers = REGISTER_NAMES[bits].length;
    this.#transparent = new Set(program.facts.transparent);
    this.#tracedCalls = new Set(program.facts.tracedCalls);
    this.#forgetAll = forgetting(-1, -1, this.#registers);
    const clobbered = setOf(CONVENTIONS[bits].callerSaved);
    this.#forgetCallerSaved = forgetting(clobbered.parts, clobbered.rest, this.#registers);
  }

  of(i: number): Step {
    let step = this.#steps.get(i);
    if (step === undefined) this.#steps.set(i, (step = this.#compile(i)));
    return step;
  }

  #compile(i: number): Step {
    const { instructions, functions, facts } = this.program;
    const { cReturn, indirectCall } = this.assumptions;
    switch (instructions.flow[i]) {
      case Flow.call: {
        const target = instructions.target[i];
        if (this.#transparent.has(target) || this.#tracedCalls.has(instructions.address[i])) return nop;
        if (facts.thunkAddress.includes(target) || includes(facts.replaceable, target))
          return indirectCall ? this.#forgetCallerSaved : this.#forgetAll;
        const entry = instructions.at(target);
        const callee = entry < 0 ? -1 : functions.containing(entry);
        const isC = callee >= 0 && functions.entryInstruction[callee] === entry && functions.traced[callee] === 1;
        return isC && cReturn ? this.#forgetCallerSaved : this.#forgetAll;
      }
      case Flow.indirectCall:
        return indirectCall ? this.#forgetCallerSaved : this.#forgetAll;
      case Flow.interrupt:
      case Flow.invalid:
        return this.#forgetAll;
    }
    const e = instructions.effect[i];
    const forget = forgetting(instructions.effects.writeParts[e], instructions.effects.writeRest[e], this.#registers);
    const decoder = new Decoder(instructions.bits, instructions.bytesOf(i), DecoderOptions.None);
    const instruction = decoder.decode();
    const step = isConditionalMove(instruction)
      ? compileConditionalMove(instruction, forget)
      : compileStep(instruction, forget);
    instruction.free();
    decoder.free();
    return step;
  }
}

function isConditionalMove(instruction: Instruction): boolean {
  return instruction.mnemonic >= Mnemonic.Cmova && instruction.mnemonic <= Mnemonic.Cmovs && instruction.opCount === 2;
}
