/**
 * Where functions return to, as far as code tells.
 *
 * A return goes on behind the calls of its function: what is live there is live at the return, and nothing else is. That holds
 * for functions all of whose callers are visible. A function is *open* where they are not:
 *
 *   - an address in it is taken: it may be called through a pointer, from a module, by the hardware;
 *   - nothing visible leads to it but functions that only lead to each other, so something invisible does;
 *   - it is not known to be compiled C (not traced), is called, and is not balanced (balance.ts): assembly may return elsewhere than to
 *     its caller (thunks, stack switches);
 *   - such assembly jumps to it: its return is the assembly's.
 *
 * A jump from one function into another (tail calls, parts that the compiler split off) makes the latter return where the former
 * does. Code that is only jumped to, such as a `.cold` part, is a piece of the function that jumps there.
 */
import type { Program } from "@pv/x86-ir";
import { findBalanced } from "./balance.js";
import type { Assumptions } from "./conventions.js";
import { Exit, type Nodes } from "./nodes.js";

/** By function; the last row stands for code outside of any function. */
export interface Returns {
  readonly count: number;
  /** Function of each node. */
  readonly functionOf: Uint32Array;
  /** Nodes of a function, replacements of its alternatives included. */
  nodesOf(f: number): number[];
  /** By node: 1 where control may come from another function: what is called, jumped to, or has its address taken. */
  readonly entered: Uint8Array;
  /** 1 where not all callers are visible. */
  readonly open: Uint8Array;
  /** Bits (`ASSUMPTIONS`) of what it rests on that all callers are visible. */
  readonly closedBy: Uint8Array;
  /** 1 for code that is only jumped to: a part that the compiler split off. */
  readonly piece: Uint8Array;
  /** Nodes of a function that end in a return. */
  returnsOf(f: number): readonly number[];
  /** Functions that a function jumps into, in compressed rows. */
  readonly jumpStart: Uint32Array;
  readonly jumps: Uint32Array;
  /** Functions that jump into a function, in compressed rows. */
  readonly jumperStart: Uint32Array;
  readonly jumpers: Uint32Array;
  /** Nodes that call a function, in compressed rows. */
  readonly callerStart: Uint32Array;
  readonly callers: Uint32Array;
}

export function findReturns(program: Program, nodes: Nodes, assumptions: Assumptions): Returns {
  const { functions, facts, instructions } = program;
  const count = functions.count + 1,
    outside = functions.count;
  const { functionOf, replacements } = functionsOf(program, nodes);

  const called = new Uint8Array(count),
    jumpedTo = new Uint8Array(count),
    taken = new Uint8Array(count);
  const from: number[] = [],
    to: number[] = [];
  const entered = new Uint8Array(nodes.count);
  const crosses = (f: number, target: number): void => {
    const g = functionOf[target];
    if (g === f) return;
    from.push(f);
    to.push(g);
    jumpedTo[g] = 1;
    entered[target] = 1;
  };
  const { successorStart, successorEnd, successors, startSuccessorStart, startSuccessorEnd, startSuccessors } = nodes;
  for (const entry of nodes.callees) {
    called[functionOf[entry]] = 1;
    entered[entry] = 1;
  }
  for (const k of nodes.leaving(functionOf)) {
    const f = functionOf[k];
    for (let e = successorStart[k]; e < successorEnd[k]; e++) crosses(f, successors[e]);
    for (let e = startSuccessorStart[k]; e < startSuccessorEnd[k]; e++) crosses(f, startSuccessors[e]);
  }
  const take = (va: number): void => {
    const i = instructions.covering(va);
    if (i < 0) return;
    const k = nodes.of(i);
    taken[functionOf[k]] = 1;
    entered[k] = 1;
  };
  for (const list of [facts.addressTaken, facts.thunkAddress, facts.returnThunks, facts.replaceable])
    list.forEach(take);

  const open = new Uint8Array(count),
    piece = new Uint8Array(count),
    candidate = new Uint8Array(count);
  open[outside] = 1;
  const [jumpStart, jumps] = compressRows(count, from, to);
  for (let f = 0; f < functions.count; f++) {
    if (taken[f] === 1 || (called[f] === 0 && jumpedTo[f] === 0)) open[f] = 1;
    if (functions.traced[f] === 1) continue;
    if (called[f] === 1) candidate[f] = 1;
    else if (open[f] === 0) piece[f] = 1;
  }
  const [callStart, calls, callerStart, callers] = callsOf(count, functionOf, nodes);
  openIslands(open, callStart, calls, jumpStart, jumps);
  const asked = candidate.map((is, f) => is & ~open[f]);
  const { balanced, restsOn } = findBalanced(program, nodes, { functionOf, candidate, asked, piece }, assumptions);
  const closedBy = new Uint8Array(count);
  for (let f = 0; f < functions.count; f++) {
    if (candidate[f] !== 1) continue;
    if (balanced[f] === 0) open[f] = 1;
    else closedBy[f] = restsOn[f];
  }
  spread(open, functions.traced, jumpStart, jumps);

  const [jumperStart, jumpers] = compressRows(count, to, from);
  const nodesOf = (f: number): number[] => {
    // The function's own run of nodes, and the replacements of alternatives, which lie elsewhere.
    const list: number[] = [];
    const start = f === outside ? 0 : nodes.of(functions.entryInstruction[f]);
    let k = start;
    for (; k < nodes.count && (f === outside || functionOf[k] === f); k++) if (functionOf[k] === f) list.push(k);
    for (const other of replacements.get(f) ?? []) if (other < start || other >= k) list.push(other);
    return list;
  };
  const returning = new Map<number, readonly number[]>();
  const returnsOf = (f: number): readonly number[] => {
    let found = returning.get(f);
    if (found === undefined) {
      found = nodesOf(f).filter((k) => {
        nodes.settle(k);
        return nodes.exit[k] === Exit.cReturn || nodes.exit[k] === Exit.return;
      });
      returning.set(f, found);
    }
    return found;
  };
  return {
    count,
    functionOf,
    entered,
    nodesOf,
    open,
    closedBy,
    piece,
    returnsOf,
    jumpStart,
    jumps,
    jumperStart,
    jumpers,
    callerStart,
    callers,
  };
}

