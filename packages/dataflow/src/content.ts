/**
 * Contents: what a register, a private stack slot (frames.ts) or a variable (variables.ts) holds at a place in the program, and what that hangs on.
 *
 * The places that may have a content are numbers: registers by hardware number, then slots, then variables.
 */
import type { Slot } from "./frames.js";
import { isAnything, type Known } from "./known-values.js";

/** Places of stack slots: this plus the distance and the width, packed. */
export const SLOT = 0x100;
/** Slots this far from the stack pointer at the entry have no place. */
export const SLOT_REACH = 0x8000;
export const placeOf = ({ offset, width }: Slot): number => SLOT + (offset + 2 * SLOT_REACH) * 16 + width;
export const slotOf = (place: number): Slot => ({
  offset: Math.floor((place - SLOT) / 16) - 2 * SLOT_REACH,
  width: (place - SLOT) % 16,
});

/** Places of variables: this plus a number in the order in which they were met. */
export const VARIABLE = 0x40_0000;

/** Why a content is not known, in the order of the reports: name and sentence. */
export const UNKNOWN_REASONS = {
  memory: "loaded from memory that is not followed",
  merge: "paths bring different values",
  call: "left or returned by a call",
  caller: "passed by callers that are not all visible",
  computation: "computed in a way that is not followed",
  exception: "written by the handler of an exception",
  outside: "control comes from out of sight",
} as const;
export type UnknownReason = keyof typeof UNKNOWN_REASONS;

export const ContentKind = { defined: 0, returned: 1, merged: 2, tested: 3, unknown: 4, variable: 5 } as const;

/** One content. `inputs` are the contents that it is made of, each with the instruction directly behind it. */
export interface Content {
  readonly kind: (typeof ContentKind)[keyof typeof ContentKind];
  /** The instruction that defines, returns, tests or loses it, or the first one of the block in which ways merge. */
  readonly instruction: number;
  /** Register by hardware number, or `SLOT` and above: a stack slot. */
  readonly place: number;
  readonly value: Known;
  readonly inputs: readonly Content[];
  /** Of unknown contents. */
  readonly reason: UnknownReason | undefined;
  /** Bits (`ASSUMPTIONS`) of what it rests on itself; see `restsOn` for all that it hangs on. */
  readonly restsOn: number;
}

/** Bits (`ASSUMPTIONS`) of what a content rests on, with all its inputs: perhaps one too many, never one too few. */
export function restsOn(content: Content): number {
  const seen = new Set([content]);
  let bits = 0;
  for (const each of seen) {
    bits |= each.restsOn;
    for (const input of each.inputs) seen.add(input);
  }
  return bits;
}

/** Why a content is not known: the reason of the first unknown one that it is made of. */
export function reasonOf(content: Content): UnknownReason {
  const seen = new Set<Content>();
  let at = content;
  for (;;) {
    if (at.reason !== undefined) return at.reason;
    seen.add(at);
    const worst = at.inputs.find((input) => isAnything(input.value) && !seen.has(input));
    if (worst === undefined) return at.kind === ContentKind.merged ? "merge" : "computation";
    at = worst;
  }
}
