/**
 * Where stubs find the virtual processor's state: words in the resident area, kept by stubs and monitor together
 * (docs/formats.md, "Shared words"). Addresses are virtual ones.
 */
const SHARED = 0xc0f0_0040;

export const SharedWord = {
  /** The guest's interrupt flag: 200h or 0. */
  interruptFlag: SHARED,
  /** Not 0: an interrupt waits for the flag. */
  pending: SHARED + 4,
  cr0: SHARED + 8,
  cr2: SHARED + 12,
  cr3: SHARED + 16,
  cr4: SHARED + 20,
} as const;
