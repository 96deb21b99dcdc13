import { runFiletests, type Filetest } from "@pv/assembler";
import { Code, Decoder, DecoderOptions, Formatter, FormatterSyntax } from "iced-x86";
import { formatLocations, type Program } from "@pv/x86-ir";
import { programOf } from "../../x86-ir/test/program-of.js";
import {
  analyzeLiveness,
  DEFAULT_ASSUMPTIONS,
  formatKnown,
  knownContents,
  NO_ASSUMPTIONS,
  printLiveness,
  printSummaries,
  type Assumptions,
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
const ASKED = new Map<number, [name: string, register: number]>([
  [Code.Out_DX_AL, ["dx", 2]],
  [Code.In_AL_DX, ["dx", 2]],
  [Code.Rdmsr, ["ecx", 1]],
  [Code.Wrmsr, ["ecx", 1]],
  [Code.Cpuid, ["eax", 0]],
]);

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
  known: (filetest) => {
    const program = programOf(filetest);
    const { instructions } = program;
    const lines: string[] = [];
    for (let i = 0; i < instructions.count; i++) {
      const asked = ASKED.get(instructions.code[i]);
      if (asked === undefined) continue;
      const [answer] = knownContents(program, [{ instruction: i, register: asked[1] }], assumptionsOf(filetest));
      lines.push(
        `${(instructions.address[i] >>> 0).toString(16)}  ${textOf(program, i).padEnd(14)} ${asked[0]} = ${formatKnown(answer!)}`,
      );
    }
    return lines.join("\n");
  },
});
