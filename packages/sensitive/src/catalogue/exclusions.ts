/**
 * What is *not* a site although it looks like one: instructions that iced-x86 calls privileged, dependent on the ring,
 * serializing or a reason for a VM exit. The completeness test goes over every `Code` there is, so that each is either
 * in the catalogue or here, with the reason.
 */
import { Code } from "iced-x86";

export interface Exclusion {
  readonly codes: readonly Code[];
  readonly reason: string;
}

export const EXCLUSIONS: readonly Exclusion[] = [
  {
    codes: [Code.Int3, Code.Int1, Code.Bound_r16_m1616, Code.Bound_r32_m3232],
    reason:
      "It raises an exception, which arrives in the monitor's interrupt table like any page fault's and is reflected. INT3 moreover is padding between functions, and what kernels write over their own code.",
  },
  {
    codes: [
      Code.Ud0_r16_rm16,
      Code.Ud0_r32_rm32,
      Code.Ud0_r64_rm64,
      Code.Ud1_r16_rm16,
      Code.Ud1_r32_rm32,
      Code.Ud1_r64_rm64,
      Code.Ud2,
    ],
    reason: "It raises #UD in every ring, on purpose; the monitor reflects it.",
  },
  { codes: [Code.Pause], reason: "A hint; it does the same in every ring." },
  {
    codes: [Code.Rdrand_r16, Code.Rdrand_r32, Code.Rdrand_r64, Code.Rdseed_r16, Code.Rdseed_r32, Code.Rdseed_r64],
    reason: "Random numbers belong to nobody, and it does the same in every ring.",
  },
  {
    codes: [
      Code.Mfence,
      Code.Mfence_F1,
      Code.Mfence_F2,
      Code.Mfence_F3,
      Code.Mfence_F4,
      Code.Mfence_F5,
      Code.Mfence_F6,
      Code.Mfence_F7,
    ],
    reason: "A fence, in every ring.",
  },
  { codes: [Code.Popw_CS], reason: "The 8086's POP CS; its byte is an escape since the 286." },
  { codes: [Code.Serialize], reason: "It orders the processor's own work, in every ring." },
  { codes: [Code.Mcommit], reason: "A fence for stores to memory, in every ring." },
  {
    codes: [Code.Enclu],
    reason: "User code of enclaves, which ring 0 cannot execute; no kernel holds it.",
  },
  {
    codes: [Code.Senduipi_r64],
    reason: "User interrupts are state of a user thread, saved and restored with XSAVES.",
  },
];

/**
 * Codes that iced decodes only with an option for a processor of long ago (386 test registers, LOADALL, Cyrix and
 * Geode extensions, RDUDBG): the bytes mean something else, or nothing, on every processor that these kernels run on.
 */
export const OBSOLETE_REASON = "An encoding of long-gone processors, which the decoder takes for what it means today.";

/** Why a code is not a site although it looks like one, if that was decided by name. */
export function exclusionReason(code: Code): string | undefined {
  return EXCLUSIONS.find((exclusion) => exclusion.codes.includes(code))?.reason;
}
