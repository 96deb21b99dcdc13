/**
 * Assembly text to linked bytes, by the system's `as` and `ld`: tests say what they mean in AT&T syntax and never carry
 * binaries along.
 *
 * One program costs two short-lived processes (about 10 ms together); results are remembered within the process by
 * content, so a program that many tests share is made once. The files live in a temporary directory that is removed
 * even when a tool fails.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail } from "@pv/elf";
import { readLinked } from "./linked.js";

export type Bits = 32 | 64;

export interface AssembleOptions {
  readonly bits: Bits;
  /**
   * Address of .text: the low 32 bits of a virtual address. In 64-bit programs an address from 0x80000000 on means the
   * kernel's half, as in `Va`. Default 0xc1000000 (32) and 0x81000000 (64). Has no meaning beside `linkerScript`.
   */
  readonly base?: number;
  /** Text of a linker script that replaces the default layout (.text at `base`, then .rodata, .data, .bss). */
  readonly linkerScript?: string;
  /** Leave the symbol table out. Default false. */
  readonly strip?: boolean;
}

export interface AssembledCode {
  /** The bytes of .text. */
  readonly bytes: Uint8Array;
  /** Address of the first byte (low 32 bits). */
  readonly base: number;
  /** Every defined symbol, of any section: low 32 bits of its value. */
  readonly symbols: ReadonlyMap<string, number>;
}

const TOOL_TIMEOUT_MS = 60_000;
const remembered = new Map<string, Uint8Array>();

/**
 * A linked ET_EXEC ELF file with section headers. The entry point is `_start` if there is one.
 *
 * Fails with PV5004 where `as` or `ld` is missing; text that does not assemble or link throws an `Error` with the
 * tools' messages, for it is the test's own mistake. The array is the caller's to change.
 */
export function assembleElf(source: string, options: AssembleOptions): Uint8Array {
  const script = options.linkerScript ?? defaultScript(options);
  const key = createHash("sha256")
    .update(JSON.stringify([source, options.bits, script, options.strip ?? false]))
    .digest("hex");
  let bytes = remembered.get(key);
  if (bytes === undefined) {
    bytes = build(source, script, options);
    remembered.set(key, bytes);
  }
  return bytes.slice();
}

/** The bytes of .text alone, linked for `base`, and the symbols. Errors as in `assembleElf`. */
export function assembleCode(source: string, options: AssembleOptions): AssembledCode {
  const { sections, symbols } = readLinked(assembleElf(source, options));
  const text = sections.get(".text");
  return { bytes: text?.bytes ?? new Uint8Array(0), base: text?.address ?? defaultBase(options), symbols };
}

/** The symbols of a linked ELF file that `assembleElf` made: low 32 bits of their values. */
export function symbolsOf(elf: Uint8Array): ReadonlyMap<string, number> {
  return readLinked(elf).symbols;
}

function defaultBase({ bits, base }: AssembleOptions): number {
  return (base ?? (bits === 32 ? 0xc100_0000 : 0x8100_0000)) >>> 0;
}

function defaultScript(options: AssembleOptions): string {
  const low = defaultBase(options).toString(16).padStart(8, "0");
  const base = options.bits === 64 && low >= "80000000" ? `0xffffffff${low}` : `0x${low}`;
  return `ENTRY(_start)
SECTIONS {
  . = ${base};
  .text : { *(.text .text.*) }
  . = ALIGN(4096);
  .rodata : { *(.rodata .rodata.*) }
  . = ALIGN(4096);
  .data : { *(.data .data.*) }
  .bss : { *(.bss .bss.* COMMON) }
  /DISCARD/ : { *(.note.GNU-stack) *(.note.gnu.property) *(.comment) }
}
`;
}

function build(source: string, script: string, { bits, strip }: AssembleOptions): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), `pv-assembler-${process.pid}-`));
  try {
    writeFileSync(join(directory, "program.s"), source.endsWith("\n") ? source : `${source}\n`);
    writeFileSync(join(directory, "program.ld"), script);
    run(directory, "as", [`--${bits}`, "-o", "program.o", "program.s"]);
    const machine = bits === 32 ? "elf_i386" : "elf_x86_64";
    const args = ["-m", machine, "-T", "program.ld", "-o", "program.elf", "program.o", "--build-id=none"];
    args.push("--no-warn-rwx-segments", "-z", "noexecstack", "-z", "max-page-size=4096");
    if (strip) args.push("--strip-all");
    run(directory, "ld", args);
    return new Uint8Array(readFileSync(join(directory, "program.elf")));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function run(directory: string, tool: "as" | "ld", args: string[]): void {
  const { error, status, signal, stderr } = spawnSync(tool, args, {
    cwd: directory,
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
    timeout: TOOL_TIMEOUT_MS,
  });
  if (error !== undefined && (error as NodeJS.ErrnoException).code === "ENOENT") {
    fail("PV5004", `\`${tool}\` was not found`, undefined, "Install GNU binutils (Debian: the package binutils).");
  }
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${tool} failed (${signal ?? status}):\n${stderr.trim()}`);
}
