/**
 * Filetests: a text file holds a program and what some analysis must say of it, side by side.
 *
 *     # test: liveness
 *     # bits: 32
 *     # any-option: its value
 *     f:  pushf
 *         cli
 *         popf
 *     # ---- expected
 *     # f: live-in none
 *
 * The runner computes the text that belongs below the marker and compares the whole file, so `vitest -u` re-records
 * every file, and a file whose expected part is missing or stale fails without `-u` (it exists, so it is never written
 * as "new").
 */
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { assembleCode, assembleElf, type AssembledCode, type Bits } from "./assemble.js";

export interface Filetest {
  /** The file's name without `.s`. */
  readonly name: string;
  /** The value of `# test:`. */
  readonly kind: string;
  readonly bits: Bits;
  /** All `# key: value` lines at the top of the file, `test` and `bits` among them. */
  readonly options: ReadonlyMap<string, string>;
  /** The assembly text: everything above the marker, header lines included (they are comments). */
  readonly source: string;
}

/** Computes the text below the marker; lines are separated by "\n", trailing white space is dropped. */
export type FiletestKind = (input: Filetest) => string | Promise<string>;

const MARKER = "# ---- expected";
const OPTION = /^#\s*([a-z][a-z0-9-]*):\s*(.*?)\s*$/;

/** Takes a filetest apart. Throws an `Error` that names what is missing. */
export function parseFiletest(name: string, text: string): Filetest {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const marker = lines.indexOf(MARKER);
  const source = `${lines
    .slice(0, marker < 0 ? lines.length : marker)
    .join("\n")
    .trimEnd()}\n`;

  const options = new Map<string, string>();
  for (const line of lines) {
    const option = OPTION.exec(line);
    if (option === null) break;
    options.set(option[1], option[2]);
  }
  const kind = options.get("test");
  const bits = options.get("bits");
  if (kind === undefined) throw new Error(`${name}: the first lines lack "# test: KIND"`);
  if (bits !== "32" && bits !== "64") throw new Error(`${name}: the first lines lack "# bits: 32" or "# bits: 64"`);
  return { name, kind, bits: bits === "32" ? 32 : 64, options, source };
}

/** The whole file again, with `expected` below the marker. */
export function printFiletest(filetest: Filetest, expected: string): string {
  const lines = expected
    .trimEnd()
    .split("\n")
    .map((line) => `# ${line}`.trimEnd());
  return `${filetest.source}${MARKER}\n${lines.join("\n")}\n`;
}

/** The .text of a filetest; a `# base: 0x...` option sets its address. */
export function filetestCode({ source, bits, options }: Filetest): AssembledCode {
  return assembleCode(source, { bits, ...baseOf(options) });
}

/** The linked ELF of a filetest; a `# base: 0x...` option sets the address of .text. */
export function filetestElf({ source, bits, options }: Filetest): Uint8Array {
  return assembleElf(source, { bits, ...baseOf(options) });
}

function baseOf(options: ReadonlyMap<string, string>): { base?: number } {
  const base = options.get("base");
  return base === undefined ? {} : { base: Number(base) };
}

/**
 * Registers one test for each `*.s` file in `directory` (a URL such as `new URL("./filetests/", import.meta.url)`).
 * `kinds` computes the expected text of each kind. Throws where the directory has no such file.
 */
export function runFiletests(directory: URL, kinds: Readonly<Record<string, FiletestKind>>): void {
  const files = readdirSync(directory)
    .filter((file) => file.endsWith(".s"))
    .sort();
  if (files.length === 0) throw new Error("no filetests (*.s) in the directory");
  for (const file of files) {
    const path = fileURLToPath(new URL(file, directory));
    test(file, async () => {
      const filetest = parseFiletest(file.slice(0, -2), readFileSync(path, "utf8"));
      const compute = Object.hasOwn(kinds, filetest.kind) ? kinds[filetest.kind] : undefined;
      if (compute === undefined) {
        throw new Error(`${file}: unknown kind "${filetest.kind}" (known: ${Object.keys(kinds).sort().join(", ")})`);
      }
      await expect(printFiletest(filetest, await compute(filetest))).toMatchFileSnapshot(path);
    });
  }
}
