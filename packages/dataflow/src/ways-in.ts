/**
 * Ways into a block, and what each brings of a place: over edges, from visible calls and jumps into a function, or from out of sight.
 *
 * Invariant: every way by which control may get to the block is among them, or one that is unknown stands for it.
 */
import { EdgeKind, Flow } from "@pv/x86-ir";
import type { Backwards } from "./backwards.js";
import { tested } from "./conditional.js";
import { placeOf, SLOT, SLOT_REACH, slotOf } from "./content.js";
import { isLost, type DemandedContent } from "./content-graph.js";

/** More visible callers than this are not looked at: they hardly ever agree, and asking them all is what would take time. */
const MOST_CALLERS = 64;

/**
 * Contents of a place on all ways into a block, but for those from block `except`. One of which nothing will ever be known ends the list: so does
 * the join.
 */
export function waysInto(backwards: Backwards, block: number, place: number, except = -1): DemandedContent[] {
  const { visible, graph } = backwards;
  const { blocks, instructions, functions } = visible.program;
  const first = blocks.first[block];
  const f = functions.containing(first);
  const isEntry = f >= 0 && functions.entryInstruction[f] === first;
  if (visible.isTaken(instructions.address[first]))
    return [graph.unknown(first, place, isEntry ? "caller" : "outside")];
  const ways: DemandedContent[] = [];
  const isEnough = (content: DemandedContent): boolean => {
    ways.push(content);
    return isLost(content);
  };
  if (isEntry) {
    const calls = visible.calls.of(f);
    if (!visible.isLedTo(f) || calls.length > MOST_CALLERS) return [graph.unknown(first, place, "caller")];
    for (const call of calls)
      if (isEnough(place >= SLOT ? argument(backwards, call, place, first) : backwards.before(call, place)))
        return ways;
  }
  const isC = isEntry && functions.traced[f] === 1;
  for (let p = blocks.predecessorStart[block]; p < blocks.predecessorStart[block + 1]; p++) {
    const from = blocks.predecessors[p];
    if (from === except || blocks.predecessors.indexOf(from, blocks.predecessorStart[block]) < p) continue;
    for (let e = blocks.successorStart[from]; e < blocks.successorStart[from + 1]; e++) {
      if (blocks.successors[e] !== block) continue;
      const kind = blocks.edgeKind[e];
      // Compiled functions are called or jumped to, never fallen into.
      if (kind === EdgeKind.fallThrough && (isC || visible.isPadding(from))) continue;
      const brought =
        place >= SLOT && isEntry
          ? argument(backwards, blocks.end[from] - 1, place, first)
          : along(backwards, from, kind, block, place);
      if (isEnough(brought)) return ways;
    }
  }
  return ways.length > 0 ? ways : [graph.unknown(first, place, isEntry ? "caller" : "outside")];
}

/** The content that an edge brings. */
function along(backwards: Backwards, from: number, kind: number, to: number, place: number): DemandedContent {
  const { visible, graph } = backwards;
  switch (kind) {
    case EdgeKind.exceptionFixup: {
      const isWritten = place < SLOT && ((visible.writtenOnException(from, to) >>> place) & 1) === 1;
      return isWritten
        ? graph.unknown(visible.program.blocks.first[from], place, "exception")
        : backwards.merge(from, place);
    }
    case EdgeKind.alternative:
      return visible.isAlternativeSite(from) ? backwards.merge(from, place) : backwards.behind(from, place);
    case EdgeKind.branch:
    case EdgeKind.fallThrough:
      return tested(backwards, from, kind === EdgeKind.branch, place, backwards.behind(from, place));
    default:
      return backwards.behind(from, place);
  }
}

/** A stack argument: the callee's slot as a slot of the caller, before the call or at the jump. */
function argument(backwards: Backwards, from: number, place: number, entry: number): DemandedContent {
  const { visible, graph } = backwards;
  const { blocks, instructions } = visible.program;
  const word = instructions.bits / 8;
  const { offset, width } = slotOf(place);
  const pointer = visible.frameAt(blocks.ofInstruction[from])?.pointer.get(from) ?? Number.NaN;
  const pushed = instructions.flow[from] === Flow.call ? word : 0;
  const there = pointer - pushed + offset;
  // What lies below the return address was never passed.
  if (offset < word || !(Math.abs(there) < SLOT_REACH)) return graph.unknown(entry, place, "memory");
  return backwards.before(from, placeOf({ offset: there, width }));
}
