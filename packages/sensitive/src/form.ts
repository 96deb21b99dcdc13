/**
 * The form of a site: what a stub has to know about an instruction beyond its kind, as a u16 that can be made again
 * out of the instruction's bytes at any time.
 *
 *   in, out            log2 of the width in bytes (bits 0-1) | 4 if the port is an immediate
 *   ins, outs          log2 of the width in bytes (bits 0-1) | 8 with a REP prefix
 *   mov cr/dr/sreg     general register 0..15, or 1fh for memory (bits 0-4) | special register << 5 (bits 5-8)
 *   push/pop sreg      1fh | segment register << 5
 *   lds .. lss         general register | segment register << 5
 *   one register or memory operand (lldt, str, smsw, rdpid, ...)        general register, or 1fh for memory
 *   r/m and a register (lar, lsl, arpl, vmread, invpcid, ...)           r/m as above | register << 5
 *   int                vector
 *   everything else    0
 *
 * Bit 15 (`FORM_UNUSUAL`) marks what a common stub cannot be meant for: an operand of the stack or a far pointer that
 * is not as wide as the mode's registers (IRETD in 64-bit mode, PUSHFW), a 16-bit result in a register (MOV AX, DS),
 * a descriptor-table register with a 66h prefix in 32-bit mode, an FS/GS base of 32 bits in 64-bit mode, a string
 * instruction with an address-size prefix (67h), and OUTS with a segment prefix.
 *
 * Segment registers are numbered as in ModRM (SDM Vol. 2A, 2.1.5): ES CS SS DS FS GS.
 */
import { REGISTER_NAMES, type Bits } from "@pv/x86-ir";
import type { CatalogueEntry } from "./entry.js";

/** General register field of a form: the operand is memory, or the stack. */
export const FORM_MEMORY = 0x1f;
/** Bit of a form: an unusual size or prefix (never set for `int`, whose form is the vector). */
export const FORM_UNUSUAL = 0x8000;
/** Bit of a form of `in` and `out`: the port is an immediate. */
export const FORM_IMMEDIATE_PORT = 4;
/** Bit of a form of `ins` and `outs`: with a REP prefix. */
export const FORM_REPEATED = 8;

export const SEGMENT_REGISTER_NAMES = ["es", "cs", "ss", "ds", "fs", "gs"] as const;

/** General register field of a form that has one: 0..15, or `FORM_MEMORY`. */
export const generalOf = (form: number): number => form & 0x1f;
/** Special register field of a form that has one: control, debug, segment or second general register. */
export const specialOf = (form: number): number => (form >>> 5) & 0xf;
/** Width in bytes of a form of `in`, `out`, `ins` or `outs`. */
export const widthOf = (form: number): number => 1 << (form & 3);

/** The prefixes of an instruction and where its opcode is. */
interface Prefixes {
  readonly operand16: boolean;
  readonly addressSize: boolean;
  readonly repeat: boolean;
  readonly lock: boolean;
  /** A segment prefix other than DS, the default one. */
  readonly segment: boolean;
  /** REX, or 0. */
  readonly rex: number;
  /** Offset of the first opcode byte behind 0F, 0F38 and 0F3A. */
  readonly opcode: number;
}

/**
 * The form of an instruction of a kind, out of its bytes.
 *
 * @param entry the kind that the classifier found
 * @param bytes at least the whole instruction; bytes that are missing are read as 0
 */
export function formOf(entry: CatalogueEntry, bytes: Uint8Array, bits: Bits): number {
  if (entry.form === "none") return 0;
  const prefixes = scanPrefixes(bytes, bits);
  const { rex, operand16, lock } = prefixes;
  const opcode = bytes[prefixes.opcode] ?? 0;
  const next = bytes[prefixes.opcode + 1] ?? 0;
  // ModRM fields with their REX extensions; a memory operand has no register.
  const reg = ((next >> 3) & 7) | ((rex & 4) << 1);
  const register = next >= 0xc0;
  const rm = register ? (next & 7) | ((rex & 1) << 3) : FORM_MEMORY;
  const wide = (rex & 8) !== 0;
  const narrow = operand16 && !wide;

  switch (entry.form) {
    case "port":
      return logWidth(opcode, narrow) | (opcode < 0xe8 ? FORM_IMMEDIATE_PORT : 0);
    case "string":
      return (
        logWidth(opcode, narrow) |
        (prefixes.repeat ? FORM_REPEATED : 0) |
        unusual(prefixes.addressSize || (prefixes.segment && (opcode & 2) !== 0))
      );
    case "special": {
      if (opcode === 0x8c || opcode === 0x8e) {
        // Only a 16-bit result in a register is unusual: a load reads 16 bits and a store writes 16 at any size.
        return rm | (((next >> 3) & 7) << 5) | unusual(opcode === 0x8c && register && narrow);
      }
      // MOV CR/DR ignores the mod field. LOCK stands for bit 3 of the register on AMD processors (LOCK MOV CR0 = CR8).
      return (next & 7) | ((rex & 1) << 3) | ((reg | (lock ? 8 : 0)) << 5);
    }
    case "stack-special":
      return FORM_MEMORY | (segmentOfPush(opcode) << 5) | unusual(narrow);
    case "far-pointer":
      return reg | (segmentOfFarPointer(opcode) << 5) | unusual(narrow);
    case "rm":
      return rm | unusual(register && narrow && writesGeneral(entry));
    case "rm-word":
      return rm | unusual(bits === 64 && !wide);
    case "rm-reg":
      return rm | (reg << 5) | unusual(narrow && writesGeneral(entry));
    case "size":
      return unusual(operandBytes(opcode, bits, wide, operand16) * 8 !== bits);
    case "size16":
      return unusual(bits === 32 && operand16);
    case "vector":
      return next;
  }
}

