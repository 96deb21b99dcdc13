/**
 * The order in which nodes are evaluated: callees before their callers, and within a function from its end to its start.
 *
 * Problem: a caller's value depends on its callees' and on what control goes to, so evaluating in any other order means
 * evaluating again. Depth-first search over the graph of direct calls between functions (a function here is the run of
 * nodes between two entries), without recursion; cycles are cut where the search meets them.
 * Holds afterwards: every node of the list stands in the order exactly once. Cost: nodes listed plus their calls.
 */
import type { Functions } from "@pv/x86-ir";
import type { Nodes } from "./nodes.js";

/** The nodes of `list`, which ascends, in that order; all nodes by default. */
export function calleesFirst(
  { count, first, callee }: Pick<Nodes, "count" | "first" | "callee">,
  { entryInstruction }: Functions,
  list: Uint32Array = Uint32Array.from({ length: count }, (_, k) => k),
): Uint32Array {
  // Runs of listed nodes: run r holds the rows [start[r], start[r + 1]) of the list; run 0 is whatever precedes the first function.
  const runOf = new Int32Array(count).fill(NOT_LISTED),
    start: number[] = [0];
  for (let row = 0, f = 0; row < list.length; row++) {
    const k = list[row];
    let isEntry = false;
    for (; f < entryInstruction.length && entryInstruction[f] <= first[k]; f++) isEntry = true;
    if (isEntry && row > 0) start.push(row);
    runOf[k] = start.length - 1;
  }
  const runs = start.length;
  start.push(list.length);

  const order = new Uint32Array(list.length),
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
        const c = callee[list[cursor[run]++]],
          called = c < 0 ? NOT_LISTED : runOf[c];
        if (called !== NOT_LISTED && visited[called] === 0) next = called;
      }
      if (next >= 0) {
        visited[next] = 1;
        cursor[next] = start[next]!;
        stack.push(next);
        continue;
      }
      stack.pop();
      for (let row = start[run + 1]! - 1; row >= start[run]!; row--) order[at++] = list[row];
    }
  }
  return order;
}

const NOT_LISTED = -1;
