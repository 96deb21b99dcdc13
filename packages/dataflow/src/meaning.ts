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
  const { functions } = program;
  const { effect, effects, bits } = program.instructions;
  const { all, kept, results, returnReads, narrowReads, callReads } = conventionSets(bits);
  const {
    first,
    call,
    callee,
    successorStart,
    successorEnd,
    successors,
    startSuccessorStart,
    startSuccessorEnd,
    startSuccessors,
    writeParts,
    writeRest,
  } = nodes;
  const { functionOf, entered } = returns;
  const parts = new Int32Array(nodes.count),
    rest = new Int32Array(nodes.count),
    restsOn = new Uint8Array(nodes.count);
  const done = new Uint8Array(returns.count);
  /** 1 where control may come from a node of the same function. */
  const reached = new Uint8Array(nodes.count);

  const walk = (f: number): void => {
    done[f] = 1;
    const work = returns.nodesOf(f);
    for (const k of work) {
      nodes.settle(k);
      fold(k);
      for (let e = successorStart[k]; e < successorEnd[k]; e++) reached[successors[e]] = 1;
      for (let e = startSuccessorStart[k]; e < startSuccessorEnd[k]; e++) reached[startSuccessors[e]] = 1;
    }
    const isC = f < functions.count && functions.traced[f] === 1;
    for (const k of work) {
      // Whoever calls compiled C, or jumps to its start, hands over what the convention says.
      const isEntry = isC && functions.entryInstruction[f] === first[k];
      const from =
        isEntry && assumptions.cReturn ? callReads : isEntry || entered[k] === 1 || reached[k] === 0 ? all : undefined;
      if (from !== undefined) {
        parts[k] = from.parts;
        rest[k] = from.rest;
        if (from === callReads) restsOn[k] = BY_RETURN;
      }
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
      for (let e = successorStart[k]; e < successorEnd[k]; e++) flowInto(successors[e], p, r, by);
      // The handler of an exception may write any register that its row names.
      for (let e = startSuccessorStart[k]; e < startSuccessorEnd[k]; e++)
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
