/**
 * Known contents against execution: small random programs of two functions, with branches both ways, conditional moves, stack slots, variables and calls,
 * run on a concrete machine from random registers. Whatever DX holds when an `out` is executed must be among what is known of it there.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { buildProgram, NO_FACTS, type StaticData } from "@pv/x86-ir";
import { DEFAULT_ASSUMPTIONS, exactly, KnownContents, knowledgeOf, within } from "../src/index.js";

type Op =
  | readonly ["set", register: number, value: number]
  | readonly ["add", register: number, value: number]
  | readonly ["copy", to: number, from: number]
  | readonly ["store", slot: number, register: number]
  | readonly ["init", slot: number, value: number]
  | readonly ["bump", slot: number, value: number]
  | readonly ["load", register: number, slot: number]
  | readonly ["branch", register: number, value: number, condition: number, target: number]
  | readonly ["check", slot: number, value: number, condition: number, target: number]
  | readonly ["versus", left: number, right: number, condition: number, target: number]
  | readonly ["choose", to: number, against: number, from: number, condition: number]
  | readonly ["put", variable: number, register: number]
  | readonly ["get", register: number, variable: number]
  | readonly ["limit", register: number, variable: number, condition: number, target: number]
  | readonly ["call"]
  | readonly ["out"];

const EDX = 2;
/** jcc opcodes, and what they say about a comparison. */
const CONDITIONS: readonly [opcode: number, holds: (a: number, b: number) => boolean][] = [
  [0x84, (a, b) => a === b],
  [0x85, (a, b) => a !== b],
  [0x82, (a, b) => a >>> 0 < b >>> 0],
  [0x83, (a, b) => a >>> 0 >= b >>> 0],
  [0x86, (a, b) => a >>> 0 <= b >>> 0],
  [0x87, (a, b) => a >>> 0 > b >>> 0],
  [0x8c, (a, b) => a < b],
  [0x8d, (a, b) => a >= b],
  [0x8e, (a, b) => a <= b],
  [0x8f, (a, b) => a > b],
];

const value = fc.integer({ min: -3, max: 12 });
const slot = fc.nat(1);
const condition = fc.nat(CONDITIONS.length - 1);
const target = fc.nat(15);
const ops = (registers: readonly number[], calls: boolean): fc.Arbitrary<readonly Op[]> => {
  const register = fc.constantFrom(...registers);
  const op: fc.Arbitrary<Op> = fc.oneof(
    fc.tuple(fc.constant("set" as const), register, value),
    fc.tuple(fc.constant("add" as const), register, value),
    fc.tuple(fc.constant("copy" as const), register, register),
    fc.tuple(fc.constant("store" as const), slot, register),
    fc.tuple(fc.constant("init" as const), slot, value),
    fc.tuple(fc.constant("bump" as const), slot, value),
    fc.tuple(fc.constant("load" as const), register, slot),
    fc.tuple(fc.constant("load" as const), fc.constant(EDX), slot),
    fc.tuple(fc.constant("branch" as const), register, value, condition, target),
    fc.tuple(fc.constant("check" as const), slot, value, condition, target),
    fc.tuple(fc.constant("versus" as const), register, register, condition, target),
    fc.tuple(fc.constant("choose" as const), register, register, register, condition),
    fc.tuple(fc.constant("put" as const), slot, register),
    fc.tuple(fc.constant("get" as const), register, slot),
    fc.tuple(fc.constant("limit" as const), register, slot, condition, target),
    fc.constant<Op>(["out"]),
    fc.constant<Op>(calls ? ["call"] : ["out"]),
  );
  return fc.array(op, { minLength: 4, maxLength: 14 });
};

const word = (v: number): number[] => [v & 0xff, (v >> 8) & 0xff, (v >> 16) & 0xff, (v >> 24) & 0xff];
const slotByte = (s: number): number => (-4 * (s + 1)) & 0xff;
const PROLOGUE = [0x55, 0x89, 0xe5, 0x83, 0xec, 0x10],
  EPILOGUE = [0xc9, 0xc3];

