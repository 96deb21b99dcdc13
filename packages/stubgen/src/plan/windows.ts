/**
 * Choosing windows: sites that stand close together compete for the bytes between them.
 *
 * Sites whose rooms overlap form a cluster, a short stretch of instructions that no window leaves. Within it, the best
 * set of windows comes out of one pass in address order (weighted interval scheduling): the best plan for the
 * instructions before boundary b either leaves the instruction before b alone, or ends with a window that ends at b.
 * Best means: the most sites in windows, then the least cost, where the cost follows the ladder of tactics.
 *
 * Invariant: the plan for each prefix is the best one; so no set of windows of at most `MOST_WINDOW_BYTES` holds more
 * sites. Cost: instructions of the cluster times instructions of a window, about 25 * 8 steps for a lone site.
 */
import type { InstructionId, Instructions } from "@pv/x86-ir";
import type { Judge } from "../rules/judge.js";
import { Tactic } from "../types.js";
import { idiomAt } from "./idioms.js";
import { endsWindow } from "./items.js";
import { JUMP_BYTES, MOST_WINDOW_BYTES } from "./room.js";

export interface Window {
  readonly first: InstructionId;
  /** One past the last. */
  readonly end: InstructionId;
  readonly tactic: Tactic;
}

/** One more site is worth more than any saving. */
const SITE_VALUE = 1 << 20;
/** The ladder: a tactic that stands earlier is cheaper than one that stands later, whatever it displaces. */
const TACTIC_COST: Readonly<Record<Tactic, number>> = {
  [Tactic.none]: 0,
  [Tactic.idiom]: 100,
  [Tactic.forward]: 200,
  [Tactic.backward]: 300,
  [Tactic.short]: 0, // for what is left: see short-jumps.ts
};
/**
 * A site that could have a window of its own with the jump in its place should have it: then it does not share the fate
 * of the others if the profile has no template for one of them. Sharing still beats jumping backwards.
 */
const SHARING_COST = 250;
/** Each instruction that is no site has to be copied. */
const NEIGHBOUR_COST = 1;

/** The best windows for the instructions `[first, end)`; `isSite(row)`: the instruction is a site that may be patched. */
export function chooseWindows(
  instructions: Instructions,
  judge: Judge,
  isSite: (row: InstructionId) => boolean,
  first: InstructionId,
  end: InstructionId,
): Window[] {
  const { address, length } = instructions;
  const rows = end - first;
  const allowed = new Uint8Array(rows),
    site = new Uint8Array(rows),
    idiomEnd = new Int32Array(rows);
  for (let row = first; row < end; row++) {
    allowed[row - first] = judge.instruction(row) === 0 ? 1 : 0;
    site[row - first] = isSite(row) ? 1 : 0;
    idiomEnd[row - first] = idiomAt(instructions, row);
  }

  // Sites that share a window by right: those of one idiom.
  const idiomSites = idiomEnd.map((idiom, start) => {
    let sites = 0;
    for (let row = start; row < Math.min(idiom - first, rows); row++) sites += site[row];
    return sites;
  });

  // best[b]: value of the best plan for the instructions before boundary b; from[b]: where its last window starts.
  const best = new Float64Array(rows + 1),
    from = new Int32Array(rows + 1).fill(-1),
    tactics = new Uint8Array(rows + 1);
  for (let boundary = 1; boundary <= rows; boundary++) {
    best[boundary] = best[boundary - 1];
    const last = first + boundary - 1,
      endAddress = address[last] + length[last];
    let sites = 0,
      others = 0;
    for (let start = boundary - 1; start >= 0; start--) {
      const row = first + start;
      if (allowed[start] === 0 || (row < last && endsWindow(instructions, row))) break;
      const bytes = endAddress - address[row];
      if (bytes > MOST_WINDOW_BYTES) break;
      if (site[start] === 1) sites++;
      else others++;
      if (sites > 0 && bytes >= JUMP_BYTES) {
        const idiom = idiomEnd[start] > 0 && idiomEnd[start] <= last + 1;
        const tactic = idiom ? Tactic.idiom : site[start] === 1 ? Tactic.forward : Tactic.backward;
        const sharing = sites - (idiom ? idiomSites[start] : 1);
        const value =
          best[start] + sites * SITE_VALUE - TACTIC_COST[tactic] - sharing * SHARING_COST - others * NEIGHBOUR_COST;
        if (value > best[boundary]) {
          best[boundary] = value;
          from[boundary] = start;
          tactics[boundary] = tactic;
        }
      }
      // What starts here is about to lie inside.
      if (judge.boundary(address[row]) !== 0 || (start > 0 && address[row - 1] + length[row - 1] !== address[row]))
        break;
    }
  }

  const windows: Window[] = [];
  for (let boundary = rows; boundary > 0;) {
    if (from[boundary] < 0) {
      boundary--;
      continue;
    }
    windows.push({ first: first + from[boundary], end: first + boundary, tactic: tactics[boundary] as Tactic });
    boundary = from[boundary];
  }
  return windows.reverse();
}
