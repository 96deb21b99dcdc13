/** Texts about locations that rows of several files share. */

/** The six arithmetic flags. */
export const ARITHMETIC = "cf pf af zf sf of";
/** Registers in which calls to what lies below pass arguments and results, by agreements that are not known here. */
export const BY_AGREEMENT = {
  32: "eax ecx edx ebx esi edi",
  64: "rax rcx rdx rbx rsi rdi r8 r9 r10 r11 r12 r13 r14 r15",
};
export const BY_AGREEMENT_AND_FLAGS = {
  32: `${BY_AGREEMENT[32]} ${ARITHMETIC}`,
  64: `${BY_AGREEMENT[64]} ${ARITHMETIC}`,
};
