/**
 * Templates for instructions that run as they are and are only counted: the back end `bare` works in ring 0.
 *
 * The original comes first and the count behind it, where exactly the facts behind the site say what is free; and an
 * original that reads or moves the stack pointer finds the stack as it was. STI is the other way round: it delays
 * interrupts by one instruction, and `sti; hlt` must stay together, or a wake-up is lost. It reads and writes nothing that facts are
 * about, so what is free behind it is free in front of it.
 */
import { ECX } from "@pv/x86-ir";
import type { TemplateGroup } from "../types.js";
import type { StubCode } from "./code.js";
import { ANY_FORM, makeGroup, type Variant } from "./variants.js";

export type CountPlace = "behind" | "in front";

/** The group for every form of `kind`. */
export function inlineGroup(kind: number, count: CountPlace = "behind", form = ANY_FORM): TemplateGroup {
  return makeGroup({ kind, form, clobbers: 1 << ECX, clobbersFlags: true, known: 0 }, (code, variant) => {
    if (count === "in front") emitCount(code, variant);
    code.original();
    if (count === "behind") emitCount(code, variant);
  });
}

/** Adds one to the counter of the site's kind; may clobber ECX and the flags as far as the variant says that they are free. */
export function emitCount(code: StubCode, { save, saveFlags }: Variant): void {
  if (!saveFlags) {
    code.incrementCounter();
    return;
  }
  for (const r of save) code.push(r);
  code.incrementCounterThroughEcx();
  for (const r of save.toReversed()) code.pop(r);
}
