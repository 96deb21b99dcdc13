/**
 * Which registers the handler of an exception-table row may write before execution goes on at the fix-up.
 *
 * Since 5.16 the third word of a row is the handler's type (bits 0-7), a register (bits 8-11, hardware number), flags (12-15) and a number
 * (arch/x86/include/asm/extable_fixup_types.h, arch/x86/mm/extable.c). Before, it is the distance to a handler: those tables are told
 * by words that are no type, and nothing is known of their handlers.
 */
import { EAX, ECX, EDX, ESP } from "./locations.js";

const bits = (...registers: number[]): number => registers.reduce((mask, r) => mask | (1 << r), 0);
/** The register that the row names. */
const NAMED = 1 << 16;

/** By type: registers that the handler writes. Types that are not here (BPF's, which codes its register otherwise) may write any. */
const WRITES: Readonly<Record<number, number>> = {
  /** DEFAULT, UACCESS, CLEAR_FS, FPU_RESTORE, WRMSR, DEFAULT_MCE_SAFE; flags of the row may clear EAX and EDX. */
  1: bits(EAX, EDX),
  3: bits(EAX, EDX),
  5: bits(EAX, EDX),
  6: bits(EAX, EDX),
  8: bits(EAX, EDX),
  14: bits(EAX, EDX),
  /** FAULT, FAULT_MCE_SAFE, FAULT_SGX: the trap's number in EAX. */
  2: bits(EAX, EDX),
  15: bits(EAX, EDX),
  18: bits(EAX, EDX),
  /** RDMSR: EDX:EAX is 0; the safe forms put an error into the named register; those in machine checks panic. */
  9: bits(EAX, EDX),
  10: bits(EAX, EDX) | NAMED,
  11: bits(EAX, EDX) | NAMED,
  12: bits(EAX, EDX),
  13: bits(EAX, EDX),
  /** POP_REG, IMM_REG, ZEROPAD. */
  16: bits(EAX, EDX, ESP) | NAMED,
  17: bits(EAX, EDX) | NAMED,
  20: bits(EAX, EDX) | NAMED,
  /** UCOPY_LEN: what is left to copy. */
  19: bits(EAX, ECX, EDX) | NAMED,
};
const LAST_TYPE = 31;

/** `words`: the third words of all rows of a table. */
export function handlerWrites(words: Uint32Array): Uint16Array {
  const areTypes = words.every((word) => (word & 0xff) >= 1 && (word & 0xff) <= LAST_TYPE);
  return Uint16Array.from(words, (word) => {
    const writes = areTypes ? WRITES[word & 0xff] : undefined;
    if (writes === undefined) return 0xffff;
    return (writes & NAMED ? writes | (1 << ((word >>> 8) & 15)) : writes) & 0xffff;
  });
}
