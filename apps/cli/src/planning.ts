/** What a kernel image tells the planner: code that runs before paging is on, and what its tables and symbols protect. */
import type { ElfFile, KernelImage } from "@pv/elf";
import type { Sites } from "@pv/sensitive";
import {
  comparedAddresses,
  copiedCode,
  earlyCode,
  PHYSICAL_ENTRIES,
  stackGuardOf,
  type PlanInput,
  type Protection,
} from "@pv/stubgen";
import type { Program } from "@pv/x86-ir";

/** 1 for each instruction that may run before paging is on. */
export function findEarlyCode(program: Program, image: KernelImage): Uint8Array {
  const checker = image.symbols?.lookup("__stack_chk_fail");
  const stackGuard = checker === undefined ? undefined : stackGuardOf(program, checker);
  return earlyCode(program, physicalEntries(image), stackGuard === undefined ? {} : { stackGuard });
}

/** What the planner looks at; `siteExplainer` of `@pv/stubgen` asks for the same. */
export function planInput({
  image,
  program,
  sites,
  early,
}: {
  readonly image: KernelImage;
  readonly program: Program;
  readonly sites: Sites;
  readonly early: Uint8Array;
}): PlanInput {
  return { program, sites, early, protection: protectionOf(image) };
}

function physicalEntries({ elf, symbols }: KernelImage): number[] {
  return [virtualEntry(elf), ...PHYSICAL_ENTRIES.flatMap((name) => symbols?.lookup(name) ?? [])];
}

/** The virtual address of the entry point, which kernels name by its physical one (low 32 bits). */
export function virtualEntry({ entry, segments }: ElfFile): number {
  const loaded = segments.filter(({ type }) => type === PT_LOAD);
  if (loaded.some((s) => entry >= s.virtualAddress && entry - s.virtualAddress < s.memorySize)) return entry;
  const segment = loaded.find((s) => entry >= s.physicalAddress && entry - s.physicalAddress < s.memorySize);
  return segment === undefined ? entry : (entry - segment.physicalAddress + segment.virtualAddress) >>> 0;
}

const PT_LOAD = 1;

function protectionOf({ tables, symbols }: KernelImage): Protection {
  return symbols === undefined
    ? tables
    : { ...tables, copied: copiedCode(symbols), compared: comparedAddresses(symbols) };
}
