/**
 * Edges of nodes: what lies behind each, worked out for one node at a time, when somebody gets there.
 *
 * Edges of blocks become edges of nodes; edges to returns and to unknown places become exits, calls get their kind.
 * Cost: the edges of the node's block.
 */
import { AddressSet, EdgeKind, Flow, type Program } from "@pv/x86-ir";

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

/** Where nodes begin and end. */
export interface Split {
  readonly count: number;
  readonly first: Uint32Array;
  readonly end: Uint32Array;
  /** First node of each block, and one more entry: the last node of block b is the one before `nodeOfBlock[b + 1]`. */
  readonly nodeOfBlock: Uint32Array;
  /** The calls that end nodes, as positions in `transfers`, and beside them those nodes. Calls of __fentry__ and its like are plain instructions. */
  readonly calls: Uint32Array;
  readonly callNodes: Uint32Array;
}

/** What is special about a block: what it begins with. `compiled` are entries of traced functions, `taken` addresses that something refers to. */
const Special = { returnThunk: 1, replaceable: 2, alternativeSite: 4, entry: 8, compiled: 16, taken: 32 } as const;

export class NodeEdges {
  readonly columns;
  readonly #program: Program;
  readonly #split: Split;
  readonly #special: Uint8Array;
  readonly #settled: Uint8Array;
  #normal = 0;
  readonly #transparent: AddressSet;
  readonly #traced: AddressSet;
  readonly #thunks: AddressSet;
  readonly #replaceable: AddressSet;
  readonly #saving: AddressSet;
  readonly #preserving: AddressSet;
  readonly #noReturn: AddressSet;

