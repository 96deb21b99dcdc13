/**
 * Bytes that a kernel table names because the kernel overwrites or copies them, or looks them up by their address.
 * One function per table, named after its rule; each gives the ranges that no window may touch.
 *
 * Where a table names one instruction, its first byte is enough: a window is made of whole instructions.
 */
import type { Protection } from "./protection.js";
import type { PlanInput, Ranges } from "./rule.js";

/** Longest instruction that a jump label or a patched call can be (arch/x86/include/asm/text-patching.h). */
const PATCHED_BRANCH_BYTES = 5;
/** A jump and the three bytes that mark a static-call trampoline (arch/x86/include/asm/static_call.h). */
const TRAMPOLINE_BYTES = 8;

/** Rows of `__ex_table`: the fault handler searches for the address of the faulting instruction. */
export function exceptionRows({ program, protection }: PlanInput): readonly Ranges[] {
  return columns([program.facts.exceptionFrom, protection.exceptions?.insn], 1);
}

/** Fix-up addresses of `__ex_table`: a fault goes on there. */
export function exceptionFixups({ program, protection }: PlanInput): readonly Uint32Array[] {
  return present([program.facts.exceptionTo, protection.exceptions?.fixup]);
}

/** Sites of `.altinstructions`: overwritten at boot. */
export function alternativeSites({ program: { facts }, protection: { alternatives } }: PlanInput): readonly Ranges[] {
  const ranges: Ranges[] = [{ start: facts.alternativeSite, length: facts.alternativeSiteLength }];
  if (alternatives) ranges.push({ start: alternatives.site, length: alternatives.siteLength });
  return ranges;
}

/** Replacements of alternatives: their bytes are copied elsewhere, branches adjusted, before they run. */
export function alternativeReplacements({
  program,
  sites,
  protection: { alternatives },
}: PlanInput): readonly Ranges[] {
  const { facts, instructions } = program;
  const ranges: Ranges[] = [{ start: facts.alternativeReplacement, length: facts.alternativeReplacementLength }];
  const marked = sites.instruction.filter((_, site) => sites.inAlternative[site] === 1);
  ranges.push({ start: marked.map((row) => instructions.address[row]), length: 1 });
  if (alternatives) ranges.push({ start: alternatives.replacement, length: alternatives.replacementLength });
  return ranges;
}

/** `.parainstructions`: overwritten at boot. */
export function paravirtSites({ protection: { paravirt } }: PlanInput): readonly Ranges[] {
  return paravirt ? [{ start: paravirt.site, length: paravirt.length }] : [];
}

/** `.smp_locks`: LOCK prefixes that become DS prefixes and back as processors come and go. */
export function lockPrefixes({ protection }: PlanInput): readonly Ranges[] {
  return columns([protection.smpLocks?.site], 1);
}

/** `__jump_table`: two- or five-byte NOPs and jumps that turn into each other. */
export function jumpLabels(input: PlanInput): readonly Ranges[] {
  const { program, protection } = input;
  return [program.facts.jumpLabelFrom, ...present([protection.jumpLabels?.code])].map((start) =>
    instructionsAt(input, start),
  );
}

/** Where jump labels lead: a branch that no instruction shows yet. */
export function jumpLabelTargets({ program, protection }: PlanInput): readonly Uint32Array[] {
  return present([program.facts.jumpLabelTo, protection.jumpLabels?.target]);
}

/** Static calls in line, and trampolines of those that are not: pointed elsewhere while the kernel runs. */
export function staticCalls({ program, protection }: PlanInput): readonly Ranges[] {
  return [
    ...columns([protection.staticCalls?.site], PATCHED_BRANCH_BYTES),
    ...columns([program.facts.replaceable], TRAMPOLINE_BYTES),
  ];
}

/** `__mcount_loc` and calls of `__fentry__`: NOPs or calls, as ftrace wants. */
export function tracedCalls({ program, protection }: PlanInput): readonly Ranges[] {
  return columns([program.facts.tracedCalls, protection.mcount?.site], PATCHED_BRANCH_BYTES);
}

/** `__bug_table`: the handler of #UD searches for the address of the `ud2`. */
export function bugRows({ program, protection }: PlanInput): readonly Ranges[] {
  return columns([program.facts.warnings, protection.bugs?.site], 1);
}

/** `.retpoline_sites` and `.return_sites`: rewritten at boot for the processor's way of speculation. */
export function thunkSites(input: PlanInput): readonly Ranges[] {
  const { retpolines, returns } = input.protection;
  return present([retpolines?.site, returns?.site]).map((start) => instructionsAt(input, start));
}

/** vDSO images: mapped into user processes, which have no stubs. */
export function vdsoImages({ protection: { vdso } }: PlanInput): readonly Ranges[] {
  return spans(vdso);
}

/** Code that runs from a copy elsewhere, where a relative jump to a stub would miss. */
export function copiedRanges({ protection: { copied } }: PlanInput): readonly Ranges[] {
  return spans(copied);
}

/** Code whose exceptions are handled by where they happened. */
export function comparedRanges({ protection: { compared } }: PlanInput): readonly Ranges[] {
  return spans(compared);
}

function spans(ranges: Protection["copied"]): readonly Ranges[] {
  return ranges ? [{ start: ranges.start, length: ranges.end.map((end, row) => end - ranges.start[row]) }] : [];
}

const present = <T>(values: readonly (T | undefined)[]): T[] => values.filter((value) => value !== undefined);

const columns = (starts: readonly (Uint32Array | undefined)[], length: number): Ranges[] =>
  present(starts).map((start) => ({ start, length }));

/** The instructions at some addresses, as long as they are; as long as a patched branch where none starts there. */
function instructionsAt({ program: { instructions } }: PlanInput, start: Uint32Array): Ranges {
  const length = Uint8Array.from(start, (va) => {
    const row = instructions.at(va);
    return row < 0 ? PATCHED_BRANCH_BYTES : instructions.length[row];
  });
  return { start, length };
}
