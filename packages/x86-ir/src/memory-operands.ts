/**
 * Memory operands as the ModRM and SIB bytes encode them (SDM Vol. 2A, 2.1.5 and 2.2.1.2), for the plainest of instructions.
 *
 * Two of three shapes of a kernel are moves, arithmetic and calls that differ from another one only in how they address memory.
 * What such an instruction does to registers is what it does with an operand that needs none (an absolute or RIP-relative address),
 * and besides it reads the registers of the address.
 */
import { type Bits, partsOf, restOf } from "./locations.js";

/** 1 for opcodes that are followed by ModRM and do not care how memory is addressed, whatever prefixes and registers they have. */
const PLAIN = opcodes([
  ...arithmetic(),
  [0x63, 0x63],
  [0x69, 0x69],
  [0x6b, 0x6b],
  [0x80, 0x81],
  [0x83, 0x8b],
  [0x8d, 0x8d],
  [0xc6, 0xc7],
  [0xd0, 0xd3],
  [0xf6, 0xf7],
  [0xfe, 0xff],
]);
/** Likewise behind 0F: conditional moves and sets, bit operations, multiplication, extensions, exchanges. */
const PLAIN_0F = opcodes([
  [0x40, 0x4f],
  [0x90, 0x9f],
  [0xa3, 0xa3],
  [0xab, 0xab],
  [0xaf, 0xb1],
  [0xb3, 0xb3],
  [0xb6, 0xb7],
  [0xba, 0xc1],
]);
const LEA = 0x8d;

/** `op r/m,r` and `op r,r/m` of the eight operations. */
function arithmetic(): [first: number, last: number][] {
  return Array.from({ length: 8 }, (_, operation) => [8 * operation, 8 * operation + 3]);
}

function opcodes(ranges: readonly (readonly [first: number, last: number])[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const [first, last] of ranges) table.fill(1, first, last + 1);
  return table;
}

const isPrefix = (byte: number): boolean =>
  (byte & 0xe7) === 0x26 || (byte >= 0x64 && byte <= 0x66) || byte === 0xf0 || byte === 0xf2 || byte === 0xf3;

const OPERAND_SIZE = 0x66;

/** More bytes than that in front of ModRM are left to the decoder. */
const MOST_BYTES_BEFORE = 5;

export class MemoryOperand {
  /** Bytes up to ModRM. */
  before = 0;
  /** Which instruction it is, whatever its address: the bytes before ModRM and the three bits of ModRM that are no address. */
  key = 0;
  /** Bytes of ModRM and SIB, and of the displacement. */
  size = 0;
  displacement = 0;
  /** Locations that the address reads. */
  parts = 0;
  rest = 0;

  constructor(private readonly bits: Bits) {}

  /** Reads the operand of the instruction at `position`; false where it is not one of the plain ones with one in memory. */
  read(bytes: Uint8Array, position: number): boolean {
    let at = position,
      key = 1,
      rex = 0,
      isShort = false;
    for (; isPrefix(bytes[at]); at++) {
      key = key * 256 + bytes[at];
      isShort ||= bytes[at] === OPERAND_SIZE;
    }
    if (this.bits === 64 && (bytes[at] & 0xf0) === 0x40) key = key * 256 + (rex = bytes[at++]);
    let opcode = bytes[at++],
      plain = PLAIN;
    key = key * 256 + opcode;
    if (opcode === 0x0f) {
      plain = PLAIN_0F;
      opcode = bytes[at++];
      key = key * 256 + opcode;
    }
    this.before = at - position;
    if (plain[opcode] === 0 || this.before > MOST_BYTES_BEFORE) return false;
    const modrm = bytes[at],
      mode = modrm >> 6;
    if (mode === 3) return false;
    const register = (modrm >> 3) & 7;
    this.key = key * 8 + register;
    let base = modrm & 7,
      index = NONE;
    this.size = 1;
    if (base === 4) {
      const sib = bytes[at + 1];
      this.size = 2;
      base = sib & 7;
      index = ((sib >> 3) & 7) | ((rex & 2) << 2);
      // No index, where ESP would be one.
      if (index === 4) index = NONE;
    }
    const absolute = mode === 0 && base === 5;
    this.displacement = mode === 1 ? 1 : mode === 2 || absolute ? 4 : 0;
    base = absolute ? NONE : base | ((rex & 1) << 3);
    this.parts = (base === NONE ? 0 : partsOf(base)) | (index === NONE ? 0 : partsOf(index));
    this.rest = (base === NONE ? 0 : restOf(base)) | (index === NONE ? 0 : restOf(index));
    // Of `lea`, the address is the result: 16 bits of it, or nothing new (`lea r,[r + displacement]` may be padding).
    const isLea = plain === PLAIN && opcode === LEA;
    return !(isLea && (isShort || (index === NONE && base === (register | ((rex & 4) << 1)))));
  }
}

const NONE = -1;
