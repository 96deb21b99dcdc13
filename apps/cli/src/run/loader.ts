/** The work of `previrt loader`. */
import type { LoaderFlags } from "../commands/loader.js";
import { guarded, printResult } from "../context.js";
import { checkOutput, writeOutput } from "../files.js";
import { loaderFor } from "../loading.js";

export async function run({ output, hypervisor, bootImage, format }: LoaderFlags): Promise<void> {
  await guarded(async () => {
    const target = await checkOutput(output, bootImage === undefined ? [] : [bootImage]);
    const bytes = await loaderFor(hypervisor, bootImage);
    await writeOutput(target, bytes);
    const result = { schemaVersion: 1, output, bytes: bytes.length, hypervisor };
    await printResult(
      format === "json"
        ? JSON.stringify(result, null, 2)
        : `${output}: ${bytes.length} bytes, hypervisor ${hypervisor}`,
    );
  });
}
