/** The work of `previrt verify`. */
import { assumptionsNamed } from "../assumptions.js";
import type { VerifyFlags } from "../commands/verify.js";
import { ExitCode, guarded, printResult, printWarnings, terminalProgress } from "../context.js";
import { readInput } from "../files.js";
import { analyzeImage, open } from "../pipeline.js";
import { annotationsFor } from "../rewriting.js";
import { verifyRewritten, type Verification } from "../verifying.js";

export async function run({ format, assume }: VerifyFlags, originalPath: string, rewrittenPath: string): Promise<void> {
  await guarded(async () => {
    const progress = terminalProgress();
    const original = await open(await readInput(originalPath), progress);
    const rewritten = await open(await readInput(rewrittenPath), progress);
    const fresh = annotationsFor(await analyzeImage(original, progress, assumptionsNamed(assume)));
    const result = await progress.step("compare", () => verifyRewritten(original.elf, rewritten.elf, fresh));
    await printResult(format === "json" ? JSON.stringify(result, null, 2) : renderVerification(result));
    const done = printWarnings(original.tables.problems);
    return result.verified ? done : ExitCode.findings;
  });
}

function renderVerification({ verified, checks }: Verification): string {
  const lines = checks.map(({ name, about, differences }) =>
    [
      `${differences.length === 0 ? "equal    " : "DIFFERENT"}  ${name}: ${about}`,
      ...differences.map((text) => `             ${text}`),
    ].join("\n"),
  );
  return [
    ...lines,
    "",
    verified ? "verified: the rewritten image is its original with a table beside it" : "NOT verified",
  ].join("\n");
}
