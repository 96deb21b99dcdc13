/**
 * A program as text: for people, and for tests that compare it. One line per instruction, block or function; addresses
 * are the low 32 bits.
 */
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from "iced-x86";
import { formatLocations } from "./locations.js";
import { EdgeKind, Flow, type Instructions, type Program } from "./types.js";

export interface PrintRange {
  /** First row. Default 0. */
  readonly first?: number;
  /** One past the last row. Default: all. */
  readonly end?: number;
}

const hex = (va: number): string => va.toString(16).padStart(8, "0");
const EDGE_NAMES = Object.keys(EdgeKind) as (keyof typeof EdgeKind)[];

/** Disassembles single rows in AT&T syntax, as `objdump` does. */
export class Disassembler {
  private readonly formatter = new Formatter(FormatterSyntax.Gas);

  constructor(private readonly instructions: Instructions) {
    this.formatter.hexPrefix = "0x";
    this.formatter.hexSuffix = "";
    this.formatter.uppercaseHex = false;
    this.formatter.spaceAfterOperandSeparator = false;
    this.formatter.branchLeadingZeros = false;
  }

  /** Text of one instruction; `(bad)` where the bytes do not decode. */
  text(row: number): string {
    const { instructions } = this;
    if (instructions.flow[row] === Flow.invalid) return "(bad)";
    const decoder = new Decoder(instructions.bits, instructions.bytesOf(row), DecoderOptions.None);
    decoder.ip = (BigInt(instructions.addressHigh) << 32n) | BigInt(instructions.address[row]);
    const instruction = decoder.decode();
    const text = this.formatter.format(instruction);
    instruction.free();
    decoder.free();
    return text;
  }

  free(): void {
    this.formatter.free();
  }
}

/**
 * `address bytes  text  use: ...  kill: ...  write: ...`; `write` names only what is perhaps written, beyond `kill` and `undefined`, and
 * parts that have nothing to say are left out.
 */
export function printInstructions(instructions: Instructions, range: PrintRange = {}): string {
  const { bits, effect, effects } = instructions;
  const disassembler = new Disassembler(instructions);
  const lines: string[] = [];
  for (let row = range.first ?? 0; row < (range.end ?? instructions.count); row++) {
    const bytes = Array.from(instructions.bytesOf(row), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const e = effect[row];
    const parts: string[] = [];
    const part = (name: string, parts32: number, rest: number): void => {
      if ((parts32 | rest) !== 0) parts.push(`${name}: ${formatLocations(parts32, rest, bits)}`);
    };
    part("use", effects.useParts[e], effects.useRest[e]);
    part("kill", effects.killParts[e], effects.killRest[e]);
    const undefinedRest = effects.undefinedRest[e];
    part("undefined", 0, undefinedRest);
    part(
      "write",
      effects.writeParts[e] & ~effects.killParts[e],
      effects.writeRest[e] & ~effects.killRest[e] & ~undefinedRest,
    );
    lines.push(
      `${hex(instructions.address[row])} ${bytes.padEnd(20)}  ${disassembler.text(row).padEnd(30)}  ${parts.join("  ")}`.trimEnd(),
    );
  }
  disassembler.free();
  return lines.join("\n");
}

/** Each block: `block N: first-last`, its last instruction's text, `-> block kind` for each successor, `escapes`. */
export function printBlocks(program: Program, range: PrintRange = {}): string {
  const { instructions, blocks } = program;
  const disassembler = new Disassembler(instructions);
  const lines: string[] = [];
  for (let b = range.first ?? 0; b < (range.end ?? blocks.count); b++) {
    const last = blocks.end[b] - 1,
      count = blocks.end[b] - blocks.first[b];
    const parts = [
      `block ${b}: ${hex(instructions.address[blocks.first[b]])} (${count})`.padEnd(26),
      disassembler.text(last),
    ];
    const edges: string[] = [];
    for (let e = blocks.successorStart[b]; e < blocks.successorStart[b + 1]; e++) {
      edges.push(`${blocks.successors[e]} ${EDGE_NAMES[blocks.edgeKind[e]]}`);
    }
    if (blocks.escapes[b] === 1) edges.push("escapes");
    parts.push(edges.length === 0 ? "-> none" : `-> ${edges.join(", ")}`);
    lines.push(parts.join("  "));
  }
  disassembler.free();
  return lines.join("\n");
}

/** Each function: `function N: entry-end (instructions)`, `traced`, and what `facts` call it. */
export function printFunctions(program: Program, range: PrintRange = {}): string {
  const { instructions, functions, facts } = program;
  const thunks = new Set(facts.thunkAddress),
    roles: [string, Set<number>][] = [
      ["transparent", new Set(facts.transparent)],
      ["no return", new Set(facts.noReturn)],
      ["return thunk", new Set(facts.returnThunks)],
      ["replaceable", new Set(facts.replaceable)],
      ["address taken", new Set(facts.addressTaken)],
    ];
  const lines: string[] = [];
  for (let f = range.first ?? 0; f < (range.end ?? functions.count); f++) {
    const entry = functions.entry[f],
      last = functions.endInstruction[f] - 1;
    const words = [`function ${f}: ${hex(entry)}-${hex(instructions.address[last] + instructions.length[last])}`];
    words.push(`(${functions.endInstruction[f] - functions.entryInstruction[f]})`);
    if (functions.traced[f] === 1) words.push("traced");
    if (thunks.has(entry)) words.push("thunk");
    for (const [name, set] of roles) if (set.has(entry)) words.push(name);
    lines.push(words.join(" "));
  }
  return lines.join("\n");
}
