/**
 * Traces: why one location is live, or dead, behind an instruction.
 *
 * For a live one, a shortest path to somebody who reads it; for a dead one, the places where the paths end: who overwrites it, or by which
 * assumption nobody reads it. Found by a search forwards over the nodes, breadth first, that goes on only where the location has not been
 * written; calls of visible functions are stepped over by their summaries, and entered (in `callee` mode, in which a return is an end of no
 * interest) only where the callee reads the location. Decides nothing: it retells what liveness.ts found.
 */
import { Flow, type Program } from "@pv/x86-ir";
import { ASSUMPTIONS, conventionSets, type Locations } from "./conventions.js";
import type { Liveness } from "./liveness.js";
import { handedBack } from "./narrow.js";
import { CallKind, Exit } from "./nodes.js";
import { callKind, unseenCalls } from "./summaries.js";

/** One location: a bit of one of the two words of `@pv/x86-ir`'s locations.ts. */
export interface Location {
  readonly word: "parts" | "rest";
  readonly bit: number;
}

export type EndKind =
  /** The instruction reads it. */
  | "read"
  /** Control leaves for a place that is not known: everything counts as read there. */
  | "unknown-place"
  /** The function returns, and not all of its callers are visible. */
  | "unseen-caller"
  /** May be an argument of a call through a pointer, or of one that is not understood. */
  | "unseen-callee"
  /** The kernel dies, and shows its registers. */
  | "oops"
  /** The instruction surely writes it. */
  | "written"
  /** The function called surely writes it, on every path that returns. */
  | "written-by-callee"
  /** Nobody reads it behind this instruction, by an assumption. */
  | "assumed";

/** Where a path ends. */
export interface End {
  readonly kind: EndKind;
  readonly instruction: number;
  readonly assumption?: keyof typeof ASSUMPTIONS;
}

/** How a path goes on other than to the next instruction: from one instruction to another. */
export interface Turn {
  /** `table`: a way that only a kernel table shows, from before the instruction (exception fix-up, alternative). */
  readonly kind: "branch" | "table" | "call" | "return";
  readonly from: number;
  readonly to: number;
}

export interface Trace {
  readonly live: boolean;
  /** Of a live location: the turns of one path, shortest in nodes, and who reads it at its end. */
  readonly path: readonly Turn[];
  /** One end of a live location; all distinct ones of a dead one that were found. */
  readonly ends: readonly End[];
  /** Nodes looked at; the search gives up at `limit`. */
  readonly complete: boolean;
}

const READS: ReadonlySet<EndKind> = new Set(["read", "unknown-place", "unseen-caller", "unseen-callee", "oops"]);

interface Visit {
  readonly node: number;
  /** First instruction of the node that is still to come. */
  readonly from: number;
  readonly inCallee: boolean;
  readonly parent: Visit | undefined;
  readonly turn: Turn | undefined;
}

