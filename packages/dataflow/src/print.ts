/** The texts of the analyses: what filetests pin. */
import { formatLocations, type Program } from "@pv/x86-ir";
import type { KnownBits } from "./known-bits.js";
import { patternsOf, type Known } from "./known-values.js";
import type { Liveness } from "./liveness.js";

const hex = (value: number, digits = 8): string => (value >>> 0).toString(16).padStart(digits, "0");

/** One line an instruction: address, mnemonic text, what is live behind it. */
export function printLiveness(program: Program, liveness: Liveness, text: (instruction: number) => string): string {
  const { instructions, functions } = program;
  const lines: string[] = [];
  for (let i = 0; i < instructions.count; i++) {
    const f = functions.containing(i);
    if (f >= 0 && functions.entryInstruction[f] === i)
      lines.push(`function ${hex(functions.entry[f])}${functions.traced[f] ? " traced" : ""}`);
    const { parts, rest } = liveness.after(i);
    lines.push(
      `  ${hex(instructions.address[i])}  ${text(i).padEnd(32)} | ${formatLocations(parts, rest, instructions.bits)}`,
    );
  }
  return lines.join("\n");
}

/** One line a function: what a call to it may read, and surely writes. */
export function printSummaries(program: Program, liveness: Liveness): string {
  const { functions, instructions } = program;
  const { summaries, nodes } = liveness;
  const lines: string[] = [];
  for (let f = 0; f < functions.count; f++) {
    const k = nodes.of(functions.entryInstruction[f]);
    const reads = formatLocations(summaries.readsParts[k], summaries.readsRest[k], instructions.bits);
    const writes = formatLocations(summaries.writesParts[k], summaries.writesRest[k], instructions.bits);
    lines.push(`function ${hex(functions.entry[f])} reads ${reads} | writes ${writes}`);
  }
  return lines.join("\n");
}

const unsigned = (values: readonly number[]): number[] => values.map((value) => value >>> 0).sort((a, b) => a - b);

/**
 * `3f8`, `2f8|3f8` where it is one of a few, `......f8` where only some hexadecimal digits are known (`*`: some bits of one), `0000040.|c00020..`
 * where it is one of several such, `?` where nothing is, `-` where no path leads.
 */
export function formatKnown(known: Known): string {
  const { values } = known;
  if (values === undefined) return patternsOf(known).map(formatPattern).join("|");
  return values.length === 0
    ? "-"
    : unsigned(values)
        .map((v) => hex(v, 1))
        .join("|");
}

/** `000004**`: hexadecimal digits that are known; `*` where some bits of one are, `.` where none is. */
export function formatPattern(bits: KnownBits): string {
  if (bits.known === 0) return "?";
  let text = "";
  for (let digit = 7; digit >= 0; digit--) {
    const known = (bits.known >>> (digit * 4)) & 15;
    text += known === 15 ? ((bits.value >>> (digit * 4)) & 15).toString(16) : known === 0 ? "." : "*";
  }
  return text;
}
