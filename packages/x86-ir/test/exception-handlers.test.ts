import { expect, test } from "vitest";
import { handlerWrites } from "../src/exception-handlers.js";

/** Types, registers and numbers as arch/x86/include/asm/extable_fixup_types.h packs them. */
const row = (type: number, register = 0, flags = 0, immediate = 0): number =>
  ((immediate << 16) | (flags << 12) | (register << 8) | type) >>> 0;

test("handlers write EAX and EDX at most, and the register that the row names", () => {
  const words = [
    row(1),
    row(8),
    row(9),
    row(10, 6, 0, 0xfffb),
    row(11, 1),
    row(17, 3, 0, 0xfff2),
    row(16, 5),
    row(19, 2),
  ];
  expect([...handlerWrites(Uint32Array.from(words))]).toEqual([
    0b101, 0b101, 0b101, 0b0100_0101, 0b0000_0111, 0b0000_1101, 0b0011_0101, 0b0000_0111,
  ]);
});

test("of a type that codes its register otherwise, or is new, nothing is known", () => {
  expect([...handlerWrites(Uint32Array.from([row(1), row(7, 3), row(25)]))]).toEqual([0b101, 0xffff, 0xffff]);
});

test("where one word is no type, all of them are distances to handlers", () => {
  expect([...handlerWrites(Uint32Array.from([row(1), 0xffff_fe40]))]).toEqual([0xffff, 0xffff]);
  expect([...handlerWrites(Uint32Array.from([0, 0]))]).toEqual([0xffff, 0xffff]);
});
