/** `previrt info`: what an image is. */
import { buildCommand } from "@stricli/core";
import { format, KERNEL, type Format } from "./flags.js";

export interface InfoFlags {
  readonly format: Format;
}

export const info = buildCommand({
  docs: {
    brief: "Say what a kernel image is: format, release, sections, kernel tables",
    fullDescription: `Says what a kernel image is, without looking at its code: format and compression, release, entry point, sections (sizes in
bytes, addresses in hexadecimal), relocations, symbols, and how many rows each kernel table has. Exit code 4: a table could not
be read (named on stderr).

EXAMPLES
  previrt info /boot/vmlinuz-6.1.0-50-686
  previrt info --format json vmlinux | jq '.tables'`,
  },
  parameters: { flags: { format }, positional: { kind: "tuple", parameters: [KERNEL] } },
  loader: async () => (await import("../run/info.js")).run,
});
