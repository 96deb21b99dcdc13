/**
 * The profiles of the back end `ring3`: the guest's kernel runs in ring 3, and the instructions that it executes most work on words in
 * memory instead of trapping.
 *
 * `ring3` keeps what is live. `ring3-full` keeps every caller-saved register and all flags and calls a routine: what one would do without
 * knowing what is live. What has no template here stays in place and traps.
 */
import { FORM_MEMORY, kindNumber } from "@pv/sensitive";
import { EAX, EBP, EBX, ECX, EDI, EDX, ESI, ESP } from "@pv/x86-ir";
import {
  cliGroup,
  keepingFlagGroups,
  popfGroup,
  pushfGroup,
  pushRingGroup,
  readSharedGroup,
  selfReturnGroup,
  stiGroup,
  type Counting,
} from "./templates/interrupt-flag.js";
import { poisonTemplates } from "./templates/poison.js";
import { SharedWord } from "./templates/shared.js";
import type { TemplateGroup, TemplateTable } from "./types.js";

const EM_386 = 3;
const REGISTERS = [EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI];
const CONTROL: readonly (readonly [number: number, address: number])[] = [
  [0, SharedWord.cr0],
  [2, SharedWord.cr2],
  [3, SharedWord.cr3],
  [4, SharedWord.cr4],
];
const CS = 1,
  SS = 2;

/** The templates of profile `ring3`; with `count`, stubs count how often they run. */
export function ring3Profile(counting: Counting = { count: false }): TemplateTable {
  return table("ring3", [
    cliGroup(kindNumber("cli"), counting),
    stiGroup(kindNumber("sti"), counting),
    pushfGroup(kindNumber("pushf"), counting),
    popfGroup(kindNumber("popf"), counting),
    ...commonGroups(counting),
  ]);
}

export function ring3FullProfile(): TemplateTable {
  const flags = keepingFlagGroups({
    cli: kindNumber("cli"),
    sti: kindNumber("sti"),
    pushf: kindNumber("pushf"),
    popf: kindNumber("popf"),
  });
  return table("ring3-full", [...flags, ...commonGroups({ count: true })]);
}

function commonGroups(counting: Counting): TemplateGroup[] {
  const read = kindNumber("mov-from-cr"),
    push = kindNumber("push-sreg");
  return [
    selfReturnGroup(kindNumber("iret"), counting),
    ...[CS, SS].map((segment) => pushRingGroup(push, FORM_MEMORY | (segment << 5), segment, counting)),
    ...CONTROL.flatMap(([number, address]) =>
      REGISTERS.filter((r) => r !== ESP).map((r) => readSharedGroup(read, r | (number << 5), r, address, counting)),
    ),
  ];
}

function table(profile: string, groups: TemplateGroup[]): TemplateTable {
  groups.sort((a, b) => a.kind - b.kind || a.form - b.form);
  return { profile, machine: EM_386, unstepped: true, groups, poison: poisonTemplates() };
}
