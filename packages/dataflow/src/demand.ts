/**
 * What has to be looked at for given points and locations: most functions hold no site, many serve none, and most registers are decided within
 * a few instructions.
 *
 * Problem: liveness is a system of equations, one for each node and location, that do not meddle with each other. Of those only some are asked for.
 * From a point on, a location is asked of what comes next only while nothing has decided it: who reads it makes it live, who overwrites it, dead.
 * Two sorts of questions: *live* (a return leads to the callers that are visible), and *summary* (in a callee, from its entry on; a return ends it),
 * for a call's answer depends on what the callee reads and surely writes.
 *
 * Holds afterwards: an equation that is asked for depends on such only, so solving these alone gives what solving all of them does. Overwriting by an
 * assumption (a flag left undefined) decides nothing here: the ledger looks behind it. Behind a visible call everything is asked that the callee's
 * convention lets through, whatever its summary will be. Cost: each edge once for each question that goes along it.
 */
import type { Functions } from "@pv/x86-ir";
import type { Assumptions, Locations } from "./conventions.js";
import { CallKind, Exit, type Nodes } from "./nodes.js";
import { calleesFirst } from "./order.js";
import type { Returns } from "./returns.js";
import { callKind, type UnseenCalls } from "./summaries.js";

/**
 * Questions of one sort: which locations are asked for at the start of each node, and the nodes with an equation to solve, callees first; among these
 * are all whose return is asked about.
 */
export interface Asked {
  readonly parts: Int32Array;
  readonly rest: Int32Array;
  readonly nodes: Uint32Array;
}

export interface Demand {
  readonly live: Asked;
  readonly summaries: Asked;
  /** Asked for at the returns of each function. */
  readonly returnParts: Int32Array;
  readonly returnRest: Int32Array;
}

/** Everything, everywhere. */
export function fullDemand(nodes: Nodes, returns: Returns, functions: Functions): Demand {
  for (let k = 0; k < nodes.count; k++) nodes.settle(k);
  const everything = (count: number): Int32Array => new Int32Array(count).fill(-1);
  const all: Asked = {
    parts: everything(nodes.count),
    rest: everything(nodes.count),
    nodes: calleesFirst(nodes, functions),
  };
  return {
    live: all,
    summaries: all,
    returnParts: everything(returns.count),
    returnRest: everything(returns.count),
  };
}

/** What the demand depends on besides nodes and returns. */
export interface Treatment {
  readonly assumptions: Assumptions;
  readonly unseen: UnseenCalls;
  /** What a function may hand back (narrow.ts). */
  readonly handed: (f: number) => Locations;
  /** Folds a node's instructions, if nobody has. */
  readonly fold: (node: number) => void;
}

/** A set of locations that is asked for directly behind an instruction, with the node that the instruction is in. */
export interface Question extends Locations {
  /** Undecided where that node ends. */
  readonly node: number;
}

const LIVE = 0,
  SUMMARY = 1;

