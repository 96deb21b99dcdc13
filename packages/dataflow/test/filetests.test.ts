import { runFiletests, type Filetest } from "@pv/assembler";
import { Code, Decoder, DecoderOptions, Formatter, FormatterSyntax } from "iced-x86";
import { formatLocations, type Program } from "@pv/x86-ir";
import { imageOf } from "../../x86-ir/test/image-of.js";
import { programOf } from "../../x86-ir/test/program-of.js";
import {
  analyzeLiveness,
  DEFAULT_ASSUMPTIONS,
  derive,
  formatKnown,
  knowledgeOf,
  KnownContents,
  masked,
  NO_ASSUMPTIONS,
  printLiveness,
  printSummaries,
  reasonOf,
  SLOT,
  slotOf,
  type Assumptions,
  type Content,
  type Locations,
} from "../src/index.js";

const assumptionsOf = (filetest: Filetest): Assumptions =>
  filetest.options.get("assume") === "none" ? NO_ASSUMPTIONS : DEFAULT_ASSUMPTIONS;

/** The instruction's text; only sensitive ones are listed in a `liveness` test, so that the expectation stays readable. */
function textOf({ instructions }: Program, i: number): string {
  const decoder = new Decoder(instructions.bits, instructions.bytesOf(i), DecoderOptions.None);
  decoder.ip = BigInt(instructions.address[i]);
  const formatter = new Formatter(FormatterSyntax.Gas);
  return formatter.format(decoder.decode());
}

/** What is known at each port, MSR and CPUID instruction. */
const ASKED = new Map<number, [name: string, register: number, mask: number]>([
  [Code.Out_DX_AL, ["dx", 2, 0xffff]],
  [Code.In_AL_DX, ["dx", 2, 0xffff]],
  [Code.Rdmsr, ["ecx", 1, -1]],
  [Code.Wrmsr, ["ecx", 1, -1]],
  [Code.Cpuid, ["eax", 0, -1]],
]);

interface AskedContent {
  readonly program: Program;
  readonly at: string;
  readonly text: string;
  readonly name: string;
  readonly mask: number;
  readonly content: Content;
}

const addressOf = ({ instructions }: Program, i: number): string => (instructions.address[i] >>> 0).toString(16);

/** Asks for each operand that is worth knowing, in the order of the code. */
async function forAsked(filetest: Filetest, tell: (asked: AskedContent) => void): Promise<void> {
  const isWhole = filetest.options.get("image") === "whole";
  const { program, data } = isWhole ? await imageOf(filetest) : { program: programOf(filetest), data: undefined };
  const { code, count } = program.instructions;
  const contents = new KnownContents(program, assumptionsOf(filetest), data);
  for (let i = 0; i < count; i++) {
    const asked = ASKED.get(code[i]);
    if (asked === undefined) continue;
    const [name, register, mask] = asked;
    const content = contents.at(i, register);
    tell({ program, at: addressOf(program, i), text: textOf(program, i), name, mask, content });
  }
  contents.free();
}

runFiletests(new URL("./filetests/", import.meta.url), {
  liveness: (filetest) => {
    const program = programOf(filetest);
    return printLiveness(program, analyzeLiveness(program, assumptionsOf(filetest)), (i) => textOf(program, i));
  },
  needed: (filetest) => {
    const program = programOf(filetest);
    const { instructions } = program;
    const liveness = analyzeLiveness(program, assumptionsOf(filetest));
    const lines: string[] = [];
    for (let i = 0; i < instructions.count; i++) {
      const live = liveness.after(i),
        needed = liveness.worthKeeping(i);
      const registers = ({ parts, rest }: Locations): string => formatLocations(parts & 0x0007_0007, rest & 7, 32);
      lines.push(
        `${(instructions.address[i] >>> 0).toString(16)}  ${textOf(program, i).padEnd(18)} live ${registers(live).padEnd(30)} needed ${registers(needed)}`,
      );
    }
    return lines.join("\n");
  },
  summaries: (filetest) => {
    const program = programOf(filetest);
    return printSummaries(program, analyzeLiveness(program, assumptionsOf(filetest)));
  },
  known: async (filetest) => {
    const lines: string[] = [];
    await forAsked(filetest, ({ at, text, name, mask, content }) => {
      const isKnown = knowledgeOf(content.value, mask) !== "nothing";
      const value = isKnown ? masked(content.value, mask) : content.value;
      const reason = isKnown ? "" : ` (${reasonOf(content)})`;
      lines.push(`${at}  ${text.padEnd(14)} ${name} = ${formatKnown(value)}${reason}`);
    });
    return lines.join("\n");
  },
  derivation: async (filetest) => {
    const lines: string[] = [];
    await forAsked(filetest, ({ program, at, text, mask, content }) => {
      lines.push(`${at}  ${text}`);
      for (const step of derive(content, knowledgeOf(content.value, mask) !== "nothing")) {
        const place = step.place < SLOT ? `r${step.place}` : `slot ${slotOf(step.place).offset}`;
        const says = step.reason ?? (step.repeated ? "again" : formatKnown(step.value));
        const there = `${addressOf(program, step.instruction)}  ${textOf(program, step.instruction)}`;
        lines.push(`${"  ".repeat(step.depth + 1)}${place} ${step.kind} ${there}  ${says}`);
      }
    });
    return lines.join("\n");
  },
});
