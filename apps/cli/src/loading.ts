/** The loader image for a hypervisor: the bootstrap image as built from apps/runtime-loader, filled with a profile's stub templates. */
import { readFile } from "node:fs/promises";
import { fail, unwrap } from "@pv/elf";
import { buildLoaderImage, templatesOf, writeTemplates } from "@pv/runtime-loader";
import { bareProfile, ring3FullProfile, ring3Profile, type TemplateTable } from "@pv/stubgen";
import { readInput } from "./files.js";
import type { Hypervisor, Mode } from "./names.js";

/** What the stubs of a loader do. */
export interface StubOptions {
  /** Default "lean"; "trap" needs no stubs, so any will do. `bare` knows no other. */
  readonly mode?: Mode;
  /** Stubs count how often they run; those of `bare` and of "full" always do. Default false. */
  readonly count?: boolean;
}

const PROFILES: Readonly<Record<Hypervisor, (options: StubOptions) => TemplateTable>> = {
  bare: () => bareProfile(),
  ring3: ({ mode, count = false }) => (mode === "full" ? ring3FullProfile() : ring3Profile({ count })),
};

/** Where the workspace's build leaves the bootstrap images. */
const BUILT: Readonly<Record<Hypervisor, URL>> = {
  bare: new URL("../../runtime-loader/build/boot.elf", import.meta.url),
  ring3: new URL("../../runtime-loader/build/boot-ring3.elf", import.meta.url),
};

/**
 * The loader image with a hypervisor's templates; `bootImage` names another bootstrap image than the built one, and if that is a
 * loader image already, it keeps its templates. Errors: PV5004 (not built), what `readInput` says of `bootImage`, and what `buildLoaderImage` says.
 */
export async function loaderFor(
  hypervisor: Hypervisor,
  bootImage?: string,
  options: StubOptions = {},
): Promise<Uint8Array> {
  const boot = bootImage === undefined ? await built(hypervisor) : await readInput(bootImage);
  if (bootImage !== undefined && templatesOf(boot).ok) return boot;
  return unwrap(buildLoaderImage(boot, writeTemplates(PROFILES[hypervisor](options))));
}

async function built(hypervisor: Hypervisor): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(BUILT[hypervisor]));
  } catch {
    return fail(
      "PV5004",
      "the bootstrap image has not been built",
      undefined,
      "Build it with `node build.mjs` in apps/runtime-loader (needs gcc), or name one with --boot-image.",
    );
  }
}
