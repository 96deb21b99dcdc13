/**
 * What has to be looked at for given points: most functions hold no site, and many serve none.
 *
 * Liveness at a point depends on everything that control may reach from there, returns included; and that, on the summaries of the functions
 * called there, of those that they call or jump to, and so on. Both are found by plain reachability, before anything is solved.
 */
import { Exit, type Nodes } from "./nodes.js";
import type { Returns } from "./returns.js";

/** The part of `order` that liveness at the points depends on: everything that control may reach from there, returns included. */
export function reachedFrom(nodes: Nodes, returns: Returns, points: Iterable<number>, order: Uint32Array): Uint32Array {
  const { exit, successorStart, successors, startSuccessorStart, startSuccessors } = nodes;
  const { functionOf, open, callerStart, callers, jumperStart, jumpers } = returns;
  const reached = new Uint8Array(nodes.count),
    returned = new Uint8Array(returns.count);
  const work: number[] = [];
  const reach = (k: number): void => {
    if (reached[k] === 1) return;
    reached[k] = 1;
    work.push(k);
  };
  /** A return of f goes on behind its calls, and where the functions return that jump into f. */
  const goBack = (f: number): void => {
    const functions = [f];
    for (let g = functions.pop(); g !== undefined; g = functions.pop()) {
      if (returned[g] === 1 || open[g] === 1) continue;
      returned[g] = 1;
      for (let e = callerStart[g]; e < callerStart[g + 1]; e++) reach(callers[e]);
      for (let e = jumperStart[g]; e < jumperStart[g + 1]; e++) functions.push(jumpers[e]);
    }
  };
  for (const point of points) reach(nodes.of(point));
  for (let k = work.pop(); k !== undefined; k = work.pop()) {
    for (let e = successorStart[k]; e < successorStart[k + 1]; e++) reach(successors[e]);
    for (let e = startSuccessorStart[k]; e < startSuccessorStart[k + 1]; e++) reach(startSuccessors[e]);
    if (exit[k] === Exit.cReturn || exit[k] === Exit.return) goBack(functionOf[k]);
  }
  return partOf(order, (k) => reached[k] === 1);
}

/** The part of `order` that lies in functions which the given nodes lie in, call or jump to, directly or not. */
export function servedBy(nodes: Nodes, returns: Returns, reached: Uint32Array, order: Uint32Array): Uint32Array {
  const { functionOf, nodesOf, jumpStart, jumps } = returns;
  const serves = new Uint8Array(returns.count);
  const work: number[] = [];
  const add = (f: number): void => {
    if (serves[f] === 1) return;
    serves[f] = 1;
    work.push(f);
  };
  for (const k of reached) add(functionOf[k]);
  for (let f = work.pop(); f !== undefined; f = work.pop()) {
    for (const k of nodesOf(f)) if (nodes.callee[k] >= 0) add(functionOf[nodes.callee[k]]);
    for (let e = jumpStart[f]; e < jumpStart[f + 1]; e++) add(jumps[e]);
  }
  return partOf(order, (k) => serves[functionOf[k]] === 1);
}

/** `order.filter`, many times as fast. */
function partOf(order: Uint32Array, isIn: (node: number) => boolean): Uint32Array {
  const part = new Uint32Array(order.length);
  let count = 0;
  for (const k of order) if (isIn(k)) part[count++] = k;
  return part.slice(0, count);
}
