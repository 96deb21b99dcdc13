/**
 * Which registers and flags a site reads, defines and may lose to its emulation, as location words: the catalogue's
 * texts with the words for operands (`value`, `port`, `general`, ...) resolved by the site's form.
 */
import { parseLocations, REGISTER_NAMES, type Bits } from "@pv/x86-ir";
import type { CatalogueEntry, LocationText } from "./entry.js";
import { FORM_IMMEDIATE_PORT, FORM_MEMORY, FORM_REPEATED, generalOf, FORM_UNUSUAL, specialOf } from "./form.js";

export interface Locations {
  readonly parts: number;
  readonly rest: number;
}

/** Caller-saved registers of the C convention (psABI i386, table 2.3; x86-64, figure 3.4). */
export const CALLER_SAVED: Readonly<Record<Bits, string>> = {
  32: "eax ecx edx",
  64: "rax rcx rdx rsi rdi r8 r9 r10 r11",
};
const FLAGS = "cf pf af zf sf of";

/** Locations that a site of this kind and form reads, besides those that address memory and the stack pointer. */
export function readsOf(entry: CatalogueEntry, form: number, bits: Bits): Locations {
  return resolve(entry, entry.reads, form, bits, false);
}

/** Locations that it defines, on every outcome or on some; the emulation's value must stay in them. */
export function resultsOf(entry: CatalogueEntry, form: number, bits: Bits): Locations {
  return resolve(entry, entry.results, form, bits, true);
}

/** Locations that emulation code in its place may destroy: never any of its results. */
export function emulationClobbersOf(entry: CatalogueEntry, form: number, bits: Bits): Locations {
  if (entry.emulationClobbers === "nothing") return { parts: 0, rest: 0 };
  const text = entry.emulationClobbers === "flags" ? FLAGS : `${CALLER_SAVED[bits]} ${FLAGS}`;
  const clobbers = parseLocations(text, bits);
  const results = resultsOf(entry, form, bits);
  return { parts: clobbers.parts & ~results.parts, rest: clobbers.rest & ~results.rest };
}

function resolve(entry: CatalogueEntry, text: LocationText, form: number, bits: Bits, written: boolean): Locations {
  const words = (typeof text === "string" ? text : text[bits]).split(" ").map((word) => {
    const [stem = "", suffix] = word.split(".");
    const part = suffix === undefined ? "" : `.${suffix}`;
    switch (stem) {
      case "value":
        return valueRegister(form, bits);
      case "port":
        return form & FORM_IMMEDIATE_PORT ? "" : `${REGISTER_NAMES[bits][2]}.lh`;
      case "count":
        return form & FORM_REPEATED ? (REGISTER_NAMES[bits][1] ?? "") : "";
      case "general":
        return generalRegister(entry, generalOf(form), part, form, bits, written);
      case "second":
        return generalRegister(entry, specialOf(form), part, form, bits, written);
      default:
        return wordOf(stem, bits) + part;
    }
  });
  return parseLocations(words.join(" "), bits);
}

/** A 32-bit name of the catalogue as the name in the other mode. */
function wordOf(name: string, bits: Bits): string {
  const number = REGISTER_NAMES[32].indexOf(name);
  return number < 0 ? name : (REGISTER_NAMES[bits][number] ?? name);
}

/** AL, AX or EAX; a write of EAX in 64-bit mode clears the rest of RAX, so all of it is defined. */
function valueRegister(form: number, bits: Bits): string {
  return REGISTER_NAMES[bits][0] + [".l", ".lh", ""][form & 3];
}

function generalRegister(
  entry: CatalogueEntry,
  number: number,
  part: string,
  form: number,
  bits: Bits,
  written: boolean,
): string {
  const name = REGISTER_NAMES[bits][number];
  if (number === FORM_MEMORY || name === undefined) return "";
  // A 16-bit result leaves the upper part of its register alone; 32 bits or more define all of it.
  const narrow = written && part === "" && (form & FORM_UNUSUAL) !== 0 && entry.form !== "rm-word";
  return name + (narrow ? ".lh" : part);
}
