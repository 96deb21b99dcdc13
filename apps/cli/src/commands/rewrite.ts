/** `previrt rewrite`: the pre-virtualized image. */
import { buildCommand } from "@stricli/core";
import { guarded, printResult, printWarnings, terminalProgress } from "../context.js";
import { checkOutput, readInput, writeOutput } from "../files.js";
import { buildModel } from "../model.js";
import { analyze } from "../pipeline.js";
import { rewriteKernel } from "../rewriting.js";
import { assume, assumptionsNamed, format, KERNEL, parseText, type Assume, type Format } from "./flags.js";

interface Flags {
  readonly output: string;
  readonly format: Format;
  readonly assume: Assume;
}

export const rewrite = buildCommand({
  docs: {
    brief: "Write the kernel with its annotation table: still the same kernel, for any hypervisor",
    fullDescription: `Analyses a kernel and writes it as an uncompressed ELF file with its annotation table in section .previrt, which is not
loaded: every byte that the machine will see stays as it was. The input is never overwritten.

EXAMPLES
  previrt rewrite -o vmlinux.previrt /boot/vmlinuz-6.1.0-50-686
  previrt verify /boot/vmlinuz-6.1.0-50-686 vmlinux.previrt`,
  },
  parameters: {
    flags: {
      output: { kind: "parsed", parse: parseText, brief: "Where to write the pre-virtualized kernel (ELF)", placeholder: "FILE" },
      format,
      assume,
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [KERNEL] },
  },
  async func({ output, format, assume }: Flags, path: string) {
    await guarded(async () => {
      const input = await readInput(path);
      const target = await checkOutput(output, [path]);
      const analysis = await analyze(input, terminalProgress(), assumptionsNamed(assume));
      const bytes = rewriteKernel(analysis);
      await writeOutput(target, bytes);
      const { image, summary, problems } = buildModel(analysis);
      const inPlace = summary.byTactic["in-place"] ?? 0;
      const planned = summary.sites - inPlace;
      const result = { schemaVersion: 1, image, output, bytes: bytes.length, sites: summary.sites, planned, inPlace, byReason: summary.byReason, problems };
      await printResult(
        format === "json"
          ? JSON.stringify(result, null, 2)
          : `${output}: ${bytes.length} bytes, ${result.sites} sites, ${planned} of them in patches, ${inPlace} stay in place`,
      );
      return printWarnings(problems);
    });
  },
});
