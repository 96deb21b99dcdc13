/**
 * Which compiled functions surely return in one register.
 *
 * Problem: a C function may hand back two registers (EDX:EAX on i386), and who calls through a pointer is not visible, so the upper one counts
 * as read at every return. But a function that returns two defines both on every path. One that somewhere returns with a freshly
 * defined lower register and, in the upper one, nothing but what some call left there, defines only one; anything else would
 * be a number made of somebody else's upper half and an unrelated lower half (assumption `narrowReturn`).
 *
 * Forward, over nodes, which of three states paths may be in:
 *
 *   OTHER   the upper register was written by an instruction since the last call, or there was no call
 *   PAIR    both registers are as a call left them; the lower one may have been modified, but not replaced
 *   SPLIT   the upper register is as a call left it, the lower one was replaced since; or the call was to a narrow function
 *
 * A return in state SPLIT makes the function narrow, and a jump to a narrow function makes the one that jumps narrow. Least fixpoint:
 * states and narrow functions only grow. Cost: a few visits of each node.
 */
import type { Program } from "@pv/x86-ir";
import { conventionSets, type Assumptions, type Locations } from "./conventions.js";
import { solve, type Mark } from "./fixpoint.js";
import { CallKind, Exit, type Nodes } from "./nodes.js";
import type { Returns } from "./returns.js";

/**
 * What a function may hand back, whoever reads it: of compiled C, what its convention says; of a piece of some function, what that one may, which is
 * the business of who jumps there, but for the upper register of a narrow one.
 */
export function handedBack(
  { functions, instructions: { bits } }: Program,
  narrow: Uint8Array,
  assumptions: Assumptions,
): (f: number) => Locations {
  const { all, returnReads, narrowReads } = conventionSets(bits);
  const high = { parts: returnReads.parts & ~narrowReads.parts, rest: returnReads.rest & ~narrowReads.rest };
  const withoutHigh = { parts: all.parts & ~high.parts, rest: all.rest & ~high.rest };
  return (f) => {
    if (assumptions.cReturn && functions.traced[f] === 1) return narrow[f] === 1 ? narrowReads : returnReads;
    return narrow[f] === 1 ? withoutHigh : all;
  };
}

const OTHER = 1,
  PAIR = 2,
  SPLIT = 4;

/** 1 for each function (row of `Returns`) that returns in one register. */
export function findNarrow(program: Program, nodes: Nodes, returns: Returns, callersFirst: Uint32Array): Uint8Array {
  const { functions } = program;
  const { count, call, callee, exit, successorStart, successors, writesHigh, replacesLow } = nodes;
  const { functionOf, callerStart, callers, jumperStart, jumpers } = returns;
  const narrow = new Uint8Array(returns.count);
  // Where control comes from out of sight, anything may be in the register on purpose.
  const state = new Uint8Array(count).fill(OTHER);
  /** Entries of compiled functions begin afresh, whoever jumps there. */
  const entry = new Uint8Array(count);
  functions.entryInstruction.forEach((i, f) => (entry[nodes.of(i)] = functions.traced[f]));

  const becomeNarrow = (f: number, mark: Mark): void => {
    const work = [f];
    for (let g = work.pop(); g !== undefined; g = work.pop()) {
      // Of assembly, no convention says what it hands back.
      if (narrow[g] === 1 || (functions.traced[g] !== 1 && returns.piece[g] !== 1)) continue;
      narrow[g] = 1;
      for (let e = callerStart[g]; e < callerStart[g + 1]; e++) mark(callers[e]);
      // Who jumps there returns what it returns: tail calls, and functions whose split-off part this is.
      for (let e = jumperStart[g]; e < jumperStart[g + 1]; e++) work.push(jumpers[e]);
    }
  };

  /** A return of a compiled function, or of a part that was split off from one. */
  const returnsHere = (k: number): boolean =>
    exit[k] === Exit.cReturn || (exit[k] === Exit.return && returns.piece[functionOf[k]] === 1);

  solve(count, callersFirst, (k, mark) => {
    let s = state[k];
    if (writesHigh[k] === 1) s = OTHER;
    else if (replacesLow[k] === 1 && (s & PAIR) !== 0) s = (s & ~PAIR) | SPLIT;
    if (call[k] !== 0)
      switch (call[k]) {
        case CallKind.directC:
          s = narrow[functionOf[callee[k]]] === 1 ? SPLIT : PAIR;
          break;
        case CallKind.indirect:
          s = PAIR;
          break;
        case CallKind.direct:
        case CallKind.preserving:
        case CallKind.opaque:
          s = OTHER;
          break;
      }
    if ((s & SPLIT) !== 0 && returnsHere(k)) becomeNarrow(functionOf[k], mark);
    for (let e = successorStart[k]; e < successorStart[k + 1]; e++) {
      const to = successors[e];
      if ((s & ~state[to]) === 0 || entry[to] === 1) continue;
      state[to] |= s;
      mark(to);
    }
  });
  return narrow;
}
