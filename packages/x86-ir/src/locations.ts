/**
 * Locations: the parts of registers and the flags that facts are about, as two 32-bit words.
 *
 * A general register has three parts: L (bits 0-7), H (bits 8-15), U (every bit above). A write to a 32-bit register
 * on x86-64 zeroes the upper half, so it writes all of U; one U is enough for both architectures, and i386 simply has
 * eight registers where x86-64 has sixteen.
 *
 *   word `parts`:  bit r      = L of register r,   bit 16 + r = H of register r       (r = 0..15, hardware numbers)
 *   word `rest`:   bit r      = U of register r,   bit 16 + f = flag f                 (f: CF PF AF ZF SF OF DF)
 *
 * Words are kept in Int32Array / Uint32Array columns; in expressions they are JavaScript 32-bit integers.
 */

export type Bits = 32 | 64;

/** Hardware register numbers (ModRM order, SDM Vol. 2A table 2-2). */
export const EAX = 0,
  ECX = 1,
  EDX = 2,
  EBX = 3,
  ESP = 4,
  EBP = 5,
  ESI = 6,
  EDI = 7;

export const REGISTER_NAMES: Readonly<Record<Bits, readonly string[]>> = {
  32: ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"],
  64: ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"],
};

/** Flag numbers are positions in the `rest` word, from bit 16 on. */
export const FLAG_NAMES = ["cf", "pf", "af", "zf", "sf", "of", "df"] as const;
export const FLAG_SHIFT = 16;
export const CF = 1 << 16,
  PF = 1 << 17,
  AF = 1 << 18,
  ZF = 1 << 19,
  SF = 1 << 20,
  OF = 1 << 21,
  DF = 1 << 22;
/** The six arithmetic flags in the `rest` word. */
export const ARITHMETIC_FLAGS = CF | PF | AF | ZF | SF | OF;
/** All flags in the `rest` word. */
export const ALL_FLAGS = ARITHMETIC_FLAGS | DF;

/** EFLAGS bit position of each flag in `FLAG_NAMES` (SDM Vol. 1, 3.4.3). */
export const EFLAGS_BIT = [0, 2, 4, 6, 7, 11, 10] as const;

/** Masks of whole registers: word `parts` and word `rest` for register `r`. */
export const partsOf = (r: number): number => (1 << r) | (1 << (16 + r));
export const restOf = (r: number): number => 1 << r;

/** All registers of an architecture as masks (the stack pointer included). */
export function allRegisters(bits: Bits): { parts: number; rest: number } {
  return bits === 32 ? { parts: 0x00ff_00ff, rest: 0x00ff } : { parts: 0xffff_ffff | 0, rest: 0xffff };
}

/** Mask with bit r set where any part of register r is in the set. */
export function registersIn(parts: number, rest: number): number {
  return (parts | (parts >>> 16) | rest) & 0xffff;
}

/** Text of a location set: `eax edx.l ecx.lh flags: cf zf`; a whole register without a suffix; `-` when empty. */
export function formatLocations(parts: number, rest: number, bits: Bits): string {
  const words: string[] = [];
  REGISTER_NAMES[bits].forEach((name, r) => {
    const l = (parts >>> r) & 1,
      h = (parts >>> (16 + r)) & 1,
      u = (rest >>> r) & 1;
    if (l && h && u) words.push(name);
    else if (l || h || u) words.push(`${name}.${l ? "l" : ""}${h ? "h" : ""}${u ? "u" : ""}`);
  });
  FLAG_NAMES.forEach((name, f) => {
    if ((rest >>> (FLAG_SHIFT + f)) & 1) words.push(name);
  });
  return words.length === 0 ? "-" : words.join(" ");
}

/** The inverse of `formatLocations`. Throws on an unknown word. */
export function parseLocations(text: string, bits: Bits): { parts: number; rest: number } {
  let parts = 0,
    rest = 0;
  for (const word of text.split(/\s+/).filter((w) => w !== "" && w !== "-")) {
    const flag = (FLAG_NAMES as readonly string[]).indexOf(word);
    if (flag >= 0) {
      rest |= 1 << (FLAG_SHIFT + flag);
      continue;
    }
    const [name = "", suffix = "lhu"] = word.split(".");
    const r = REGISTER_NAMES[bits].indexOf(name);
    if (r < 0) throw new RangeError(`unknown location "${word}"`);
    if (suffix.includes("l")) parts |= 1 << r;
    if (suffix.includes("h")) parts |= 1 << (16 + r);
    if (suffix.includes("u")) rest |= 1 << r;
  }
  return { parts, rest };
}
