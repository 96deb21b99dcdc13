/**
 * The relocations that the kernel's build puts behind the ELF file inside a bzImage.
 *
 * Words of 32 bits, each the low half of the virtual address of a word that holds an absolute address; written by
 * arch/x86/tools/relocs.c (emit_relocs), read backwards from the file's end by the boot code
 * (arch/x86/boot/compressed/misc.c, handle_relocations). Each list is preceded by a zero:
 *
 * - i386:             0, words of 32 bits
 * - x86-64:           0, words of 64 bits, 0, words of 32 bits that are *decreased*, 0, words of 32 bits
 * - x86-64, 6.15 on:  0, words of 64 bits, 0, words of 32 bits (per-cpu data is linked like the rest from then on)
 *
 * The number of zeros tells the last two apart.
 */
import { viewOf } from "./layout.js";
import type { ElfFile, Relocations } from "./types.js";

/** Undefined where nothing, or something else than such lists, follows the ELF file. */
export function readRelocations(elf: ElfFile): Relocations | undefined {
  const appended = elf.bytes.subarray(elf.endOfElf);
  const count = appended.length >>> 2;
  if (count < 2 || appended.length % 4 !== 0) return undefined;
  const view = viewOf(appended);
  const zeros: number[] = [];
  const words = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    words[i] = view.getUint32(i * 4, true);
    if (words[i] === 0 && zeros.push(i) > 3) return undefined;
  }
  if (zeros[0] !== 0) return undefined;
  const lists = zeros.map((zero, i) => words.subarray(zero + 1, zeros[i + 1] ?? count));
  if (!lists.every(isAscending)) return undefined;
  const none = new Uint32Array(0);
  if (elf.arch === "i386") {
    return lists.length === 1 ? { absolute32: lists[0], inverse32: none, absolute64: none } : undefined;
  }
  if (lists.length === 3) return { absolute64: lists[0], inverse32: lists[1], absolute32: lists[2] };
  if (lists.length === 2) return { absolute64: lists[0], inverse32: none, absolute32: lists[1] };
  return undefined;
}

function isAscending(list: Uint32Array): boolean {
  for (let i = 1; i < list.length; i++) if (list[i] < list[i - 1]) return false;
  return true;
}