/** Follows `location` from behind `instruction`, over at most `limit` nodes. */
export function traceLocation(
  program: Program,
  liveness: Liveness,
  instruction: number,
  { word, bit }: Location,
  limit = 20_000,
): Trace {
  const { effect, effects, flow } = program.instructions;
  const { assumptions, bits, nodes, narrow, returns, summaries } = liveness;
  const { call, callee, exit, first, end } = nodes;
  const { functionOf, open, callers, callerStart, jumpers, jumperStart } = returns;
  const { returnReads } = conventionSets(bits);
  const unseen = unseenCalls(bits);
  const is = (set: Locations): boolean => (set[word] & bit) !== 0;
  const columns =
    word === "parts"
      ? { uses: effects.useParts, kills: effects.killParts, reads: summaries.readsParts, writes: summaries.writesParts }
      : { uses: effects.useRest, kills: effects.killRest, reads: summaries.readsRest, writes: summaries.writesRest };
  const isLive = is(liveness.after(instruction));

  const ends: End[] = [];
  const known = new Set<string>();
  const seen = [new Uint8Array(nodes.count), new Uint8Array(nodes.count)] as const;
  const queue: Visit[] = [
    { node: nodes.of(instruction), from: instruction + 1, inCallee: false, parent: undefined, turn: undefined },
  ];
  const stop = (kind: EndKind, at: number, assumption?: keyof typeof ASSUMPTIONS): void => {
    const key = `${kind}/${at}/${assumption}`;
    if (known.has(key)) return;
    known.add(key);
    ends.push({ kind, instruction: at, ...(assumption === undefined ? {} : { assumption }) });
  };
  const goTo = (visit: Visit, to: number, kind: Turn["kind"], inCallee: boolean, last = end[visit.node] - 1): void => {
    if (seen[inCallee ? 1 : 0][to] === 1) return;
    seen[inCallee ? 1 : 0][to] = 1;
    const turn = kind === "branch" && first[to] === last + 1 ? undefined : { kind, from: last, to: first[to] };
    queue.push({ node: to, from: first[to], inCallee, parent: visit, turn });
  };
  const allows = handedBack(program, narrow, assumptions);
  /** Where function f returns to, and the functions that jump into it. */
  const goBack = (visit: Visit, f: number, at: number): void => {
    const work = [f],
      been = new Set<number>();
    for (let g = work.pop(); g !== undefined; g = work.pop()) {
      if (been.has(g)) continue;
      been.add(g);
      if (!is(allows(g))) {
        stop("assumed", at, is(returnReads) ? "narrowReturn" : "cReturn");
        continue;
      }
      if (open[g] === 1) stop("unseen-caller", at);
      for (let e = callerStart[g]; e < callerStart[g + 1]; e++) {
        const k = callers[e];
        // Behind the call, the caller's node ends: what follows are its exit and its successors.
        leave(visit, k, at);
      }
      for (let e = jumperStart[g]; e < jumperStart[g + 1]; e++) work.push(jumpers[e]);
    }
  };
  /** Behind the last instruction of node k (a call that has returned). */
  const leave = (visit: Visit, k: number, at: number | undefined): void => {
    nodes.settle(k);
    const last = end[k] - 1;
    for (let e = nodes.successorStart[k]; e < nodes.successorEnd[k]; e++)
      goTo(visit, nodes.successors[e], at === undefined ? "branch" : "return", visit.inCallee, at ?? last);
    switch (exit[k]) {
      case Exit.opaque:
        return stop("unknown-place", at ?? last);
      case Exit.dies:
        return assumptions.oopsRegisters ? stop("assumed", at ?? last, "oopsRegisters") : stop("oops", at ?? last);
      case Exit.cReturn:
      case Exit.return:
        if (!visit.inCallee && at === undefined) goBack(visit, functionOf[k], last);
    }
  };
  const throughCall = (visit: Visit): void => {
    const k = visit.node,
      last = end[k] - 1;
    const kind = callKind(call[k], assumptions);
    if (kind === CallKind.none) return leave(visit, k, undefined);
    if (kind === CallKind.direct || kind === CallKind.directC) {
      const c = callee[k];
      if ((columns.reads[c] & bit) !== 0) goTo(visit, c, "call", true);
      if ((columns.writes[c] & bit) !== 0) return stop("written-by-callee", last);
      if (kind === CallKind.directC && !is(allows(functionOf[c])))
        return stop("assumed", last, is(returnReads) ? "narrowReturn" : "cReturn");
      return leave(visit, k, undefined);
    }
    if (is(unseen[kind].reads)) stop("unseen-callee", last);
    if (is(unseen[kind].keeps)) return leave(visit, k, undefined);
    if (!is(unseen[kind].reads)) stop("assumed", last, kind === CallKind.saving ? "savingThunks" : "indirectCall");
  };
  const walk = (visit: Visit): void => {
    const k = visit.node;
    nodes.settle(k);
    for (let i = visit.from; i < end[k]; i++) {
      if (i === first[k])
        for (let e = nodes.startSuccessorStart[k]; e < nodes.startSuccessorEnd[k]; e++)
          goTo(visit, nodes.startSuccessors[e], "table", visit.inCallee, i);
      const isCall = i === end[k] - 1 && call[k] !== 0;
      if (flow[i] === Flow.interrupt || flow[i] === Flow.invalid) return stop("unknown-place", i);
      if ((columns.uses[effect[i]] & bit) !== 0) return stop("read", i);
      if ((columns.kills[effect[i]] & bit) !== 0) return stop("written", i);
      if (assumptions.undefinedFlags && word === "rest" && (effects.undefinedRest[effect[i]] & bit) !== 0)
        return stop("assumed", i, "undefinedFlags");
      if (isCall) break;
    }
    throughCall(visit);
  };

  let visited = 0;
  let path: Turn[] = [];
  for (let q = 0; q < queue.length && visited < limit; q++, visited++) {
    const before = ends.length;
    walk(queue[q]);
    if (!isLive) continue;
    const reader = ends.slice(before).find(({ kind }) => READS.has(kind));
    if (reader === undefined) continue;
    for (let v: Visit | undefined = queue[q]; v !== undefined; v = v.parent) if (v.turn) path.unshift(v.turn);
    return { live: true, path, ends: [reader], complete: true };
  }
  return { live: isLive, path: [], ends, complete: queue.length <= visited };
}
