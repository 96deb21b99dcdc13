/** `previrt analyze`: sites, facts, statistics. */
import { buildCommand } from "@stricli/core";
import { guarded, printResult, printWarnings, terminalProgress } from "../context.js";
import { readInput } from "../files.js";
import { buildModel } from "../model.js";
import { analyze as analyzeKernel } from "../pipeline.js";
import { renderAnalysis } from "../render.js";
import { assume, assumptionsNamed, format, KERNEL, type Assume, type Format } from "./flags.js";

interface Flags {
  readonly format: Format;
  readonly sites: boolean;
  readonly assume: Assume;
}

export const analyze = buildCommand({
  docs: {
    brief: "Find every sensitive instruction, with live registers, live flags, known contents and a plan",
    fullDescription: `Finds every virtualization-sensitive instruction of a kernel, works out which registers and flags are live behind it and
which operands are literally known there, and plans how it can be patched. Prints sums; --sites adds one line per site, json has
every site. A site that stays in place has a reason. Exit code 4: a kernel table could not be read (named on stderr).

EXAMPLES
  previrt analyze /boot/vmlinuz-6.1.0-50-686
  previrt analyze --format json vmlinux | jq '.summary.registers'`,
  },
  parameters: {
    flags: {
      format,
      sites: { kind: "boolean", brief: "List every site in the text output, too", default: false, withNegated: false },
      assume,
    },
    positional: { kind: "tuple", parameters: [KERNEL] },
  },
  async func({ format, sites, assume }: Flags, path: string) {
    await guarded(async () => {
      const analysis = await analyzeKernel(await readInput(path), terminalProgress(), assumptionsNamed(assume));
      const model = buildModel(analysis);
      await printResult(format === "json" ? JSON.stringify(model, null, 1) : renderAnalysis(model, sites));
      return printWarnings(model.problems);
    });
  },
});
