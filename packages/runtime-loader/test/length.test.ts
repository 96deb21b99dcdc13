/**
 * Two of what decides where a module gets traps: the front end's measure of instructions (apps/runtime-loader/src/frontend/length.c), as a
 * program of this machine, against the decoder and the catalogue of the offline tools, on random bytes and on every function
 * of real modules.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { modulesForTests } from "@pv/kernels";
import { findSites, kindNumber, type Kind } from "@pv/sensitive";
import { decode, Flow } from "@pv/x86-ir";
import { compilerIsThere } from "./host-devices.fixture.js";

const APP = fileURLToPath(new URL("../../../apps/runtime-loader", import.meta.url));
/** What the measure sees of one instruction. */
const PIECE = 16;
const BASE = 0x1000;
const numbers = (...kinds: Kind[]) => new Set(kinds.map(kindNumber));
/** Kinds that may need a trap, whatever their operands, and those that do if these are CS or SS (frontend/policy.h). */
const SILENT = numbers("pushf", "popf", "iret", "sgdt", "sidt", "sldt", "str", "smsw", "lar", "cpuid");
const SILENT_BY_SEGMENT = numbers("mov-from-sreg", "push-sreg");
const OTHERS = numbers("lsl", "verr", "verw");
const segmentOf = (form: number) => (form >> 5) & 15;

const modules = await modulesForTests("686");

describe.skipIf(!compilerIsThere)("the front end measures instructions as the decoder does", () => {
  const directory = mkdtempSync(join(tmpdir(), "pv-length-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  beforeAll(() => {
    const env = { ...process.env, HOST_FLAGS: "-fsanitize=undefined -fsanitize-undefined-trap-on-error" };
    const args = [join(APP, "build.mjs"), directory, "host-length"];
    const built = spawnSync(process.execPath, args, { encoding: "utf8", env });
    expect(built.status, built.stderr).toBe(0);
  });

  /** For pieces of `PIECE` bytes one behind the other: length (0: none), kind and form of the instruction that each starts with. */
  function measure(pieces: Uint8Array): number[][] {
    const options = { input: pieces, encoding: "utf8", maxBuffer: 2 ** 30 } as const;
    const { status, stdout } = spawnSync(join(directory, "host-length"), [], options);
    expect(status).toBe(0);
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" ").map(Number));
  }

  /** Compares at each of the starts; how many instructions there were, and how many of them need a trap. */
  function compare(bytes: Uint8Array, starts: Uint32Array): { instructions: number; silent: number } {
    const region = { name: "code", start: BASE, bytes };
    const instructions = decode([region], 32, 0, starts);
    const found = findSites(instructions);
    const siteOf = new Map(Array.from(found.instruction, (row, site) => [row, site]));
    const pieces = new Uint8Array(starts.length * PIECE);
    starts.forEach((start, i) => pieces.set(bytes.subarray(start - BASE, start - BASE + PIECE), i * PIECE));
    const measured = measure(pieces);
    let count = 0,
      silent = 0;
    starts.forEach((start, i) => {
      const row = instructions.at(start);
      if (instructions.flow[row] === Flow.invalid) return;
      const [length, kind, form] = measured[i]!;
      const text = Buffer.from(pieces.subarray(i * PIECE, i * PIECE + instructions.length[row])).toString("hex");
      expect(length, text).toBe(instructions.length[row]);
      count++;
      const site = siteOf.get(row);
      const expected = site === undefined ? 0 : found.kind[site];
      if (SILENT.has(expected)) {
        expect(kind, text).toBe(expected);
        silent++;
      } else if (SILENT_BY_SEGMENT.has(expected)) {
        const segment = segmentOf(found.form[site!]);
        if (segment === 1 || segment === 2) expect([kind, segmentOf(form!)], text).toEqual([expected, segment]);
        else expect(kind === 0 || segmentOf(form!) === segment, text).toBe(true);
      } else if (!OTHERS.has(kind!)) expect(kind, text).toBe(0);
    });
    return { instructions: count, silent };
  }

  test("random bytes", () => {
    const prefix = fc.constantFrom(0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x65, 0x0f, 0x0f, 0x0f, 0xc4, 0xc5, 0x62);
    const piece = fc
      .tuple(fc.array(prefix, { maxLength: 4 }), fc.uint8Array({ minLength: PIECE, maxLength: PIECE }))
      .map(([prefixes, rest]) => Uint8Array.from([...prefixes, ...rest].slice(0, PIECE)));
    let silent = 0;
    fc.assert(
      fc.property(fc.array(piece, { minLength: 2000, maxLength: 2000 }), (pieces) => {
        const bytes = Uint8Array.from(pieces.flatMap((one) => [...one]));
        const starts = Uint32Array.from(pieces, (_, i) => BASE + i * PIECE);
        silent += compare(bytes, starts).silent;
      }),
      { numRuns: 20 },
    );
    expect(silent).toBeGreaterThan(20);
  });

  test("every opcode of both maps, with and without prefixes", () => {
    const pieces: number[][] = [];
    for (const prefixes of [[], [0x66], [0x67], [0xf2], [0xf3], [0x66, 0x67]])
      for (const escape of [
        [],
        [0x0f],
        [0x0f, 0x38],
        [0x0f, 0x3a],
        [0xc5, 0xf9],
        [0xc4, 0xe2, 0x79],
        [0xc4, 0xe3, 0x79],
        [0x62, 0xf1, 0x7d, 0x48],
        [0x62, 0xf3, 0x7d, 0x28],
      ])
        for (let opcode = 0; opcode < 256; opcode++)
          for (const modrm of [0x00, 0x44, 0x84, 0x05, 0x0c, 0x16, 0x98, 0xc1, 0xe0])
            pieces.push([...prefixes, ...escape, opcode, modrm, 0x25, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].slice(0, PIECE));
    const bytes = new Uint8Array(pieces.length * PIECE);
    pieces.forEach((piece, i) => bytes.set(piece, i * PIECE));
    const { instructions } = compare(
      bytes,
      Uint32Array.from(pieces, (_, i) => BASE + i * PIECE),
    );
    expect(instructions).toBeGreaterThan(30_000);
  });

  test.skipIf(modules.reason !== undefined)(
    `every function of Debian's modules is instructions from end to end${modules.reason === undefined ? "" : ` (skipped: ${modules.reason})`}`,
    () => {
      let silent = 0,
        all = 0,
        files = 0;
      for (const file of filesOf(new Uint8Array(readFileSync(modules.file!.path)))) {
        files++;
        for (const { bytes, functions } of codeOf(file)) {
          const starts: number[] = [];
          // The measure alone leads from one instruction to the next, as in the guest.
          const lengths = measure(everyByte(bytes)).map(([length]) => length!);
          for (const [start, size] of functions) {
            let at = start;
            for (; at < start + size && lengths[at]! > 0; at += lengths[at]!) starts.push(BASE + at);
            expect(at).toBe(start + size);
          }
          const found = compare(bytes, Uint32Array.from(new Set(starts)).sort());
          expect(found.instructions).toBe(new Set(starts).size);
          silent += found.silent;
          all += found.instructions;
        }
      }
      expect(files).toBeGreaterThan(5);
      expect(all).toBeGreaterThan(100_000);
      expect(silent).toBeGreaterThan(5);
    },
  );
});

