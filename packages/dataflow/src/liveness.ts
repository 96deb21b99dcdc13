/**
 * Liveness: which parts of registers and which flags some path from a point reads before it writes them.
 *
 * The second of the two fixpoints, over the same nodes: calls to visible functions use their summaries (summaries.ts),
 * and a return reads what its callers may read:
 *
 *   live(n) = use(n) + (callReads + (joined live of successors - callWrites) - kill(n))
 *
 * Within a node, liveness at an instruction is recomputed from the node's end; nothing is stored per instruction.
 */
import { ALL_FLAGS, ESP, Flow, partsOf, restOf, type Bits, type Program } from "@pv/x86-ir";
import { conventionSets, surelyWritten, type Assumptions, type Locations } from "./conventions.js";
import { solveBackward } from "./fixpoint.js";
import { demandOf, fullDemand, type Demand, type Question } from "./demand.js";
import { findMeaning, type Meaning } from "./meaning.js";
import { findNarrow, handedBack, NOTHING_NARROW, type NarrowFunctions } from "./narrow.js";
import { buildNodes, CallKind, Exit, nodeFolder, type Nodes } from "./nodes.js";
import { findReturns, returningFunctions, type Returns } from "./returns.js";
import { callKind, summarize, unseenCalls, type Summaries } from "./summaries.js";

export interface Liveness {
  readonly bits: Bits;
  readonly assumptions: Assumptions;
  readonly nodes: Nodes;
  readonly summaries: Summaries;
  readonly returns: Returns;
  /** Functions that return in one register (narrow.ts). */
  readonly narrow: NarrowFunctions;
  readonly meaning: Meaning;
  /** The locations that it was asked about; all others are called live. */
  readonly locations: Locations;
  readonly demand: Demand;
  /** Live at each node's start, as far as it is asked for there. */
  readonly liveParts: Int32Array;
  readonly liveRest: Int32Array;
  /** Live directly before an instruction; with points, of no use. The stack pointer is always live. */
  before(instruction: number): Locations;
  /** Live directly after an instruction, one of the points. */
  after(instruction: number): Locations;
  /** What is worth preserving across an emulation of the instruction: live behind it, and possibly meaningful (meaning.ts). */
  worthKeeping(instruction: number): Locations;
}

