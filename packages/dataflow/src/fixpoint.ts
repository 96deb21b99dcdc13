/**
 * The one fixpoint engine of the backward analyses.
 *
 * Problem: a monotone system of equations, one per node, each depending on the nodes that control goes to. Worklist in
 * descending node order: code is laid out mostly forwards, so a sweep from the end sees most inputs before it needs
 * them, and a dirty bit per node makes later sweeps touch only what changed.
 * Invariant: a node whose bit is clear satisfies its equation. Ends because `evaluate` only ever moves up a lattice of
 * finite height. Cost: evaluations times degree, plus one pass over the bits per sweep.
 */
import type { Nodes } from "./nodes.js";

/**
 * Runs `evaluate(node)`, which recomputes a node's value and returns whether it changed, until nothing changes.
 * Returns how many evaluations that took.
 */
export function solveBackward(nodes: Pick<Nodes, "count" | "dependentStart" | "dependents">, evaluate: (node: number) => boolean): number {
  const { count, dependentStart, dependents } = nodes;
  const dirty = new Uint8Array(count).fill(1);
  let evaluations = 0;
  for (let highest = count - 1; highest >= 0; ) {
    let next = -1;
    for (let k = highest; k >= 0; k--) {
      if (dirty[k] === 0) continue;
      dirty[k] = 0;
      evaluations++;
      if (!evaluate(k)) continue;
      for (let e = dependentStart[k]; e < dependentStart[k + 1]; e++) {
        const d = dependents[e];
        dirty[d] = 1;
        if (d >= k && d > next) next = d;
      }
    }
    highest = next;
  }
  return evaluations;
}
