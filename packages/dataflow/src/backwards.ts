/**
 * Backwards within a block: which content a place has before an instruction.
 *
 * It is what the last instruction before it writes there, what a call leaves there, or, if nothing in the block does either, what is merged at the
 * block's start. Contents are remembered by instruction and place, merged ones by block and place. What lies behind them is not looked at here
 * (known-contents.ts), except where a load or a condition is part of the content itself.
 */
import { MemorySizeExt, Mnemonic, Register } from "iced-x86";
import { ESP, Flow } from "@pv/x86-ir";
import { isPlain } from "./address-uses.js";
import { chosen, isConditionalMove, type Operands } from "./conditional.js";
import { ContentKind, placeOf, SLOT, SLOT_REACH, slotOf, VARIABLE } from "./content.js";
import type { ContentGraph, DemandedContent, Equation } from "./content-graph.js";
import { overlap } from "./frames.js";
import { isAnything, NOTHING, UNKNOWN, type Known } from "./known-values.js";
import { compileStep, MEMORY, remainder, type Step } from "./transfer.js";
import type { Variable, Variables } from "./variables.js";
import type { Visibility } from "./visibility.js";

/** A step that makes a content, and what it loads. */
interface Making {
  readonly step: Step;
  readonly position: number;
  readonly loads: DemandedContent | undefined;
}

export class Backwards implements Operands {
  readonly #merges = new Map<number, DemandedContent>();
  readonly #definitions = new Map<number, DemandedContent>();
  readonly #makings = new Map<DemandedContent, Making>();
  /** Addresses of the variables that were met, and their contents by address and size. */
  readonly #met: number[] = [];
  readonly #variables = new Map<number, DemandedContent | undefined>();
  readonly #stored = new Map<DemandedContent, Variable>();
  readonly #scratch: Known[] = Array.from({ length: MEMORY + 1 }, () => UNKNOWN);

  /** Without variables, what is loaded from them is not known. */
  constructor(
    readonly visible: Visibility,
    readonly graph: ContentGraph,
    readonly variables: Variables | undefined,
  ) {}

  /** The content of a place directly before an instruction. */
  before(instruction: number, place: number): DemandedContent {
    return this.#search(this.visible.program.blocks.ofInstruction[instruction], instruction, place);
  }

  /** The content behind the last instruction of a block. */
  behind(block: number, place: number): DemandedContent {
    return this.#search(block, this.visible.program.blocks.end[block], place);
  }

  /** The content at the start of a block. */
  merge(block: number, place: number): DemandedContent {
    return memo(this.#merges, block, place, () =>
      this.graph.make(ContentKind.merged, this.visible.program.blocks.first[block], place),
    );
  }

  #search(block: number, end: number, place: number): DemandedContent {
    if (place >= SLOT) return this.#searchSlot(block, end, place);
    const { instructions, blocks } = this.visible.program;
    const { effect, effects, flow } = instructions;
    const { writeParts, writeRest } = effects;
    const first = blocks.first[block];
    const low = 1 << place,
      high = 1 << (16 + place);
    const settle = (content: DemandedContent): DemandedContent => {
      content.restsOn |= passed;
      return content;
    };
    let passed = 0;
    for (let i = end - 1; i >= first; i--) {
      const f = flow[i];
      if (f === Flow.call || f === Flow.indirectCall) {
        if (place === ESP) continue;
        const left = this.visible.leftBy(i, place);
        if (left === undefined) return settle(this.graph.unknown(i, place, "call"));
        if (left === "returned") return settle(this.#returned(i, place));
        passed |= left;
      } else if (f === Flow.interrupt || f === Flow.invalid) return this.graph.unknown(i, place, "outside");
      else {
        const e = effect[i];
        if ((writeParts[e] & (low | high)) !== 0 || (writeRest[e] & low) !== 0)
          return settle(this.definition(i, place));
      }
    }
    return settle(this.merge(block, place));
  }

