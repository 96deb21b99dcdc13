/**
 * Random programs as code bytes: a few functions of short instructions, branches within a function, calls to later
 * functions only (so that a path search ends), each function ending in a return.
 */
import fc from "fast-check";
import { buildProgram, NO_FACTS, type Bits, type Program } from "@pv/x86-ir";

const BASE = 0x1000;

type Item =
  | { readonly kind: "plain"; readonly bytes: readonly number[] }
  | { readonly kind: "branch"; readonly condition: number; readonly to: number }
  | { readonly kind: "jump"; readonly to: number }
  | { readonly kind: "call"; readonly callee: number }
  | { readonly kind: "return" };

/** Whole instructions that both modes decode alike. */
const FIXED: readonly (readonly number[])[] = [
  [0x90],
  [0x9c],
  [0x9d],
  [0xf5],
  [0xf8],
  [0xf9],
  [0x9e],
  [0x9f],
  [0x99],
  [0xfc],
  [0xfd],
  [0xec],
  [0xee],
  [0xb0, 1],
  [0xb4, 2],
  [0x66, 0xb8, 3, 0],
  [0xb8, 4, 0, 0, 0],
  [0xb9, 5, 0, 0, 0],
  [0x0f, 0x94, 0xc1],
  [0x0f, 0x92, 0xc6],
  [0x0f, 0x44, 0xc3],
  [0xd3, 0xe0],
  [0xd1, 0xe2],
  [0xc1, 0xe6, 5],
  [0xf7, 0xe3],
  [0x0f, 0xa2],
  [0xf3, 0xab],
  [0xa4],
  [0x0f, 0xbc, 0xc8],
  [0x0f, 0x31],
  [0x8b, 0x03],
  [0x8d, 0x44, 0x0b, 8],
  [0x50],
  [0x58],
  [0x53],
  [0x5b],
  [0x0f, 0xb6, 0xd4],
  [0x0f, 0xaf, 0xc2],
  [0xf6, 0xc4, 2],
  [0x74, 0x00],
];
const BINARY_OPCODES = [0x88, 0x89, 0x00, 0x01, 0x11, 0x19, 0x21, 0x29, 0x31, 0x38, 0x39, 0x85, 0x87];

const plain: fc.Arbitrary<Item> = fc
  .oneof(
    fc.constantFrom(...FIXED),
    // Two registers, ESP left alone.
    fc
      .tuple(
        fc.constantFrom(...BINARY_OPCODES),
        fc.constantFrom(0, 1, 2, 3, 5, 6, 7),
        fc.constantFrom(0, 1, 2, 3, 5, 6, 7),
      )
      .map(([op, a, b]) => [op, 0xc0 | (a << 3) | b]),
  )
  .map((bytes) => ({ kind: "plain", bytes }));

const functionOf = (callees: readonly number[]): fc.Arbitrary<Item[]> =>
  fc
    .array(
      fc.oneof(
        { weight: 8, arbitrary: plain },
        {
          weight: 2,
          arbitrary: fc.record({ kind: fc.constant("branch" as const), condition: fc.nat(15), to: fc.nat(30) }),
        },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant("jump" as const), to: fc.nat(30) }) },
        ...(callees.length === 0
          ? []
          : [
              {
                weight: 1,
                arbitrary: fc.record({ kind: fc.constant("call" as const), callee: fc.constantFrom(...callees) }),
              },
            ]),
      ),
      { minLength: 1, maxLength: 14 },
    )
    .map((items) => [...items, { kind: "return" }]);

export const randomProgram: fc.Arbitrary<Program> = fc
  .tuple(fc.constantFrom<Bits>(32, 64), functionOf([1, 2]), functionOf([2]), functionOf([]))
  .map(([bits, ...functions]) => layOut(bits, functions));

const LENGTHS: Readonly<Record<Exclude<Item["kind"], "plain">, number>> = { branch: 2, jump: 2, call: 5, return: 1 };
const lengthOf = (item: Item): number => (item.kind === "plain" ? item.bytes.length : LENGTHS[item.kind]);

function layOut(bits: Bits, functions: readonly (readonly Item[])[]): Program {
  const offsets: number[][] = [];
  let at = 0;
  for (const items of functions) offsets.push(items.map((item) => (at += lengthOf(item)) - lengthOf(item)));
  const bytes: number[] = [];
  functions.forEach((items, f) => {
    items.forEach((item) => {
      const own = offsets[f]!,
        end = bytes.length + lengthOf(item);
      if (item.kind === "plain") bytes.push(...item.bytes);
      else if (item.kind === "return") bytes.push(0xc3);
      else if (item.kind === "call") {
        const displacement = offsets[item.callee]![0]! - end;
        bytes.push(
          0xe8,
          displacement & 255,
          (displacement >> 8) & 255,
          (displacement >> 16) & 255,
          displacement >>> 24,
        );
      } else bytes.push(item.kind === "jump" ? 0xeb : 0x70 | item.condition, (own[item.to % own.length]! - end) & 255);
    });
  });
  const starts = Uint32Array.from(offsets, (own) => BASE + own[0]!);
  return buildProgram({
    regions: [{ name: ".text", start: BASE, bytes: Uint8Array.from(bytes) }],
    bits,
    addressHigh: 0,
    facts: { ...NO_FACTS, functionStarts: starts },
  });
}
