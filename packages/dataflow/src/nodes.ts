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
import { EdgeKind, Flow, partsOf, restOf, type Instructions, type Program } from "@pv/x86-ir";
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

/** `killRest` is what an effect surely writes of the word `rest` ({@link surelyWritten}). */
export function buildNodes(program: Program, killRest: Int32Array): Nodes {
  const { instructions, blocks } = program;
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
    ...fold(instructions, killRest, first, end, count),
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
  /** 1 for each call that ends a node; calls of __fentry__ and its like are plain instructions. */
  readonly cut: Uint8Array;
}

function splitBehindCalls({ instructions, blocks, facts }: Program): Split {
  const { count: n, flow, target } = instructions;
  const transparent = new Set(facts.transparent);
  const cut = new Uint8Array(n);
  for (const va of facts.tracedCalls) {
    const i = instructions.at(va);
    if (i >= 0) cut[i] = 1;
  }
  const calls: number[] = [];
  const direct = Flow.call,
    indirect = Flow.indirectCall;
  for (let i = 0; i < n; i++) {
    const f = flow[i];
    if (f !== direct && f !== indirect) continue;
    const isPlain = cut[i] === 1 || (f === direct && transparent.has(target[i]));
    cut[i] = isPlain ? 0 : 1;
    if (!isPlain) calls.push(i);
  }
  // At most one node for each block and one more behind each call.
  const first = new Uint32Array(blocks.count + calls.length),
    end = new Uint32Array(first.length);
  const nodeOfBlock = new Uint32Array(blocks.count + 1);
  let k = 0,
    call = 0;
  for (let b = 0; b < blocks.count; b++) {
    nodeOfBlock[b] = k;
    first[k] = blocks.first[b];
    const last = blocks.end[b] - 1;
    for (; call < calls.length && calls[call]! < last; call++) {
      end[k++] = calls[call]! + 1;
      first[k] = calls[call]! + 1;
    }
    if (calls[call] === last) call++;
    end[k++] = last + 1;
  }
  nodeOfBlock[blocks.count] = k;
  return { count: k, first: first.subarray(0, k), end: end.subarray(0, k), nodeOfBlock, cut };
}

type Edges = Pick<Nodes, "exit" | "successorStart" | "successors" | "startSuccessorStart" | "startSuccessors">;

/** Edges of blocks as edges of nodes; edges to returns and to unknown places become exits. */
function connect(program: Program, { count, end, nodeOfBlock }: Split): Edges {
  const { instructions, blocks, functions, facts } = program;
  const { flow } = instructions;
  const returnThunk = blocksAt(program, facts.returnThunks);
  // What is visible of replaceable code is not what will run: a jump there leaves for an unknown place.
  const replaceable = blocksAt(program, facts.replaceable);
  const alternativeSite = blocksAt(program, facts.alternativeSite);
  const exit = new Uint8Array(count);
  const successorStart = new Uint32Array(count + 1),
    startSuccessorStart = new Uint32Array(count + 1);

  const { exceptionFixup, alternative } = EdgeKind,
    interruptReturn = Flow.interruptReturn,
    plainReturn = Flow.return;
  const startsAtSource = (b: number, e: number): boolean =>
    blocks.edgeKind[e] === exceptionFixup || (blocks.edgeKind[e] === alternative && alternativeSite[b] === 1);
  const filler = fillerBlocks(program);
  const returnOf = (i: number): number => {
    const f = functions.containing(i);
    return f >= 0 && functions.traced[f] === 1 ? Exit.cReturn : Exit.return;
  };

  for (let b = 0; b < blocks.count; b++) {
    const last = nodeOfBlock[b + 1] - 1,
      i = end[last] - 1;
    for (let k = nodeOfBlock[b]; k < last; k++) successorStart[k + 1] = 1;
    if (filler[b] === 1) {
      exit[last] = Exit.dies;
      continue;
    }
    const f = flow[i];
    if (blocks.escapes[b] === 1 || f === interruptReturn) exit[last] = Exit.opaque;
    else if (f === plainReturn) exit[last] = returnOf(i);
    let normal = 0;
    for (let e = blocks.successorStart[b]; e < blocks.successorStart[b + 1]; e++) {
      const to = blocks.successors[e];
      if (startsAtSource(b, e)) startSuccessorStart[nodeOfBlock[b] + 1]++;
      else if (returnThunk[to] === 1) exit[last] = Math.max(exit[last], returnOf(i));
      else if (replaceable[to] === 1) exit[last] = Exit.opaque;
      else normal++;
    }
    successorStart[last + 1] = normal;
    if (normal === 0 && exit[last] === Exit.none) {
      exit[last] = flow[i] === Flow.undefined || flow[i] === Flow.call ? Exit.dies : Exit.opaque;
    }
  }
  for (let k = 0; k < count; k++) {
    successorStart[k + 1] += successorStart[k];
    startSuccessorStart[k + 1] += startSuccessorStart[k];
  }

  const successors = new Uint32Array(successorStart[count]),
    startSuccessors = new Uint32Array(startSuccessorStart[count]);
  for (let b = 0; b < blocks.count; b++) {
    const last = nodeOfBlock[b + 1] - 1;
    for (let k = nodeOfBlock[b]; k < last; k++) successors[successorStart[k]] = k + 1;
    if (filler[b] === 1) continue;
    let at = successorStart[last],
      atStart = startSuccessorStart[nodeOfBlock[b]];
    for (let e = blocks.successorStart[b]; e < blocks.successorStart[b + 1]; e++) {
      const to = blocks.successors[e];
      if (startsAtSource(b, e)) startSuccessors[atStart++] = nodeOfBlock[to];
      else if (returnThunk[to] === 0 && replaceable[to] === 0) successors[at++] = nodeOfBlock[to];
    }
  }
  return { exit, successorStart, successors, startSuccessorStart, startSuccessors };
}

