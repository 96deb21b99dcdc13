/**
 * The order in which nodes are evaluated: callees before their callers, and within a function from its end to its start.
 *
 * Problem: a caller's value depends on its callees' and on what control goes to, so evaluating in any other order means
 * evaluating again. Depth-first search over the graph of direct calls between functions (a function here is the run of
 * nodes between two entries), without recursion; cycles are cut where the search meets them.
 * Holds afterwards: every node stands in the order exactly once. Cost: nodes plus calls.
 */
import type { Functions } from "@pv/x86-ir";
import type { Nodes } from "./nodes.js";

export function calleesFirst(nodes: Pick<Nodes, "count" | "first" | "callee">, functions: Functions): Uint32Array {
  const { count, first, callee } = nodes;
  // Runs of nodes: run r holds the nodes [start[r], start[r + 1]); run 0 is whatever precedes the first function.
  const runOf = new Uint32Array(count),
    start: number[] = [0];
  for (let k = 0, f = 0; k < count; k++) {
    let isEntry = false;
    for (; f < functions.count && functions.entryInstruction[f] <= first[k]; f++) isEntry = true;
    if (isEntry && k > 0) start.push(k);
    runOf[k] = start.length - 1;
  }
  const runs = start.length;
  start.push(count);

  const order = new Uint32Array(count),
    visited = new Uint8Array(runs);
  /** Runs under way, and the node that each looks at next. */
  const stack: number[] = [],
    cursor = new Uint32Array(runs);
  let at = 0;
  for (let root = 0; root < runs; root++) {
    if (visited[root] === 1) continue;
    visited[root] = 1;
    cursor[root] = start[root];
    stack.push(root);
    while (stack.length > 0) {
      const run = stack[stack.length - 1]!;
      let next = -1;
      while (next < 0 && cursor[run] < start[run + 1]!) {
        const k = cursor[run]++;
        if (callee[k] >= 0 && visited[runOf[callee[k]]] === 0) next = runOf[callee[k]];
      }
      if (next >= 0) {
        visited[next] = 1;
        cursor[next] = start[next]!;
        stack.push(next);
        continue;
      }
      stack.pop();
      for (let k = start[run + 1]! - 1; k >= start[run]!; k--) order[at++] = k;
    }
  }
  return order;
}
