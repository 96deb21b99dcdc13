/** The work of `previrt explain`. */
import { assumptionsNamed } from "../assumptions.js";
import type { ExplainFlags } from "../commands/explain.js";
import type { Address } from "../commands/flags.js";
import { guarded, printResult, printWarnings, terminalProgress } from "../context.js";
import { explainSite, renderExplanation } from "../explaining.js";
import { readInput } from "../files.js";
import { analyze } from "../pipeline.js";

export async function run({ format, assume }: ExplainFlags, path: string, address: Address): Promise<void> {
  await guarded(async () => {
    const analysis = await analyze(await readInput(path), terminalProgress(), assumptionsNamed(assume));
    const explanation = explainSite(analysis, address);
    await printResult(format === "json" ? JSON.stringify(explanation, null, 2) : renderExplanation(explanation));
    return printWarnings(analysis.image.tables.problems);
  });
}