/**
 * What stands between functions to align them: blocks that nothing leads to and that fall into a function. Compiled functions are
 * called or jumped to, never fallen into; before any other function, only no-operations count.
 */
function fillerBlocks({ instructions, blocks, functions, facts }: Program): Uint8Array {
  const filler = new Uint8Array(blocks.count);
  const starts = blocksAt({ instructions, blocks }, facts.addressTaken);
  for (const i of functions.entryInstruction) starts[blocks.ofInstruction[i]] = 1;
  functions.entryInstruction.forEach((entry, f) => {
    const b = blocks.ofInstruction[entry] - 1;
    if (b < 0 || starts[b] === 1 || blocks.predecessorStart[b] !== blocks.predecessorStart[b + 1]) return;
    let i = blocks.first[b];
    while (
      i < entry &&
      instructions.flow[i] === Flow.next &&
      (functions.traced[f] === 1 || isNop(instructions.bytesOf(i)))
    )
      i++;
    if (i === entry) filler[b] = 1;
  });
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
function blocksAt(
  { instructions, blocks }: Pick<Program, "instructions" | "blocks">,
  addresses: Uint32Array,
): Uint8Array {
  const marks = new Uint8Array(blocks.count);
  for (const va of addresses) {
    const i = instructions.at(va);
    if (i >= 0 && blocks.first[blocks.ofInstruction[i]] === i) marks[blocks.ofInstruction[i]] = 1;
  }
  return marks;
}

function classifyCalls(
  program: Program,
  split: Split,
  { exit, successorStart }: Edges,
): Pick<Nodes, "call" | "callee"> {
  const { instructions, blocks, functions, facts } = program;
  const { flow, target, address } = instructions;
  const { count, end, nodeOfBlock, cut } = split;
  const isTracedEntry = new Uint8Array(instructions.count);
  functions.entryInstruction.forEach((i, f) => (isTracedEntry[i] = functions.traced[f]));
  const thunks = new Set(facts.thunkAddress),
    replaceable = new Set(facts.replaceable),
    saving = savingThunks(program);
  const preserving = new Set(facts.preservingCalls),
    noReturn = new Set(facts.noReturn);
  const call = new Uint8Array(count),
    callee = new Int32Array(count).fill(-1);
  for (let k = 0; k < count; k++) {
    const i = end[k] - 1;
    if (cut[i] === 0) continue;
    const to = target[i];
    if (flow[i] === Flow.indirectCall) call[k] = preserving.has(address[i]) ? CallKind.preserving : CallKind.indirect;
    else if (saving.has(to)) call[k] = CallKind.saving;
    else if (thunks.has(to) || replaceable.has(to)) call[k] = CallKind.indirect;
    else {
      const entry = instructions.at(to);
      call[k] = entry < 0 ? CallKind.opaque : isTracedEntry[entry] === 1 ? CallKind.directC : CallKind.direct;
      if (entry >= 0) callee[k] = nodeOfBlock[blocks.ofInstruction[entry]];
    }
    if (noReturn.has(to) && successorStart[k] === successorStart[k + 1]) exit[k] = Exit.dies;
  }
  return { call, callee };
}

/** Folds each node's instructions into one use/kill pair, last instruction first. */
function fold(
  instructions: Instructions,
  rowKillRest: Int32Array,
  first: Uint32Array,
  end: Uint32Array,
  count: number,
) {
  const { effect, effects, flow } = instructions;
  const useParts = new Int32Array(count),
    useRest = new Int32Array(count);
  const killParts = new Int32Array(count),
    killRest = new Int32Array(count);
  const writeParts = new Int32Array(count),
    writeRest = new Int32Array(count);
  const rowUseParts = effects.useParts,
    rowUseRest = effects.useRest,
    rowKillParts = effects.killParts;
  const rowWriteParts = effects.writeParts,
    rowWriteRest = effects.writeRest;
  const { interrupt, invalid } = Flow;
  const [low, high] = CONVENTIONS[instructions.bits].resultRegisters;
  const lowParts = partsOf(low),
    pairParts = lowParts | partsOf(high),
    highParts = partsOf(high),
    highRest = restOf(high);
  const writesHigh = new Uint8Array(count),
    replacesLow = new Uint8Array(count);
  for (let k = 0; k < count; k++) {
    let up = 0,
      ur = 0,
      kp = 0,
      kr = 0,
      wp = 0,
      wr = 0,
      replaces = 0;
    for (let i = end[k] - 1; i >= first[k]; i--) {
      if (flow[i] === interrupt || flow[i] === invalid) {
        // A handler sees every register; bytes that do not decode could do anything.
        up = ur = wp = wr = -1;
        continue;
      }
      const e = effect[i];
      const ekp = rowKillParts[e],
        ekr = rowKillRest[e];
      up = (up & ~ekp) | rowUseParts[e];
      ur = (ur & ~ekr) | rowUseRest[e];
      if ((ekp & lowParts) === lowParts && (rowUseParts[e] & pairParts) === 0) replaces = 1;
      kp |= ekp;
      kr |= ekr;
      wp |= rowWriteParts[e];
      wr |= rowWriteRest[e];
    }
    useParts[k] = up;
    useRest[k] = ur;
    killParts[k] = kp;
    killRest[k] = kr;
    writeParts[k] = wp;
    writeRest[k] = wr;
    writesHigh[k] = (wp & highParts) !== 0 || (wr & highRest) !== 0 ? 1 : 0;
    replacesLow[k] = replaces;
  }
  return { useParts, useRest, killParts, killRest, writeParts, writeRest, writesHigh, replacesLow };
}

/** Inverts successors, start successors and callees by counting sort. */
function dependentsOf(count: number, edges: Edges, callee: Int32Array): Pick<Nodes, "dependentStart" | "dependents"> {
  const { successorStart, successors, startSuccessorStart, startSuccessors } = edges;
  const dependentStart = new Uint32Array(count + 1);
  for (const to of successors) dependentStart[to + 1]++;
  for (const to of startSuccessors) dependentStart[to + 1]++;
  for (const to of callee) if (to >= 0) dependentStart[to + 1]++;
  for (let k = 0; k < count; k++) dependentStart[k + 1] += dependentStart[k];
  const dependents = new Uint32Array(dependentStart[count]),
    cursor = dependentStart.slice();
  for (let k = 0; k < count; k++) {
    for (let e = successorStart[k]; e < successorStart[k + 1]; e++) dependents[cursor[successors[e]]++] = k;
    for (let e = startSuccessorStart[k]; e < startSuccessorStart[k + 1]; e++)
      dependents[cursor[startSuccessors[e]]++] = k;
    if (callee[k] >= 0) dependents[cursor[callee[k]]++] = k;
  }
  return { dependentStart, dependents };
}