/** Functions with a return among the given nodes, which are settled, and those that jump into such a function. */
export function returningFunctions(
  { exit }: Nodes,
  { functionOf, jumperStart, jumpers }: Returns,
  list: Uint32Array,
): ReadonlySet<number> {
  const found = new Set<number>();
  for (const k of list) if (exit[k] === Exit.cReturn || exit[k] === Exit.return) found.add(functionOf[k]);
  // A set goes through what is added on the way.
  for (const f of found) for (let e = jumperStart[f]; e < jumperStart[f + 1]; e++) found.add(jumpers[e]);
  return found;
}

/** Nodes and functions both ascend: one merge. Replacements of alternatives belong to the function of their site. */
function functionsOf({ blocks, functions, facts, instructions }: Program, { count, first, of }: Nodes) {
  const functionOf = new Uint32Array(count);
  const replacements = new Map<number, number[]>();
  for (let k = 0, f = -1; k < count; k++) {
    while (f + 1 < functions.count && functions.entryInstruction[f + 1] <= first[k]) f++;
    functionOf[k] = f < 0 || first[k] >= functions.endInstruction[f] ? functions.count : f;
  }
  facts.alternativeSite.forEach((site, row) => {
    const start = facts.alternativeReplacement[row],
      length = facts.alternativeReplacementLength[row];
    const i = instructions.at(site),
      j = length === 0 ? -1 : instructions.at(start);
    if (i < 0 || j < 0) return;
    const f = functionOf[of(i)];
    const own = replacements.get(f) ?? [];
    replacements.set(f, own);
    for (
      let b = blocks.ofInstruction[j];
      b < blocks.count && instructions.address[blocks.first[b]] - start < length;
      b++
    )
      for (let k = of(blocks.first[b]); k < count && first[k] < blocks.end[b]; k++) {
        functionOf[k] = f;
        own.push(k);
      }
  });
  return { functionOf, replacements };
}

/** Recursion that nothing else leads to: whoever enters it is out of sight. */
function openIslands(
  open: Uint8Array,
  callStart: Uint32Array,
  calls: Uint32Array,
  jumpStart: Uint32Array,
  jumps: Uint32Array,
): void {
  const entered = open.slice();
  const work = Array.from(open.keys()).filter((f) => open[f] === 1);
  const enter = (f: number): void => {
    if (entered[f] === 1) return;
    entered[f] = 1;
    work.push(f);
  };
  for (let f = work.pop(); f !== undefined; f = work.pop()) {
    for (let e = callStart[f]; e < callStart[f + 1]; e++) enter(calls[e]);
    for (let e = jumpStart[f]; e < jumpStart[f + 1]; e++) enter(jumps[e]);
  }
  entered.forEach((is, f) => is === 0 && (open[f] = 1));
}

/** What open assembly jumps to is open. */
function spread(open: Uint8Array, traced: Uint8Array, jumpStart: Uint32Array, jumps: Uint32Array): void {
  const work: number[] = [];
  open.forEach((is, f) => is === 1 && work.push(f));
  for (let f = work.pop(); f !== undefined; f = work.pop()) {
    if (traced[f] === 1) continue;
    for (let e = jumpStart[f]; e < jumpStart[f + 1]; e++) {
      if (open[jumps[e]] === 1) continue;
      open[jumps[e]] = 1;
      work.push(jumps[e]);
    }
  }
}

/** Functions that a function calls, and nodes that call a function, in compressed rows. */
function callsOf(
  count: number,
  functionOf: Uint32Array,
  { callNodes, callees }: Nodes,
): [callStart: Uint32Array, calls: Uint32Array, callerStart: Uint32Array, callers: Uint32Array] {
  const from = callNodes.map((k) => functionOf[k]),
    to = callees.map((k) => functionOf[k]);
  return [...compressRows(count, from, to), ...compressRows(count, to, callNodes)];
}

/** Pairs as compressed rows, by counting sort. */
function compressRows(
  count: number,
  from: ArrayLike<number>,
  to: ArrayLike<number>,
): [start: Uint32Array, values: Uint32Array] {
  const start = new Uint32Array(count + 1),
    values = new Uint32Array(from.length);
  for (let i = 0; i < from.length; i++) start[from[i]! + 1]++;
  for (let f = 0; f < count; f++) start[f + 1] += start[f];
  const cursor = start.slice();
  for (let i = 0; i < from.length; i++) values[cursor[from[i]!]++] = to[i]!;
  return [start, values];
}
