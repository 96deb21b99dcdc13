/**
 * The ledger: which named assumptions the facts about a point rest on.
 *
 * Problem: a register is dead where every path overwrites it before anybody reads it. Some paths end otherwise: at a call or a return
 * behind which, by an assumption, nobody reads it. A fact rests on every assumption that ends one of its paths.
 *
 * So the equations of liveness are solved once more, for what the assumptions take away: one plane for each, of *groups* (a register
 * with all its parts, or a flag),
 *
 *   taken(n) = (taken of the callee + (joined taken of the successors - callWrites + what an assumption cuts off at n's end)) - kill(n)
 *
 * with summaries of functions and returns fed back as there, of the locations that liveness was asked about (demand.ts). Coarser than liveness where a group is written in part: the ledger may name an
 * assumption too many, never one too few. A test holds it against runs with one assumption less.
 * Cost: two fixpoints over the nodes that liveness needed.
 */
import { ALL_FLAGS, ARITHMETIC_FLAGS, registersIn, type Program } from "@pv/x86-ir";
import { ASSUMPTIONS, conventionSets, type Locations } from "./conventions.js";
import { solveBackward } from "./fixpoint.js";
import type { Liveness } from "./liveness.js";
import { handedBack } from "./narrow.js";
import { CallKind, Exit } from "./nodes.js";
import { returningFunctions } from "./returns.js";
import { callKind, unseenCalls } from "./summaries.js";

export interface Ledger {
  /** Bits (`ASSUMPTIONS`) of what the facts behind an instruction rest on: that registers and flags are dead, or hold nothing of meaning. */
  behind(instruction: number): number;
}

/** Assumptions about liveness; what is known of contents rests on others, too (known-contents.ts). */
const PLANES = 6;
const plane = (name: keyof typeof ASSUMPTIONS): number => ASSUMPTIONS[name][0];

/** Groups that have a location in the set: registers are bits 0-15, flags the bits that they have in the word `rest`. */
const groupsTouched = ({ parts, rest }: Locations): number => registersIn(parts, rest) | (rest & ALL_FLAGS);
/** Groups all of whose locations are in the set. */
const groupsCovered = (parts: number, rest: number): number =>
  (parts & (parts >>> 16) & rest & 0xffff) | (rest & ALL_FLAGS);

