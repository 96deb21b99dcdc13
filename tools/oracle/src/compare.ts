/** The analysis against the path search: where, on one program, they differ. */
import fc from "fast-check";
import { analyzeLiveness, type Assumptions, type Liveness } from "@pv/dataflow";
import { buildProgram, formatLocations, type CodeFacts, type Program, type ProgramInput } from "@pv/x86-ir";
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from "iced-x86";
import { PathSearch } from "./path-search.js";
import { randomProgram } from "./random-program.js";

/** A program, and the assumptions under which both look at it. */
export interface Case {
  readonly input: ProgramInput;
  readonly assumptions: Assumptions;
}

/** `narrowReturn` is a claim about compilers, not about paths. */
export const randomCase: fc.Arbitrary<Case> = fc.record({
  input: randomProgram,
  assumptions: fc.record({
    cReturn: fc.boolean(),
    indirectCall: fc.boolean(),
    oopsRegisters: fc.boolean(),
    narrowReturn: fc.constant(false),
    undefinedFlags: fc.boolean(),
    savingThunks: fc.boolean(),
    // Liveness does not look at memory.
    privateSlots: fc.constant(true),
    ownGlobals: fc.constant(true),
  }),
});

export interface Difference {
  readonly instruction: number;
  readonly where: "before" | "behind";
  /** Live by the path search, dead by the analysis: what corrupts a kernel. */
  readonly missed: string;
  /** The other way round: what costs precision. */
  readonly needless: string;
}

export interface Comparison {
  readonly program: Program;
  /** Points compared: two an instruction. */
  readonly points: number;
  readonly differences: readonly Difference[];
}

/** `analyze` stands for the analysis: a test puts a broken one there. */
export function compare(
  { input, assumptions }: Case,
  analyze: (program: Program, assumptions: Assumptions) => Liveness = analyzeLiveness,
): Comparison {
  const program = buildProgram(input);
  const { bits, count } = program.instructions;
  const liveness = analyze(program, assumptions),
    search = new PathSearch(program, assumptions);
  const differences: Difference[] = [];
  for (let i = 0; i < count; i++) {
    for (const where of ["before", "behind"] as const) {
      const found = where === "before" ? liveness.before(i) : liveness.after(i),
        truth = where === "before" ? search.before(i) : search.behind(i);
      if (found.parts === truth.parts && found.rest === truth.rest) continue;
      const text = (parts: number, rest: number): string => formatLocations(parts, rest, bits);
      differences.push({
        instruction: i,
        where,
        missed: text(truth.parts & ~found.parts, truth.rest & ~found.rest),
        needless: text(found.parts & ~truth.parts, found.rest & ~truth.rest),
      });
    }
  }
  return { program, points: 2 * count, differences };
}

/** What differs on a program, with everything that is needed to look into it. */
export function report({ assumptions }: Case, { program, differences }: Comparison): string {
  const { instructions, facts } = program;
  const { bits, addressHigh, count } = instructions;
  const made = Object.entries(assumptions).flatMap(([name, on]) => (on ? [name] : []));
  const lines = [`${bits} bits, assumptions: ${made.join(" ") || "none"}`];
  const formatter = new Formatter(FormatterSyntax.Gas);
  for (let i = 0; i < count; i++) {
    const decoder = new Decoder(bits, instructions.bytesOf(i), DecoderOptions.None);
    decoder.ip = (BigInt(addressHigh) << 32n) | BigInt(instructions.address[i]!);
    const instruction = decoder.decode();
    lines.push(`  ${instructions.address[i]!.toString(16)}  ${formatter.format(instruction)}`);
    instruction.free();
    decoder.free();
    for (const { where, missed, needless } of differences.filter((each) => each.instruction === i))
      lines.push(`      ${where}: live by the path search alone ${missed}; by the analysis alone ${needless}`);
  }
  formatter.free();
  for (const name of Object.keys(facts) as (keyof CodeFacts)[])
    if (facts[name].length > 0)
      lines.push(`  ${name}: ${Array.from(facts[name], (value) => value.toString(16)).join(" ")}`);
  return lines.join("\n");
}
