/**
 * Nodes: what the backward analyses run on.
 *
 * A node is a run of instructions that is entered only at its start and left only at its end, with at most one call, its
 * last instruction: a basic block cut behind each of its calls. Straight-line code is folded into one use/kill pair, so
 * a fixpoint visits nodes, not instructions.
 *
 * Holds afterwards: nodes are in ascending instruction order and cover all instructions; every successor and start
 * successor is a node's first instruction; `exit` says how control leaves for a place without a node.
 * Where nodes begin and which call which is known of all of them, for whoever asks who calls; the rest of a node only once it has been
 * settled: analyses that are asked about a few points come to one node in forty.
 * Cost: one pass over the calls and one over the blocks; of settling, the edges of the block.
 */
import { AddressSet, Flow, partsOf, restOf, type Program } from "@pv/x86-ir";
import { CONVENTIONS } from "./conventions.js";
import { savingThunks } from "./saving-thunks.js";
import { NodeEdges, unseenBlocks, type Split } from "./node-edges.js";

export { CallKind, Exit, isNop } from "./node-edges.js";

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
  /** `killRest` without what counts as written by an assumption. */
  readonly codeKillRest: Int32Array;
  /** May be written by the node's own instructions. */
  readonly writeParts: Int32Array;
  readonly writeRest: Int32Array;
  /** 1 where an instruction writes the upper result register, and where one replaces the lower one, using neither. */
  readonly writesHigh: Uint8Array;
  readonly replacesLow: Uint8Array;
  readonly call: Uint8Array;
  /** First node of the callee, for `CallKind.direct` and `directC`; otherwise -1. */
  readonly callee: Int32Array;
  readonly exit: Uint8Array;
  /** Successors from the end of node k: `successors[successorStart[k] .. successorEnd[k])`. */
  readonly successorStart: Uint32Array;
  readonly successorEnd: Uint32Array;
  readonly successors: Uint32Array;
  /** Control may go from the node's *start* to these (exception fix-up, alternative); likewise. */
  readonly startSuccessorStart: Uint32Array;
  readonly startSuccessorEnd: Uint32Array;
  readonly startSuccessors: readonly number[];
  /** Direct calls of visible functions, of all nodes: the nodes that call, ascending, and the callees' first ones. */
  readonly callNodes: Uint32Array;
  readonly callees: Uint32Array;
  /** Node of an instruction. */
  of(instruction: number): number;
  /** Works out call, callee, exit and successors of a node; a second time, it does nothing. */
  settle(node: number): void;
  /** Nodes from which control comes to the start of a node, from their ends or starts, settled; callers do not count. */
  predecessors(node: number): number[];
  /** The nodes of all blocks out of which control may come to another function (`functionOf` by node), settled. */
  leaving(functionOf: Uint32Array): number[];
}

/** The nodes of a program, none of them settled. */
export function buildNodes(program: Program): Nodes {
  const { blocks } = program;
  const split = splitBehindCalls(program);
  const { count, first, end, nodeOfBlock } = split;
  const saving = savingThunks(program);
  const edges = new NodeEdges(program, split, saving);
  return {
    count,
    first,
    end,
    ...emptyEffects(count),
    ...directCalls(program, split, saving),
    ...edges.columns,
    settle: (node) => edges.settle(node),
    predecessors: (node) => edges.predecessors(node),
    leaving: (functionOf) => edges.leaving(functionOf),
    of(instruction) {
      let k = nodeOfBlock[blocks.ofInstruction[instruction]];
      while (end[k] <= instruction) k++;
      return k;
    },
  };
}

function splitBehindCalls({ instructions, blocks, facts }: Program): Split {
  const { flow, target, address, transfers } = instructions;
  const transparent = new AddressSet(facts.transparent),
    traced = new AddressSet(facts.tracedCalls);
  const list = new Uint32Array(transfers.length);
  let callCount = 0;
  for (let t = 0; t < transfers.length; t++) {
    const i = transfers[t],
      f = flow[i];
    if (f !== Flow.call && f !== Flow.indirectCall) continue;
    if (!traced.has(address[i]) && (f === Flow.indirectCall || !transparent.has(target[i]))) list[callCount++] = t;
  }
  const calls = list.slice(0, callCount),
    callNodes = new Uint32Array(callCount);
  // At most one node for each block and one more behind each call; nodes end where the next ones begin.
  const bounds = new Uint32Array(blocks.count + callCount + 1);
  const nodeOfBlock = new Uint32Array(blocks.count + 1);
  let k = 0,
    c = 0,
    call = callCount > 0 ? transfers[calls[0]] : instructions.count;
  for (let b = 0; b < blocks.count; b++) {
    const end = blocks.end[b];
    nodeOfBlock[b] = k;
    bounds[k++] = blocks.first[b];
    while (call < end) {
      callNodes[c++] = k - 1;
      if (call + 1 < end) bounds[k++] = call + 1;
      call = c < callCount ? transfers[calls[c]] : instructions.count;
    }
  }
  nodeOfBlock[blocks.count] = k;
  bounds[k] = instructions.count;
  return { count: k, first: bounds.subarray(0, k), end: bounds.subarray(1, k + 1), nodeOfBlock, calls, callNodes };
}