/** Liveness of the given locations at the given points (rows of instructions), and nothing else; of everything, everywhere by default. */
export function analyzeLiveness(
  program: Program,
  assumptions: Assumptions,
  points?: Iterable<number>,
  locations?: Locations,
): Liveness {
  const { instructions } = program;
  const { bits, effect, effects, flow } = instructions;
  const rowKillRest = surelyWritten(effects, assumptions);
  const nodes = buildNodes(program);
  const returns = findReturns(program, nodes, assumptions);
  const fold = nodeFolder(program, nodes, rowKillRest);
  const narrow =
    assumptions.narrowReturn && assumptions.cReturn ? findNarrow(program, nodes, returns, fold) : NOTHING_NARROW;
  const handed = handedBack(program, narrow, assumptions);
  const { functionOf, returnsOf, jumpStart, jumps } = returns;
  const { all } = conventionSets(bits);
  const unseen = unseenCalls(bits);
  const wanted = points === undefined || locations === undefined ? all : locations;
  /** What is undecided of the wanted at the end of the node of an instruction. */
  const behind = (instruction: number): Question => {
    const node = nodes.of(instruction);
    let { parts, rest } = wanted;
    for (let i = instruction + 1; i < nodes.end[node] && (parts | rest) !== 0; i++) {
      if (flow[i] === Flow.interrupt || flow[i] === Flow.invalid) parts = rest = 0;
      const e = effect[i];
      parts &= ~(effects.useParts[e] | effects.killParts[e]);
      rest &= ~(effects.useRest[e] | effects.killRest[e]);
    }
    return { node, parts, rest };
  };
  let demand: Demand;
  if (points === undefined) {
    demand = fullDemand(nodes, returns, program.functions);
    demand.live.nodes.forEach(fold);
  } else {
    const questions = Array.from(points, behind);
    demand = demandOf(nodes, returns, { assumptions, unseen, handed, fold }, questions, program.functions);
  }
  const { live: asked, returnParts: askedReturnParts, returnRest: askedReturnRest } = demand;
  const summaries = summarize(nodes, (entry) => handed(functionOf[entry]), demand.summaries, bits, assumptions);
  const { readsParts, readsRest, writesParts, writesRest } = summaries;
  const { count, call, callee, exit, useParts, useRest, killParts, killRest } = nodes;
  const { successorStart, successorEnd, successors, startSuccessorStart, startSuccessorEnd, startSuccessors } = nodes;
  const lp = new Int32Array(count),
    lr = new Int32Array(count);
  const nothing: Locations = { parts: 0, rest: 0 };
  const onDeath = assumptions.oopsRegisters ? nothing : all;
  /** Live at the returns of each function. */
  const returnParts = new Int32Array(returns.count),
    returnRest = new Int32Array(returns.count);
  /** Adds to what is live at the returns of a function, and so at those of the functions that it jumps into. */
  const feed = (f: number, parts: number, rest: number, mark?: (node: number) => void): void => {
    const work = [f, parts, rest];
    while (work.length > 0) {
      const moreRest = work.pop()!,
        moreParts = work.pop()!,
        g = work.pop()!;
      const allowed = handed(g);
      const newParts = moreParts & allowed.parts & ~returnParts[g],
        newRest = moreRest & allowed.rest & ~returnRest[g];
      if (newParts === 0 && newRest === 0) continue;
      returnParts[g] |= newParts;
      returnRest[g] |= newRest;
      if (mark !== undefined) for (const k of returnsOf(g)) mark(k);
      for (let e = jumpStart[g]; e < jumpStart[g + 1]; e++) work.push(jumps[e], newParts, newRest);
    }
  };
  for (const f of returningFunctions(nodes, returns, asked.nodes))
    if (returns.open[f] === 1) feed(f, all.parts, all.rest);

  // Results of `atEnd`, in variables because it runs millions of times.
  let p = 0,
    r = 0;
  /** Live behind the call at a node's end, once it has returned. */
  let behindParts = 0,
    behindRest = 0;
  /** Live behind node k's own instructions, that is, before its call takes effect in the callee. */
  const atEnd = (k: number): void => {
    p = r = 0;
    for (let e = successorStart[k]; e < successorEnd[k]; e++) {
      p |= lp[successors[e]];
      r |= lr[successors[e]];
    }
    if (exit[k] !== 0)
      switch (exit[k]) {
        case Exit.cReturn:
        case Exit.return:
          p |= returnParts[functionOf[k]];
          r |= returnRest[functionOf[k]];
          break;
        case Exit.opaque:
          p = all.parts;
          r = all.rest;
          break;
        case Exit.dies:
          p |= onDeath.parts;
          r |= onDeath.rest;
          break;
      }
    behindParts = p;
    behindRest = r;
    const kind = call[k] === 0 ? 0 : callKind(call[k], assumptions);
    if (kind !== 0)
      switch (kind) {
        case CallKind.directC:
        case CallKind.direct: {
          const c = callee[k];
          if (kind === CallKind.directC) {
            const read = handed(functionOf[c]);
            p &= read.parts;
            r &= read.rest;
          }
          p = readsParts[c] | (p & ~writesParts[c]);
          r = readsRest[c] | (r & ~writesRest[c]);
          break;
        }
        default:
          p = unseen[kind].reads.parts | (p & unseen[kind].keeps.parts);
          r = unseen[kind].reads.rest | (r & unseen[kind].keeps.rest);
      }
  };

  solveBackward(nodes, asked.nodes, (k, mark) => {
    atEnd(k);
    if (callee[k] >= 0) {
      const f = functionOf[callee[k]],
        feedParts = behindParts & askedReturnParts[f],
        feedRest = behindRest & askedReturnRest[f];
      if ((feedParts | feedRest) !== 0 && returns.open[f] === 0) feed(f, feedParts, feedRest, mark);
    }
    p = useParts[k] | (p & ~killParts[k]);
    r = useRest[k] | (r & ~killRest[k]);
    for (let e = startSuccessorStart[k]; e < startSuccessorEnd[k]; e++) {
      p |= lp[startSuccessors[e]];
      r |= lr[startSuccessors[e]];
    }
    p &= asked.parts[k];
    r &= asked.rest[k];
    if (p === lp[k] && r === lr[k]) return false;
    lp[k] = p;
    lr[k] = r;
    return true;
  });

  /** Always live, or said to be. */
  const kept = {
    parts: (all.parts & ~wanted.parts) | partsOf(ESP),
    rest: (all.rest & ~wanted.rest) | restOf(ESP),
  };
  /** Walks back from the node's end to just behind `instruction`. */
  const walk = (k: number, instruction: number): void => {
    atEnd(k);
    for (let i = nodes.end[k] - 1; i > instruction; i--) step(i);
  };
  const step = (i: number): void => {
    if (flow[i] === Flow.interrupt || flow[i] === Flow.invalid) {
      p = r = -1;
      return;
    }
    const e = effect[i];
    p = (p & ~effects.killParts[e]) | effects.useParts[e];
    r = (r & ~rowKillRest[e]) | effects.useRest[e];
  };
  const meaning = findMeaning(program, nodes, returns, narrow, fold, assumptions);
  const result = (): Locations => ({
    parts: (p & all.parts) | kept.parts,
    rest: (r & (all.rest | ALL_FLAGS)) | kept.rest,
  });
  const after = (instruction: number): Locations => {
    walk(nodes.of(instruction), instruction);
    return result();
  };
  return {
    bits,
    assumptions,
    nodes,
    summaries,
    returns,
    narrow,
    meaning,
    locations: wanted,
    demand,
    liveParts: lp,
    liveRest: lr,
    after,
    worthKeeping(instruction) {
      const live = after(instruction),
        meant = meaning.after(instruction);
      return { parts: (live.parts & meant.parts) | kept.parts, rest: (live.rest & meant.rest) | kept.rest };
    },
    before(instruction) {
      const k = nodes.of(instruction);
      if (nodes.first[k] === instruction) {
        p = lp[k];
        r = lr[k];
      } else {
        walk(k, instruction);
        step(instruction);
      }
      return result();
    },
  };
}
