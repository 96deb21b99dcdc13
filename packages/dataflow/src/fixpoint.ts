/**
 * The one fixpoint engine of the backward analyses.
 *
 * Problem: a monotone system of equations, one per node, each depending on the nodes that control goes to and on the
 * callee's entry. Sweeps in a given order (order.ts): most inputs are ready when they are needed, and a dirty bit per
 * node makes later sweeps evaluate only what changed.
 * Invariant: a node whose bit is clear satisfies its equation. Ends because `evaluate` only ever moves up a lattice of
 * finite height. Cost: evaluations times degree, plus one pass over the bits per sweep.
 */
import type { Nodes } from "./nodes.js";

/**
 * Runs `evaluate(node)`, which recomputes a node's value and returns whether it changed, until nothing changes.
 * `order` names every node once. Returns how many evaluations that took.
 */
export function solveBackward(
  { count, dependentStart, dependents }: Pick<Nodes, "count" | "dependentStart" | "dependents">,
  order: Uint32Array,
  evaluate: (node: number) => boolean,
): number {
  const dirty = new Uint8Array(count).fill(1);
  const position = new Uint32Array(count);
  for (let at = 0; at < count; at++) position[order[at]] = at;
  let evaluations = 0;
  // A sweep begins at the first position that an earlier one left dirty behind itself.
  for (let from = 0; from < count; ) {
    let again = count;
    for (let at = from; at < count; at++) {
      const k = order[at];
      if (dirty[k] === 0) continue;
      dirty[k] = 0;
      evaluations++;
      if (!evaluate(k)) continue;
      for (let e = dependentStart[k]; e < dependentStart[k + 1]; e++) {
        const d = dependents[e];
        dirty[d] = 1;
        if (position[d] <= at && position[d] < again) again = position[d];
      }
    }
    from = again;
  }
  return evaluations;
}
