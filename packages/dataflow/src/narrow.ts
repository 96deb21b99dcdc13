/**
 * Which compiled functions surely return in one register.
 *
 * Problem: a C function may hand back two registers (EDX:EAX on i386), and who calls through a pointer is not visible, so the upper one counts
 * as read at every return. But a function that returns two defines both on every path. One that somewhere returns with a freshly
 * defined lower register and, in the upper one, nothing but what some call left there, defines only one; anything else would
 * be a number made of somebody else's upper half and an unrelated lower half (assumption `narrowReturn`).
 *
 * Searched for backwards from the returns, up to the last call on each way, of functions that somebody asks about:
 *
 *   the upper register was written since: nothing
 *   the lower one was replaced since, and the call was to compiled C or through a pointer: narrow
 *   neither, and the call was to compiled C: narrow if that is
 *
 * Who jumps to a narrow function is narrow. What depends on a callee waits for it; least fixpoint: functions only ever become narrow.
 * Cost: what lies between the returns of a function and the last calls before them, for each function asked about and those that it depends on.
 */
import type { Program } from "@pv/x86-ir";
import { conventionSets, type Assumptions, type Locations } from "./conventions.js";
import { CallKind, Exit, type Nodes } from "./nodes.js";
import type { Returns } from "./returns.js";

export interface NarrowFunctions {
  /** Whether function f (row of `Returns`) surely returns in one register. */
  has(f: number): boolean;
}

export const NOTHING_NARROW: NarrowFunctions = { has: () => false };

/**
 * What a function may hand back, whoever reads it: of compiled C, what its convention says; of a piece of some function, what that one may, which is
 * the business of who jumps there, but for the upper register of a narrow one.
 */
export function handedBack(
  { functions, instructions: { bits } }: Program,
  narrow: NarrowFunctions,
  assumptions: Assumptions,
): (f: number) => Locations {
  const { all, returnReads, narrowReads } = conventionSets(bits);
  const high = { parts: returnReads.parts & ~narrowReads.parts, rest: returnReads.rest & ~narrowReads.rest };
  const withoutHigh = { parts: all.parts & ~high.parts, rest: all.rest & ~high.rest };
  return (f) => {
    if (assumptions.cReturn && functions.traced[f] === 1) return narrow.has(f) ? narrowReads : returnReads;
    return narrow.has(f) ? withoutHigh : all;
  };
}

/** Which functions return in one register, found as they are asked about. `fold` folds a node's instructions, if nobody has. */
export function findNarrow(
  { functions }: Program,
  nodes: Nodes,
  returns: Returns,
  fold: (node: number) => void,
): NarrowFunctions {
  const { count, call, callee, exit, successorStart, successorEnd, successors } = nodes;
  const { functionOf, piece, returnsOf, jumpStart, jumps } = returns;
  const narrow = new Uint8Array(returns.count),
    looked = new Uint8Array(returns.count);
  /** Entries of compiled functions begin afresh, whoever jumps there. */
  const entry = new Uint8Array(count);
  functions.entryInstruction.forEach((i, f) => (entry[nodes.of(i)] = functions.traced[f]));

  /** Functions that are narrow if f is: lists linked by `next`. */
  const first = new Int32Array(returns.count).fill(-1),
    next: number[] = [],
    waiting: number[] = [];
  const becomeNarrow = (f: number): void => {
    const work = [f];
    for (let g = work.pop(); g !== undefined; g = work.pop()) {
      if (narrow[g] === 1) continue;
      narrow[g] = 1;
      for (let at = first[g]; at >= 0; at = next[at]!) work.push(waiting[at]!);
    }
  };

  /** How each node's end was last looked at, and for which function: by itself, or with the lower register replaced behind it. */
  const seen = [new Int32Array(count).fill(-1), new Int32Array(count).fill(-1)] as const;
  const work: number[] = [];
  const look = (f: number, k: number, replaced: 0 | 1): void => {
    if (seen[1][k] === f || seen[replaced][k] === f) return;
    seen[replaced][k] = f;
    work.push(k, replaced);
  };
  /** Looks back from the returns of f. Whether it is narrow by itself; otherwise `sources` are the functions that make it narrow if they are. */
  const lookBack = (f: number, sources: number[]): boolean => {
    work.length = 0;
    for (const k of returnsOf(f)) {
      // A return of a compiled function, or of a part that was split off from one.
      if (exit[k] === Exit.cReturn || piece[f] === 1) look(f, k, 0);
    }
    while (work.length > 0) {
      let replaced = work.pop() as 0 | 1;
      const k = work.pop()!;
      const kind = call[k];
      if (kind === CallKind.directC || kind === CallKind.indirect) {
        if (replaced === 1) return true;
        if (kind === CallKind.directC) sources.push(functionOf[callee[k]]);
        continue;
      }
      // Of assembly, no convention says what it hands back.
      if (kind !== CallKind.none && kind !== CallKind.saving) continue;
      fold(k);
      if (nodes.writesHigh[k] === 1 || entry[k] === 1) continue;
      if (nodes.replacesLow[k] === 1) replaced = 1;
      for (const from of nodes.predecessors(k)) {
        // Not those who get here only from their start.
        for (let s = successorStart[from]; s < successorEnd[from]; s++)
          if (successors[s] === k) look(f, from, replaced);
      }
    }
    for (let e = jumpStart[f]; e < jumpStart[f + 1]; e++) sources.push(jumps[e]);
    return false;
  };

  return {
    has(asked) {
      if (looked[asked] === 1) return narrow[asked] === 1;
      const toLook = [asked];
      for (let f = toLook.pop(); f !== undefined; f = toLook.pop()) {
        if (looked[f] === 1) continue;
        looked[f] = 1;
        if (functions.traced[f] !== 1 && piece[f] !== 1) continue;
        const sources: number[] = [];
        if (lookBack(f, sources) || sources.some((g) => narrow[g] === 1)) {
          becomeNarrow(f);
          continue;
        }
        for (const g of sources) {
          next.push(first[g]);
          first[g] = waiting.push(f) - 1;
          if (looked[g] === 0) toLook.push(g);
        }
      }
      return narrow[asked] === 1;
    },
  };
}
