/**
 * The offline half of pre-virtualization, top to bottom:
 *
 *   bytes -> image -> program -> sites -> facts -> plans -> annotations -> pre-virtualized image
 *
 * Each step is one function of one package; what flows between them are values that print themselves. Steps that do not wait for each
 * other run on two threads where there are two (threads/side.ts); the result is the same on one.
 */
import { openImage, unwrap, withTables, type KernelImage } from "@pv/elf";
import { analyzeLiveness, DEFAULT_ASSUMPTIONS, type Assumptions, type Liveness } from "@pv/dataflow";
import { findSites, type Sites } from "@pv/sensitive";
import { findModuleHook, type ModuleHook, type NO_MODULE_HOOK, type PatchPlans } from "@pv/stubgen";
import { connect, decode, kernelRegions, knownStarts, type Program } from "@pv/x86-ir";
import type { Progress } from "./progress.js";
import { asksAbout, collectSiteFacts, type SiteFacts } from "./site-facts.js";
import { openSide } from "./threads/side.js";

export interface Analysis {
  readonly image: KernelImage;
  readonly program: Program;
  readonly sites: Sites;
  readonly liveness: Liveness;
  readonly facts: SiteFacts;
  readonly plans: PatchPlans;
  /** 1 for each instruction that may run before paging is on. */
  readonly early: Uint8Array;
  /** The call that loads a module into the guest, or why there is none. */
  readonly moduleHook: ModuleHook | keyof typeof NO_MODULE_HOOK;
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
  opened: KernelImage,
  progress: Progress,
  assumptions: Assumptions = DEFAULT_ASSUMPTIONS,
): Promise<Analysis> {
  const { image: shared, side } = openSide(opened);
  try {
    const { bits, addressHigh } = shared.elf;
    const starts = await progress.step("starts", () => knownStarts(shared));
    const reading = progress.beside("tables", side.facts(starts));
    const instructions = await progress.step("decode", () => decode(kernelRegions(shared), bits, addressHigh, starts));
    const { tables, code } = await reading;
    const image = withTables(shared, tables);
    const program = await progress.step("blocks", () => connect(instructions, code));
    const sites = await progress.step("sites", () =>
      findSites(instructions, { alternativeRanges: replacementRanges(image) }),
    );
    const knowing = progress.beside("contents", side.contents(program, sites, assumptions));
    const planning = progress.beside("plan", side.plan(program, sites));
    const liveness = await progress.step("liveness", () =>
      analyzeLiveness(program, assumptions, sites.instruction, asksAbout(bits)),
    );
    const contents = await knowing;
    const facts = await progress.step("facts", () => collectSiteFacts(program, sites, liveness, contents));
    const { plans, early } = await planning;
    const moduleHook = findModuleHook(program, image.symbols, plans);
    return { image, program, sites, liveness, facts, plans, early, moduleHook };
  } finally {
    side.end();
  }
}

function replacementRanges(image: KernelImage): { start: Uint32Array; end: Uint32Array } {
  const { alternatives } = image.tables;
  if (alternatives === undefined) return { start: new Uint32Array(0), end: new Uint32Array(0) };
  return {
    start: alternatives.replacement,
    end: alternatives.replacement.map((start, row) => start + alternatives.replacementLength[row]!),
  };
}
