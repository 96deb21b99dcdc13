/**
 * Meaning: which locations may hold something that anybody put there for somebody.
 *
 * Problem: a call through a pointer counts as reading every argument register, because how many it takes is not visible. But where
 * the last thing that happened to ECX is that a compiled function was free to destroy it, no argument can be in it: nobody
 * depends on garbage. So a location is worth preserving only if it is live *and* may be meaningful.
 *
 * Forward, one function at a time and only those that are asked about:
 *
 *   meaningful(end) = meaningful(start) + what the node's instructions write
 *
 *   behind a call to compiled C, or through a pointer   results, and what was callee-saved and meaningful
 *   at the entry of compiled C                          arguments and callee-saved registers
 *   wherever else control may come from out of sight, from assembly or from another function: everything
 *
 * Least fixpoint from nothing; an explicit write always counts as meaning. Carrying the sets across calls as well was tried: it
 * spares one register in 700 more, and takes as long as everything else together. Cost: nodes of the function times its loops.
 */
import type { Program } from "@pv/x86-ir";
import { ASSUMPTIONS, conventionSets, type Assumptions, type Locations } from "./conventions.js";
import type { NarrowFunctions } from "./narrow.js";
import { CallKind, type Nodes } from "./nodes.js";
import type { Returns } from "./returns.js";
import { callKind } from "./summaries.js";

const [BY_RETURN, BY_POINTER, BY_NARROW, BY_SAVING] = (
  ["cReturn", "indirectCall", "narrowReturn", "savingThunks"] as const
).map((name) => 1 << ASSUMPTIONS[name][0]) as [number, number, number, number];

export interface Meaning {
  /** What may be meaningful directly behind an instruction. */
  after(instruction: number): Locations;
  /** Bits (`ASSUMPTIONS`) of what took meaning away on some way to the instruction. */
  restsOn(instruction: number): number;
}

export function findMeaning(
  program: Program,
  nodes: Nodes,
  returns: Returns,
  narrow: NarrowFunctions,
  fold: (node: number) => void,
  assumptions: Assumptions,
): Meaning {
  const { effect, effects, bits } = program.instructions;
  const { all, kept, results, returnReads, narrowReads, callReads } = conventionSets(bits);
  const {
    first,
    call,
    callee,
    successorStart,
    successors,
    startSuccessorStart,
    startSuccessors,
    writeParts,
    writeRest,
  } = nodes;
  const { functionOf } = returns;
  const parts = new Int32Array(nodes.count),
    rest = new Int32Array(nodes.count),
    restsOn = new Uint8Array(nodes.count);
  const done = new Uint8Array(returns.count);
  const entered = enteredFromElsewhere(program, nodes, returns);

  const walk = (f: number): void => {
    done[f] = 1;
    const work: number[] = [];
    for (const k of returns.nodesOf(f)) {
      fold(k);
      const how = entered(k);
      const from =
        how === Entered.asCompiledC && assumptions.cReturn ? callReads : how === Entered.within ? undefined : all;
      if (from !== undefined) {
        parts[k] = from.parts;
        rest[k] = from.rest;
        if (from === callReads) restsOn[k] = BY_RETURN;
      }
      work.push(k);
    }
    const flowInto = (k: number, p: number, r: number, by: number): void => {
      if (functionOf[k] !== f || ((p & ~parts[k]) === 0 && (r & ~rest[k]) === 0 && (by & ~restsOn[k]) === 0)) return;
      parts[k] |= p;
      rest[k] |= r;
      restsOn[k] |= by;
      work.push(k);
    };
    for (let k = work.pop(); k !== undefined; k = work.pop()) {
      let p = parts[k] | writeParts[k],
        r = rest[k] | writeRest[k],
        by = restsOn[k];
      switch (callKind(call[k], assumptions)) {
        case CallKind.directC: {
          const handed = narrow.has(functionOf[callee[k]]) ? narrowReads : returnReads;
          p = (p & kept.parts) | (handed.parts & results.parts);
          r = (r & kept.rest) | (handed.rest & results.rest);
          by |= handed === narrowReads ? BY_RETURN | BY_NARROW : BY_RETURN;
          break;
        }
        case CallKind.indirect:
          p = (p & kept.parts) | results.parts;
          r = (r & kept.rest) | results.rest;
          by |= BY_POINTER;
          break;
        case CallKind.preserving:
          p |= results.parts;
          r |= results.rest;
          by |= BY_POINTER;
          break;
        case CallKind.saving:
          by |= BY_SAVING;
          break;
        case CallKind.direct:
        case CallKind.opaque:
          p = all.parts;
          r = all.rest;
          break;
      }
      for (let e = successorStart[k]; e < successorStart[k + 1]; e++) flowInto(successors[e], p, r, by);
      // The handler of an exception may write any register that its row names.
      for (let e = startSuccessorStart[k]; e < startSuccessorStart[k + 1]; e++)
        flowInto(startSuccessors[e], all.parts, all.rest, by);
    }
  };

  const nodeOf = (instruction: number): number => {
    const k = nodes.of(instruction);
    if (done[functionOf[k]] === 0) walk(functionOf[k]);
    return k;
  };
  return {
    restsOn: (instruction) => restsOn[nodeOf(instruction)],
    after(instruction) {
      const k = nodeOf(instruction);
      let p = parts[k],
        r = rest[k];
      for (let i = first[k]; i <= instruction; i++) {
        p |= effects.writeParts[effect[i]];
        r |= effects.writeRest[effect[i]];
      }
      return { parts: p, rest: r };
    },
  };
}

const Entered = { within: 0, asCompiledC: 1, fromElsewhere: 2 } as const;

/** How control may come to a node, besides from the nodes of its own function. */
function enteredFromElsewhere(
  { instructions, functions, facts }: Program,
  nodes: Nodes,
  { functionOf }: Returns,
): (k: number) => number {
  const { callee, dependentStart, dependents, first } = nodes;
  const taken = new Set<number>();
  for (const va of facts.addressTaken) {
    const i = instructions.covering(va);
    if (i >= 0) taken.add(nodes.of(i));
  }
  return (k) => {
    const f = functionOf[k];
    const isC = f < functions.count && functions.traced[f] === 1 && functions.entryInstruction[f] === first[k];
    // Whoever calls compiled C, or jumps to its start, hands over what the convention says.
    if (isC) return Entered.asCompiledC;
    if (taken.has(k) || dependentStart[k] === dependentStart[k + 1]) return Entered.fromElsewhere;
    for (let e = dependentStart[k]; e < dependentStart[k + 1]; e++) {
      const d = dependents[e];
      if (functionOf[d] !== f || callee[d] === k) return Entered.fromElsewhere;
    }
    return Entered.within;
  };
}
