/** The command line as its users meet it: a process with arguments, two streams and an exit code; and small images to give it. */
import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, expect } from "vitest";
import { assembleElf } from "@pv/assembler";
import { readElf, sectionNamed, unwrap, type ElfSection } from "@pv/elf";

export const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const TEST_IMAGES = new URL("../../../test-images/", import.meta.url);
/** A guest of a few kilobytes that boots in about a second. */
export const TINY = fileURLToPath(new URL("guests/build/tiny-linux.elf", TEST_IMAGES));

export interface Outcome {
  /** As a shell sees it: 128 and the signal's number after a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  /** Settles when stderr contains the text, or the process has ended. */
  seen(text: string): Promise<void>;
}

/** A test that fails must leave no guest running. */
const children = new Set<ChildProcess>();
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

export function start(args: readonly string[], options: SpawnOptions = {}): Running {
  const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env;
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...env, CI: "1" },
    ...options,
  });
  children.add(child);
  child.once("close", () => children.delete(child));
  let stdout = "",
    stderr = "";
  const waiting: (() => void)[] = [];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    for (const look of waiting) look();
  });
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? 128 + constants.signals[signal!], stdout, stderr }));
  });
  const seen = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => (stderr.includes(text) ? resolve() : undefined);
      waiting.push(look);
      void ended.then(() => resolve());
      look();
    });
  return { child, ended, seen };
}

export function previrt(...args: string[]): Promise<Outcome> {
  return start(args).ended;
}

/** Exactly one error: code and title, sentence, hint; nothing on stdout. */
export function expectError(outcome: Outcome, code: string, exitCode: number, message: RegExp | string = ""): void {
  expect(outcome).toMatchObject({
    code: exitCode,
    stdout: "",
    stderr: expect.stringMatching(/^error PV\d{4} [^\n:]+: [^\n]+\n {2}[^\n]+\n$/),
  });
  expect(outcome.stderr.slice(0, 12)).toBe(`error ${code}`);
  expect(outcome.stderr).toMatch(message);
}

const folders: string[] = [];
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

/** A folder that goes away with the test file. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "pv-cli-"));

  constructor() {
    folders.push(this.path);
  }

  at(name: string): string {
    return join(this.path, name);
  }

  file(name: string, bytes: string | Uint8Array): string {
    writeFileSync(this.at(name), bytes);
    return this.at(name);
  }

  names(): string[] {
    return readdirSync(this.path).toSorted();
  }
}

const LINKER_SCRIPT = readFileSync(new URL("fake-kernels/kernel.ld", TEST_IMAGES), "utf8");
const BASE = { 32: "0xc1000000", 64: "0xffffffff81000000" } as const;

/** An ELF kernel of some lines of assembly. Execution starts at the first byte of .text, in 32-bit mode. */
export function kernelOf(source: string, bits: 32 | 64 = 32): Uint8Array {
  return assembleElf(source, { bits, linkerScript: LINKER_SCRIPT.replaceAll("@BASE@", BASE[bits]) });
}

/** One of test-images/fake-kernels. */
export function fakeKernel(name: string): Uint8Array {
  const source = readFileSync(new URL(`fake-kernels/${name}.s`, TEST_IMAGES), "utf8");
  return kernelOf(source, /^# bits: 64$/m.test(source) ? 64 : 32);
}

export function sectionOf(elf: Uint8Array, name: string): ElfSection {
  const section = sectionNamed(unwrap(readElf(elf)), name);
  if (section === undefined) throw new Error(`no section ${name}`);
  return section;
}

/** A copy with the 32-bit word at a file offset changed. */
export function withWord(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  const changed = new Uint8Array(bytes);
  new DataView(changed.buffer).setUint32(offset, value >>> 0, true);
  return changed;
}

/** A bzImage around a payload (Documentation/arch/x86/boot.rst), gzip by default. */
export function bzImage(payload: Uint8Array): Uint8Array {
  const setup = 1024;
  const image = new Uint8Array(setup + payload.length);
  const view = new DataView(image.buffer);
  image[0x1f1] = setup / 512 - 1;
  view.setUint16(0x1fe, 0xaa55, true);
  view.setUint32(0x202, 0x5372_6448, true);
  view.setUint16(0x206, 0x20f, true);
  view.setUint32(0x24c, payload.length, true);
  image.set(payload, setup);
  return image;
}

export const packed = (elf: Uint8Array): Uint8Array => bzImage(gzipSync(elf));
