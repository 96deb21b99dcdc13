/** From an analysis to the pre-virtualized image: the facts and plans as an annotation table, and the table beside the kernel. */
import { unwrap } from "@pv/elf";
import { annotate, previrtualize, SiteFlag, type Annotations } from "@pv/runtime-loader";
import { NO_PATCH, steppedCode } from "@pv/stubgen";
import type { Analysis } from "./pipeline.js";

export function annotationsFor(analysis: Analysis): Annotations {
  const { image, program, sites, facts, plans, early, moduleHook } = analysis;
  const { instructions } = program;
  const faulting = new Set(image.tables.exceptions?.insn);
  const rows = sites.instruction;
  const address = Uint32Array.from(rows, (i) => instructions.address[i]);
  const stepped = steppedSites(analysis);
  return unwrap(
    annotate({
      elf: image.elf,
      sites: {
        count: sites.count,
        address,
        kind: sites.kind,
        form: sites.form,
        length: Uint8Array.from(rows, (i) => instructions.length[i]),
        flags: address.map(
          (va, s) =>
            (sites.inAlternative[s] ? SiteFlag.replacement : 0) |
            (faulting.has(va) ? SiteFlag.exceptionRow : 0) |
            (early[rows[s]] ? SiteFlag.mayRunUnpaged : 0) |
            (stepped(va, s) ? SiteFlag.stepped : 0),
        ),
        liveParts: facts.liveParts,
        liveRest: facts.liveRest,
        known: facts.known,
        knownValue: facts.knownValue,
        assumptions: facts.restsOn,
      },
      plans,
      moduleHook: typeof moduleHook === "string" ? null : moduleHook,
    }),
  );
}

/** Whether a site, or anything else in its window, may be stepped through by a program's trap flag. */
function steppedSites({ image, plans }: Analysis): (va: number, site: number) => boolean {
  if (image.symbols === undefined) return () => false;
  const { start, end } = steppedCode(image.symbols);
  return (va, site) => {
    const patch = plans.sitePatch[site];
    const first = patch === NO_PATCH ? va : plans.start[patch],
      behind = patch === NO_PATCH ? va + 1 : first + plans.length[patch];
    return start.some((from, range) => first < end[range] && from < behind);
  };
}

/** The kernel as an ELF file with its annotation table in section `.previrt`. */
export function rewriteKernel(analysis: Analysis): Uint8Array {
  return unwrap(previrtualize(analysis.image.elf, annotationsFor(analysis)));
}