function sizeOf([kind]: Op): number {
  return {
    set: 5,
    add: 3,
    copy: 2,
    store: 3,
    init: 7,
    bump: 4,
    load: 3,
    branch: 9,
    check: 10,
    versus: 8,
    choose: 5,
    put: 6,
    get: 6,
    limit: 12,
    call: 5,
    out: 1,
  }[kind];
}

/** Code of a function at `start`: a call to the tracer, the frame, the operations; and where each operation begins. */
function encode(body: readonly Op[], start: number, tracer: number, callee: number) {
  const at: number[] = [];
  let address = start + 5 + PROLOGUE.length;
  for (const op of body) {
    at.push(address);
    address += sizeOf(op);
  }
  at.push(address);
  const bytes: number[] = [0xe8, ...word(tracer - start - 5), ...PROLOGUE];
  const jump = (i: number, cond: number, to: number): number[] => {
    const destination = at[Math.min(to, body.length)]!;
    return [0x0f, CONDITIONS[cond]![0], ...word(destination - at[i + 1]!)];
  };
  body.forEach((op, i) => {
    switch (op[0]) {
      case "set":
        return bytes.push(0xb8 + op[1], ...word(op[2]));
      case "add":
        return bytes.push(0x83, 0xc0 | op[1], op[2] & 0xff);
      case "copy":
        return bytes.push(0x89, 0xc0 | (op[2] << 3) | op[1]);
      case "store":
        return bytes.push(0x89, 0x45 | (op[2] << 3), slotByte(op[1]));
      case "init":
        return bytes.push(0xc7, 0x45, slotByte(op[1]), ...word(op[2]));
      case "bump":
        return bytes.push(0x83, 0x45, slotByte(op[1]), op[2] & 0xff);
      case "load":
        return bytes.push(0x8b, 0x45 | (op[1] << 3), slotByte(op[2]));
      case "branch":
        return bytes.push(0x83, 0xf8 | op[1], op[2] & 0xff, ...jump(i, op[3], op[4]));
      case "check":
        return bytes.push(0x83, 0x7d, slotByte(op[1]), op[2] & 0xff, ...jump(i, op[3], op[4]));
      case "versus":
        return bytes.push(0x39, 0xc0 | (op[2] << 3) | op[1], ...jump(i, op[3], op[4]));
      case "choose":
        bytes.push(0x39, 0xc0 | (op[2] << 3) | op[1]);
        return bytes.push(0x0f, CONDITIONS[op[4]]![0] - 0x40, 0xc0 | (op[1] << 3) | op[3]);
      case "put":
        return bytes.push(0x89, (op[2] << 3) | 5, ...word(variableAt(op[1])));
      case "get":
        return bytes.push(0x8b, (op[1] << 3) | 5, ...word(variableAt(op[2])));
      case "limit":
        return bytes.push(0x3b, (op[1] << 3) | 5, ...word(variableAt(op[2])), ...jump(i, op[3], op[4]));
      case "call":
        return bytes.push(0xe8, ...word(callee - at[i + 1]!));
      case "out":
        return bytes.push(0xee);
    }
  });
  return { at, bytes: [...bytes, ...EPILOGUE] };
}

const BASE = 0xc100_0000;
/** Variables, too far apart to reach each other. */
const variableAt = (v: number): number => 0xc200_0000 + 256 * v;

/** The words of the program that name variables, and what these hold at first. */
function dataOf(
  functions: readonly { readonly body: readonly Op[]; readonly at: readonly number[] }[],
  first: readonly number[],
): StaticData {
  const names = functions.flatMap(({ body, at }) =>
    body.flatMap((op, i) => {
      const variable = op[0] === "put" ? op[1] : op[0] === "get" || op[0] === "limit" ? op[2] : undefined;
      return variable === undefined ? [] : [[at[i]! + 2, variableAt(variable)] as const];
    }),
  );
  return {
    isListed: true,
    isPerCpu: () => false,
    initially: (va) => first[(va - variableAt(0)) / 256]! >>> 0,
    names(low, high, tell) {
      for (const [place, named] of names) if (named >= low && named < high) tell(place, named);
    },
  };
}

