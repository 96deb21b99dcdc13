/**
 * The rules, most telling first: where several forbid the same bytes, or two obstacles close a site in from both
 * sides, the one that stands earlier is the reason that is given.
 *
 * Numbers are stable and appear in annotation tables; the order is not, and may change.
 */
import {
  alternativeReplacements,
  alternativeSites,
  bugRows,
  comparedRanges,
  copiedRanges,
  exceptionFixups,
  exceptionRows,
  jumpLabels,
  jumpLabelTargets,
  lockPrefixes,
  paravirtSites,
  staticCalls,
  thunkSites,
  tracedCalls,
  vdsoImages,
} from "./kernel-tables.js";
import {
  isControlTransfer,
  isIndirectTransfer,
  isInInterruptShadow,
  isPositionDependent,
  isShortBranch,
  isUndefined,
  maybePatched,
  runsEarly,
} from "./instructions.js";
import type { Rule } from "./rule.js";
import { branchTargets, functionStarts, takenAddresses } from "./targets.js";
import { undecodableStretches } from "./undecodable.js";

export const RULES = [
  {
    number: 1,
    name: "alternative-replacement",
    reason: "The bytes are a replacement that the kernel copies over other code: they do not run where they stand.",
    touched: alternativeReplacements,
  },
  {
    number: 2,
    name: "vdso",
    reason: "The bytes are user code that processes map: stubs are not mapped there.",
    touched: vdsoImages,
  },
  {
    number: 3,
    name: "copied-code",
    reason: "The kernel runs a copy of these bytes elsewhere, from where a relative jump would miss its stub.",
    touched: copiedRanges,
  },
  {
    number: 25,
    name: "compared-address",
    reason: "The kernel tells by the address that an exception came from these bytes, and handles it in another way.",
    touched: comparedRanges,
  },
  {
    number: 4,
    name: "control-transfer",
    reason:
      "An interrupt return (but to itself), a software interrupt or a far transfer takes its own address or context along and stays in place.",
    displaces: isControlTransfer,
  },
  {
    number: 5,
    name: "interrupt-shadow",
    reason: "The instruction and its neighbour run without an interrupt between them, which a stub would break.",
    displaces: isInInterruptShadow,
  },
  {
    number: 6,
    name: "physical-mode",
    reason: "The code may run before paging is on, where the absolute addresses in a stub mean something else.",
    displaces: runsEarly,
  },
  {
    number: 7,
    name: "exception-row",
    reason: "The exception table names the instruction, or the place where execution goes on after a fault.",
    touched: exceptionRows,
    inside: exceptionFixups,
  },
  {
    number: 8,
    name: "alternatives",
    reason: "The kernel overwrites these bytes at boot, by CPU feature.",
    touched: alternativeSites,
  },
  {
    number: 9,
    name: "paravirt",
    reason: "The kernel overwrites these bytes at boot, by hypervisor.",
    touched: paravirtSites,
  },
  {
    number: 10,
    name: "smp-lock",
    reason: "The kernel patches the LOCK prefix in and out as processors come and go.",
    touched: lockPrefixes,
  },
  {
    number: 11,
    name: "jump-label",
    reason: "The kernel turns the NOP into a jump and back while it runs, or the jump leads here.",
    touched: jumpLabels,
    inside: jumpLabelTargets,
  },
  {
    number: 12,
    name: "static-call",
    reason: "The kernel points the call elsewhere while it runs.",
    touched: staticCalls,
  },
  {
    number: 13,
    name: "ftrace",
    reason: "The function tracer turns the call into a NOP and back.",
    touched: tracedCalls,
  },
  {
    number: 14,
    name: "bug",
    reason: "The handler of BUG and WARN looks the undefined instruction up by its address.",
    touched: bugRows,
    displaces: isUndefined,
  },
  {
    number: 15,
    name: "thunk-site",
    reason: "The kernel rewrites the indirect branch or the return at boot, by speculation mitigation.",
    touched: thunkSites,
  },
  {
    number: 16,
    name: "may-be-patched",
    reason: "The instruction looks like one that the kernel patches while it runs, and no table says that it is not.",
    displaces: maybePatched,
  },
  {
    number: 17,
    name: "address-taken",
    reason: "A relocation or a table names an address inside.",
    inside: takenAddresses,
  },
  {
    number: 18,
    name: "invalid",
    reason: "The bytes, or some that run into them, do not decode: they may be data, or begin elsewhere.",
    touched: undecodableStretches,
  },
  {
    number: 19,
    name: "indirect-transfer",
    reason: "An indirect call would push an address inside the stub, and an indirect jump may have a table.",
    displaces: isIndirectTransfer,
  },
  {
    number: 20,
    name: "short-branch",
    reason: "The branch has no form with a 32-bit displacement.",
    displaces: isShortBranch,
  },
  {
    number: 21,
    name: "position-dependent",
    reason: "The operand is relative to the instruction pointer and would mean another address in a stub.",
    displaces: isPositionDependent,
  },
  {
    number: 22,
    name: "function-boundary",
    reason: "A function or a section starts or ends there.",
    inside: functionStarts,
  },
  {
    number: 23,
    name: "branch-target",
    reason: "A branch or a call leads to an address inside.",
    inside: branchTargets,
  },
  {
    number: 24,
    name: "transfer",
    reason: "A call, a jump or a return can only be the last instruction of a window.",
  },
] as const satisfies readonly Rule[];

export type RuleName = (typeof RULES)[number]["name"];

const byNumber: Rule[] = [];
const rank: number[] = [];
RULES.forEach((rule, position) => {
  byNumber[rule.number] = rule;
  rank[rule.number] = position;
});

/** The rule with that number; undefined where there is none (0 means "no rule"). */
export const ruleOf = (number: number): Rule | undefined => byNumber[number];

/** The number of a rule. */
export const ruleNumber = (name: RuleName): number => RULES.find((rule) => rule.name === name)!.number;

/** The more telling of two rules; 0 is none. */
export function moreTelling(a: number, b: number): number {
  if (a === 0 || b === 0) return a || b;
  return rank[a] <= rank[b] ? a : b;
}
