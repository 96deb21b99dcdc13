/**
 * The offline half of pre-virtualization, top to bottom:
 *
 *   bytes -> image -> program -> sites -> facts -> plans -> annotations -> pre-virtualized image
 *
 * Each step is one function of one package; what flows between them are values that print themselves.
 */
import { openImage, unwrap, type ElfFile, type KernelImage } from "@pv/elf";
import { analyzeLiveness, DEFAULT_ASSUMPTIONS, type Assumptions, type Liveness } from "@pv/dataflow";
import { findSites, type Sites } from "@pv/sensitive";
import {
  comparedAddresses,
  copiedCode,
  earlyCode,
  PHYSICAL_ENTRIES,
  planPatches,
  stackGuardOf,
  type PatchPlans,
  type PlanInput,
  type Protection,
} from "@pv/stubgen";
import { buildProgram, codeFacts, kernelRegions, type Program } from "@pv/x86-ir";
import type { Progress } from "./progress.js";
import { collectSiteFacts, type SiteFacts } from "./site-facts.js";

export interface Analysis {
  readonly image: KernelImage;
  readonly program: Program;
  readonly sites: Sites;
  readonly liveness: Liveness;
  readonly facts: SiteFacts;
  readonly plans: PatchPlans;
  /** 1 for each instruction that may run before paging is on. */
  readonly early: Uint8Array;
}

/** Analyses a kernel. Throws an `InputError` where the input is not understood. */
export async function analyze(
  bytes: Uint8Array,
  progress: Progress,
  assumptions: Assumptions = DEFAULT_ASSUMPTIONS,
): Promise<Analysis> {
  return analyzeImage(await open(bytes, progress), progress, assumptions);
}

/** The first step alone. Throws an `InputError` where the input is not understood. */
export function open(bytes: Uint8Array, progress: Progress): Promise<KernelImage> {
  return progress.step("open", async () => unwrap(await openImage(bytes)));
}

/** All steps behind `open`. */
export async function analyzeImage(
  image: KernelImage,
  progress: Progress,
  assumptions: Assumptions = DEFAULT_ASSUMPTIONS,
): Promise<Analysis> {
  const facts = await progress.step("tables", () => codeFacts(image));
  const program = await progress.step("decode", () =>
    buildProgram({ regions: kernelRegions(image), bits: image.elf.bits, addressHigh: image.elf.addressHigh, facts }),
  );
  const sites = await progress.step("sites", () =>
    findSites(program.instructions, { alternativeRanges: replacementRanges(image) }),
  );
  const liveness = await progress.step("liveness", () => analyzeLiveness(program, assumptions, sites.instruction));
  const siteFacts = await progress.step("contents", () => collectSiteFacts(program, sites, liveness));
  const early = await progress.step("early code", () => findEarlyCode(program, image));
  const plans = await progress.step("plan", () => planPatches(planInput({ image, program, sites, early })));
  return { image, program, sites, liveness, facts: siteFacts, plans, early };
}

function findEarlyCode(program: Program, image: KernelImage): Uint8Array {
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
}: Pick<Analysis, "image" | "program" | "sites" | "early">): PlanInput {
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

function replacementRanges(image: KernelImage): { start: Uint32Array; end: Uint32Array } {
  const { alternatives } = image.tables;
  if (alternatives === undefined) return { start: new Uint32Array(0), end: new Uint32Array(0) };
  return {
    start: alternatives.replacement,
    end: alternatives.replacement.map((start, row) => start + alternatives.replacementLength[row]!),
  };
}
