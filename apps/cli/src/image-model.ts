/** What every result says about the image, and how it writes addresses. */
import type { KernelImage, Va } from "@pv/elf";
import type { Instructions } from "@pv/x86-ir";

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

/** The symbol at or below an address; null without one. */
export function symbolAt({ symbols }: KernelImage, address: Va): string | null {
  const at = symbols?.below(address) ?? -1;
  return at < 0 ? null : symbols!.name(at);
}

/** Of an instruction. */
export function rowAddress({ address, addressHigh, bits }: Instructions, row: number): string {
  return formatAddress(address[row]!, addressHigh, bits);
}

/** Lower-case hexadecimal, as wide as the architecture's addresses. */
export function formatAddress(low: number, high: number, bits: 32 | 64): string {
  const text = (low >>> 0).toString(16).padStart(8, "0");
  return bits === 32 ? text : (high >>> 0).toString(16).padStart(8, "0") + text;
}
