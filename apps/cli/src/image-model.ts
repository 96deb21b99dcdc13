/** What every result says about the image, and how it writes addresses. */
import type { KernelImage } from "@pv/elf";

export interface ImageModel {
  /** Of the uncompressed ELF file, lower-case hexadecimal. */
  readonly sha256: string;
  readonly arch: string;
  readonly format: string;
  readonly release: string | null;
}

export function imageModel({ sha256, arch, format, release }: KernelImage): ImageModel {
  return { sha256, arch, format, release: release ?? null };
}

/** Lower-case hexadecimal, as wide as the architecture's addresses. */
export function formatAddress(low: number, high: number, bits: 32 | 64): string {
  const text = (low >>> 0).toString(16).padStart(8, "0");
  return bits === 32 ? text : (high >>> 0).toString(16).padStart(8, "0") + text;
}