/** Calls of visible functions. */
function directCalls(
  program: Program,
  { nodeOfBlock, calls, callNodes }: Split,
  saving: Uint32Array,
): Pick<Nodes, "callNodes" | "callees"> {
  const { instructions, blocks } = program;
  const { flow, transfers, transferTarget } = instructions;
  const unseen = unseenBlocks(program, saving);
  const nodes = new Uint32Array(calls.length),
    callees = new Uint32Array(calls.length);
  let count = 0;
  for (let c = 0; c < calls.length; c++) {
    const t = calls[c],
      to = transferTarget[t];
    if (flow[transfers[t]] !== Flow.call || to < 0) continue;
    // What is called begins a block.
    const block = blocks.ofInstruction[to];
    nodes[count] = callNodes[c];
    callees[count] = nodeOfBlock[block];
    count += 1 - unseen[block];
  }
  return { callNodes: nodes.subarray(0, count), callees: callees.subarray(0, count) };
}

type NodeEffects = Pick<
  Nodes,
  | "useParts"
  | "useRest"
  | "killParts"
  | "killRest"
  | "codeKillRest"
  | "writeParts"
  | "writeRest"
  | "writesHigh"
  | "replacesLow"
>;

function emptyEffects(count: number): NodeEffects {
  return {
    useParts: new Int32Array(count),
    useRest: new Int32Array(count),
    killParts: new Int32Array(count),
    killRest: new Int32Array(count),
    codeKillRest: new Int32Array(count),
    writeParts: new Int32Array(count),
    writeRest: new Int32Array(count),
    writesHigh: new Uint8Array(count),
    replacesLow: new Uint8Array(count),
  };
}

/**
 * Folds the instructions of a node into one use/kill pair, last instruction first; a second time, it does nothing. `rowKillRest` is what an effect
 * surely writes of the word `rest` ({@link surelyWritten}).
 */
export function nodeFolder({ instructions }: Program, nodes: Nodes, rowKillRest: Int32Array): (node: number) => void {
  const { effect, effects, flow } = instructions;
  const { first, end, useParts, useRest, killParts, killRest, codeKillRest, writeParts, writeRest } = nodes;
  const { writesHigh, replacesLow } = nodes;
  // One cache line per effect: they are looked up in no order, three million times.
  const rows = new Int32Array(8 * effects.count);
  for (let e = 0; e < effects.count; e++) {
    rows[8 * e + 6] = effects.killRest[e];
    rows[8 * e] = effects.useParts[e];
    rows[8 * e + 1] = effects.useRest[e];
    rows[8 * e + 2] = effects.killParts[e];
    rows[8 * e + 3] = rowKillRest[e];
    rows[8 * e + 4] = effects.writeParts[e];
    rows[8 * e + 5] = effects.writeRest[e];
  }
  const { interrupt, invalid } = Flow;
  const [low, high] = CONVENTIONS[instructions.bits].resultRegisters;
  const lowParts = partsOf(low),
    pairParts = lowParts | partsOf(high),
    highParts = partsOf(high),
    highRest = restOf(high);
  const folded = new Uint8Array(nodes.count);
  return (k) => {
    if (folded[k] === 1) return;
    folded[k] = 1;
    const start = first[k];
    let up = 0,
      ur = 0,
      kp = 0,
      kr = 0,
      ck = 0,
      wp = 0,
      wr = 0,
      replaces = 0;
    for (let i = end[k] - 1; i >= start; i--) {
      if (flow[i] === interrupt || flow[i] === invalid) {
        // A handler sees every register; bytes that do not decode could do anything.
        up = ur = wp = wr = -1;
        continue;
      }
      const row = effect[i] << 3;
      const eup = rows[row],
        ekp = rows[row + 2],
        ekr = rows[row + 3];
      up = (up & ~ekp) | eup;
      ur = (ur & ~ekr) | rows[row + 1];
      if ((ekp & lowParts) === lowParts && (eup & pairParts) === 0) replaces = 1;
      kp |= ekp;
      kr |= ekr;
      ck |= rows[row + 6];
      wp |= rows[row + 4];
      wr |= rows[row + 5];
    }
    useParts[k] = up;
    useRest[k] = ur;
    killParts[k] = kp;
    killRest[k] = kr;
    codeKillRest[k] = ck;
    writeParts[k] = wp;
    writeRest[k] = wr;
    writesHigh[k] = (wp & highParts) !== 0 || (wr & highRest) !== 0 ? 1 : 0;
    replacesLow[k] = replaces;
  };
}
