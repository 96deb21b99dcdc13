/** `previrt analyze`: sites, facts, statistics. */
import { buildCommand } from "@stricli/core";
import { prepareThread } from "../threads/second.js";
import { assume, format, KERNEL, type Assume, type Format } from "./flags.js";

export interface AnalyzeFlags {
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
Uses two processors where there are two, and one with PREVIRT_WORKERS=1 in the environment; the result is the same.

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
  loader: async () => {
    prepareThread();
    return (await import("../run/analyze.js")).run;
  },
});
