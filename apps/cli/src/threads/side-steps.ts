/**
 * The steps that are not on the longest way through the pipeline. All are pure, and what goes into them and comes out of them survives a
 * structured clone, so it makes no difference on which thread they run.
 */
import type { Assumptions } from "@pv/dataflow";
import type { KernelImage, KernelTables } from "@pv/elf";
import type { Sites } from "@pv/sensitive";
import { planPatches, type PatchPlans } from "@pv/stubgen";
import { codeFacts, staticData, type CodeFacts, type Program } from "@pv/x86-ir";
import { findEarlyCode, planInput } from "../planning.js";
import { findContents, type SiteContents } from "../site-facts.js";

export class SideSteps {
  readonly #image: KernelImage;

  constructor(image: KernelImage) {
    this.#image = image;
  }

  /** Kernel tables, and what they say about code. `starts`: where functions surely start (`knownStarts`). */
  facts(starts: Uint32Array): { tables: KernelTables; code: CodeFacts } {
    return { tables: this.#image.tables, code: codeFacts(this.#image, starts) };
  }

  contents(program: Program, sites: Sites, assumptions: Assumptions): SiteContents {
    return findContents(program, sites, assumptions, staticData(this.#image));
  }

  plan(program: Program, sites: Sites): { early: Uint8Array; plans: PatchPlans } {
    const early = findEarlyCode(program, this.#image);
    return { early, plans: planPatches(planInput({ image: this.#image, program, sites, early })) };
  }
}
