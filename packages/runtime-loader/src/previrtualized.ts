/**
 * The pre-virtualized image: a kernel's ELF file as it was, and beside it its annotation table in section `.previrt`,
 * which is not loaded. It boots on bare hardware as before.
 */
import {
  addSection,
  attempt,
  fail,
  readElf,
  sectionBytes,
  sectionNamed,
  unwrap,
  type ElfFile,
  type Result,
  SHF_ALLOC,
  SHT_PROGBITS,
} from "@pv/elf";
import {
  ANNOTATION_SECTION,
  checkAnnotations,
  readAnnotations,
  writeAnnotations,
  type Annotations,
} from "./annotations.js";
import { checkFits } from "./fit.js";

/** The ELF file with its table. A table that is there already is replaced. Errors: PV4003 (another kernel's table), PV4004. */
export function previrtualize(elf: ElfFile, annotations: Annotations): Result<Uint8Array> {
  return attempt(() => {
    checkAnnotations(annotations);
    checkFits(elf, annotations);
    const taken = sectionNamed(elf, ANNOTATION_SECTION);
    if (taken !== undefined && (taken.flags & SHF_ALLOC) !== 0) {
      fail("PV1006", `The kernel has a section ${ANNOTATION_SECTION} of its own, which is loaded.`, taken.address);
    }
    const bytes = writeAnnotations(annotations);
    return addSection(elf, { name: ANNOTATION_SECTION, type: SHT_PROGBITS, flags: 0, align: 4, bytes }).bytes;
  });
}

/** The table of a pre-virtualized image. Errors: PV4001 (no table), PV4002 to PV4004. */
export function annotationsOf(elf: ElfFile): Result<Annotations> {
  return attempt(() => {
    const section = sectionNamed(elf, ANNOTATION_SECTION);
    if (section === undefined) fail("PV4001", `The kernel has no section ${ANNOTATION_SECTION}.`);
    const annotations = unwrap(readAnnotations(sectionBytes(elf, section)));
    checkFits(elf, annotations);
    return annotations;
  });
}

/** Reads a pre-virtualized image. Errors: those of `readElf` and `annotationsOf`. */
export function readPrevirtualized(
  bytes: Uint8Array,
): Result<{ readonly elf: ElfFile; readonly annotations: Annotations }> {
  return attempt(() => {
    const elf = unwrap(readElf(bytes));
    return { elf, annotations: unwrap(annotationsOf(elf)) };
  });
}
