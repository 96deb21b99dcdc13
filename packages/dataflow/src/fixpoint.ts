/**
 * The one fixpoint engine of the analyses.
 *
 * Problem: a monotone system of equations, one per node. Worklist in a given order of the nodes (order.ts), in sweeps: most
 * inputs are ready when they are needed, and a dirty bit per node makes later sweeps evaluate only what changed.
 * Invariant: a node whose bit is clear satisfies its equation. Ends because evaluations only ever move up a lattice of
 * finite height. Cost: evaluations, and one pass over the bits per sweep.
 */
import type { Nodes } from "./nodes.js";

export type Mark = (node: number) => void;

/**
 * Evaluates every node of `order` at least once, and again whenever an evaluation has marked it, until no mark is left. `order` names
 * nodes below `nodeCount`, each at most once; marks of others do nothing. Returns the number of evaluations.
 */
export function solve(nodeCount: number, order: Uint32Array, evaluate: (node: number, mark: Mark) => void): number {
  const count = order.length;
  const position = new Uint32Array(nodeCount).fill(NOWHERE);
  for (let at = 0; at < count; at++) position[order[at]] = at;
  // Bits by position, and one for each chunk of them, so that a sweep over little is short.
  const dirty = new Uint8Array(count).fill(1);
  const chunks = (count + CHUNK - 1) >>> CHUNK_SHIFT;
  const dirtyChunk = new Uint8Array(chunks).fill(1);
  let evaluations = 0;
  // A sweep begins at the first position that an earlier one left dirty behind itself.
  let again = count,
    at = 0;
  const mark: Mark = (node) => {
    const p = position[node];
    if (p === NOWHERE || dirty[p] === 1) return;
    dirty[p] = 1;
    dirtyChunk[p >>> CHUNK_SHIFT] = 1;
    if (p <= at && p < again) again = p;
  };
  for (let from = 0; from < count; from = again) {
    again = count;
    for (let chunk = from >>> CHUNK_SHIFT; chunk < chunks; chunk++) {
      if (dirtyChunk[chunk] === 0) continue;
      dirtyChunk[chunk] = 0;
      const end = Math.min((chunk + 1) << CHUNK_SHIFT, count);
      for (at = chunk << CHUNK_SHIFT; at < end; at++) {
        if (dirty[at] === 0) continue;
        dirty[at] = 0;
        evaluations++;
        evaluate(order[at], mark);
      }
    }
  }
  return evaluations;
}

const NOWHERE = 0xffff_ffff;
/** Positions per chunk: a few cache lines. */
const CHUNK_SHIFT = 7;
const CHUNK = 1 << CHUNK_SHIFT;

/** The same where a node depends on its successors and callee: `evaluate` says whether the node's value changed. The nodes are settled. */
export function solveBackward(
  nodes: Nodes,
  order: Uint32Array,
  evaluate: (node: number, mark: Mark) => boolean,
): number {
  const dependents = dependentsAmong(nodes, order);
  return solve(nodes.count, order, (k, mark) => {
    if (evaluate(k, mark)) dependents(k, mark);
  });
}

/** Marks the nodes of a list whose values depend on a node's: predecessors of both sorts and, for an entry, its callers. */
function dependentsAmong(nodes: Nodes, list: Uint32Array): (node: number, mark: Mark) => void {
  const { count, successorStart, successorEnd, successors, startSuccessorStart, startSuccessorEnd, startSuccessors } =
    nodes;
  // Lists linked by `next`, one for each node.
  const first = new Uint32Array(count),
    next: number[] = [0],
    dependent: number[] = [0];
  const add = (of: number, k: number): void => {
    next.push(first[of]);
    first[of] = dependent.push(k) - 1;
  };
  for (const k of list) {
    for (let e = successorStart[k]; e < successorEnd[k]; e++) add(successors[e], k);
    for (let e = startSuccessorStart[k]; e < startSuccessorEnd[k]; e++) add(startSuccessors[e], k);
    if (nodes.callee[k] >= 0) add(nodes.callee[k], k);
  }
  return (node, mark) => {
    for (let at = first[node]; at !== 0; at = next[at]) mark(dependent[at]);
  };
}
