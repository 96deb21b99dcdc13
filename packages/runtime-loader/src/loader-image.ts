/**
 * The loader image: the boot image as apps/runtime-loader builds it, with the stub templates of one hypervisor profile
 * in its section `.previrt.templates`, which has room reserved for them.
 */
import { attempt, fail, readElf, sectionBytes, sectionNamed, unwrap, type Result } from "@pv/elf";
import { readTemplates } from "./template-table.js";

export const TEMPLATES_SECTION = ".previrt.templates";

const BUILD_AGAIN = "Build the boot image again.";

/**
 * A copy of the boot image with the templates in it. Errors: what `readElf` and `readTemplates` say; PV1006 (no such section in the
 * file), PV4006 (too small).
 */
export function buildLoaderImage(bootElf: Uint8Array, templates: Uint8Array): Result<Uint8Array> {
  return attempt(() => {
    unwrap(readTemplates(templates));
    const image = unwrap(readElf(new Uint8Array(bootElf)));
    const section = sectionNamed(image, TEMPLATES_SECTION);
    const room = section === undefined ? undefined : sectionBytes(image, section);
    if (section === undefined || room === undefined || room.length !== section.size) {
      fail("PV1006", `The boot image has no section ${TEMPLATES_SECTION} with contents.`, undefined, BUILD_AGAIN);
    }
    if (templates.length > room.length) {
      const message = `The templates have ${templates.length} bytes, the boot image reserves ${room.length}.`;
      fail("PV4006", message, section.address, "Give the section more room, or the profile fewer templates.");
    }
    room.fill(0).set(templates);
    return image.bytes;
  });
}

/** The template table in a loader image. Errors: what `readElf` and `readTemplates` say; PV1006 (no such section). */
export function templatesOf(loaderImage: Uint8Array): ReturnType<typeof readTemplates> {
  return attempt(() => {
    const image = unwrap(readElf(loaderImage));
    const section = sectionNamed(image, TEMPLATES_SECTION);
    if (section === undefined)
      fail("PV1006", `The loader image has no section ${TEMPLATES_SECTION}.`, undefined, BUILD_AGAIN);
    return unwrap(readTemplates(sectionBytes(image, section)));
  });
}