/** A piece for each byte. */
function everyByte(bytes: Uint8Array): Uint8Array {
  const pieces = new Uint8Array(bytes.length * PIECE);
  for (let at = 0; at < bytes.length; at++) pieces.set(bytes.subarray(at, at + PIECE), at * PIECE);
  return pieces;
}

/** The files of a cpio archive. */
function* filesOf(archive: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; ;) {
    const field = (index: number): number =>
      Number.parseInt(Buffer.from(archive.subarray(at + 6 + 8 * index, at + 14 + 8 * index)).toString(), 16);
    const [size, nameSize] = [field(6), field(11)];
    const name = Buffer.from(archive.subarray(at + 110, at + 110 + nameSize - 1)).toString();
    if (name === "TRAILER!!!") return;
    const start = (at + 110 + nameSize + 3) & ~3;
    if (size > 0) yield archive.slice(start, start + size);
    at = (start + size + 3) & ~3;
  }
}

/** Executable sections of an ELF32 object, with offset and size of each function that a symbol names. */
function codeOf(file: Uint8Array): { bytes: Uint8Array; functions: [start: number, size: number][] }[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headers = view.getUint32(32, true);
  const sections = Array.from({ length: view.getUint16(48, true) }, (_, index) => {
    const word = (field: number): number => view.getUint32(headers + index * 40 + field * 4, true);
    return { type: word(1), flags: word(2), offset: word(4), size: word(5) };
  });
  const symbols = sections.find(({ type }) => type === 2)!;
  return sections.flatMap(({ type, flags, offset, size }, index) => {
    if ((flags & 6) !== 6 || type !== 1) return [];
    const functions: [number, number][] = [];
    for (let at = symbols.offset; at < symbols.offset + symbols.size; at += 16) {
      const isFunction = (file[at + 12]! & 15) === 2 && view.getUint16(at + 14, true) === index;
      if (isFunction) functions.push([view.getUint32(at + 4, true), view.getUint32(at + 8, true)]);
    }
    return functions.length === 0 ? [] : [{ bytes: file.subarray(offset, offset + size), functions }];
  });
}
