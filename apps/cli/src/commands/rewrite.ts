/** `previrt rewrite`: the pre-virtualized image. */
import { buildCommand } from "@stricli/core";
import { ExitCode, guarded, printResult, readInput, terminalProgress, writeOutput } from "../context.js";
import { buildModel } from "../model.js";
import { analyze } from "../pipeline.js";
import { rewriteKernel } from "../rewriting.js";

interface Flags {
  readonly output: string;
  readonly format: "text" | "json";
}

export const rewrite = buildCommand({
  docs: { brief: "Write the kernel with its annotation table: still the same kernel, for any hypervisor" },
  parameters: {
    flags: {
      output: { kind: "parsed", parse: String, brief: "Where to write the pre-virtualized kernel (ELF)", placeholder: "FILE" },
      format: { kind: "enum", values: ["text", "json"], brief: "Output format", default: "text" },
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [{ brief: "bzImage (vmlinuz) or kernel ELF (vmlinux)", parse: String, placeholder: "KERNEL" }] },
  },
  async func({ output, format }: Flags, path: string) {
    await guarded(async () => {
      const analysis = await analyze(await readInput(path), terminalProgress());
      const bytes = rewriteKernel(analysis);
      await writeOutput(output, bytes, [path]);
      const { image, summary } = buildModel(analysis);
      const left = summary.byTactic["in-place"] ?? 0;
      const result = { schemaVersion: 1, image, output, bytes: bytes.length, sites: summary.sites, planned: summary.sites - left, inPlace: left, byReason: summary.byReason };
      printResult(format === "json" ? JSON.stringify(result, null, 2) : `${output}: ${bytes.length} bytes, ${result.sites} sites, ${result.planned} of them in patches, ${left} stay in place`);
      return analysis.image.tables.problems.length === 0 ? ExitCode.done : ExitCode.degraded;
    });
  },
});
