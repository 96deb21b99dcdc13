/**
 * Short jumps: windows for sites without room for a jump of five bytes. A short jump of two bytes takes the site's place and leads to the
 * padding behind the next return or jump, and the jump of five bytes stands there.
 *
 *   sti                  jmp 2f                 Everything from the site up to the padding is copied into the stub, and stays where it was
 *   xor %eax, %eax       (its last byte)        for those that enter behind the short jump, too.
 *   1: pop %ebx          1: pop %ebx
 *   ret                  ret
 *   (padding)            2: jmp stub
 *
 * Nothing runs the padding: what is before it leaves, and no branch, table or relocation names an address in it or its start. Cost: a walk
 * of at most a window's length for each site that is left.
 */
import { Flow, type InstructionId, type Instructions } from "@pv/x86-ir";
import { following, isFiller } from "../rules/instructions.js";
import type { Judge } from "../rules/judge.js";
import { Tactic } from "../types.js";
import { JUMP_BYTES, MOST_WINDOW_BYTES } from "./room.js";
import type { Window } from "./windows.js";

const SHORT_JUMP_BYTES = 2;

/** The window that reaches from the site at `row` to padding; `isSite(row)`: some site is there, patched or not. */
export function shortJumpWindow(
  instructions: Instructions,
  judge: Judge,
  row: InstructionId,
  isSite: (row: InstructionId) => boolean,
): Window | undefined {
  const { address, length, flow } = instructions;
  const start = address[row];
  const isFree = (from: number, end: number): boolean => {
    for (let va = from; va < end; va++) if (judge.boundary(va) !== 0) return false;
    return true;
  };
  if (!isFree(start + 1, start + SHORT_JUMP_BYTES)) return undefined;

  let last = row;
  for (;;) {
    if (judge.instruction(last) !== 0 || (last !== row && isSite(last))) return undefined;
    if (flow[last] === Flow.return || flow[last] === Flow.jump) break;
    if (flow[last] === Flow.call || flow[last] === Flow.interruptReturn) return undefined;
    last = following(instructions, last);
    if (last < 0 || address[last] - start > MOST_WINDOW_BYTES) return undefined;
  }
  const padding = address[last] + length[last];
  if (padding - start < SHORT_JUMP_BYTES) return undefined;
  for (let end = padding; end - padding < JUMP_BYTES; end = address[last] + length[last]) {
    last = following(instructions, last);
    if (last < 0 || !isFiller(instructions, last) || judge.instruction(last) !== 0) return undefined;
  }
  const end = address[last] + length[last];
  if (end - start > MOST_WINDOW_BYTES || !isFree(padding, end)) return undefined;
  return { first: row, end: last + 1, tactic: Tactic.short };
}