export function openLedger(program: Program, liveness: Liveness): Ledger {
  const { assumptions, bits, nodes, narrow, returns, summaries, meaning, demand, locations, liveRest } = liveness;
  const { functions, instructions } = program;
  const { effect, effects } = instructions;
  const { call, callee, exit, first, end } = nodes;
  const { successorStart, successorEnd, successors, startSuccessorStart, startSuccessorEnd, startSuccessors } = nodes;
  const { functionOf, open, closedBy, returnsOf, jumpStart, jumps } = returns;
  const { readsRest, writesParts, writesRest } = summaries;
  const { callReads, returnReads, narrowReads } = conventionSets(bits);
  const unseen = unseenCalls(bits);
  const groups = groupsTouched(locations);
  const beyond = (set: Locations): number => groups & ~groupsTouched(set);
  const handed = handedBack(program, narrow, assumptions);
  const notArguments = beyond(callReads),
    onlyNarrow = groupsTouched(returnReads) & ~groupsTouched(narrowReads);
  const cReturn = plane("cReturn"),
    indirectCall = plane("indirectCall"),
    narrowReturn = plane("narrowReturn"),
    undefinedFlags = plane("undefinedFlags"),
    savingThunks = plane("savingThunks"),
    oopsRegisters = plane("oopsRegisters");

  /** What an assumption takes away in front of the point that is looked at, by plane. */
  const taken = new Int32Array(PLANES);
  const keep = (mask: number): void => {
    for (let a = 0; a < PLANES; a++) taken[a] &= mask;
  };
  const join = (column: Int32Array, row: number): void => {
    for (let a = 0; a < PLANES; a++) taken[a] |= column[row * PLANES + a];
  };
  /** Cuts off what the function does not hand back. */
  const cutReturn = (f: number): void => {
    const cut = beyond(handed(f));
    keep(~cut);
    if (assumptions.cReturn && functions.traced[f] === 1) taken[cReturn] |= cut;
    if (!narrow.has(f)) return;
    taken[narrowReturn] |= cut & onlyNarrow;
    taken[cReturn] |= cut & onlyNarrow;
  };

  // What the instructions of a node, from one on, do to the planes; folded once for each node.
  const folded = new Uint8Array(nodes.count);
  const covered = new Int32Array(nodes.count),
    flagsKept = new Int32Array(nodes.count),
    flagsLeft = new Int32Array(nodes.count),
    flagsRead = new Int32Array(nodes.count);
  const fold = (k: number, from: number): void => {
    let parts = 0,
      rest = 0,
      byCode = 0,
      // Flags that some instruction leaves undefined, and who would read them: somebody behind the node, somebody in it.
      left = 0,
      read = 0,
      live = 0,
      open = ARITHMETIC_FLAGS;
    for (let i = end[k] - 1; i >= from; i--) {
      const e = effect[i];
      const kill = effects.killRest[e],
        leaves = assumptions.undefinedFlags ? effects.undefinedRest[e] : 0;
      parts |= effects.killParts[e];
      rest |= kill | leaves;
      byCode |= kill;
      left = (left | (open & leaves)) & ~kill;
      read = (read | (live & leaves)) & ~kill;
      live = (live & ~(kill | leaves)) | effects.useRest[e];
      open &= ~(kill | leaves | effects.useRest[e]);
    }
    covered[k] = ~groupsCovered(parts, rest);
    flagsKept[k] = ~byCode;
    flagsLeft[k] = left & ARITHMETIC_FLAGS;
    flagsRead[k] = read & ARITHMETIC_FLAGS;
  };
  /** Goes back over the folded instructions of node k; `reads` is the word `rest` that is read from each node on. */
  const throughInstructions = (k: number, reads: Int32Array): void => {
    let flags = taken[undefinedFlags] & flagsKept[k] & ARITHMETIC_FLAGS;
    if (flagsLeft[k] !== 0) {
      let live = flagsAtEnd(k, reads);
      // What another assumption took away would be read without it.
      for (let a = 0; a < PLANES; a++) live |= taken[a];
      flags |= live & flagsLeft[k];
    }
    keep(covered[k]);
    taken[undefinedFlags] |= flags | flagsRead[k];
  };
  const throughNode = (k: number, reads: Int32Array): void => {
    if (folded[k] === 0) {
      folded[k] = 1;
      fold(k, first[k]);
    }
    throughInstructions(k, reads);
  };
  /** Flags that may be live at the end of node k; all of them where more than branches has a say. */
  const flagsAtEnd = (k: number, read: Int32Array): number => {
    if (call[k] !== 0 || exit[k] !== 0) return ARITHMETIC_FLAGS;
    let live = 0;
    for (let e = successorStart[k]; e < successorEnd[k]; e++) live |= read[successors[e]];
    return live;
  };

  const planesOf = (count: number): Int32Array => new Int32Array(count * PLANES);
  const inSummary = planesOf(nodes.count),
    behindReturn = planesOf(returns.count);
  /** Behind node k's own instructions and the exits, in front of what its call does. */
  const atExit = (k: number, column: Int32Array, returned: Int32Array | undefined): void => {
    taken.fill(0);
    for (let e = successorStart[k]; e < successorEnd[k]; e++) join(column, successors[e]);
    switch (exit[k]) {
      case Exit.cReturn:
      case Exit.return:
        if (returned !== undefined) join(returned, functionOf[k]);
        break;
      case Exit.opaque:
        taken.fill(0);
        break;
      case Exit.dies:
        if (assumptions.oopsRegisters) taken[oopsRegisters] |= groups;
        break;
    }
  };
  const throughCall = (k: number): void => {
    const kind = callKind(call[k], assumptions);
    switch (kind) {
      case CallKind.none:
        return;
      case CallKind.directC:
      case CallKind.direct: {
        const c = callee[k];
        if (kind === CallKind.directC) cutReturn(functionOf[c]);
        keep(~groupsCovered(writesParts[c], writesRest[c]));
        join(inSummary, c);
        return;
      }
      case CallKind.opaque:
        taken.fill(0);
        return;
      default:
        keep(groupsTouched(unseen[kind].keeps));
        if (kind === CallKind.saving) taken[savingThunks] |= groups;
        else taken[indirectCall] |= notArguments;
    }
  };
  const store = (k: number, column: Int32Array): boolean => {
    for (let e = startSuccessorStart[k]; e < startSuccessorEnd[k]; e++) join(column, startSuccessors[e]);
    let changed = false;
    for (let a = 0; a < PLANES; a++) {
      if (column[k * PLANES + a] === taken[a]) continue;
      column[k * PLANES + a] = taken[a];
      changed = true;
    }
    return changed;
  };

  // A caller may read what is neither read nor written up to the return.
  const readOrKept = new Int32Array(nodes.count);
  for (const k of demand.summaries.nodes) readOrKept[k] = readsRest[k] | ~writesRest[k];
  solveBackward(nodes, demand.summaries.nodes, (k) => {
    atExit(k, inSummary, undefined);
    throughCall(k);
    throughNode(k, readOrKept);
    return store(k, inSummary);
  });

  const column = planesOf(nodes.count);
  /** Adds planes to what is taken away at the returns of a function, and so at those of the functions that it jumps into. */
  const feed = (f: number, planes: Int32Array, mask: number, mark?: (node: number) => void): void => {
    const work: number[] = [];
    const merge = (g: number, from: Int32Array, row: number, within: number): void => {
      let changed = false;
      for (let a = 0; a < PLANES; a++) {
        const more = from[row * PLANES + a] & within & ~behindReturn[g * PLANES + a];
        if (more === 0) continue;
        behindReturn[g * PLANES + a] |= more;
        changed = true;
      }
      if (changed) work.push(g);
    };
    merge(f, planes, 0, mask);
    for (let g = work.pop(); g !== undefined; g = work.pop()) {
      if (mark !== undefined) for (const k of returnsOf(g)) mark(k);
      for (let e = jumpStart[g]; e < jumpStart[g + 1]; e++)
        merge(jumps[e], behindReturn, g, groupsTouched(handed(jumps[e])));
    }
  };
  // Whoever the callers are: what a function hands back, and that they are visible, rests on assumptions.
  for (const f of returningFunctions(nodes, returns, demand.live.nodes)) {
    taken.fill(0);
    for (let a = 0; a < PLANES; a++) if ((closedBy[f] >> a) & 1) taken[a] |= groups;
    cutReturn(f);
    feed(f, taken, groups);
  }
  solveBackward(nodes, demand.live.nodes, (k, mark) => {
    atExit(k, column, behindReturn);
    if (callee[k] >= 0 && open[functionOf[callee[k]]] === 0) {
      const f = functionOf[callee[k]];
      feed(f, taken, groupsTouched(handed(f)), mark);
    }
    throughCall(k);
    throughNode(k, liveRest);
    return store(k, column);
  });

  return {
    behind(instruction) {
      const k = nodes.of(instruction);
      atExit(k, column, behindReturn);
      throughCall(k);
      folded[k] = 0;
      fold(k, instruction + 1);
      throughInstructions(k, liveRest);
      const { parts, rest } = liveness.after(instruction),
        meant = meaning.after(instruction);
      const dead = groups & ~groupsCovered(parts, rest);
      const meaningless = (parts & ~meant.parts & locations.parts) !== 0 || (rest & ~meant.rest & locations.rest) !== 0;
      let word = meaningless ? meaning.restsOn(instruction) : 0;
      for (let a = 0; a < PLANES; a++) if ((taken[a] & dead) !== 0) word |= 1 << a;
      return word;
    },
  };
}
