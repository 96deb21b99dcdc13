/** The loader image for a hypervisor: the bootstrap image as built from apps/runtime-loader, filled with a profile's stub templates. */
import { readFile } from "node:fs/promises";
import { fail, unwrap } from "@pv/elf";
import { buildLoaderImage, writeTemplates } from "@pv/runtime-loader";
import { bareProfile, type TemplateTable } from "@pv/stubgen";
import { readInput } from "./files.js";
import type { Hypervisor } from "./names.js";

const PROFILES: Readonly<Record<Hypervisor, () => TemplateTable>> = { bare: bareProfile };

/** Where the workspace's build leaves the bootstrap image. */
const BUILT = new URL("../../runtime-loader/build/boot.elf", import.meta.url);

/**
 * The loader image with a hypervisor's templates; `bootImage` names another bootstrap image than the built one. Errors:
 * PV5004 (not built), what `readInput` says of `bootImage`, and what `buildLoaderImage` says.
 */
export async function loaderFor(hypervisor: Hypervisor, bootImage?: string): Promise<Uint8Array> {
  const boot = bootImage === undefined ? await built() : await readInput(bootImage);
  return unwrap(buildLoaderImage(boot, writeTemplates(PROFILES[hypervisor]())));
}

async function built(): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(BUILT));
  } catch {
    return fail(
      "PV5004",
      "the bootstrap image has not been built",
      undefined,
      "Build it with `node build.mjs` in apps/runtime-loader (needs gcc), or name one with --boot-image.",
    );
  }
}
