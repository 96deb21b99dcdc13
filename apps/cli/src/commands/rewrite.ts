/** `previrt rewrite`: the pre-virtualized image. */
import { buildCommand } from "@stricli/core";
import { assume, format, KERNEL, parseText, type Assume, type Format } from "./flags.js";

export interface RewriteFlags {
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
      output: {
        kind: "parsed",
        parse: parseText,
        brief: "Where to write the pre-virtualized kernel (ELF)",
        placeholder: "FILE",
      },
      format,
      assume,
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [KERNEL] },
  },
  loader: async () => (await import("../run/rewrite.js")).run,
});