/** The questions that follow from the given ones. */
export function demandOf(
  nodes: Nodes,
  returns: Returns,
  { assumptions, unseen, handed, fold }: Treatment,
  questions: Iterable<Question>,
  functions: Functions,
): Demand {
  const { count, call, callee, exit, useParts, useRest, killParts, codeKillRest } = nodes;
  const { successorStart, successorEnd, successors, startSuccessorStart, startSuccessorEnd, startSuccessors } = nodes;
  const { functionOf, open, callerStart, callers, jumperStart, jumpers } = returns;
  const parts = [new Int32Array(count), new Int32Array(count)] as const,
    rest = [new Int32Array(count), new Int32Array(count)] as const,
    reached = [new Uint8Array(count), new Uint8Array(count)] as const;
  const returnParts = new Int32Array(returns.count),
    returnRest = new Int32Array(returns.count);

  const list: readonly [number[], number[]] = [[], []];
  const reach = (sort: 0 | 1, k: number): void => {
    if (reached[sort][k] === 1) return;
    reached[sort][k] = 1;
    list[sort].push(k);
  };
  /** Questions to follow: sort, node, locations. */
  const work: number[] = [];
  const ask = (sort: 0 | 1, k: number, p: number, r: number): void => {
    const newParts = p & ~parts[sort][k],
      newRest = r & ~rest[sort][k];
    if (newParts === 0 && newRest === 0) return;
    parts[sort][k] |= newParts;
    rest[sort][k] |= newRest;
    reach(sort, k);
    work.push(sort, k, newParts, newRest);
  };
  /** Behind node k, its call included. */
  const askBehind = (sort: 0 | 1, k: number, p: number, r: number): void => {
    if (exit[k] === Exit.opaque) return;
    for (let e = successorStart[k]; e < successorEnd[k]; e++) ask(sort, successors[e], p, r);
    if (sort === LIVE && (exit[k] === Exit.cReturn || exit[k] === Exit.return)) {
      reach(LIVE, k);
      goBack(functionOf[k], p, r);
    }
  };
  /** A return of f goes on behind its calls, and where the functions return that jump into f. */
  const goBack = (f: number, p: number, r: number): void => {
    const leaving = [f, p, r];
    while (leaving.length > 0) {
      const moreRest = leaving.pop()!,
        moreParts = leaving.pop()!,
        g = leaving.pop()!;
      // Of an open function, the convention decides everything.
      if (open[g] === 1) continue;
      const newParts = moreParts & ~returnParts[g],
        newRest = moreRest & ~returnRest[g];
      if (newParts === 0 && newRest === 0) continue;
      returnParts[g] |= newParts;
      returnRest[g] |= newRest;
      const allowed = handed(g);
      const onParts = newParts & allowed.parts,
        onRest = newRest & allowed.rest;
      if (onParts === 0 && onRest === 0) continue;
      for (let e = callerStart[g]; e < callerStart[g + 1]; e++) {
        // It feeds the return, even if nothing is asked for at its start.
        nodes.settle(callers[e]);
        reach(LIVE, callers[e]);
        askBehind(LIVE, callers[e], onParts, onRest);
      }
      for (let e = jumperStart[g]; e < jumperStart[g + 1]; e++) leaving.push(jumpers[e], onParts, onRest);
    }
  };
  /** Behind node k's own instructions, in front of its call. */
  const askAtEnd = (sort: 0 | 1, k: number, p: number, r: number): void => {
    const kind = call[k] === 0 ? CallKind.none : callKind(call[k], assumptions);
    if (kind === CallKind.none) {
      askBehind(sort, k, p, r);
      return;
    }
    let passes: Locations;
    if (kind === CallKind.direct || kind === CallKind.directC) {
      ask(SUMMARY, callee[k], p, r);
      if (kind === CallKind.direct) {
        askBehind(sort, k, p, r);
        return;
      }
      passes = handed(functionOf[callee[k]]);
    } else {
      const { reads, keeps } = unseen[kind];
      passes = { parts: keeps.parts & ~reads.parts, rest: keeps.rest & ~reads.rest };
    }
    if ((p & passes.parts) !== 0 || (r & passes.rest) !== 0) askBehind(sort, k, p & passes.parts, r & passes.rest);
  };

  for (const { node, parts: p, rest: r } of questions) {
    nodes.settle(node);
    askAtEnd(LIVE, node, p, r);
  }
  while (work.length > 0) {
    const r = work.pop()!,
      p = work.pop()!,
      k = work.pop()!,
      sort = work.pop() as 0 | 1;
    nodes.settle(k);
    fold(k);
    const unreadParts = p & ~useParts[k],
      unreadRest = r & ~useRest[k];
    for (let e = startSuccessorStart[k]; e < startSuccessorEnd[k]; e++)
      ask(sort, startSuccessors[e], unreadParts, unreadRest);
    const onParts = unreadParts & ~killParts[k],
      onRest = unreadRest & ~codeKillRest[k];
    if (onParts !== 0 || onRest !== 0) askAtEnd(sort, k, onParts, onRest);
  }
  const asked = (sort: 0 | 1): Asked => ({
    parts: parts[sort],
    rest: rest[sort],
    nodes: calleesFirst(nodes, functions, Uint32Array.from(list[sort]).sort()),
  });
  return { live: asked(LIVE), summaries: asked(SUMMARY), returnParts, returnRest };
}