  #searchSlot(block: number, end: number, place: number): DemandedContent {
    const { instructions, blocks } = this.visible.program;
    const { flow } = instructions;
    const frame = this.visible.frameAt(block);
    const wanted = slotOf(place),
      { offset, width } = wanted;
    if (frame === undefined || offset + width > frame.lowestTaken) return this.graph.unknown(end - 1, place, "memory");
    for (let i = end - 1; i >= blocks.first[block]; i--) {
      const f = flow[i];
      if (f === Flow.call || f === Flow.indirectCall) {
        // Below the stack pointer is the callee's.
        const pointer = frame.pointer.get(i);
        if (pointer === undefined || !(offset >= pointer)) return this.graph.unknown(i, place, "call");
        continue;
      }
      const operand = frame.stores.has(i) ? frame.operand.get(i) : undefined;
      const pushed = frame.stack.get(i);
      const writes =
        operand ?? (pushed !== undefined && isPush(this.visible.reader.read(i).mnemonic) ? pushed : undefined);
      if (writes === undefined || !overlap(writes, wanted)) continue;
      return writes.offset === offset && writes.width >= width
        ? this.definition(i, place)
        : this.graph.unknown(i, place, "memory");
    }
    return this.merge(block, place);
  }

  #returned(call: number, place: number): DemandedContent {
    return memo(this.#definitions, call, place, () => this.graph.make(ContentKind.returned, call, place));
  }

  /** The content that an instruction gives a place which it writes. */
  definition(i: number, place: number): DemandedContent {
    return memo(this.#definitions, i, place, () => this.#define(i, place));
  }

  #define(i: number, place: number): DemandedContent {
    const { graph, visible } = this;
    const instruction = visible.reader.read(i);
    const position = place >= SLOT ? MEMORY : place;
    let step = compileStep(instruction);
    if (step === undefined || !step.writes.includes(position)) {
      if (place >= SLOT) return graph.unknown(i, place, "computation");
      const { effect, effects } = visible.program.instructions;
      step = remainder(effects.writeParts[effect[i]], effects.writeRest[effect[i]], place);
      if (step.reads.length === 0) return graph.unknown(i, place, "computation");
    }
    if (isConditionalMove(instruction) && place < SLOT) return chosen(this, i, place);
    const content = graph.make(ContentKind.defined, i, place);
    const loads = step.reads.includes(MEMORY) ? this.loaded(i, instruction.mnemonic === Mnemonic.Pop) : undefined;
    // A load that is not followed, and nothing else: the reason is plain.
    if (loads === undefined && step.reads.length === 1 && step.reads[0] === MEMORY) {
      const value = this.#run(step, [], position);
      if (isAnything(value)) return graph.unknown(i, place, "memory");
    }
    this.#makings.set(content, { step, position, loads });
    return content;
  }

  /** What a definition is made of, and how. Asked once. */
  makingOf(content: DemandedContent): readonly [inputs: DemandedContent[], evaluate: Equation] {
    const { step, position, loads } = this.#makings.get(content)!;
    this.#makings.delete(content);
    const { instruction } = content;
    const inputs = step.reads.map((read) =>
      read !== MEMORY ? this.before(instruction, read) : (loads ?? this.graph.unknown(instruction, MEMORY, "memory")),
    );
    return [inputs, (values) => this.#run(step, values, position)];
  }

  #run(step: Step, inputs: readonly DemandedContent[], position: number): Known {
    const scratch = this.#scratch;
    step.reads.forEach((read, k) => (scratch[read] = inputs[k]?.value ?? UNKNOWN));
    // Nothing is computed where some operand has no value yet.
    if (inputs.some(({ value }) => value.values?.length === 0)) return NOTHING;
    step.run(scratch);
    return scratch[position]!;
  }

  /** What an instruction loads, if that can be followed. */
  loaded(i: number, pop: boolean): DemandedContent | undefined {
    const frame = this.visible.frameOf(i);
    const slot = pop ? frame?.stack.get(i) : frame?.operand.get(i);
    if (frame === undefined || slot === undefined) return pop ? undefined : this.#variable(i);
    if (slot.offset + slot.width > frame.lowestTaken || slot.width > 8) return undefined;
    return Math.abs(slot.offset) < SLOT_REACH ? this.before(i, placeOf(slot)) : undefined;
  }

  /** The variable that an instruction's memory operand names, if who writes it is followed. */
  #variable(i: number): DemandedContent | undefined {
    if (this.variables === undefined) return undefined;
    const instruction = this.visible.reader.read(i);
    const { memorySegment } = instruction;
    if (!isPlain(instruction)) return undefined;
    const va = Number(BigInt.asUintN(32, instruction.memoryDisplacement as bigint)),
      bytes = MemorySizeExt.size(instruction.memorySize);
    // FS is the processor's own copies (arch/x86/include/asm/percpu.h).
    const isOwn = memorySegment === Register.FS && this.variables.data.isPerCpu(va);
    if ((memorySegment !== Register.DS && !isOwn) || (bytes !== 1 && bytes !== 2 && bytes !== 4)) return undefined;
    const key = va * 8 + bytes;
    if (!this.#variables.has(key)) {
      const variable = this.variables.at(va, bytes);
      const row = variable?.stores[0] ?? variable?.fills[0] ?? i;
      const content =
        variable === undefined
          ? undefined
          : this.graph.make(ContentKind.variable, row, VARIABLE + this.#met.push(va) - 1);
      this.#variables.set(key, content);
      if (content !== undefined) this.#stored.set(content, variable!);
    }
    return this.#variables.get(key);
  }

  /** Who writes a variable. */
  storedIn(content: DemandedContent): Variable {
    return this.#stored.get(content)!;
  }

  /** The address of the variable that a place stands for; undefined for registers and slots. */
  addressOf(place: number): number | undefined {
    return this.#met[place - VARIABLE];
  }
}

function memo(
  table: Map<number, DemandedContent>,
  row: number,
  place: number,
  make: () => DemandedContent,
): DemandedContent {
  const key = place * 0x400_0000 + row;
  let content = table.get(key);
  if (content === undefined) table.set(key, (content = make()));
  return content;
}

const isPush = (mnemonic: Mnemonic): boolean =>
  mnemonic === Mnemonic.Push || mnemonic === Mnemonic.Pushfd || mnemonic === Mnemonic.Pushfq;
