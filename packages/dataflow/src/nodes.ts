/**
 * Nodes: what the backward analyses run on.
 *
 * A node is a run of instructions that is entered only at its start and left only at its end, with at most one call, its
 * last instruction: a basic block cut behind each of its calls. Straight-line code is folded into one use/kill pair, so
 * a fixpoint visits nodes, not instructions.
 *
 * Holds afterwards: nodes are in ascending instruction order and cover all instructions; every successor and start
 * successor is a node's first instruction; `exit` says how control leaves for a place without a node.
 * Cost: one pass over the instructions, one over the edges.
 */
import { EdgeKind, Flow, type Instructions, type Program } from "@pv/x86-ir";

/** What the call at a node's end is. */
export const CallKind = {
  none: 0,
  /** A visible function: `callee` is its first node. */
  direct: 1,
  /** Through a pointer (or to code that is replaced at run time): what it is, only a convention tells. */
  indirect: 2,
  /** Through a pointer, to something that preserves every register but its results (paravirt). */
  preserving: 3,
  /** Not understood: reads everything, surely writes nothing. */
  opaque: 4,
} as const;

/** How control leaves a node for a place that is not a node. */
export const Exit = {
  none: 0,
  /** Return of a compiled C function. */
  cReturn: 1,
  /** Return of anything else: assembly may hand back any register. */
  return: 2,
  /** To a place not known: everything is read there. */
  opaque: 3,
  /** The kernel dies here (BUG, a call that never returns). */
  dies: 4,
} as const;

export interface Nodes {
  readonly count: number;
  readonly first: Uint32Array;
  /** One past the last instruction. */
  readonly end: Uint32Array;
  /** Read before written, and surely written, by the node's own instructions (the call's callee not counted). */
  readonly useParts: Int32Array;
  readonly useRest: Int32Array;
  readonly killParts: Int32Array;
  readonly killRest: Int32Array;
  readonly call: Uint8Array;
  /** First node of the callee, for `CallKind.direct`. */
  readonly callee: Int32Array;
  readonly exit: Uint8Array;
  /** Successors from the end of the node, in compressed rows. */
  readonly successorStart: Uint32Array;
  readonly successors: Uint32Array;
  /** Control may go from the node's *start* to these (exception fix-up, alternative), in compressed rows. */
  readonly startSuccessorStart: Uint32Array;
  readonly startSuccessors: Uint32Array;
  /** Everything whose value depends on a node's: predecessors of both sorts and, for an entry, its callers. */
  readonly dependentStart: Uint32Array;
  readonly dependents: Uint32Array;
  /** Node of an instruction. */
  of(instruction: number): number;
}

/** Marks the blocks that begin at one of the addresses. */
function blocksAt(program: Program, addresses: Uint32Array): Uint8Array {
  const { instructions, blocks } = program;
  const marks = new Uint8Array(blocks.count);
  for (const va of addresses) {
    const i = instructions.at(va);
    if (i >= 0 && blocks.first[blocks.ofInstruction[i]] === i) marks[blocks.ofInstruction[i]] = 1;
  }
  return marks;
}

