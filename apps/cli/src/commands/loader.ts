/** `previrt loader`: the loader image for a hypervisor. */
import { buildCommand } from "@stricli/core";
import { guarded, printResult, writeOutput } from "../context.js";
import { HYPERVISORS, loaderFor, type Hypervisor } from "../loading.js";

interface Flags {
  readonly output: string;
  readonly hypervisor: Hypervisor;
  readonly bootImage?: string;
}

export const loader = buildCommand({
  docs: { brief: "Build the loader image (multiboot) that patches and starts kernels for a hypervisor" },
  parameters: {
    flags: {
      output: { kind: "parsed", parse: String, brief: "Where to write the loader image", placeholder: "FILE" },
      hypervisor: { kind: "enum", values: HYPERVISORS, brief: "Whose stub templates to put in", default: "bare" },
      bootImage: { kind: "parsed", parse: String, brief: "A bootstrap image of one's own (default: the one built here)", placeholder: "FILE", optional: true },
    },
    aliases: { o: "output" },
  },
  async func({ output, hypervisor, bootImage }: Flags) {
    await guarded(async () => {
      const bytes = await loaderFor(hypervisor, bootImage);
      await writeOutput(output, bytes, bootImage === undefined ? [] : [bootImage]);
      printResult(`${output}: ${bytes.length} bytes, hypervisor ${hypervisor}`);
    });
  },
});
