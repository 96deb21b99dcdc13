/** Planner inputs out of assembly text; what a kernel's tables would say stands in options that name labels. */
import type { AssembledCode } from "@pv/assembler";
import { findSites } from "@pv/sensitive";
import { buildProgram, NO_FACTS, type Bits } from "@pv/x86-ir";
import { earlyCode, type PlanInput, type Protection } from "@pv/stubgen";

/**
 * Options (each value a list of words; `a` is a label, `a:5` a label and a length, `a>b` two labels, `a..b` a range):
 * functions taken exceptions alternatives paravirt jump-labels locks static-calls mcount bugs returns vdso copied compared early
 * (entry points), tables (`all`: the table of jump labels is there, though empty).
 */
export function planInput(
  code: AssembledCode,
  bits: Bits,
  options: ReadonlyMap<string, string> = new Map(),
): PlanInput {
  const words = (key: string): string[] => (options.get(key) ?? "").split(/\s+/).filter((word) => word !== "");
  const va = (label: string): number => {
    const value = code.symbols.get(label);
    if (value === undefined) throw new Error(`no label "${label}"`);
    return value;
  };
  const column = (key: string, part = (word: string) => word): Uint32Array =>
    Uint32Array.from(words(key), (word) => va(part(word))).sort();
  const sites = (key: string) => (options.has(key) ? { site: column(key) } : undefined);
  const lengths = (key: string): Uint8Array => Uint8Array.from(words(key), (word) => Number(word.split(":")[1]));
  const name = (word: string): string => word.split(":")[0];
  const left = (word: string): string => word.split(">")[0];
  const right = (word: string): string => word.split(">")[1];
  const range = (key: string) =>
    options.has(key)
      ? { start: column(key, (word) => word.split("..")[0]), end: column(key, (word) => word.split("..")[1]) }
      : undefined;

  const program = buildProgram({
    regions: [{ name: ".text", start: code.base, bytes: code.bytes }],
    bits,
    addressHigh: bits === 64 ? 0xffff_ffff : 0,
    facts: {
      ...NO_FACTS,
      functionStarts: column("functions"),
      addressTaken: column("taken"),
      exceptionFrom: column("exceptions", left),
      exceptionTo: column("exceptions", right),
      transparent: column("transparent"),
      replaceable: column("trampolines"),
    },
  });
  const tables: Record<keyof Protection, unknown> = {
    exceptions: undefined,
    alternatives: options.has("alternatives")
      ? {
          site: column("alternatives", (word) => name(left(word))),
          siteLength: Uint8Array.from(words("alternatives"), (word) => Number(left(word).split(":")[1])),
          replacement: column("alternatives", (word) => name(right(word))),
          replacementLength: Uint8Array.from(words("alternatives"), (word) => Number(right(word).split(":")[1])),
        }
      : undefined,
    paravirt: options.has("paravirt") ? { site: column("paravirt", name), length: lengths("paravirt") } : undefined,
    jumpLabels:
      options.has("jump-labels") || options.get("tables") === "all"
        ? { code: column("jump-labels", left), target: column("jump-labels", right) }
        : undefined,
    smpLocks: sites("locks"),
    bugs: sites("bugs"),
    staticCalls: sites("static-calls"),
    mcount: sites("mcount"),
    retpolines: sites("retpolines"),
    returns: sites("returns"),
    vdso: range("vdso"),
    copied: range("copied"),
    compared: range("compared"),
  };
  const protection = Object.fromEntries(
    Object.entries(tables).filter(([, table]) => table !== undefined),
  ) as Protection;
  const input = { program, sites: findSites(program.instructions), protection };
  return options.has("early") ? { ...input, early: earlyCode(program, column("early")) } : input;
}
