/**
 * What a rule is. Rules say which bytes no window may contain; everything else in the planner only looks for room
 * between them.
 *
 * A window is a row of whole instructions that is replaced by one jump, and whose instructions run elsewhere. That is
 * wrong wherever something else than plain execution knows those bytes: control that enters in the middle, a kernel
 * that patches itself there, a table that names the address of a faulting instruction, code that is copied before it
 * runs. Each rule is one such reason, found in one of three ways:
 *
 *   touched      bytes that must stay as they are: no window may contain any of them
 *   inside       addresses that control or a table may name: a window may start or end there, never hold one inside
 *   displaces    instructions that cannot be run elsewhere, whatever stands around them
 */
import type { Sites } from "@pv/sensitive";
import type { InstructionId, Program } from "@pv/x86-ir";
import type { Protection } from "./protection.js";

export interface PlanInput {
  readonly program: Program;
  readonly sites: Sites;
  /** What the kernel's tables say about bytes (`KernelTables` of `@pv/elf` fits). */
  readonly protection: Protection;
  /** 1 for each instruction that may run before paging is on (`earlyCode`). Default: none may. */
  readonly early?: Uint8Array;
}

/** Byte ranges: `length` of each, or one for all. */
export interface Ranges {
  readonly start: Uint32Array;
  readonly length: Uint8Array | Uint32Array | number;
}

/** Whether some rule forbids that address strictly inside a window. */
export type IsBoundary = (va: number) => boolean;

export interface Rule {
  /** Stable: it stands in files as the reason of a site. Never renumbered, never reused. */
  readonly number: number;
  readonly name: string;
  /** One sentence: what the rule keeps, and why. */
  readonly reason: string;
  readonly touched?: (input: PlanInput) => readonly Ranges[];
  readonly inside?: (input: PlanInput) => readonly Uint32Array[];
  readonly displaces?: (input: PlanInput, instruction: InstructionId, isBoundary: IsBoundary) => boolean;
}