  /** `saving`: addresses of thunks that save all (saving-thunks.ts). */
  constructor(program: Program, split: Split, saving: Uint32Array) {
    const { blocks, functions, facts } = program;
    const { count, calls } = split;
    this.#program = program;
    this.#split = split;
    this.#settled = new Uint8Array(count);
    this.columns = {
      call: new Uint8Array(count),
      callee: new Int32Array(count).fill(-1),
      exit: new Uint8Array(count),
      successorStart: new Uint32Array(count),
      successorEnd: new Uint32Array(count),
      successors: new Uint32Array(blocks.successors.length + calls.length),
      startSuccessorStart: new Uint32Array(count),
      startSuccessorEnd: new Uint32Array(count),
      startSuccessors: [] as number[],
    };
    const special = (this.#special = new Uint8Array(blocks.count));
    markBlocks(program, facts.returnThunks, special, Special.returnThunk);
    // What is visible of replaceable code is not what will run: a jump there leaves for an unknown place.
    markBlocks(program, facts.replaceable, special, Special.replaceable);
    markBlocks(program, facts.alternativeSite, special, Special.alternativeSite);
    markBlocks(program, facts.addressTaken, special, Special.taken);
    for (let f = 0; f < functions.count; f++)
      special[blocks.ofInstruction[functions.entryInstruction[f]]] |=
        functions.traced[f] === 1 ? Special.entry | Special.compiled : Special.entry;
    this.#transparent = new AddressSet(facts.transparent);
    this.#traced = new AddressSet(facts.tracedCalls);
    this.#thunks = new AddressSet(facts.thunkAddress);
    this.#replaceable = new AddressSet(facts.replaceable);
    this.#saving = new AddressSet(saving);
    this.#preserving = new AddressSet(facts.preservingCalls);
    this.#noReturn = new AddressSet(facts.noReturn);
  }

  settle(k: number): void {
    if (this.#settled[k] === 1) return;
    this.#settled[k] = 1;
    const { instructions, blocks } = this.#program;
    const { first, end, nodeOfBlock } = this.#split;
    const { successorStart, successorEnd, successors, startSuccessorStart, startSuccessorEnd, startSuccessors } =
      this.columns;
    const block = blocks.ofInstruction[first[k]];
    successorStart[k] = this.#normal;
    if (end[k] < blocks.end[block]) successors[this.#normal++] = k + 1;
    else this.#settleEnd(k, block);
    successorEnd[k] = this.#normal;
    startSuccessorStart[k] = startSuccessors.length;
    if (first[k] === blocks.first[block])
      for (let e = blocks.successorStart[block]; e < blocks.successorStart[block + 1]; e++)
        if (this.#leavesFromStart(block, e) && !this.#isFiller(block))
          startSuccessors.push(nodeOfBlock[blocks.successors[e]]);
    startSuccessorEnd[k] = startSuccessors.length;
    const last = end[k] - 1;
    if (instructions.flow[last] === Flow.call || instructions.flow[last] === Flow.indirectCall)
      this.#classifyCall(k, last);
  }

  /** The exit of the last node of a block, and its successors. */
  #settleEnd(k: number, block: number): void {
    const { instructions, blocks } = this.#program;
    const { end, nodeOfBlock } = this.#split;
    const { exit, successors } = this.columns;
    const special = this.#special;
    if (this.#isFiller(block)) {
      exit[k] = Exit.dies;
      return;
    }
    const i = end[k] - 1,
      how = instructions.flow[i],
      before = this.#normal;
    let leaves: number = Exit.none;
    if (blocks.escapes[block] === 1 || how === Flow.interruptReturn) leaves = Exit.opaque;
    else if (how === Flow.return) leaves = this.#returnOf(i);
    for (let e = blocks.successorStart[block]; e < blocks.successorStart[block + 1]; e++) {
      if (this.#leavesFromStart(block, e)) continue;
      const to = blocks.successors[e];
      if ((special[to] & Special.returnThunk) !== 0) leaves = Math.max(leaves, this.#returnOf(i));
      else if ((special[to] & Special.replaceable) !== 0) leaves = Exit.opaque;
      else successors[this.#normal++] = nodeOfBlock[to];
    }
    if (this.#normal === before && leaves === Exit.none)
      leaves = how === Flow.undefined || how === Flow.call ? Exit.dies : Exit.opaque;
    exit[k] = leaves;
  }

  #classifyCall(k: number, i: number): void {
    const { instructions, blocks } = this.#program;
    const { flow, target, address } = instructions;
    const { call, callee, exit, successorStart, successorEnd } = this.columns;
    const to = target[i];
    if (this.#traced.has(address[i]) || (flow[i] === Flow.call && this.#transparent.has(to))) return;
    if (flow[i] === Flow.indirectCall)
      call[k] = this.#preserving.has(address[i]) ? CallKind.preserving : CallKind.indirect;
    else if (this.#saving.has(to)) call[k] = CallKind.saving;
    else if (this.#thunks.has(to) || this.#replaceable.has(to)) call[k] = CallKind.indirect;
    else {
      const entry = instructions.at(to);
      if (entry < 0) call[k] = CallKind.opaque;
      else {
        // Functions begin blocks, and so does what is called.
        const block = blocks.ofInstruction[entry];
        call[k] = (this.#special[block] & Special.compiled) !== 0 ? CallKind.directC : CallKind.direct;
        callee[k] = this.#split.nodeOfBlock[block];
      }
    }
    if (this.#noReturn.has(to) && successorStart[k] === successorEnd[k]) exit[k] = Exit.dies;
  }

  predecessors(k: number): number[] {
    const { blocks } = this.#program;
    const { first, nodeOfBlock } = this.#split;
    const { successorStart, successorEnd, successors, startSuccessorStart, startSuccessorEnd, startSuccessors } =
      this.columns;
    const block = blocks.ofInstruction[first[k]];
    if (first[k] !== blocks.first[block]) {
      this.settle(k - 1);
      return [k - 1];
    }
    const found: number[] = [];
    const add = (from: number): void => void (found.includes(from) || found.push(from));
    for (let e = blocks.predecessorStart[block]; e < blocks.predecessorStart[block + 1]; e++) {
      const before = nodeOfBlock[blocks.predecessors[e]],
        last = nodeOfBlock[blocks.predecessors[e] + 1] - 1;
      this.settle(before);
      this.settle(last);
      for (let s = successorStart[last]; s < successorEnd[last]; s++) if (successors[s] === k) add(last);
      for (let s = startSuccessorStart[before]; s < startSuccessorEnd[before]; s++)
        if (startSuccessors[s] === k) add(before);
    }
    return found;
  }

  leaving(functionOf: Uint32Array): number[] {
    const { successorStart, successors } = this.#program.blocks;
    const { nodeOfBlock } = this.#split;
    const special = this.#special;
    const found: number[] = [];
    for (let b = 0, e = 0; b + 1 < nodeOfBlock.length; b++) {
      const f = functionOf[nodeOfBlock[b]];
      for (const end = successorStart[b + 1]; e < end; e++) {
        const to = successors[e];
        if (functionOf[nodeOfBlock[to]] === f) continue;
        // Most edges to other functions are those to return thunks, where there are any.
        if ((special[to] & Special.returnThunk) !== 0 && !this.#leavesFromStart(b, e)) continue;
        if (found.at(-1) !== b && !this.#isFiller(b)) found.push(b);
      }
    }
    return found.flatMap((b) => {
      const before = nodeOfBlock[b],
        last = nodeOfBlock[b + 1] - 1;
      this.settle(before);
      this.settle(last);
      return before === last ? [last] : [before, last];
    });
  }

  /** Whether control leaves by edge e from the block's start. */
  #leavesFromStart(block: number, e: number): boolean {
    const kind = this.#program.blocks.edgeKind[e];
    return (
      kind === EdgeKind.exceptionFixup ||
      (kind === EdgeKind.alternative && (this.#special[block] & Special.alternativeSite) !== 0)
    );
  }

  #returnOf(i: number): number {
    const { functions } = this.#program;
    const f = functions.containing(i);
    return f >= 0 && functions.traced[f] === 1 ? Exit.cReturn : Exit.return;
  }

  /**
   * Whether a block stands between functions to align them: nothing leads to it and it falls into a function. Compiled functions are
   * called or jumped to, never fallen into; before any other function, only no-operations count.
   */
  #isFiller(block: number): boolean {
    const { instructions, blocks } = this.#program;
    if (block + 1 === blocks.count || (this.#special[block + 1] & Special.entry) === 0) return false;
    if ((this.#special[block] & (Special.entry | Special.taken)) !== 0) return false;
    if (blocks.predecessorStart[block] !== blocks.predecessorStart[block + 1]) return false;
    const isCompiled = (this.#special[block + 1] & Special.compiled) !== 0;
    for (let i = blocks.first[block]; i < blocks.end[block]; i++)
      if (instructions.flow[i] !== Flow.next || !(isCompiled || isNop(instructions.bytesOf(i)))) return false;
    return true;
  }
}

/** 1 for each block that begins with code which, called, is not what it looks like: the call gets another kind than a direct one. */
export function unseenBlocks(program: Program, saving: Uint32Array): Uint8Array {
  const { blocks, facts } = program;
  const unseen = new Uint8Array(blocks.count);
  for (const list of [facts.thunkAddress, facts.replaceable, saving]) markBlocks(program, list, unseen, 1);
  return unseen;
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
