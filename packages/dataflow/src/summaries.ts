/**
 * Summaries of functions, from their code: what a call to one may read before writing it, and what it surely writes.
 *
 * For every node two sets are computed, of the paths from the node's start to the return of its function:
 *
 *   reads  = locations that some path reads before it writes them                        (least fixpoint, from nothing)
 *   writes = locations that every path that returns writes                               (greatest fixpoint, from everything)
 *
 *   reads(n)  = use(n) + (callReads + (joined reads of successors - callWrites) - kill(n))
 *   writes(n) = kill(n) + callWrites + intersection of the successors' writes
 *
 * and both of an entry node are its function's summary; a call to a visible function uses the callee's, so the fixpoint
 * runs over the whole program at once. Nothing is assumed about visible callees; what nobody reads behind a call by an assumption
 * counts as written by it. A path that never returns surely writes everything, vacuously; thus calls that never return need no list.
 * Sound because every way on is an edge, or an `exit` that reads everything and writes nothing.
 */
import { ARITHMETIC_FLAGS, DF, type Bits } from "@pv/x86-ir";
import { conventionSets, type Assumptions, type Locations } from "./conventions.js";
import type { Asked } from "./demand.js";
import { solveBackward } from "./fixpoint.js";
import { CallKind, Exit, type Nodes } from "./nodes.js";

/** What a call counts as under the assumptions: without a convention, one through a pointer is opaque, and C is like any other code. */
export function callKind(kind: number, assumptions: Assumptions): number {
  if (kind === CallKind.directC) return assumptions.cReturn ? kind : CallKind.direct;
  if (kind === CallKind.saving) return assumptions.savingThunks ? kind : CallKind.opaque;
  const throughPointer = kind === CallKind.indirect || kind === CallKind.preserving;
  return throughPointer && !assumptions.indirectCall ? CallKind.opaque : kind;
}

export type UnseenCalls = Readonly<Record<number, { readonly reads: Locations; readonly keeps: Locations }>>;

/** What a call to code that is not visible does, by kind: live before it is `reads + (live behind it & keeps)`. */
export function unseenCalls(bits: Bits): UnseenCalls {
  const { all, callReads, callKills } = conventionSets(bits);
  return {
    [CallKind.indirect]: { reads: callReads, keeps: { parts: ~callKills.parts, rest: ~callKills.rest } },
    [CallKind.preserving]: { reads: callReads, keeps: { parts: -1, rest: -1 } },
    // What it calls is compiled C and wants DF clear.
    [CallKind.saving]: { reads: { parts: 0, rest: DF }, keeps: { parts: -1, rest: ~ARITHMETIC_FLAGS } },
    [CallKind.opaque]: { reads: all, keeps: { parts: 0, rest: 0 } },
  };
}

/** Columns by node. */
export interface Summaries {
  readonly readsParts: Int32Array;
  readonly readsRest: Int32Array;
  readonly writesParts: Int32Array;
  readonly writesRest: Int32Array;
  /** Node evaluations until the fixpoint. */
  readonly evaluations: number;
}

/**
 * Summaries as far as they are asked for (demand.ts): beyond that nothing is read and everything written. `handedBy` is what the compiled function that
 * begins with a node hands back (narrow.ts).
 */
export function summarize(
  nodes: Nodes,
  handedBy: (entry: number) => Locations,
  asked: Asked,
  bits: Bits,
  assumptions: Assumptions,
): Summaries {
  const { count, call, callee, exit, useParts, useRest, killParts, killRest } = nodes;
  const { successorStart, successorEnd, successors, startSuccessorStart, startSuccessorEnd, startSuccessors } = nodes;
  const { all } = conventionSets(bits);
  const unseen = unseenCalls(bits);
  const rp = new Int32Array(count),
    rr = new Int32Array(count);
  const wp = new Int32Array(count).fill(-1),
    wr = new Int32Array(count).fill(-1);
  const diesReads = assumptions.oopsRegisters ? { parts: 0, rest: 0 } : all;

  const evaluate = (k: number): boolean => {
    let p = 0,
      r = 0,
      sp = -1,
      sr = -1;
    for (let e = successorStart[k]; e < successorEnd[k]; e++) {
      const s = successors[e];
      p |= rp[s];
      r |= rr[s];
      sp &= wp[s];
      sr &= wr[s];
    }
    if (exit[k] !== 0)
      switch (exit[k]) {
        case Exit.cReturn:
        case Exit.return:
          sp = sr = 0;
          break;
        case Exit.opaque:
          p = all.parts;
          r = all.rest;
          sp = sr = 0;
          break;
        case Exit.dies:
          p |= diesReads.parts;
          r |= diesReads.rest;
          break;
      }
    const kind = call[k] === 0 ? 0 : callKind(call[k], assumptions);
    if (kind !== 0)
      switch (kind) {
        case CallKind.directC:
        case CallKind.direct: {
          const c = callee[k];
          if (kind === CallKind.directC) {
            const handed = handedBy(c);
            p &= handed.parts;
            r &= handed.rest;
            sp |= ~handed.parts;
            sr |= ~handed.rest;
          }
          p = rp[c] | (p & ~wp[c]);
          r = rr[c] | (r & ~wr[c]);
          sp |= wp[c];
          sr |= wr[c];
          break;
        }
        default:
          p = unseen[kind].reads.parts | (p & unseen[kind].keeps.parts);
          r = unseen[kind].reads.rest | (r & unseen[kind].keeps.rest);
          sp |= ~unseen[kind].keeps.parts;
          sr |= ~unseen[kind].keeps.rest;
      }
    p = useParts[k] | (p & ~killParts[k]);
    r = useRest[k] | (r & ~killRest[k]);
    sp |= killParts[k];
    sr |= killRest[k];
    for (let e = startSuccessorStart[k]; e < startSuccessorEnd[k]; e++) {
      const s = startSuccessors[e];
      p |= rp[s];
      r |= rr[s];
      sp &= wp[s];
      sr &= wr[s];
    }
    p &= asked.parts[k];
    r &= asked.rest[k];
    sp |= ~asked.parts[k];
    sr |= ~asked.rest[k];
    if (p === rp[k] && r === rr[k] && sp === wp[k] && sr === wr[k]) return false;
    rp[k] = p;
    rr[k] = r;
    wp[k] = sp;
    wr[k] = sr;
    return true;
  };
  const evaluations = solveBackward(nodes, asked.nodes, evaluate);
  return { readsParts: rp, readsRest: rr, writesParts: wp, writesRest: wr, evaluations };
}
