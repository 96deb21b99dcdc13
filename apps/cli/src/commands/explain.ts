/** `previrt explain`: everything about one site. */
import { buildCommand } from "@stricli/core";
import { guarded, printResult, printWarnings, terminalProgress } from "../context.js";
import { explainSite, renderExplanation } from "../explaining.js";
import { readInput } from "../files.js";
import { analyze } from "../pipeline.js";
import { assume, assumptionsNamed, format, KERNEL, parseAddress, type Address, type Assume, type Format } from "./flags.js";

interface Flags {
  readonly format: Format;
  readonly assume: Assume;
}

export const explain = buildCommand({
  docs: {
    brief: "Say everything about one site: why it is sensitive, what is live and known, how it is patched or why not",
    fullDescription: `Says everything about the sensitive instruction at an address: why it is sensitive and where the manual describes it, what is
live behind it, what is known, the window that a patch replaces with its instructions, and the outcome of every tactic.

EXAMPLES
  previrt explain vmlinux c1000140
  previrt explain --format json vmlinux 0xffffffff81001f3a`,
  },
  parameters: {
    flags: { format, assume },
    positional: {
      kind: "tuple",
      parameters: [KERNEL, { brief: "Virtual address of the instruction, hexadecimal", parse: parseAddress, placeholder: "ADDRESS" }],
    },
  },
  async func({ format, assume }: Flags, path: string, address: Address) {
    await guarded(async () => {
      const analysis = await analyze(await readInput(path), terminalProgress(), assumptionsNamed(assume));
      const explanation = explainSite(analysis, address);
      await printResult(format === "json" ? JSON.stringify(explanation, null, 2) : renderExplanation(explanation));
      return printWarnings(analysis.image.tables.problems);
    });
  },
});