export function buildNodes(program: Program): Nodes {
  const { instructions, blocks, functions, facts } = program;
  const { count: n, flow, target, address } = instructions;
  const thunks = new Set(facts.thunkAddress);
  const transparent = new Set(facts.transparent);
  const replaceable = new Set(facts.replaceable);
  const preserving = new Set(facts.preservingCalls);
  const tracedCalls = new Set(facts.tracedCalls);
  const noReturn = new Set(facts.noReturn);
  const alternativeSites = new Set(facts.alternativeSite);

  const isCut = (i: number): boolean => {
    const f = flow[i];
    if (f === Flow.indirectCall) return true;
    return f === Flow.call && !transparent.has(target[i]) && !tracedCalls.has(address[i]);
  };

  // Cut blocks behind calls.
  let count = blocks.count;
  for (let i = 0; i < n; i++) {
    const f = flow[i];
    if ((f === Flow.call || f === Flow.indirectCall) && isCut(i) && blocks.end[blocks.ofInstruction[i]] !== i + 1) count++;
  }
  const first = new Uint32Array(count), end = new Uint32Array(count), nodeOfBlock = new Uint32Array(blocks.count);
  const lastNodeOfBlock = new Uint32Array(blocks.count);
  let row = 0;
  for (let b = 0; b < blocks.count; b++) {
    nodeOfBlock[b] = row;
    const blockEnd = blocks.end[b];
    first[row] = blocks.first[b];
    for (let i = blocks.first[b]; i < blockEnd - 1; i++) {
      const f = flow[i];
      if ((f === Flow.call || f === Flow.indirectCall) && isCut(i)) {
        end[row++] = i + 1;
        first[row] = i + 1;
      }
    }
    end[row] = blockEnd;
    lastNodeOfBlock[b] = row++;
  }

  // Locates by binary search: only entries of callees and query points are looked up.
  const of = (instruction: number): number => {
    let low = 0, high = count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (first[middle] <= instruction) low = middle;
      else high = middle - 1;
    }
    return low;
  };

  const call = new Uint8Array(count), callee = new Int32Array(count).fill(-1), exit = new Uint8Array(count);
  const successorCount = new Uint32Array(count + 1), startCount = new Uint32Array(count + 1);
  const isStartEdge = (b: number, e: number): boolean => {
    const kind = blocks.edgeKind[e];
    if (kind === EdgeKind.exceptionFixup) return true;
    return kind === EdgeKind.alternative && alternativeSites.has(address[blocks.first[b]]);
  };
  const isReturnThunk = blocksAt(program, facts.returnThunks);
  // What is visible of replaceable code is not what will run: a jump there leaves for an unknown place.
  const isReplaceable = blocksAt(program, facts.replaceable);

  const returnOf = (i: number): number => {
    const f = functions.containing(i);
    return f >= 0 && functions.traced[f] === 1 ? Exit.cReturn : Exit.return;
  };

  for (let b = 0; b < blocks.count; b++) {
    for (let k = nodeOfBlock[b]; k < lastNodeOfBlock[b]; k++) successorCount[k + 1] = 1;
    const last = lastNodeOfBlock[b];
    const i = end[last] - 1;
    if (blocks.escapes[b]) exit[last] = Exit.opaque;
    else if (flow[i] === Flow.return) exit[last] = returnOf(i);
    else if (flow[i] === Flow.interruptReturn) exit[last] = Exit.opaque;
    let normal = 0;
    for (let e = blocks.successorStart[b]; e < blocks.successorStart[b + 1]; e++) {
      if (isStartEdge(b, e)) startCount[nodeOfBlock[b] + 1]++;
      else if (isReturnThunk[blocks.successors[e]]) exit[last] = Math.max(exit[last], returnOf(i));
      else if (isReplaceable[blocks.successors[e]]) exit[last] = Exit.opaque;
      else normal++;
    }
    successorCount[last + 1] = normal;
    if (normal === 0 && exit[last] === Exit.none) {
      exit[last] = flow[i] === Flow.undefined || flow[i] === Flow.call ? Exit.dies : Exit.opaque;
    }
  }
  for (let k = 0; k < count; k++) {
    successorCount[k + 1] += successorCount[k];
    startCount[k + 1] += startCount[k];
  }
  const successors = new Uint32Array(successorCount[count]), startSuccessors = new Uint32Array(startCount[count]);
  for (let b = 0; b < blocks.count; b++) {
    for (let k = nodeOfBlock[b]; k < lastNodeOfBlock[b]; k++) successors[successorCount[k]] = k + 1;
    let at = successorCount[lastNodeOfBlock[b]], atStart = startCount[nodeOfBlock[b]];
    for (let e = blocks.successorStart[b]; e < blocks.successorStart[b + 1]; e++) {
      const to = blocks.successors[e];
      if (isStartEdge(b, e)) startSuccessors[atStart++] = nodeOfBlock[to];
      else if (!isReturnThunk[to] && !isReplaceable[to]) successors[at++] = nodeOfBlock[to];
    }
  }

  for (let k = 0; k < count; k++) {
    const i = end[k] - 1;
    if (flow[i] === Flow.indirectCall) {
      call[k] = preserving.has(address[i]) ? CallKind.preserving : CallKind.indirect;
    } else if (flow[i] === Flow.call && isCut(i)) {
      const to = target[i];
      if (thunks.has(to) || replaceable.has(to)) call[k] = CallKind.indirect;
      else {
        const entry = instructions.at(to);
        if (entry >= 0) {
          call[k] = CallKind.direct;
          callee[k] = nodeOfBlock[blocks.ofInstruction[entry]];
        } else call[k] = CallKind.opaque;
      }
      if (noReturn.has(to) && successorCount[k] === successorCount[k + 1]) exit[k] = Exit.dies;
    }
  }

  const folded = fold(instructions, first, end, count);
  const { dependentStart, dependents } = dependentsOf(count, successorCount, successors, startCount, startSuccessors, callee);
  return {
    count, first, end, ...folded, call, callee, exit,
    successorStart: successorCount, successors, startSuccessorStart: startCount, startSuccessors,
    dependentStart, dependents, of,
  };
}

