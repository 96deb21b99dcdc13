/** Random windows, tables and damage for property tests. */
import { crc32 } from "@pv/runtime-loader";
import type { Kind } from "@pv/sensitive";
import fc from "fast-check";
import { fakeKernel, TEXT, type FakeItem, type FakeKernel, type FakeWindow } from "./fake-kernel.js";

export const word = fc.integer({ min: 0, max: 0xffff_ffff });

/** Kinds with forms and bytes; `ret-far` and the load of SS have no template in profile bare. */
const SITES: readonly (readonly [kind: Kind, form: number, bytes: readonly number[], known: number])[] = [
  ["cli", 0, [0xfa], 0],
  ["sti", 0, [0xfb], 0],
  ["sti", 0, [0xfb], 0],
  ["pushf", 0, [0x9c], 0],
  ["popf", 0, [0x9d], 0],
  ["hlt", 0, [0xf4], 0],
  ["in", 0, [0xec], 1],
  ["in", 6, [0xe5, 0x71], 1],
  ["out", 1, [0x66, 0xef], 1],
  ["out", 4, [0xe6, 0x80], 1],
  ["rdmsr", 0, [0x0f, 0x32], 2],
  ["wrmsr", 0, [0x0f, 0x30], 2],
  ["cpuid", 0, [0x0f, 0xa2], 3],
  ["rdtsc", 0, [0x0f, 0x31], 0],
  ["mov-to-cr", 0x61, [0x0f, 0x22, 0xd9], 0],
  ["mov-from-cr", 0x46, [0x0f, 0x20, 0xd6], 0],
  ["lgdt", 0, [0x0f, 0x01, 0x54, 0x24, 0x08], 0],
  ["invlpg", 0, [0x65, 0x0f, 0x01, 0xbc, 0x24, 0x10, 0x20, 0x30, 0x40], 0],
  ["mov-to-sreg", 0x60, [0x8e, 0xd8], 0],
  ["mov-to-sreg", 0x40, [0x8e, 0xd0], 0],
  ["ret-far", 0, [0xcb], 0],
];

const target = fc.integer({ min: TEXT - 0x1000, max: TEXT + 0x10_0000 });
/** Masks that are often all or nothing, as facts are. */
const mask = fc.oneof(word, fc.constantFrom(0, 0xffff_ffff, 0x00ff_00ff, 0xff));

const site: fc.Arbitrary<FakeItem> = fc
  .tuple(fc.nat(SITES.length - 1), mask, mask, fc.boolean(), word)
  .map(([row, liveParts, liveRest, known, knownValue]) => {
    const [kind, form, bytes, what] = SITES[row];
    return { op: "site", kind, form, bytes, liveParts, liveRest, known: known ? what : 0, knownValue };
  });

const copy: fc.Arbitrary<FakeItem> = fc
  .array(fc.nat(255), { minLength: 1, maxLength: 7 })
  .map((bytes) => ({ op: "copy", bytes }));

const conditional: fc.Arbitrary<FakeItem> = fc
  .record({ condition: fc.nat(15), length: fc.constantFrom(2, 6), target })
  .map((item) => ({ op: "conditional", ...item }));

const leave: fc.Arbitrary<FakeItem[]> = fc.oneof(
  fc.constant([]),
  fc
    .record({ op: fc.constantFrom("jump" as const, "call" as const), length: fc.constantFrom(2, 5), target })
    .map((item) => [item]),
);

const lengthOf = (items: readonly FakeItem[]) =>
  items.reduce((sum, item) => sum + ("bytes" in item ? item.bytes.length : item.length), 0);

const window: fc.Arbitrary<FakeWindow> = fc
  .record({
    gap: fc.nat(9),
    before: fc.array(fc.oneof(site, copy, conditional), { maxLength: 4 }),
    one: site,
    after: fc.array(fc.oneof(site, copy), { maxLength: 2 }),
    last: leave,
  })
  .map(({ gap, before, one, after, last }) => {
    const items = [...before, one, ...after];
    const missing = 5 - lengthOf(items) - lengthOf(last);
    const fill: FakeItem[] = missing > 0 ? [{ op: "copy", bytes: Array.from({ length: missing }, () => 0x90) }] : [];
    return { gap, items: [...items, ...fill, ...last] };
  })
  .filter(({ items }) => lengthOf(items) <= 64);

/** Kernels with up to a dozen windows and some sites that are in none. */
export const kernels: fc.Arbitrary<FakeKernel> = fc
  .tuple(
    fc.array(window, { maxLength: 12 }),
    fc.array(fc.constantFrom("iret", "int", "cli"), { maxLength: 3 }),
    fc.boolean(),
  )
  .map(([windows, unpatched, hooked]) => fakeKernel(windows, unpatched as Kind[], hooked));

/** Changed bytes: offsets (modulo the length) and what they become. */
export const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 });

/** Applies damage behind the checksum, and corrects the checksum: what a hostile table would be. */
export function damaged(
  bytes: Uint8Array,
  changes: readonly (readonly [number, number])[],
  crcAt: number,
  crcFrom: number,
  crcEnd?: number,
): Uint8Array {
  const copied = bytes.slice();
  for (const [at, value] of changes) copied[crcFrom + (at % (copied.length - crcFrom))] = value;
  new DataView(copied.buffer).setUint32(crcAt, crc32(copied.subarray(crcFrom, crcEnd)), true);
  return copied;
}
