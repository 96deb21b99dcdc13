/**
 * Room: how far a window that holds one instruction could reach in both directions, and what stops it there.
 *
 * The rules are hereditary: a window is allowed exactly if each of its instructions is, none of the addresses between
 * its instructions is forbidden inside a window, and a call or a jump is at most its last. So the windows around an
 * instruction all lie within one largest stretch, and the obstacles at its two ends are why none is larger.
 */
import type { InstructionId, Instructions } from "@pv/x86-ir";
import type { Judge } from "../rules/judge.js";
import { following, preceding } from "../rules/instructions.js";
import { ruleNumber } from "../rules/table.js";
import { endsWindow } from "./items.js";

/** A jump with a 32-bit displacement. */
export const JUMP_BYTES = 5;
/**
 * Longest window, bytes; the format ends at 64. From 23 on, no site loses its room to a neighbour: two sites compete
 * for one instruction (15 bytes at most) with less than a jump on either side of it (4 bytes), so one window can hold
 * them all.
 */
export const MOST_WINDOW_BYTES = 24;

const FUNCTION_BOUNDARY = ruleNumber("function-boundary");
const TRANSFER = ruleNumber("transfer");

export interface Obstacle {
  /** Rule number; 0 where nothing but the longest window ends the search. */
  readonly rule: number;
  /** Where it stands: the address of a target, or of an instruction that may not be displaced. */
  readonly address: number;
}

export interface Room {
  /** First instruction. */
  readonly first: InstructionId;
  /** One past the last. */
  readonly end: InstructionId;
  readonly bytes: number;
  readonly before: Obstacle;
  readonly behind: Obstacle;
}

/** The room around an instruction that may itself be displaced. `end` limits the search: no row at or behind it. */
export function roomAround(instructions: Instructions, judge: Judge, row: InstructionId): Room {
  const { first, obstacle: before } = reachBackwards(instructions, judge, row);
  const { end, obstacle: behind } = reachForwards(instructions, judge, row);
  const { address, length } = instructions;
  return { first, end, bytes: address[end - 1] + length[end - 1] - address[first], before, behind };
}

/** How far windows that start at `row` reach. */
export function reachForwards(
  instructions: Instructions,
  judge: Judge,
  row: InstructionId,
): { end: InstructionId; obstacle: Obstacle } {
  const { address, length } = instructions;
  const start = address[row];
  for (let last = row; ; last++) {
    const behind = address[last] + length[last];
    const stop = (rule: number, at = behind) => ({ end: last + 1, obstacle: { rule, address: at } });
    if (endsWindow(instructions, last)) return stop(TRANSFER, address[last]);
    const mark = judge.boundary(behind);
    if (mark !== 0) return stop(mark);
    const next = following(instructions, last);
    if (next < 0) return stop(FUNCTION_BOUNDARY);
    const rule = judge.instruction(next);
    if (rule !== 0) return stop(rule, judge.obstacle(next));
    if (behind + length[next] - start > MOST_WINDOW_BYTES) return stop(0);
  }
}

/** How far windows that end behind `row` reach back. */
export function reachBackwards(
  instructions: Instructions,
  judge: Judge,
  row: InstructionId,
): { first: InstructionId; obstacle: Obstacle } {
  const { address, length } = instructions;
  const end = address[row] + length[row];
  for (let first = row; ; first--) {
    const stop = (rule: number, at = address[first]) => ({ first, obstacle: { rule, address: at } });
    const mark = judge.boundary(address[first]);
    if (mark !== 0) return stop(mark);
    const before = preceding(instructions, first);
    if (before < 0) return stop(FUNCTION_BOUNDARY);
    const rule = judge.instruction(before);
    if (rule !== 0) return stop(rule, judge.obstacle(before));
    if (endsWindow(instructions, before)) return stop(TRANSFER, address[before]);
    if (end - address[before] > MOST_WINDOW_BYTES) return stop(0);
  }
}
