/** `previrt verify`: proves a rewritten image against its original. */
import { buildCommand } from "@stricli/core";
import { assume, format, type Assume, type Format } from "./flags.js";

export interface VerifyFlags {
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
  loader: async () => (await import("../run/verify.js")).run,
});
