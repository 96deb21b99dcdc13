/** `previrt analyze`: sites, facts, statistics. */
import { DEFAULT_ASSUMPTIONS, NO_ASSUMPTIONS } from "@pv/dataflow";
import { buildCommand } from "@stricli/core";
import { guarded, printResult, readInput, terminalProgress } from "../context.js";
import { buildModel } from "../model.js";
import { analyze as analyzeKernel } from "../pipeline.js";
import { renderAnalysis } from "../render.js";

interface Flags {
  readonly format: "text" | "json";
  readonly sites: boolean;
  readonly assume: "default" | "none";
}

export const analyze = buildCommand({
  docs: { brief: "Find every sensitive instruction, with live registers, live flags, known contents and a plan" },
  parameters: {
    flags: {
      format: { kind: "enum", values: ["text", "json"], brief: "Output format", default: "text" },
      sites: { kind: "boolean", brief: "List every site in the text output", default: false },
      assume: { kind: "enum", values: ["default", "none"], brief: "Assumptions that facts may rest on", default: "default" },
    },
    positional: { kind: "tuple", parameters: [{ brief: "bzImage (vmlinuz) or kernel ELF (vmlinux)", parse: String, placeholder: "KERNEL" }] },
  },
  async func({ format, sites, assume }: Flags, path: string) {
    await guarded(async () => {
      const analysis = await analyzeKernel(await readInput(path), terminalProgress(), assume === "none" ? NO_ASSUMPTIONS : DEFAULT_ASSUMPTIONS);
      const model = buildModel(analysis);
      printResult(format === "json" ? JSON.stringify(model, null, 1) : renderAnalysis(model, sites));
      return analysis.image.tables.problems.length === 0 ? 0 : 4;
    });
  },
});
