/** The work of `previrt rewrite`. */
import { assumptionsNamed } from "../assumptions.js";
import type { RewriteFlags } from "../commands/rewrite.js";
import { guarded, printResult, printWarnings, terminalProgress } from "../context.js";
import { checkOutput, readInput, writeOutput } from "../files.js";
import { buildModel } from "../model.js";
import { analyze } from "../pipeline.js";
import { rewriteKernel } from "../rewriting.js";

export async function run({ output, format, assume }: RewriteFlags, path: string): Promise<void> {
  await guarded(async () => {
    const input = await readInput(path);
    const target = await checkOutput(output, [path]);
    const analysis = await analyze(input, terminalProgress(), assumptionsNamed(assume));
    const bytes = rewriteKernel(analysis);
    await writeOutput(target, bytes);
    const { image, summary, problems } = buildModel(analysis);
    const inPlace = summary.byTactic["in-place"] ?? 0;
    const planned = summary.sites - inPlace;
    const result = {
      schemaVersion: 1,
      image,
      output,
      bytes: bytes.length,
      sites: summary.sites,
      planned,
      inPlace,
      byReason: summary.byReason,
      problems,
    };
    await printResult(
      format === "json"
        ? JSON.stringify(result, null, 2)
        : `${output}: ${bytes.length} bytes, ${result.sites} sites, ${planned} of them in patches, ${inPlace} stay in place`,
    );
    return printWarnings(problems);
  });
}
