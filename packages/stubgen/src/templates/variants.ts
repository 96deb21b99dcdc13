/**
 * Which template of a group belongs to a site.
 *
 * A stub saves what its emulation code destroys and what is read later, and nothing else; so a group has one template
 * per answer to a few yes-or-no questions, and the answers are the bits of the template's number (docs/formats.md, "Group").
 */
import { ARITHMETIC_FLAGS, registersIn } from "@pv/x86-ir";
import type { Template, TemplateGroup } from "../types.js";
import { StubCode, type Register } from "./code.js";

/** Group form that stands for every form without a group of its own. */
export const ANY_FORM = 0xffff;

/** What the variant depends on: location words of @pv/x86-ir behind the site, and the "what is known" number. */
export interface SiteFacts {
  readonly liveParts: number;
  readonly liveRest: number;
  readonly known: number;
}

type GroupTraits = Pick<TemplateGroup, "clobbers" | "clobbersFlags" | "known">;

/** What one template of a group is for. */
export interface Variant {
  /** Clobbered registers of which any part is live, ascending. */
  readonly save: readonly Register[];
  readonly saveFlags: boolean;
  readonly known: boolean;
}

/** Number of templates of a group: a power of two. */
export function variantCount(group: GroupTraits): number {
  return 2 ** (registersOf(group.clobbers).length + (group.clobbersFlags ? 1 : 0) + (group.known === 0 ? 0 : 1));
}

/** The template's number in its group. */
export function variantOf(group: GroupTraits, site: SiteFacts): number {
  const live = registersIn(site.liveParts, site.liveRest);
  let number = 0;
  let bit = 0;
  for (const r of registersOf(group.clobbers)) number |= ((live >>> r) & 1) << bit++;
  if (group.clobbersFlags) number |= ((site.liveRest & ARITHMETIC_FLAGS) === 0 ? 0 : 1) << bit++;
  if (group.known !== 0) number |= (site.known === group.known ? 1 : 0) << bit;
  return number;
}

/** The inverse: what template `number` of a group has to save, and whether it may use the known value. */
export function variantAt(group: GroupTraits, number: number): Variant {
  const clobbered = registersOf(group.clobbers);
  const save = clobbered.filter((_, bit) => ((number >>> bit) & 1) === 1);
  const saveFlags = group.clobbersFlags && ((number >>> clobbered.length) & 1) === 1;
  const known = group.known !== 0 && number >= variantCount(group) / 2;
  return { save, saveFlags, known };
}

/** All templates of a group. `emit` writes the one for `variant`. */
export function makeGroup(
  traits: Omit<TemplateGroup, "variants">,
  emit: (code: StubCode, variant: Variant) => void,
): TemplateGroup {
  const variants: Template[] = [];
  for (let number = 0; number < variantCount(traits); number++) {
    const code = new StubCode();
    emit(code, variantAt(traits, number));
    variants.push(code.template());
  }
  return { ...traits, variants };
}

/** The group for a kind and form in a table whose groups ascend by (kind, form). */
export function findGroup(groups: readonly TemplateGroup[], kind: number, form: number): TemplateGroup | undefined {
  return search(groups, kind, form) ?? search(groups, kind, ANY_FORM);
}

function search(groups: readonly TemplateGroup[], kind: number, form: number): TemplateGroup | undefined {
  let low = 0;
  let high = groups.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const group = groups[middle];
    if (group.kind < kind || (group.kind === kind && group.form < form)) low = middle + 1;
    else high = middle;
  }
  const found = groups[low];
  return found?.kind === kind && found.form === form ? found : undefined;
}

/** The registers of a mask, ascending. */
export function registersOf(mask: number): Register[] {
  const registers: Register[] = [];
  for (let r = 0; r < 16; r++) if ((mask >>> r) & 1) registers.push(r);
  return registers;
}
