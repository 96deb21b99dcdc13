/**
 * Random code that is hard on the decoder's memory: few opcodes and ModRM bytes, so that shapes recur with other
 * displacements and immediates, and many prefixes, VEX, EVEX, XOP and 3DNow! among them.
 */
import type { Bits } from "@pv/x86-ir";
import fc from "fast-check";

const PREFIXES = [
  [],
  [],
  [],
  [0x66],
  [0xf2],
  [0xf3],
  [0x67],
  [0xf0],
  [0x2e],
  [0x65],
  [0x66, 0xf3],
  [0xf0, 0x67],
  [0x48],
  [0x41],
  [0x66, 0x45],
  [0xf3, 0x4c],
];
const OPCODES = [
  [0x8d],
  [0xc0],
  [0xc1],
  [0xd1],
  [0xd3],
  [0x83],
  [0x80],
  [0x81],
  [0x0f, 0xa4],
  [0x0f, 0xba],
  [0x0f, 0xc7],
  [0x0f, 0x0f],
  [0x0f, 0x01],
  [0x0f, 0xae],
  [0xc4, 0xe2],
  [0xc4, 0xe3],
  [0xc5, 0xf8],
  [0x62, 0xf1],
  [0x62, 0xf2],
  [0x8f, 0xe8],
  [0x8f],
  [0xe8],
  [0xe9],
  [0xeb],
  [0x74],
  [0x0f, 0x84],
  [0xe2],
  [0xe3],
  [0xc7],
  [0xc8],
  [0xa1],
  [0xa5],
  [0xa6],
  [0xae],
  [0x9a],
  [0xea],
  [0xff],
  [0xf7],
  [0x0f, 0x38],
  [0x0f, 0x3a],
  [0x0f, 0xbc],
  [0x0f, 0x44],
  [0x0f, 0x1f],
  [0x0f, 0x1e],
  [0x87],
  [0x89],
  [0x8b],
  [0x31],
  [0x19],
  [0x90],
  [0xcc],
  [0xc3],
  [0x0f, 0x0b],
  [0x6b],
  [0x69],
  [0xdb],
  [0xd9],
];
const MODRM = [
  0x00, 0x04, 0x05, 0x24, 0x44, 0x76, 0x84, 0xb6, 0xc0, 0xc1, 0xc8, 0xd0, 0xe0, 0xe1, 0xf6, 0xf8, 0xff, 0x0c, 0xc7,
];

const byte = fc.integer({ min: 0, max: 255 });
const tail = fc.oneof(fc.constant([0, 0, 0, 0]), fc.constant([0x24, 0, 0, 0]), fc.array(byte, { maxLength: 6 }));
const hard = fc
  .tuple(fc.constantFrom(...PREFIXES), fc.constantFrom(...OPCODES), fc.oneof(fc.constantFrom(...MODRM), byte), tail)
  .map(([prefix, opcode, modrm, rest]) => [...prefix, ...opcode, modrm, ...rest]);
const noise = fc.array(byte, { maxLength: 16 });

/** With NOPs behind it, so that no instruction is cut off by the end. */
export const padded = (bytes: Uint8Array): Uint8Array =>
  Uint8Array.from([...bytes, ...new Array<number>(16).fill(0x90)]);

export const randomBytes: fc.Arbitrary<Uint8Array> = fc
  .array(fc.oneof({ weight: 5, arbitrary: hard }, { weight: 1, arbitrary: noise }), { minLength: 1, maxLength: 60 })
  .map((pieces) => Uint8Array.from(pieces.flat()))
  .filter((bytes) => bytes.length > 0);

export const randomBits: fc.Arbitrary<Bits> = fc.constantFrom(32, 64);

/** One instruction with many operands in memory: what it is may be learned from one address, and has to hold for the others. */
export const randomAddresses: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.constantFrom(...PREFIXES),
    fc.oneof(
      byte.map((opcode) => [opcode]),
      byte.map((opcode) => [0x0f, opcode]),
      fc.constantFrom(...OPCODES),
    ),
    fc.array(fc.tuple(fc.integer({ min: 0, max: 0xbf }), fc.array(byte, { minLength: 9, maxLength: 9 })), {
      minLength: 10,
      maxLength: 40,
    }),
  )
  .map(([prefix, opcode, addresses]) =>
    Uint8Array.from(addresses.flatMap(([modrm, rest]) => [...prefix, ...opcode, modrm, ...rest])),
  );
