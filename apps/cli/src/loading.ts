/** The loader image for a hypervisor: the bootstrap image as built from apps/runtime-loader, filled with a profile's stub templates. */
import { readFile } from "node:fs/promises";
import { diagnostic, InputError, unwrap } from "@pv/elf";
import { buildLoaderImage, writeTemplates } from "@pv/runtime-loader";
import { bareProfile, type TemplateTable } from "@pv/stubgen";

/** Every hypervisor profile that this version can build a loader for. */
export const PROFILES = { bare: bareProfile } as const satisfies Record<string, () => TemplateTable>;
export type Hypervisor = keyof typeof PROFILES;
export const HYPERVISORS = Object.keys(PROFILES) as [Hypervisor, ...Hypervisor[]];

/** Where the workspace's build leaves the bootstrap image. */
const BUILT = new URL("../../runtime-loader/build/boot.elf", import.meta.url);

export async function loaderFor(hypervisor: Hypervisor, bootImage?: string): Promise<Uint8Array> {
  const path = bootImage ?? BUILT;
  let boot: Uint8Array;
  try {
    boot = await readFile(path);
  } catch {
    throw new InputError(diagnostic("PV5004", "the bootstrap image is not there", undefined, "Build it with `make` in apps/runtime-loader (needs gcc), or name one with --boot-image."));
  }
  return unwrap(buildLoaderImage(boot, writeTemplates(PROFILES[hypervisor]())));
}
