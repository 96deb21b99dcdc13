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
import { AddressSet, EdgeKind, Flow, partsOf, restOf, type Program } from "@pv/x86-ir";
import { CONVENTIONS } from "./conventions.js";
import { savingThunks } from "./saving-thunks.js";

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
  /** A visible function that is compiled C, entered at its start. */
  directC: 5,
  /** A thunk that saves every register but the flags (saving-thunks.ts), or a trampoline to one. */
  saving: 6,
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

/** Nodes with nothing known yet of what their instructions do: `nodeFolder` adds that. */
export function buildNodes(program: Program): Nodes {
  const { blocks } = program;
  const split = splitBehindCalls(program);
  const { count, first, end } = split;
  const edges = connect(program, split);
  const calls = classifyCalls(program, split, edges);
  const of = (instruction: number): number => {
    let k = split.nodeOfBlock[blocks.ofInstruction[instruction]];
    while (end[k] <= instruction) k++;
    return k;
  };
  return {
    count,
    first,
    end,
    ...emptyEffects(count),
    ...calls,
    ...edges,
    ...dependentsOf(count, edges, calls.callee),
    of,
  };
}

interface Split {
  readonly count: number;
  readonly first: Uint32Array;
  readonly end: Uint32Array;
  /** First node of each block, and one more entry: the last node of block b is the one before `nodeOfBlock[b + 1]`. */
  readonly nodeOfBlock: Uint32Array;
  /** The calls that end nodes, as positions in `transfers`, and beside them those nodes. Calls of __fentry__ and its like are plain instructions. */
  readonly calls: Uint32Array;
  readonly callNodes: Uint32Array;
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

type Edges = Pick<Nodes, "exit" | "successorStart" | "successors" | "startSuccessorStart" | "startSuccessors">;

/** What is special about a block. */
const Special = { returnThunk: 1, replaceable: 2, alternativeSite: 4, filler: 8 } as const;

/** Edges of blocks as edges of nodes; edges to returns and to unknown places become exits. */
function connect(program: Program, { count, end, nodeOfBlock, calls }: Split): Edges {
  const { instructions, blocks, functions, facts } = program;
  const { flow } = instructions;
  const special = fillerBlocks(program);
  markBlocks(program, facts.returnThunks, special, Special.returnThunk);
  // What is visible of replaceable code is not what will run: a jump there leaves for an unknown place.
  markBlocks(program, facts.replaceable, special, Special.replaceable);
  markBlocks(program, facts.alternativeSite, special, Special.alternativeSite);
  const exit = new Uint8Array(count);
  const successorStart = new Uint32Array(count + 1),
    startSuccessorStart = new Uint32Array(count + 1);
  const { edgeKind, escapes } = blocks,
    edges = blocks.successors;
  const successors = new Uint32Array(edges.length + calls.length),
    startSuccessors: number[] = [];
  const returnOf = (i: number): number => {
    const f = functions.containing(i);
    return f >= 0 && functions.traced[f] === 1 ? Exit.cReturn : Exit.return;
  };

  let normal = 0;
  for (let b = 0; b < blocks.count; b++) {
    const last = nodeOfBlock[b + 1] - 1,
      i = end[last] - 1,
      how = flow[i];
    for (let k = nodeOfBlock[b]; k < last; k++) {
      successors[normal++] = k + 1;
      successorStart[k + 1] = normal;
    }
    const before = normal,
      starts = startSuccessors.length;
    let leaves: number = Exit.none;
    if ((special[b] & Special.filler) !== 0) leaves = Exit.dies;
    else {
      if (escapes[b] === 1 || how === Flow.interruptReturn) leaves = Exit.opaque;
      else if (how === Flow.return) leaves = returnOf(i);
      for (let e = blocks.successorStart[b]; e < blocks.successorStart[b + 1]; e++) {
        const to = edges[e],
          kind = edgeKind[e];
        if (
          kind === EdgeKind.exceptionFixup ||
          (kind === EdgeKind.alternative && (special[b] & Special.alternativeSite) !== 0)
        )
          startSuccessors.push(nodeOfBlock[to]);
        else if ((special[to] & Special.returnThunk) !== 0) leaves = Math.max(leaves, returnOf(i));
        else if ((special[to] & Special.replaceable) !== 0) leaves = Exit.opaque;
        else successors[normal++] = nodeOfBlock[to];
      }
      if (normal === before && leaves === Exit.none)
        leaves = how === Flow.undefined || how === Flow.call ? Exit.dies : Exit.opaque;
    }
    exit[last] = leaves;
    successorStart[last + 1] = normal;
    // They leave from the first node's start; rows in between have none.
    startSuccessorStart[nodeOfBlock[b] + 1] += startSuccessors.length - starts;
  }
  if (startSuccessors.length > 0) for (let k = 0; k < count; k++) startSuccessorStart[k + 1] += startSuccessorStart[k];
  return {
    exit,
    successorStart,
    successors: successors.slice(0, normal),
    startSuccessorStart,
    startSuccessors: Uint32Array.from(startSuccessors),
  };
}

/**
 * Marks (`Special.filler`) what stands between functions to align them: blocks that nothing leads to and that fall into a function. Compiled functions are
 * called or jumped to, never fallen into; before any other function, only no-operations count.
 */
function fillerBlocks(program: Program): Uint8Array {
  const { instructions, blocks, functions, facts } = program;
  const { entryInstruction, traced } = functions;
  const filler = new Uint8Array(blocks.count),
    starts = new Uint8Array(blocks.count);
  markBlocks(program, facts.addressTaken, starts, 1);
  for (let f = 0; f < functions.count; f++) starts[blocks.ofInstruction[entryInstruction[f]]] = 1;
  for (let f = 0; f < functions.count; f++) {
    const entry = entryInstruction[f],
      b = blocks.ofInstruction[entry] - 1;
    if (b < 0 || starts[b] === 1 || blocks.predecessorStart[b] !== blocks.predecessorStart[b + 1]) continue;
    let i = blocks.first[b];
    while (i < entry && instructions.flow[i] === Flow.next && (traced[f] === 1 || isNop(instructions.bytesOf(i)))) i++;
    if (i === entry) filler[b] = Special.filler;
  }
  return filler;
}

/** NOP in its forms, and what assemblers use in its place: `lea 0(%esi),%esi`, `lea 0(%esi,%eiz),%esi`, `mov %esi,%esi`. */
export function isNop(bytes: Uint8Array): boolean {
  let at = 0;
  while (bytes[at] === 0x66 || bytes[at] === 0x2e || bytes[at] === 0x3e) at++;
  const [opcode, modrm] = [bytes[at], bytes[at + 1]];
  if (opcode === 0x90) return true;
  if (opcode === 0x0f) return modrm === 0x1f;
  if (opcode === 0x89) return modrm === 0xf6 || modrm === 0xff;
  if (opcode !== 0x8d) return false;
  const forms: Readonly<Record<number, number>> = {
    0x36: 0,
    0x76: 0,
    0xb6: 0,
    0x74: 1,
    0xb4: 1,
    0x3f: 0,
    0x7f: 0,
    0xbf: 0,
    0x7c: 1,
    0xbc: 1,
  };
  const sib = forms[modrm];
  if (sib === undefined || (sib === 1 && bytes[at + 2] !== (modrm & 8 ? 0x27 : 0x26))) return false;
  return bytes.subarray(at + 2 + sib).every((byte) => byte === 0);
}

/** Marks the blocks that begin at one of the addresses. */
function markBlocks({ instructions, blocks }: Program, addresses: Uint32Array, marks: Uint8Array, mark: number): void {
  for (const va of addresses) {
    const i = instructions.at(va);
    if (i >= 0 && blocks.first[blocks.ofInstruction[i]] === i) marks[blocks.ofInstruction[i]] |= mark;
  }
}

function classifyCalls(
  program: Program,
  { count, nodeOfBlock, calls, callNodes }: Split,
  { exit, successorStart }: Edges,
): Pick<Nodes, "call" | "callee"> {
  const { instructions, blocks, functions, facts } = program;
  const { flow, target, address, transfers, transferTarget } = instructions;
  // Functions begin blocks, and so does what is called.
  const isTraced = new Uint8Array(blocks.count);
  functions.entryInstruction.forEach((i, f) => (isTraced[blocks.ofInstruction[i]] = functions.traced[f]));
  const thunks = new AddressSet(facts.thunkAddress),
    replaceable = new AddressSet(facts.replaceable),
    saving = new AddressSet(savingThunks(program));
  const preserving = new AddressSet(facts.preservingCalls),
    noReturn = new AddressSet(facts.noReturn);
  const call = new Uint8Array(count),
    callee = new Int32Array(count).fill(-1);
  for (let c = 0; c < calls.length; c++) {
    const k = callNodes[c],
      i = transfers[calls[c]],
      to = target[i];
    if (flow[i] === Flow.indirectCall) call[k] = preserving.has(address[i]) ? CallKind.preserving : CallKind.indirect;
    else if (saving.has(to)) call[k] = CallKind.saving;
    else if (thunks.has(to) || replaceable.has(to)) call[k] = CallKind.indirect;
    else {
      const entry = transferTarget[calls[c]];
      if (entry < 0) call[k] = CallKind.opaque;
      else {
        const block = blocks.ofInstruction[entry];
        call[k] = isTraced[block] === 1 ? CallKind.directC : CallKind.direct;
        callee[k] = nodeOfBlock[block];
      }
    }
    if (noReturn.has(to) && successorStart[k] === successorStart[k + 1]) exit[k] = Exit.dies;
  }
  return { call, callee };
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

/** Inverts successors, start successors and callees by counting sort. */
function dependentsOf(count: number, edges: Edges, callee: Int32Array): Pick<Nodes, "dependentStart" | "dependents"> {
  const { successorStart, successors, startSuccessorStart, startSuccessors } = edges;
  // Row k is counted in entry k + 2; then entry k + 1 is where row k goes on, and in the end, where it ends.
  const cursor = new Uint32Array(count + 2);
  for (let e = 0; e < successors.length; e++) cursor[successors[e] + 2]++;
  for (let e = 0; e < startSuccessors.length; e++) cursor[startSuccessors[e] + 2]++;
  for (let k = 0; k < count; k++) if (callee[k] >= 0) cursor[callee[k] + 2]++;
  for (let k = 0; k <= count; k++) cursor[k + 1] += cursor[k];
  const dependents = new Uint32Array(cursor[count + 1]);
  for (let k = 0; k < count; k++) {
    for (let e = successorStart[k]; e < successorStart[k + 1]; e++) dependents[cursor[successors[e] + 1]++] = k;
    for (let e = startSuccessorStart[k]; e < startSuccessorStart[k + 1]; e++)
      dependents[cursor[startSuccessors[e] + 1]++] = k;
    if (callee[k] >= 0) dependents[cursor[callee[k] + 1]++] = k;
  }
  return { dependentStart: cursor.subarray(0, count + 1), dependents };
}