/** Folds each node's instructions into one use/kill pair, last instruction first. */
function fold(instructions: Instructions, first: Uint32Array, end: Uint32Array, count: number) {
  const { effect, effects, flow } = instructions;
  const useParts = new Int32Array(count), useRest = new Int32Array(count);
  const killParts = new Int32Array(count), killRest = new Int32Array(count);
  for (let k = 0; k < count; k++) {
    let up = 0, ur = 0, kp = 0, kr = 0;
    for (let i = end[k] - 1; i >= first[k]; i--) {
      if (flow[i] === Flow.interrupt || flow[i] === Flow.invalid) {
        // A handler sees every register; bytes that do not decode could do anything.
        up = ur = -1;
        continue;
      }
      const e = effect[i];
      const ekp = effects.killParts[e], ekr = effects.killRest[e];
      up = (up & ~ekp) | effects.useParts[e];
      ur = (ur & ~ekr) | effects.useRest[e];
      kp |= ekp;
      kr |= ekr;
    }
    useParts[k] = up;
    useRest[k] = ur;
    killParts[k] = kp;
    killRest[k] = kr;
  }
  return { useParts, useRest, killParts, killRest };
}

/** Inverts successors, start successors and callees by counting sort. */
function dependentsOf(
  count: number,
  successorStart: Uint32Array,
  successors: Uint32Array,
  startSuccessorStart: Uint32Array,
  startSuccessors: Uint32Array,
  callee: Int32Array,
) {
  const dependentStart = new Uint32Array(count + 1);
  for (const to of successors) dependentStart[to + 1]++;
  for (const to of startSuccessors) dependentStart[to + 1]++;
  for (const to of callee) if (to >= 0) dependentStart[to + 1]++;
  for (let k = 0; k < count; k++) dependentStart[k + 1] += dependentStart[k];
  const dependents = new Uint32Array(dependentStart[count]), cursor = dependentStart.slice();
  for (let k = 0; k < count; k++) {
    for (let e = successorStart[k]; e < successorStart[k + 1]; e++) dependents[cursor[successors[e]]++] = k;
    for (let e = startSuccessorStart[k]; e < startSuccessorStart[k + 1]; e++) dependents[cursor[startSuccessors[e]]++] = k;
    if (callee[k] >= 0) dependents[cursor[callee[k]]++] = k;
  }
  return { dependentStart, dependents };
}
