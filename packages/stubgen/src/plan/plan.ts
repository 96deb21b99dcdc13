/**
 * The plan: for every site a window and a tactic, or the reason why there is none.
 *
 * Before: a decoded program, its sites in ascending order, what the kernel's tables say. After: windows ascend and never
 * overlap; each is made of whole instructions, at least five bytes, with no address strictly inside that anything else
 * may name and that patching changes; every site is in exactly one window, or has a reason.
 *
 * Steps: judge (rules to marks) - rooms (how far each site's windows may reach) - windows (the best set per cluster of
 * sites) - short jumps (for the sites that are left) - columns. The ladder of tactics is the cost table of windows.ts, with short jumps as its end.
 *
 * Cost: one pass over all branch targets, then work in proportion to the number of sites.
 */
import type { InstructionId } from "@pv/x86-ir";
import { isFiller } from "../rules/instructions.js";
import { Judge } from "../rules/judge.js";
import type { PlanInput } from "../rules/rule.js";
import { moreTelling } from "../rules/table.js";
import { ItemOp, type PatchPlans } from "../types.js";
import { shortJumpWindow } from "./short-jumps.js";
import { itemKind } from "./items.js";
import { JUMP_BYTES, roomAround, type Room } from "./room.js";
import { chooseWindows, type Window } from "./windows.js";

/** `sitePatch` of a site that is in no patch. */
export const NO_PATCH = 0xffff_ffff;

/** Plans all sites of a program. Pure; every site ends up in a patch or with a reason (a number of `RULES`). */
export function planPatches(input: PlanInput): PatchPlans {
  const {
    program: { instructions },
    sites,
  } = input;
  const judge = new Judge(input);
  const siteReason = new Uint8Array(sites.count);

  const windows: Window[] = [];
  const open: { row: InstructionId; room: Room }[] = [];
  const siteRows = new Set<InstructionId>();
  for (let site = 0; site < sites.count; site++) {
    const row = sites.instruction[site];
    const rule = judge.instruction(row);
    const room = rule === 0 ? roomAround(instructions, judge, row) : undefined;
    siteReason[site] = rule || reasonOfRoom(room!);
    if (siteReason[site] !== 0) continue;
    siteRows.add(row);
    open.push({ row, room: room! });
  }

  const isSite = (row: InstructionId): boolean => siteRows.has(row);
  for (let at = 0; at < open.length;) {
    let { first, end } = open[at].room;
    for (at++; at < open.length && open[at].room.first < end; at++) {
      first = Math.min(first, open[at].room.first);
      end = Math.max(end, open[at].room.end);
    }
    windows.push(...chooseWindows(instructions, judge, isSite, first, end));
  }
  windows.push(...shortJumps(input, judge, windows, siteReason));
  windows.sort((a, b) => a.first - b.first);
  return columnsOf(input, windows, siteReason);
}

/** Windows with a short jump for sites whose only fault is their room; their reasons are struck out. */
function shortJumps(
  { program: { instructions }, sites }: PlanInput,
  judge: Judge,
  windows: readonly Window[],
  siteReason: Uint8Array,
): Window[] {
  const rows = new Set(sites.instruction),
    covered = new Set<InstructionId>(),
    found: Window[] = [];
  const cover = ({ first, end }: Window): void => {
    for (let row = first; row < end; row++) covered.add(row);
  };
  windows.forEach(cover);
  for (let site = 0; site < sites.count; site++) {
    const row = sites.instruction[site];
    if (siteReason[site] === 0 || covered.has(row) || judge.instruction(row) !== 0) continue;
    const window = shortJumpWindow(instructions, judge, row, (other) => rows.has(other));
    if (window === undefined) continue;
    let free = true;
    for (let other = window.first; other < window.end; other++) free &&= !covered.has(other);
    if (!free) continue;
    cover(window);
    found.push(window);
    siteReason[site] = 0;
  }
  return found;
}

/** Why a site with that room is in no window, 0 where the room is large enough. */
export function reasonOfRoom(room: Room): number {
  return room.bytes >= JUMP_BYTES ? 0 : moreTelling(room.behind.rule, room.before.rule);
}

/** The windows as columns. */
function columnsOf(
  { program: { instructions }, sites }: PlanInput,
  windows: readonly Window[],
  siteReason: Uint8Array,
): PatchPlans {
  const count = windows.length,
    itemCounts = windows.map(({ first, end }) => {
      let items = 1;
      for (let row = first + 1; row < end; row++) if (!isFiller(instructions, row)) items++;
      return items;
    }),
    itemCount = itemCounts.reduce((sum, items) => sum + items, 0);
  const plans = {
    count,
    start: new Uint32Array(count),
    length: new Uint8Array(count),
    tactic: new Uint8Array(count),
    firstItem: new Uint32Array(count),
    itemCount: new Uint16Array(count),
    items: {
      count: itemCount,
      op: new Uint8Array(itemCount),
      length: new Uint8Array(itemCount),
      condition: new Uint8Array(itemCount),
      offset: new Uint8Array(itemCount),
      target: new Uint32Array(itemCount),
    },
    sitePatch: new Uint32Array(sites.count).fill(NO_PATCH),
    siteReason,
  };
  const { address, length, target } = instructions;
  let item = 0,
    site = 0;
  windows.forEach(({ first, end, tactic }, patch) => {
    plans.start[patch] = address[first];
    plans.length[patch] = address[end - 1] + length[end - 1] - address[first];
    plans.tactic[patch] = tactic;
    plans.firstItem[patch] = item;
    plans.itemCount[patch] = itemCounts[patch];
    for (let row = first; row < end; row++) {
      // What fills up behind a return or a jump belongs to its item.
      if (row > first && isFiller(instructions, row)) {
        plans.items.length[item - 1] += length[row];
        continue;
      }
      while (site < sites.count && sites.instruction[site] < row) site++;
      plans.items.length[item] = length[row];
      plans.items.offset[item] = address[row] - address[first];
      if (site < sites.count && sites.instruction[site] === row) {
        plans.items.op[item] = ItemOp.site;
        plans.items.target[item] = site;
        plans.sitePatch[site] = patch;
        item++;
        continue;
      }
      const { op, condition } = itemKind(instructions, row);
      plans.items.op[item] = op;
      plans.items.condition[item] = condition;
      plans.items.target[item] = op === ItemOp.copy ? 0 : target[row];
      item++;
    }
  });
  for (let row = 0; row < sites.count; row++) {
    if (plans.sitePatch[row] === NO_PATCH && siteReason[row] === 0)
      throw new Error(`site ${row} has room but no window`);
  }
  return plans;
}
