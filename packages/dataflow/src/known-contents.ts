/**
 * Known contents: what registers are known to hold directly before given instructions, and why.
 *
 * Problem: of three million instructions, a few thousand are asked about, and each answer hangs on a handful of others, which may lie in callers
 * and callees. So a demand is followed backwards. A *content* is a register, or a private stack slot (frames.ts), at a place; it is
 *
 *   defined   by the last instruction before the place, in its block, that writes it        a step over other contents (transfer.ts)
 *   returned  by a call                                                                     joined over the returns of the callee
 *   merged    at the start of a block                                                       joined over all ways in (ways-in.ts)
 *   tested    where a conditional branch leaves                                             what the condition leaves of it (conditional.ts)
 *   variable  loaded from static data whose writers are all followed (variables.ts)         joined over what they store
 *   unknown   loaded, left by a call, passed by unseen callers, ...                         a leaf with its reason
 *
 * Backwards finds contents (backwards.ts), the graph holds and solves them (content-graph.ts); here stands what each kind is made of.
 * Sound: every way into a block is an edge, a visible call, or makes the content unknown (visibility.ts). What calls leave alone is convention:
 * callee-saved registers survive compiled C and calls through pointers, if those assumptions are made.
 * Cost: 20 to 30 contents a question on kernels.
 */
import { EAX, ESP, type Program, type StaticData } from "@pv/x86-ir";
import { Backwards } from "./backwards.js";
import { ContentKind, SLOT, slotOf, type Content } from "./content.js";
import { ContentGraph, joined, type DemandedContent } from "./content-graph.js";
import type { Assumptions } from "./conventions.js";
import { comparedIn } from "./copies.js";
import { exactly, joinKnown } from "./known-values.js";
import { grown, Loops, type Place } from "./lockstep.js";
import { Variables } from "./variables.js";
import { Visibility } from "./visibility.js";
import { waysInto } from "./ways-in.js";

export class KnownContents {
  readonly #visible: Visibility;
  readonly #graph = new ContentGraph();
  readonly #backwards: Backwards;
  readonly #loops: Loops;

  /** Without static data, nothing is known of variables. `visible` is what another of these made of the same program. */
  constructor(program: Program, assumptions: Assumptions, data?: StaticData, visible?: Visibility) {
    this.#visible = visible ?? new Visibility(program, assumptions);
    this.#backwards = new Backwards(this.#visible, this.#graph, data && this.#variablesIn(data));
    this.#loops = new Loops(this.#visible);
  }

  #variablesIn(data: StaticData): Variables | undefined {
    const visible = this.#visible;
    const { program, assumptions } = visible;
    const { cReturn, ownGlobals, privateSlots } = assumptions;
    if (!cReturn || !ownGlobals || !privateSlots) return undefined;
    // Who asks about variables must not wait for answers that ask about them.
    let others: KnownContents | undefined;
    return new Variables(visible, data, (row, register) => {
      others ??= new KnownContents(program, assumptions, undefined, visible);
      return others.at(row, register).value;
    });
  }

  free(): void {
    this.#visible.free();
  }

  /** What is known of a register directly before an instruction, with all that it hangs on. */
  at(instruction: number, register: number): Content {
    const content = this.#backwards.before(instruction, register);
    this.#graph.need(content);
    this.#graph.settle((needed) => this.#expand(needed));
    return content;
  }

  /** The address of the variable that a place stands for; undefined for registers and slots. */
  addressOf(place: number): number | undefined {
    return this.#backwards.addressOf(place);
  }

  #expand(content: DemandedContent): void {
    switch (content.kind) {
      case ContentKind.defined:
        this.#graph.connect(content, ...this.#backwards.makingOf(content));
        return;
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

  #expandReturned(content: DemandedContent): void {
    const { instruction, place } = content;
    const returns = this.#visible.returnsOf(instruction);
    const inputs =
      returns === undefined || returns.length === 0
        ? [this.#graph.unknown(instruction, place, "call")]
        : returns.map((row) => this.#backwards.before(row, place));
    this.#graph.join(content, inputs);
  }

  #expandVariable(content: DemandedContent): void {
    const { initial, stores, fills } = this.#backwards.storedIn(content);
    const inputs = [
      ...stores.map((row) => this.#backwards.definition(row, content.place)),
      ...fills.map((row) => this.#backwards.before(row, EAX)),
    ];
    const atFirst = exactly(initial);
    this.#graph.connect(content, inputs, (all) => all.reduce((value, input) => joinKnown(value, input.value), atFirst));
  }

  #expandMerge(content: DemandedContent): void {
    const { place, instruction } = content;
    const block = this.#visible.program.blocks.ofInstruction[instruction];
    if (this.#expandLockstep(content, block)) return;
    this.#graph.join(content, waysInto(this.#backwards, block, place));
  }

  /** A place at the head of a loop that grows beside one which the latch compares (lockstep.ts). */
  #expandLockstep(content: DemandedContent, head: number): boolean {
    const { place } = content;
    if (place === ESP || this.#visible.program.instructions.bits === 64) return false;
    const loop = this.#loops.at(head, asPlace(place));
    const growth = loop === undefined ? undefined : this.#loops.growth(loop, asPlace(place));
    if (loop === undefined || growth === undefined) return false;
    const compared = comparedIn(this.#visible, loop.latch);
    // It is found from the one that is compared, never the other way round.
    if (compared.includes(place)) return false;
    const counters = compared.map((other) => [other, this.#loops.growth(loop, asPlace(other))] as const);
    const counter = counters.find(([, other]) => other?.by === 1);
    if (counter === undefined) return false;
    const counted = this.#backwards.merge(head, counter[0]);
    const before = waysInto(this.#backwards, head, place, loop.latch),
      counterBefore = waysInto(this.#backwards, head, counter[0], loop.latch);
    content.restsOn |= growth.restsOn | counter[1]!.restsOn;
    this.#graph.connect(content, [counted, ...before, ...counterBefore], (inputs) => {
      const start = joined(inputs, 1, 1 + before.length),
        counterStart = joined(inputs, 1 + before.length);
      return grown(start, growth.by, inputs[0]!.value, counterStart);
    });
    return true;
  }
}

const asPlace = (place: number): Place => (place >= SLOT ? { slot: slotOf(place) } : { register: place });
