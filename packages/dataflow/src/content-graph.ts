/**
 * The graph of contents that are demanded, as a system of equations over known values (known-values.ts).
 *
 * Each content is made once, so demands share what they have in common. It is queued when something needs it; whoever makes the graph then expands it, which
 * is to say names its inputs. New equations are solved upwards from nothing: what a finished content depends on is finished, so
 * solving goes on where the last demand left off. Values only grow; one that grows too often keeps what its patterns agree on.
 * Cost: contents demanded, times the height of the lattice where they are in loops.
 */
import { ASSUMPTIONS } from "./conventions.js";
import { ContentKind, SLOT, VARIABLE, type Content, type UnknownReason } from "./content.js";
import { agreed, equalKnown, isAnything, joinKnown, NOTHING, UNKNOWN, type Known } from "./known-values.js";

/** What a content is worth, given its inputs. */
export type Equation = (inputs: readonly DemandedContent[]) => Known;

export interface DemandedContent extends Content {
  restsOn: number;
  value: Known;
  inputs: DemandedContent[];
  /** Those that it is an input of. */
  users: DemandedContent[];
  evaluate: Equation | undefined;
  /** How often it was evaluated. */
  rounds: number;
  state: 0 | 1 | 2;
}
const State = { made: 0, queued: 1, expanded: 2 } as const;

const [BY_SLOT, BY_VARIABLE] = [1 << ASSUMPTIONS.privateSlots[0], 1 << ASSUMPTIONS.ownGlobals[0]];
/** Addresses of variables are followed through slots and over calls. */
const BY_FOLLOWED = BY_VARIABLE | BY_SLOT | (1 << ASSUMPTIONS.cReturn[0]);

/** A content that grows this often gives up its patterns, and keeps what they agree on: chains of that are short. */
const MOST_ROUNDS = 48;

export class ContentGraph {
  readonly #queue: DemandedContent[] = [];

  make(kind: Content["kind"], instruction: number, place: number): DemandedContent {
    return content(kind, instruction, place, undefined);
  }

  unknown(instruction: number, place: number, reason: UnknownReason): DemandedContent {
    return content(ContentKind.unknown, instruction, place, reason);
  }

  /** Gives a content its equation; its inputs are needed with it. */
  connect(content: DemandedContent, inputs: DemandedContent[], evaluate: Equation): void {
    content.inputs = inputs;
    content.evaluate = evaluate;
    for (const input of inputs) {
      input.users.push(content);
      this.need(input);
    }
  }

  /** Gives a content its equation as it is made, without waiting for a demand. */
  connectNow(content: DemandedContent, inputs: DemandedContent[], evaluate: Equation): DemandedContent {
    content.state = State.expanded;
    this.connect(content, inputs, evaluate);
    content.value = evaluate(inputs);
    return content;
  }

  /** Joins inputs; a leaf among them that is unknown settles it, and the others need not be looked at. */
  join(content: DemandedContent, inputs: DemandedContent[]): void {
    const settled = inputs.find(isLost);
    this.connect(content, settled === undefined ? inputs : [settled], joinAll);
  }

  need(content: DemandedContent): void {
    if (content.state !== State.made) return;
    content.state = State.queued;
    this.#queue.push(content);
  }

  /** Makes the inputs of everything that is needed (`expand` connects them), then solves the new equations. */
  settle(expand: (content: DemandedContent) => void): void {
    const fresh: DemandedContent[] = [];
    for (let content = this.#queue.pop(); content !== undefined; content = this.#queue.pop()) {
      expand(content);
      content.state = State.expanded;
      fresh.push(content);
    }
    // Inputs were made after what needs them, so that the last is the first that can be evaluated.
    const work = fresh;
    const waiting = new Set(fresh);
    for (let content = work.pop(); content !== undefined; content = work.pop()) {
      waiting.delete(content);
      if (content.evaluate === undefined || isAnything(content.value)) continue;
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
}

/** All are made here, and so look the same to the engine. */
function content(
  kind: Content["kind"],
  instruction: number,
  place: number,
  reason: UnknownReason | undefined,
): DemandedContent {
  return {
    kind,
    instruction,
    place,
    value: reason === undefined ? NOTHING : UNKNOWN,
    inputs: [],
    reason,
    restsOn: place >= VARIABLE ? BY_FOLLOWED : place >= SLOT ? BY_SLOT : 0,
    users: [],
    evaluate: undefined,
    rounds: 0,
    state: reason === undefined ? State.made : State.expanded,
  };
}

/** All that some contents may be. */
export function joined(inputs: readonly DemandedContent[], first = 0, end = inputs.length): Known {
  let value = NOTHING;
  for (let k = first; k < end; k++) value = joinKnown(value, inputs[k]!.value);
  return value;
}

/** The equation that says so. */
export const joinAll: Equation = (inputs) => joined(inputs);

/** Values only grow: nothing will ever be known of it. */
export const isLost = ({ state, value }: DemandedContent): boolean => state === State.expanded && isAnything(value);
