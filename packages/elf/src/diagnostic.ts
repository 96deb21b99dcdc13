/**
 * Errors that a user can meet, as values.
 *
 * Every error has a code from the one table below, says what was wrong and where, and what to do about it. Public
 * functions that take input from outside return a `Result`; inside a package, `fail` throws an `InputError` and
 * `attempt` at the package's border turns it into a value. Anything else that is thrown is a bug of ours.
 */

/** A virtual address: its low 32 bits. All code and data of one kernel image share the upper half (`addressHigh`). */
export type Va = number;

export interface Diagnostic {
  /** A key of `DIAGNOSTICS`, such as `PV1001`. */
  readonly code: DiagnosticCode;
  /** One sentence: what is wrong, with the numbers. */
  readonly message: string;
  /** Where: a virtual address (low 32 bits) or a file offset, whichever `message` speaks of. */
  readonly address?: number;
  /** One sentence: what the user can do. */
  readonly hint: string;
}

/** code -> [title, default hint]. 1xxx input bytes, 2xxx kernel tables, 3xxx code, 4xxx annotations, 5xxx machine, 9xxx usage. */
export const DIAGNOSTICS = {
  PV1001: ["truncated input", "Check that the file was copied or downloaded completely."],
  PV1002: ["empty input", "Give a bzImage (vmlinuz) or an uncompressed kernel ELF (vmlinux)."],
  PV1003: ["not a kernel image", "Give a bzImage (vmlinuz) or an uncompressed kernel ELF (vmlinux)."],
  PV1004: ["unsupported architecture", "Kernels for i386 and x86-64 are understood."],
  PV1005: ["big-endian ELF", "Kernels for i386 and x86-64 are little-endian; this file is for another machine."],
  PV1006: ["malformed ELF", "The file is damaged, or was made by a tool that breaks the ELF specification."],
  PV1007: ["unsupported kernel compression", "xz, gzip, lz4, zstd, lzma and bzip2 payloads are understood."],
  PV1008: ["damaged kernel payload", "The compressed kernel inside the image is damaged: get the file again."],
  PV1009: ["address outside the image", "The table or the request points outside the image; the file may be damaged."],
  PV2001: [
    "kernel table has a bad size",
    "The table is damaged, or its layout is from a kernel version not known here.",
  ],
  PV2002: [
    "kernel table points outside the image",
    "The table is damaged, or its layout is from a kernel version not known here.",
  ],
  PV2003: [
    "kallsyms not understood",
    "Names and function starts will be missing; the kernel may be of an unknown version.",
  ],
  PV3001: ["no code found", "The image has no executable section."],
  PV4001: ["not an annotation table", "Run `previrt rewrite` on the kernel first."],
  PV4002: [
    "unknown annotation version",
    "The table was written by another version of previrt: rewrite the kernel again.",
  ],
  PV4003: ["annotation does not fit this kernel", "The table belongs to another kernel: rewrite this one."],
  PV4004: ["damaged annotation table", "Rewrite the kernel again."],
  PV4005: [
    "no stub template",
    "The hypervisor profile has no template for a site that the plan patches: build a loader from the same version.",
  ],
  PV4006: ["stub area is full", "Give the loader a larger stub area."],
  PV5001: ["machine not available", "Use `--machine v86`, which needs nothing installed."],
  PV5002: ["the guest did not reach its goal", "See the console text; `--log FILE` keeps it whole."],
  PV5003: ["initrd or kernel does not fit into memory", "Give the machine more memory with `--memory`."],
  PV5004: ["missing tool", "Install the tool that the message names."],
  PV5005: ["cannot write output", "Check the path, its permissions and the free space."],
  PV5006: [
    "no package mirror reachable",
    "Check the network and the machine's apt configuration; everything already in the cache still works.",
  ],
  PV9001: ["wrong use", "Run the command with --help."],
} as const satisfies Record<string, readonly [title: string, hint: string]>;

export type DiagnosticCode = keyof typeof DIAGNOSTICS;

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Diagnostic };

/** Carries a diagnostic up to the border of a package. */
export class InputError extends Error {
  constructor(readonly diagnostic: Diagnostic) {
    super(`${diagnostic.code}: ${diagnostic.message}`);
    this.name = "InputError";
  }
}

export function diagnostic(code: DiagnosticCode, message: string, address?: number, hint?: string): Diagnostic {
  const base = { code, message, hint: hint ?? DIAGNOSTICS[code][1] };
  return address === undefined ? base : { ...base, address };
}

/** Ends the work on an input: caught by `attempt`. */
export function fail(code: DiagnosticCode, message: string, address?: number, hint?: string): never {
  throw new InputError(diagnostic(code, message, address, hint));
}

/** Runs `work`; an `InputError` becomes a value, anything else stays thrown. */
export function attempt<T>(work: () => T): Result<T> {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    if (error instanceof InputError) return { ok: false, error: error.diagnostic };
    throw error;
  }
}

/** The value of a result, or its diagnostic thrown as an `InputError`. */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new InputError(result.error);
}
