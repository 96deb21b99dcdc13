/** `previrt explain`: everything about one site. */
import { buildCommand } from "@stricli/core";
import { assume, format, KERNEL, parseAddress, type Assume, type Format } from "./flags.js";

export interface ExplainFlags {
  readonly format: Format;
  readonly assume: Assume;
}

export const explain = buildCommand({
  docs: {
    brief: "Say everything about one site: why it is sensitive, what is live and known, how it is patched or why not",
    fullDescription: `Says everything about the sensitive instruction at an address: why it is sensitive and where the manual describes it, what is
live behind it, what is known, the window that a patch replaces with its instructions, and the outcome of every tactic.

EXAMPLES
  previrt explain vmlinux c1000140
  previrt explain --format json vmlinux 0xffffffff81001f3a`,
  },
  parameters: {
    flags: { format, assume },
    positional: {
      kind: "tuple",
      parameters: [
        KERNEL,
        { brief: "Virtual address of the instruction, hexadecimal", parse: parseAddress, placeholder: "ADDRESS" },
      ],
    },
  },
  loader: async () => (await import("../run/explain.js")).run,
});
