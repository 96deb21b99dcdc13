/**
 * Meaning: which locations may hold something that anybody put there for somebody.
 *
 * Problem: a call through a pointer counts as reading every argument register, because how many it takes is not visible. But where
 * the last thing that happened to ECX is that a compiled function was free to destroy it, no argument can be in it: nobody
 * depends on garbage. So a location is worth preserving only if it is live *and* may be meaningful.
 *
 * Forward, over the same nodes:   meaningful(end) = meaningful(start) + written by the node's instructions
 *
 *   behind a call to compiled C   what is meaningful at its returns, and only results and callee-saved registers of that
 *   behind any visible call       what is meaningful at its returns
 *   behind a call through a pointer   what was callee-saved and meaningful, and the results
 *   at the entry of a function    what is meaningful at its calls; everything, where not all callers are visible
 *   anywhere else that control may come from out of sight: everything
 *
 * Least fixpoint from nothing; an explicit write always counts as meaning. Where nothing is assumed of C, everything is meaningful.
 */
import type { Program } from "@pv/x86-ir";
import { conventionSets, type Assumptions, type Locations } from "./conventions.js";
import { solve } from "./fixpoint.js";
import { CallKind, Exit, type Nodes } from "./nodes.js";
import type { Returns } from "./returns.js";
import { callKind } from "./summaries.js";

/** What may be meaningful at each node's start. */
export interface Meaning {
  readonly parts: Int32Array;
  readonly rest: Int32Array;
  /** Directly behind an instruction. */
  after(instruction: number): Locations;
}

export function findMeaning(program: Program, nodes: Nodes, returns: Returns, narrow: Uint8Array, order: Uint32Array, assumptions: Assumptions): Meaning {
  const { instructions, functions } = program;
  const { effect, effects, bits } = instructions;
  const { all, kept, results, returnReads, narrowReads, callReads } = conventionSets(bits);
  const { count, first, call, callee, exit, successorStart, successors, startSuccessorStart, startSuccessors } = nodes;
  const { functionOf, open, jumperStart, jumpers, callerStart, callers } = returns;
  const parts = new Int32Array(count), rest = new Int32Array(count);
  /** Meaningful at the returns of a function. */
  const returnParts = new Int32Array(returns.count), returnRest = new Int32Array(returns.count);

  let mark: (node: number) => void = () => undefined;
  const flowInto = (k: number, p: number, r: number): void => {
    if ((p & ~parts[k]) === 0 && (r & ~rest[k]) === 0) return;
    parts[k] |= p;
    rest[k] |= r;
    mark(k);
  };
  const returnFrom = (f: number, p: number, r: number): void => {
    const work = [f];
    for (let g = work.pop(); g !== undefined; g = work.pop()) {
      if ((p & ~returnParts[g]) === 0 && (r & ~returnRest[g]) === 0) continue;
      returnParts[g] |= p;
      returnRest[g] |= r;
      for (let e = callerStart[g]; e < callerStart[g + 1]; e++) mark(callers[e]);
      for (let e = jumperStart[g]; e < jumperStart[g + 1]; e++) work.push(jumpers[e]);
    }
  };

  const hidden = enteredFromOutOfSight(program, nodes);
  for (let k = 0; k < count; k++) {
    const f = functionOf[k];
    const isEntry = f < functions.count && functions.entryInstruction[f] === first[k];
    if (isEntry ? open[f] === 0 : hidden[k] === 0) continue;
    const entered = isEntry && functions.traced[f] === 1 && assumptions.cReturn ? callReads : all;
    parts[k] = entered.parts;
    rest[k] = entered.rest;
  }

  solve(count, order, (k, markNode) => {
    mark = markNode;
    // The handler of an exception may write any register that its row names.
    let p = parts[k] | nodes.writeParts[k], r = rest[k] | nodes.writeRest[k];
    for (let e = startSuccessorStart[k]; e < startSuccessorStart[k + 1]; e++) flowInto(startSuccessors[e], all.parts, all.rest);
    const kind = call[k] === 0 ? 0 : callKind(call[k], assumptions);
    if (kind !== 0) switch (kind) {
      case CallKind.directC:
        flowInto(callee[k], p & callReads.parts, r & callReads.rest);
        {
          const f = functionOf[callee[k]], handed = narrow[f] === 1 ? narrowReads : returnReads;
          p = returnParts[f] & handed.parts;
          r = returnRest[f] & handed.rest;
        }
        break;
      case CallKind.direct:
        flowInto(callee[k], p, r);
        p = returnParts[functionOf[callee[k]]];
        r = returnRest[functionOf[callee[k]]];
        break;
      case CallKind.indirect:
        p = (p & kept.parts) | results.parts;
        r = (r & kept.rest) | results.rest;
        break;
      case CallKind.preserving:
        p |= results.parts;
        r |= results.rest;
        break;
      case CallKind.opaque:
        p = all.parts;
        r = all.rest;
        break;
    }
    if (exit[k] === 0) {
      // The common case.
    } else if (exit[k] === Exit.cReturn || exit[k] === Exit.return) returnFrom(functionOf[k], p, r);
    else if (exit[k] === Exit.opaque) returnFrom(functionOf[k], all.parts, all.rest);
    for (let e = successorStart[k]; e < successorStart[k + 1]; e++) flowInto(successors[e], p, r);
    return false;
  });

  return {
    parts,
    rest,
    after(instruction) {
      const k = nodes.of(instruction);
      let p = parts[k], r = rest[k];
      for (let i = first[k]; i <= instruction; i++) {
        p |= effects.writeParts[effect[i]];
        r |= effects.writeRest[effect[i]];
      }
      return { parts: p, rest: r };
    },
  };
}

/** Marks nodes that no edge leads to, or whose address is taken. */
function enteredFromOutOfSight({ instructions, facts }: Program, nodes: Nodes): Uint8Array {
  const hidden = new Uint8Array(nodes.count).fill(1);
  for (const to of nodes.successors) hidden[to] = 0;
  for (const to of nodes.startSuccessors) hidden[to] = 0;
  for (const va of facts.addressTaken) {
    const i = instructions.covering(va);
    if (i >= 0) hidden[nodes.of(i)] = 1;
  }
  return hidden;
}
