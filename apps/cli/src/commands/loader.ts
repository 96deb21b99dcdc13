/** `previrt loader`: the loader image for a hypervisor. */
import { buildCommand } from "@stricli/core";
import { HYPERVISORS, type Hypervisor } from "../names.js";
import { bootImage, format, parseText, type Format } from "./flags.js";

export interface LoaderFlags {
  readonly output: string;
  readonly hypervisor: Hypervisor;
  readonly bootImage?: string;
  readonly format: Format;
}

export const loader = buildCommand({
  docs: {
    brief: "Build the loader image (multiboot) that patches and starts kernels for a hypervisor",
    fullDescription: `Writes the bootstrap image with a hypervisor's stub templates in it: a multiboot image that takes a pre-virtualized kernel as
its module, patches it and starts it. One loader serves every kernel.

EXAMPLES
  previrt loader -o loader.elf
  previrt loader --hypervisor bare --boot-image my-boot.elf -o loader.elf`,
  },
  parameters: {
    flags: {
      output: { kind: "parsed", parse: parseText, brief: "Where to write the loader image", placeholder: "FILE" },
      hypervisor: { kind: "enum", values: HYPERVISORS, brief: "Whose stub templates to put in", default: "bare" },
      bootImage,
      format,
    },
    aliases: { o: "output" },
  },
  loader: async () => (await import("../run/loader.js")).run,
});