test("what is executed is among what is known", () => {
  let exact = 0,
    set = 0;
  fc.assert(
    fc.property(
      ops([0, 1, 2, 3, 6], true),
      ops([0, 1, 2], false),
      fc.array(fc.integer({ min: -4, max: 14 }), { minLength: 14, maxLength: 14 }),
      (outer, inner, initial) => {
        const tracer = BASE,
          f = BASE + 1;
        // Sizes do not depend on addresses.
        const g = f + encode(outer, f, tracer, f).bytes.length;
        const first = encode(outer, f, tracer, g),
          second = encode(inner, g, tracer, g);
        const program = buildProgram({
          regions: [{ name: ".text", start: BASE, bytes: Uint8Array.from([0xc3, ...first.bytes, ...second.bytes]) }],
          bits: 32,
          addressHigh: 0,
          facts: {
            ...NO_FACTS,
            functionStarts: Uint32Array.of(tracer, f, g),
            addressTaken: Uint32Array.of(f),
            transparent: Uint32Array.of(tracer),
          },
        });
        const variables = Int32Array.from(initial.slice(12));
        const data = dataOf(
          [
            { body: outer, at: first.at },
            { body: inner, at: second.at },
          ],
          [...variables],
        );
        const contents = new KnownContents(program, DEFAULT_ASSUMPTIONS, data);
        const registers = Int32Array.from(initial.slice(0, 8));
        let fuel = 200;
        const run = (body: readonly Op[], at: readonly number[]): void => {
          const slots = Int32Array.from(initial.slice(8, 12));
          for (let i = 0; i < body.length && fuel > 0; fuel--) {
            const op = body[i]!;
            i++;
            if (op[0] === "set") registers[op[1]] = op[2];
            else if (op[0] === "add") registers[op[1]]! += op[2];
            else if (op[0] === "copy") registers[op[1]] = registers[op[2]]!;
            else if (op[0] === "store") slots[op[1]] = registers[op[2]]!;
            else if (op[0] === "init") slots[op[1]] = op[2];
            else if (op[0] === "bump") slots[op[1]]! += op[2];
            else if (op[0] === "load") registers[op[1]] = slots[op[2]]!;
            else if (op[0] === "branch") {
              if (CONDITIONS[op[3]]![1](registers[op[1]]!, op[2])) i = op[4];
            } else if (op[0] === "check") {
              if (CONDITIONS[op[3]]![1](slots[op[1]]!, op[2])) i = op[4];
            } else if (op[0] === "versus") {
              if (CONDITIONS[op[3]]![1](registers[op[1]]!, registers[op[2]]!)) i = op[4];
            } else if (op[0] === "choose") {
              if (CONDITIONS[op[4]]![1](registers[op[1]]!, registers[op[2]]!)) registers[op[1]] = registers[op[3]]!;
            } else if (op[0] === "put") variables[op[1]] = registers[op[2]]!;
            else if (op[0] === "get") registers[op[1]] = variables[op[2]]!;
            else if (op[0] === "limit") {
              if (CONDITIONS[op[3]]![1](registers[op[1]]!, variables[op[2]]!)) i = op[4];
            } else if (op[0] === "call") run(inner, second.at);
            else if (op[0] === "out") {
              const known = contents.at(program.instructions.at(at[i - 1]!), EDX).value;
              const knowledge = knowledgeOf(known, -1);
              if (knowledge === "exact") exact++;
              if (knowledge === "set") set++;
              expect(within(exactly(registers[EDX]!), known)).toBe(true);
            }
          }
        };
        run(outer, first.at);
        contents.free();
      },
    ),
    { numRuns: Number(process.env["PREVIRT_ORACLE_RUNS"] ?? 1500) },
  );
  // Otherwise nothing would have been put to the test.
  expect(exact).toBeGreaterThan(0);
  expect(set).toBeGreaterThan(0);
});
