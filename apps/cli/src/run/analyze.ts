/** The work of `previrt analyze`. */
import { assumptionsNamed } from "../assumptions.js";
import type { AnalyzeFlags } from "../commands/analyze.js";
import { guarded, printResult, printWarnings, terminalProgress } from "../context.js";
import { readInput } from "../files.js";
import { buildModel } from "../model.js";
import { analyze } from "../pipeline.js";
import { renderAnalysis } from "../render.js";

export async function run({ format, sites, assume }: AnalyzeFlags, path: string): Promise<void> {
  await guarded(async () => {
    const analysis = await analyze(await readInput(path), terminalProgress(), assumptionsNamed(assume));
    const model = buildModel(analysis);
    await printResult(format === "json" ? JSON.stringify(model, null, 1) : renderAnalysis(model, sites));
    return printWarnings(model.problems);
  });
}
