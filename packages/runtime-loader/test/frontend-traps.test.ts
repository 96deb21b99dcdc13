/**
 * Traps on record: what the front end makes of each instruction that comes into the monitor, and of each fault on the way, in
 * filetests/traps. A line is an instruction, what is particular to the guest that executes it (apps/runtime-loader/src/host/traps.c
 * knows the words, and the guest), and what changed:
 *
 *     INSTRUCTION ; WORD... => CHANGE...
 *
 * `vitest -u` writes what the front end does now. Whether that is right is to be read in the manual (SDM, volume 2) and compared.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assembleCode } from "@pv/assembler";
import { buildHostProgram, type HostProgram } from "./front-end.fixture.js";
import { compilerIsThere } from "./host-devices.fixture.js";

const FOLDER = new URL("./filetests/traps/", import.meta.url);
const KINDS = new URL("../../../apps/runtime-loader/include/kinds.h", import.meta.url);
/** Kinds in kinds.h that are no instruction emulated at its site: they arrive as exceptions of their own. */
const ARRIVE = ["INT"];

interface Line {
  readonly text: string;
  readonly instruction: string;
  readonly words: string;
}

const linesOf = (file: string): readonly string[] => readFileSync(new URL(file, FOLDER), "utf8").split("\n");

/** Undefined for a comment or an empty line. */
function parse(text: string): Line | undefined {
  if (text === "" || text.startsWith("#")) return undefined;
  const left = text.split(" =>", 1)[0]!.trimEnd();
  const [instruction = "", words = ""] = left.split(" ; ");
  return { text: left, instruction: instruction.trim(), words: words.trim() };
}

/** One program of all instructions, to call the assembler once; each one's bytes in hexadecimal. */
function assembled(lines: readonly Line[]): string[] {
  const source = lines.map(({ instruction }, n) => `i${n}: ${instruction}\n`).join("");
  const { bytes, base, symbols } = assembleCode(`${source}i${lines.length}:\n`, { bits: 32, base: 0x200000 });
  const at = (n: number): number => symbols.get(`i${n}`)! - base;
  return lines.map((_, n) => Buffer.from(bytes.subarray(at(n), at(n + 1))).toString("hex"));
}

/** What each line changed, and the numbers of the kinds of instructions that were emulated. */
function changes(program: HostProgram, lines: readonly Line[]): { results: string[]; kinds: number[] } {
  const input = [...assembled(lines).map((bytes, n) => `${lines[n]!.words} : ${bytes}`), "kinds", ""].join("\n");
  const { status, stdout, stderr } = spawnSync(program.path, [], { input, encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const printed = stdout.split("\n").map((line) => line.trim());
  const kinds = printed[lines.length]!.split(" ").map(Number);
  return { results: printed.slice(0, lines.length), kinds };
}

describe.skipIf(!compilerIsThere)("traps on record", () => {
  const files = readdirSync(FOLDER);
  let program: HostProgram;
  beforeAll(() => {
    program = buildHostProgram("host-traps");
  });
  afterAll(() => program.remove());

  test.each(files)("%s", async (file) => {
    const texts = linesOf(file);
    const lines = texts.map(parse).filter((line) => line !== undefined);
    expect(lines.length).toBeGreaterThan(0);
    const { results } = changes(program, lines);
    let next = 0;
    const printed = texts.map((text) => {
      const line = parse(text);
      return line === undefined ? text : `${line.text} => ${results[next++]}`.trimEnd();
    });
    await expect(printed.join("\n")).toMatchFileSnapshot(fileURLToPath(new URL(file, FOLDER)));
  });

  test("every kind that the front end knows is among them", () => {
    const lines = files.flatMap(linesOf).flatMap((text) => parse(text) ?? []);
    const known = [...readFileSync(KINDS, "utf8").matchAll(/^#define KIND_(\w+) (\d+)$/gm)]
      .filter(([, name]) => name !== "COUNT" && !ARRIVE.includes(name!))
      .map(([, , number]) => Number(number));
    expect(known.length).toBeGreaterThan(40);
    expect(changes(program, lines).kinds).toEqual(known.toSorted((a, b) => a - b));
  });
});
