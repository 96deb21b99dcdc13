/** Joins what the analyses found to the annotation table of a kernel. */
import { createHash } from "node:crypto";
import { attempt, openMemory, removeSection, type ElfFile, type Result } from "@pv/elf";
import type { ModuleHook, PatchPlans } from "@pv/stubgen";
import { ANNOTATION_SECTION, checkAnnotations, NO_PATCH, type Annotations } from "./annotations.js";
import { crc32 } from "./crc32.js";
import { MACHINE } from "./fit.js";
import { kernelChecksum } from "./loaded-kernel.js";

/** One entry per site, sites ascending by address. */
export interface SiteFactColumns {
  readonly count: number;
  /** Low 32 bits. */
  readonly address: ArrayLike<number>;
  /** Number in the catalogue of @pv/sensitive. */
  readonly kind: ArrayLike<number>;
  readonly form: ArrayLike<number>;
  /** Bytes of the instruction. */
  readonly length: ArrayLike<number>;
  /** `SiteFlag` bits. */
  readonly flags: ArrayLike<number>;
  /** Live behind the instruction: location words of @pv/x86-ir. */
  readonly liveParts: ArrayLike<number>;
  readonly liveRest: ArrayLike<number>;
  /** 0 nothing, 1 port, 2 MSR index, 3 CPUID leaf; and its value. */
  readonly known: ArrayLike<number>;
  readonly knownValue: ArrayLike<number>;
  /** Assumptions that the facts rest on (bit set of @pv/dataflow). */
  readonly assumptions: ArrayLike<number>;
}

export interface AnnotateInput {
  readonly elf: ElfFile;
  readonly sites: SiteFactColumns;
  readonly plans: PatchPlans;
  readonly moduleHook: ModuleHook | null;
}

/**
 * Makes the table: copies the facts and computes checksums and first bytes. Errors: PV1009 (a site or window outside the file's
 * contents), PV4004 (plans and sites contradict each other).
 */
export function annotate({ elf, sites, plans, moduleHook }: AnnotateInput): Result<Annotations> {
  return attempt(() => {
    const memory = openMemory(elf);
    const address = Uint32Array.from(sites.address);
    const start = plans.start.slice();
    const annotations: Annotations = {
      machine: MACHINE[elf.arch],
      addressHigh: elf.addressHigh,
      kernelChecksum: kernelChecksum(elf),
      sha256: createHash("sha256").update(removeSection(elf, ANNOTATION_SECTION).bytes).digest("hex"),
      sites: {
        count: sites.count,
        address,
        kind: Uint16Array.from(sites.kind),
        form: Uint16Array.from(sites.form),
        length: Uint8Array.from(sites.length),
        firstByte: Uint8Array.from(address, (at) => memory.u8(at)),
        flags: Uint8Array.from(sites.flags),
        known: Uint8Array.from(sites.known),
        knownValue: Uint32Array.from(sites.knownValue),
        liveParts: Uint32Array.from(sites.liveParts),
        liveRest: Uint32Array.from(sites.liveRest),
        patch: plans.sitePatch.slice(),
        reason: plans.siteReason.map((reason, site) => (plans.sitePatch[site] === NO_PATCH ? reason : 0)),
        assumptions: Uint16Array.from(sites.assumptions),
      },
      patches: {
        count: plans.count,
        start,
        length: plans.length.slice(),
        tactic: plans.tactic.slice(),
        itemCount: plans.itemCount.slice(),
        firstItem: plans.firstItem.slice(),
        checksum: Uint32Array.from(start, (at, patch) => crc32(memory.read(at, plans.length[patch]))),
      },
      items: {
        count: plans.items.count,
        op: plans.items.op.slice(),
        length: plans.items.length.slice(),
        condition: plans.items.condition.slice(),
        offset: plans.items.offset.slice(),
        target: plans.items.target.slice(),
      },
      moduleHook,
    };
    checkAnnotations(annotations);
    return annotations;
  });
}
