/**
 * What the planner is told about a kernel's tables. The shapes are those of `KernelTables` in `@pv/elf`, cut down to
 * the columns that matter here, so that planning needs no image: a `KernelTables` value fits as it is.
 */

interface AddressColumn {
  readonly site: Uint32Array;
}

export interface AddressRanges {
  readonly start: Uint32Array;
  /** Exclusive. */
  readonly end: Uint32Array;
}

/** A table that the image lacks, or that could not be read, is left out. */
export interface Protection {
  readonly exceptions?: { readonly insn: Uint32Array; readonly fixup: Uint32Array };
  readonly alternatives?: {
    readonly site: Uint32Array;
    readonly siteLength: Uint8Array;
    readonly replacement: Uint32Array;
    readonly replacementLength: Uint8Array;
  };
  readonly paravirt?: { readonly site: Uint32Array; readonly length: Uint8Array };
  /** Where it is missing, every `jmp rel32` counts as a jump label. */
  readonly jumpLabels?: { readonly code: Uint32Array; readonly target: Uint32Array };
  readonly smpLocks?: AddressColumn;
  readonly bugs?: AddressColumn;
  readonly staticCalls?: AddressColumn;
  readonly mcount?: AddressColumn;
  readonly retpolines?: AddressColumn;
  readonly returns?: AddressColumn;
  /** User code inside the kernel. */
  readonly vdso?: AddressRanges;
  /** Code that the kernel copies before it runs (`copiedCode`). */
  readonly copied?: AddressRanges;
  /** Code that the kernel knows by its address (`comparedAddresses`). */
  readonly compared?: AddressRanges;
}