/** Text of a form, such as `al, dx`, `cr3, eax`, `word, rep`, `80h`; empty where a form says nothing. */
export function formatForm(entry: CatalogueEntry, form: number, bits: Bits): string {
  const words: string[] = [];
  const general = (field: number): string =>
    field === FORM_MEMORY ? "memory" : (REGISTER_NAMES[bits][field] ?? `register ${field}`);
  const special = specialOf(form);
  switch (entry.form) {
    case "none":
    case "size":
    case "size16":
      break;
    case "port": {
      const value = ["al", "ax", "eax"][form & 3] ?? "?";
      const port = form & FORM_IMMEDIATE_PORT ? "immediate" : "dx";
      words.push(...(entry.kind === "in" ? [value, port] : [port, value]));
      break;
    }
    case "string":
      words.push(["byte", "word", "doubleword"][form & 3] ?? "?");
      if (form & FORM_REPEATED) words.push("rep");
      break;
    case "special": {
      const name = specialName(entry, special);
      words.push(
        ...(entry.kind.startsWith("mov-to") ? [name, general(generalOf(form))] : [general(generalOf(form)), name]),
      );
      break;
    }
    case "stack-special":
      words.push(specialName(entry, special));
      break;
    case "far-pointer":
    case "rm":
    case "rm-word":
      words.push(general(generalOf(form)));
      break;
    case "rm-reg":
      words.push(general(generalOf(form)), general(special));
      break;
    case "vector":
      words.push(`${form.toString(16)}h`);
      break;
  }
  if (entry.form !== "vector" && form & FORM_UNUSUAL) words.push("unusual");
  return words.join(", ");
}

function specialName(entry: CatalogueEntry, special: number): string {
  if (entry.kind.endsWith("-cr")) return `cr${special}`;
  if (entry.kind.endsWith("-dr")) return `dr${special}`;
  return SEGMENT_REGISTER_NAMES[special] ?? `segment register ${special}`;
}

const unusual = (condition: boolean): number => (condition ? FORM_UNUSUAL : 0);

/** Bit 0 of the opcodes of port I/O tells bytes from words. */
function logWidth(opcode: number, narrow: boolean): number {
  if ((opcode & 1) === 0) return 0;
  return narrow ? 1 : 2;
}

/** Whether the kind writes the general register in its form (or the second one), so that the width matters. */
function writesGeneral(entry: CatalogueEntry): boolean {
  return typeof entry.results === "string" && /\b(general|second)\b(?!\.)/.test(entry.results);
}

/** Width in bytes of what a far transfer, PUSHF or POPF takes from memory or the stack, per part. */
function operandBytes(opcode: number, bits: Bits, wide: boolean, operand16: boolean): number {
  if (bits === 64 && (wide || ((opcode === 0x9c || opcode === 0x9d) && !operand16))) return 8;
  return operand16 && !wide ? 2 : 4;
}

/** PUSH and POP of segment registers: 06 0E 16 1E (+1 for POP) without, A0 A8 (+1) with 0F. */
function segmentOfPush(opcode: number): number {
  return opcode < 0x80 ? (opcode >> 3) & 3 : 4 + ((opcode >> 3) & 1);
}

/** C4 LES, C5 LDS without, B2 LSS, B4 LFS, B5 LGS with 0F. */
function segmentOfFarPointer(opcode: number): number {
  switch (opcode) {
    case 0xc4:
      return 0;
    case 0xc5:
      return 3;
    case 0xb2:
      return 2;
    default:
      return opcode === 0xb4 ? 4 : 5;
  }
}

/** ES, CS, SS, FS, GS. */
const SEGMENT_PREFIXES: readonly number[] = [0x26, 0x2e, 0x36, 0x64, 0x65];

function scanPrefixes(bytes: Uint8Array, bits: Bits): Prefixes {
  let operand16 = false;
  let addressSize = false;
  let repeat = false;
  let lock = false;
  let segment = false;
  let rex = 0;
  let at = 0;
  for (; at < bytes.length; at++) {
    const byte = bytes[at];
    const isRex = bits === 64 && (byte & 0xf0) === 0x40;
    if (byte === 0x66) operand16 = true;
    else if (byte === 0x67) addressSize = true;
    else if (byte === 0xf2 || byte === 0xf3) repeat = true;
    else if (byte === 0xf0) lock = true;
    else if (byte === 0x3e || SEGMENT_PREFIXES.includes(byte)) segment = byte !== 0x3e;
    else if (!isRex) break;
    // A REX that another prefix follows is ignored (SDM Vol. 2A, 2.2.1).
    rex = isRex ? byte : 0;
  }
  if (bytes[at] === 0x0f) {
    at++;
    if (bytes[at] === 0x38 || bytes[at] === 0x3a) at++;
  }
  return { operand16, addressSize, repeat, lock, segment, rex, opcode: at };
}
