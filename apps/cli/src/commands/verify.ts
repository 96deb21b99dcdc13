/** `previrt verify`: proves a rewritten image against its original. */
import { buildCommand } from "@stricli/core";
import { ExitCode, guarded, printResult, printWarnings, terminalProgress } from "../context.js";
import { readInput } from "../files.js";
import { analyzeImage, open } from "../pipeline.js";
import { annotationsFor } from "../rewriting.js";
import { verifyRewritten, type Verification } from "../verifying.js";
import { assume, assumptionsNamed, format, type Assume, type Format } from "./flags.js";

interface Flags {
  readonly format: Format;
  readonly assume: Assume;
}

export const verify = buildCommand({
  docs: {
    brief: "Prove a rewritten image against its original",
    fullDescription: `Proves that a file that \`previrt rewrite\` wrote is its original and a table beside it: what is loaded and what the file says
besides are equal, and the table is what a new analysis of the original says, byte for byte. Exit code 1: something differs (listed).

EXAMPLES
  previrt verify /boot/vmlinuz-6.1.0-50-686 vmlinux.previrt`,
  },
  parameters: {
    flags: { format, assume: { ...assume, brief: "The --assume that the image was rewritten with" } },
    positional: {
      kind: "tuple",
      parameters: [
        { brief: "The kernel as it was: bzImage or ELF", parse: String, placeholder: "ORIGINAL" },
        { brief: "What `previrt rewrite` wrote", parse: String, placeholder: "REWRITTEN" },
      ],
    },
  },
  async func({ format, assume }: Flags, originalPath: string, rewrittenPath: string) {
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
  },
});

function renderVerification({ verified, checks }: Verification): string {
  const lines = checks.map(({ name, about, differences }) =>
    [`${differences.length === 0 ? "equal    " : "DIFFERENT"}  ${name}: ${about}`, ...differences.map((text) => `             ${text}`)].join("\n"),
  );
  return [...lines, "", verified ? "verified: the rewritten image is its original with a table beside it" : "NOT verified"].join("\n");
}
