/**
 * Balance: which functions surely return to their caller.
 *
 * Problem: compiled C returns behind its call. Code of which that is not known (assembly, C that is not traced) may as well have changed the
 * stack, or the return address on it: retpolines, context switches, entry code. Only of functions that do neither can it be said that a
 * return goes on behind a visible call (returns.ts).
 *
 * So every such function is walked with the stack and frame pointers as offsets from the entry. It is balanced if each return, and each jump
 * into another function, finds both as they were at the entry, all ways to a place agree about the stack pointer, nothing is stored over the return address by way of either, and what it
 * calls is compiled C or balanced itself. (Stores through other pointers are not
 * followed: whoever overwrites return addresses that way is outside of every analysis of code.)
 *
 * Greatest fixpoint over the functions: all are taken for balanced, and whoever fails takes along its callers. Sound by induction over the
 * returns of a run. Cost: the candidates' instructions; only those that touch the stack pointer are decoded.
 */
import { Flow, type Program } from "@pv/x86-ir";
import { ASSUMPTIONS, type Assumptions } from "./conventions.js";
import { CallKind, Exit, type Nodes } from "./nodes.js";
import { CALLERS_FRAME, StackSteps, UNKNOWN_OFFSET, type Frame } from "./stack-steps.js";
import { callKind } from "./summaries.js";

/** A node that the walk has not come to. */
const UNSEEN = 0x7fff_fffd;

/** `functionOf` by node; the rest by function: code that may be balanced, and pieces of other functions. */
export interface BalanceInput {
  readonly functionOf: Uint32Array;
  readonly candidate: Uint8Array;
  /** The candidates that it has to be known of. */
  readonly asked: Uint8Array;
  readonly piece: Uint8Array;
}

export interface Balance {
  /** 1 for each candidate that was asked about and surely returns to its caller. */
  readonly balanced: Uint8Array;
  /** Bits (`ASSUMPTIONS`) of what that rests on. */
  readonly restsOn: Uint8Array;
}

export function findBalanced(
  program: Program,
  nodes: Nodes,
  { functionOf, candidate, asked, piece }: BalanceInput,
  assumptions: Assumptions,
): Balance {
  const { functions, instructions } = program;
  const {
    successorStart,
    successorEnd,
    successors,
    startSuccessorStart,
    startSuccessorEnd,
    startSuccessors,
    first,
    end,
    exit,
    callee,
  } = nodes;
  const balanced = candidate.slice(),
    restsOn = new Uint8Array(candidate.length);
  const stepper = new StackSteps(program);
  const stackAt = new Int32Array(nodes.count).fill(UNSEEN),
    frameAt = new Int32Array(nodes.count),
    savedAt = new Int32Array(nodes.count);
  /** Candidates whose balance rests on another one's. */
  const callersOf = new Map<number, number[]>();

  const work: number[] = [];
  const isBalanced = (f: number): boolean => {
    const entry = nodes.of(functions.entryInstruction[f]);
    const walked: number[] = [];
    const nodesLeft: number[] = [];
    /** False where control leaves for another function with a stack that is not the caller's, or two ways to a node disagree about it. */
    const goOn = (to: number, at: Frame): boolean => {
      const g = functionOf[to];
      if (g !== f && piece[g] !== 1) return isCallers(at);
      if (stackAt[to] === UNSEEN) {
        stackAt[to] = at.stack;
        frameAt[to] = at.frame;
        savedAt[to] = at.saved;
        walked.push(to);
        nodesLeft.push(to);
        return true;
      }
      if (stackAt[to] !== at.stack) return false;
      const frameChanged = meet(frameAt, to, at.frame),
        savedChanged = meet(savedAt, to, at.saved);
      if (frameChanged || savedChanged) nodesLeft.push(to);
      return true;
    };
    const walk = (): boolean => {
      const at: Frame = { stack: 0, frame: CALLERS_FRAME, saved: UNKNOWN_OFFSET };
      if (!goOn(entry, at)) return false;
      for (let k = nodesLeft.pop(); k !== undefined; k = nodesLeft.pop()) {
        nodes.settle(k);
        at.stack = stackAt[k];
        at.frame = frameAt[k];
        at.saved = savedAt[k];
        for (let e = startSuccessorStart[k]; e < startSuccessorEnd[k]; e++)
          if (!goOn(startSuccessors[e], at)) return false;
        for (let i = first[k]; i < end[k]; i++) {
          if (instructions.flow[i] === Flow.return && !isCallers(at)) return false;
          if (!stepper.step(i, at)) return false;
        }
        if ((exit[k] === Exit.return || exit[k] === Exit.cReturn) && !isCallers(at)) return false;
        switch (callKind(nodes.call[k], assumptions)) {
          case CallKind.directC:
            restsOn[f] |= 1 << ASSUMPTIONS.cReturn[0];
            break;
          case CallKind.indirect:
          case CallKind.preserving:
            restsOn[f] |= 1 << ASSUMPTIONS.indirectCall[0];
            break;
          case CallKind.direct: {
            const g = functionOf[callee[k]];
            if (balanced[g] !== 1 || first[callee[k]] !== functions.entryInstruction[g]) return false;
            const resting = callersOf.get(g);
            if (resting !== undefined) resting.push(f);
            else {
              callersOf.set(g, [f]);
              if (asked[g] === 0) work.push(g);
            }
            break;
          }
          case CallKind.saving:
            restsOn[f] |= 1 << ASSUMPTIONS.savingThunks[0];
            break;
          case CallKind.opaque:
            return false;
        }
        for (let e = successorStart[k]; e < successorEnd[k]; e++) if (!goOn(successors[e], at)) return false;
      }
      return true;
    };
    const result = walk();
    for (const k of walked) stackAt[k] = UNSEEN;
    return result;
  };

  const failed: number[] = [];
  candidate.forEach((is, f) => is === 1 && asked[f] === 1 && work.push(f));
  for (let f = work.pop(); f !== undefined; f = work.pop()) {
    if (isBalanced(f)) continue;
    balanced[f] = 0;
    failed.push(f);
  }
  for (let g = failed.pop(); g !== undefined; g = failed.pop()) {
    for (const f of callersOf.get(g) ?? []) {
      if (balanced[f] !== 1) continue;
      balanced[f] = 0;
      failed.push(f);
    }
  }
  // Balance rests on what that of the callees does.
  restsOn.forEach((bits, f) => bits !== 0 && work.push(f));
  for (let g = work.pop(); g !== undefined; g = work.pop()) {
    for (const f of callersOf.get(g) ?? []) {
      if ((restsOn[g] & ~restsOn[f]) === 0) continue;
      restsOn[f] |= restsOn[g];
      work.push(f);
    }
  }
  stepper.free();
  return { balanced, restsOn };
}

const isCallers = ({ stack, frame }: Frame): boolean => stack === 0 && frame === CALLERS_FRAME;

/** Keeps what both ways to a node agree on; true where that is less than before. */
function meet(column: Int32Array, node: number, value: number): boolean {
  if (column[node] === value || column[node] === UNKNOWN_OFFSET) return false;
  column[node] = UNKNOWN_OFFSET;
  return true;
}
