/**
 * The profile `bare`: the back end runs in ring 0 and does what the original instruction would have done, so every
 * site that it handles is executed and counted. Instructions with results that a monitor would have to make up go
 * through a resident routine, as they will under a real one; the rest runs as it is, in line.
 *
 * It has no templates for transfers of control (sysexit, far jumps, int n, ...), which do not come back behind the
 * stub's copy (an iret in a window does); for what loads SS, after which the stub's next instruction belongs to the shadow; for string
 * I/O; and for 64-bit code.
 */
import { FORM_IMMEDIATE_PORT, FORM_MEMORY, kindNumber, type Kind } from "@pv/sensitive";
import { EAX, EBP, EBX, ECX, EDI, EDX, ESI, ESP } from "@pv/x86-ir";
import type { TemplateGroup, TemplateTable } from "./types.js";
import { inlineGroup } from "./templates/inline.js";
import { selfReturnGroup } from "./templates/interrupt-flag.js";
import { poisonTemplates } from "./templates/poison.js";
import {
  cpuidGroup,
  inGroup,
  outGroup,
  rdmsrGroup,
  rdtscGroup,
  readControlGroup,
  writeControlGroup,
  wrmsrGroup,
} from "./templates/routine.js";

const EM_386 = 3;

/** Run as they are, whatever the form, and counted behind. */
const INLINE: readonly Kind[] = [
  ...(["cli", "pushf", "popf", "hlt", "stac", "clac"] as const),
  ...(["mov-from-sreg", "push-sreg", "lds", "les", "lfs", "lgs"] as const),
  ...(["lgdt", "sgdt", "lidt", "sidt", "lldt", "sldt", "ltr", "str", "lar", "lsl", "verr", "verw", "arpl"] as const),
  ...(["mov-to-dr", "mov-from-dr", "clts", "lmsw", "smsw"] as const),
  ...(["wrmsrns", "xgetbv", "xsetbv", "xsaves", "xrstors"] as const),
  ...(["rdtscp", "rdpid", "rdpmc", "rdpru"] as const),
  ...(["monitor", "mwait", "monitorx", "mwaitx", "umonitor", "umwait", "tpause"] as const),
  ...(["invd", "wbinvd", "wbnoinvd", "invlpg", "invpcid", "invlpgb", "tlbsync"] as const),
];

/** Registers that a control register can be moved to or from by a stub: all but the stack pointer. */
const MOVABLE = [EAX, ECX, EDX, EBX, EBP, ESI, EDI];
const CONTROL_REGISTERS = [0, 2, 3, 4];

/** ES, DS, FS, GS: CS cannot be loaded so, and a load of SS casts a shadow on the next instruction. */
const LOADABLE_SEGMENTS = [0, 3, 4, 5];

/** Catalogue number of `sti`: nothing may come between it and a site that follows (docs/formats.md, "Poison"). */
export const STI_KIND = kindNumber("sti");

/** The templates of profile `bare` for i386. */
export function bareProfile(): TemplateTable {
  const groups = [...INLINE.map((kind) => inlineGroup(kindNumber(kind))), inlineGroup(STI_KIND, "in front")];
  groups.push(...portGroups(), ...segmentLoads(), ...controlMoves());
  groups.push(rdmsrGroup(kindNumber("rdmsr")), wrmsrGroup(kindNumber("wrmsr")));
  groups.push(selfReturnGroup(kindNumber("iret"), { count: true }));
  groups.push(cpuidGroup(kindNumber("cpuid")), rdtscGroup(kindNumber("rdtsc")));
  groups.sort((a, b) => a.kind - b.kind || a.form - b.form);
  return { profile: "bare", machine: EM_386, groups, poison: poisonTemplates() };
}

function portGroups(): TemplateGroup[] {
  const widths = [1, 2, 4] as const;
  return [0, FORM_IMMEDIATE_PORT].flatMap((immediate) =>
    widths.flatMap((width, log) => [
      inGroup(kindNumber("in"), log | immediate, width, immediate !== 0),
      outGroup(kindNumber("out"), log | immediate, width, immediate !== 0),
    ]),
  );
}

function segmentLoads(): TemplateGroup[] {
  const sources = [...MOVABLE, ESP, FORM_MEMORY];
  return LOADABLE_SEGMENTS.flatMap((segment) => [
    ...sources.map((source) => inlineGroup(kindNumber("mov-to-sreg"), "behind", source | (segment << 5))),
    inlineGroup(kindNumber("pop-sreg"), "behind", FORM_MEMORY | (segment << 5)),
  ]);
}

function controlMoves(): TemplateGroup[] {
  return CONTROL_REGISTERS.flatMap((control) =>
    MOVABLE.flatMap((register) => {
      const form = register | (control << 5);
      return [
        writeControlGroup(kindNumber("mov-to-cr"), form, register, control),
        readControlGroup(kindNumber("mov-from-cr"), form, register, control),
      ];
    }),
  );
}
