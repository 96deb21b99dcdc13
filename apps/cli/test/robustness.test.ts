/**
 * Whatever bytes come in, the pipeline either understands them or says what is wrong: it does not crash, hang, or take memory that the
 * file gives no reason for.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError, readElf, unwrap } from "@pv/elf";
import {
  analyze,
  annotationsFor,
  buildModel,
  createProgress,
  renderAnalysis,
  rewriteKernel,
  verifyRewritten,
  type Analysis,
} from "../src/index.js";
import { fakeKernel, packed, TINY } from "./cli.fixture.js";

const silent = createProgress(undefined);

/** The analysis, if the bytes were understood; what is not an `InputError` is thrown. */
async function understood(bytes: Uint8Array): Promise<Analysis | undefined> {
  try {
    const analysis = await analyze(bytes, silent);
    expect(renderAnalysis(buildModel(analysis), true)).not.toBe("");
    annotationsFor(analysis);
    return analysis;
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

const images: [string, Uint8Array][] = [
  ["the small guest", new Uint8Array(readFileSync(TINY))],
  ["a bzImage", packed(fakeKernel("exceptions"))],
  ...["exceptions", "alternatives", "jump-labels-64", "kallsyms", "bugs", "smp-locks", "paravirt", "static-calls"].map(
    (name): [string, Uint8Array] => [name, fakeKernel(name)],
  ),
];

describe.each(images)("%s", (_, image) => {
  test("is understood as it is, and rewritten", async () => {
    const analysis = (await understood(image))!;
    const rewritten = unwrap(readElf(rewriteKernel(analysis)));
    expect(verifyRewritten(analysis.image.elf, rewritten, annotationsFor(analysis)).verified).toBe(true);
  });

  test("with a few words changed", async () => {
    const word = fc.oneof(
      fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fff0, 0xc100_0000),
      fc.integer({ min: 0, max: 0xffff_ffff }),
    );
    // Headers are small and say most, so half of the changes go there.
    const place = fc.oneof(
      fc.integer({ min: 0, max: Math.min(1024, image.length) - 4 }),
      fc.integer({ min: 0, max: image.length - 4 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(place, word), { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = image.slice();
        const view = new DataView(bytes.buffer);
        for (const [at, value] of changes) view.setUint32(at, value, true);
        await understood(bytes);
      }),
      { numRuns: 60 },
    );
  });

  test("cut off anywhere", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: image.length - 1 }), async (length) => {
        await understood(image.subarray(0, length));
      }),
      { numRuns: 25 },
    );
  });
});
