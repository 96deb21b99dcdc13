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
import { solve, type Mark } from "./fixpoint.js";
import { CallKind, Exit, type Nodes } from "./nodes.js";
import { compressRows, type Returns } from "./returns.js";

const OTHER = 1, PAIR = 2, SPLIT = 4;

/** 1 for each function (row of `Returns`) that returns in one register. */
export function findNarrow(program: Program, nodes: Nodes, returns: Returns, callersFirst: Uint32Array): Uint8Array {
  const { functions } = program;
  const { count, call, callee, exit, first, successorStart, successors, startSuccessorStart, startSuccessors } = nodes;
  const { functionOf, callerStart, callers, jumperStart, jumpers } = returns;
  const narrow = new Uint8Array(returns.count);
  const state = new Uint8Array(count);
  /** Entries of compiled functions begin afresh, whoever jumps there. */
  const isEntry = (k: number): boolean => {
    const f = functionOf[k];
    return f < functions.count && functions.traced[f] === 1 && functions.entryInstruction[f] === first[k];
  };
  const entry = new Uint8Array(count);
  for (let k = 0; k < count; k++) {
    entry[k] = isEntry(k) ? 1 : 0;
    // Where control comes from out of sight, anything may be in the register on purpose.
    state[k] = OTHER;
  }
  const tailStart = tailJumps(nodes, entry, functionOf, returns.count);

  const becomeNarrow = (f: number, mark: Mark): void => {
    const work = [f];
    for (let g = work.pop(); g !== undefined; g = work.pop()) {
      if (narrow[g] === 1) continue;
      narrow[g] = 1;
      for (let e = callerStart[g]; e < callerStart[g + 1]; e++) mark(callers[e]);
      // Pieces split off from a function return for it, and so does whatever it jumps to at its entry.
      const [start, from] = functions.traced[g] === 1 ? tailStart : [jumperStart, jumpers];
      for (let e = start[g]; e < start[g + 1]; e++) work.push(from[e]);
    }
  };

  solve(count, callersFirst, (k, mark) => {
    let s = state[k];
    if (nodes.writesHigh[k] === 1) s = OTHER;
    else if (nodes.replacesLow[k] === 1 && (s & PAIR) !== 0) s = (s & ~PAIR) | SPLIT;
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
    if (exit[k] === Exit.cReturn && (s & SPLIT) !== 0) becomeNarrow(functionOf[k], mark);
    if (exit[k] === Exit.return && (s & SPLIT) !== 0 && returns.piece[functionOf[k]] === 1) becomeNarrow(functionOf[k], mark);
    const flow = (to: number, what: number): void => {
      if (entry[to] === 1 || (what & ~state[to]) === 0) return;
      state[to] |= what;
      mark(to);
    };
    for (let e = successorStart[k]; e < successorStart[k + 1]; e++) flow(successors[e], s);
    for (let e = startSuccessorStart[k]; e < startSuccessorStart[k + 1]; e++) flow(startSuccessors[e], OTHER);
  });
  return narrow;
}

/** Functions that jump to the entry of each compiled function. */
function tailJumps(nodes: Nodes, entry: Uint8Array, functionOf: Uint32Array, functions: number): [start: Uint32Array, from: Uint32Array] {
  const to: number[] = [], from: number[] = [];
  for (let k = 0; k < nodes.count; k++) {
    for (let e = nodes.successorStart[k]; e < nodes.successorStart[k + 1]; e++) {
      const target = nodes.successors[e];
      if (entry[target] === 0 || functionOf[target] === functionOf[k]) continue;
      to.push(functionOf[target]);
      from.push(functionOf[k]);
    }
  }
  return compressRows(functions, to, from);
}
