/**
 * What every command shares: reading input, writing results, reporting errors, exit codes.
 *
 * Results go to stdout, everything else to stderr. Output files appear whole or not at all, and never replace their input.
 */
import { open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { diagnostic, DIAGNOSTICS, fail, InputError, type Diagnostic } from "@pv/elf";
import pc from "picocolors";
import { createProgress, type Progress } from "./progress.js";

/** Exit codes of every command. */
export const ExitCode = { done: 0, findings: 1, usage: 2, input: 3, degraded: 4, bug: 70 } as const;

/** Which exit code an error stands for: what was asked for wrongly, what went in wrongly, or what the guest did. */
export function exitCodeOf({ code }: Diagnostic): number {
  if (code === "PV9001") return ExitCode.usage;
  if (code === "PV5002") return ExitCode.findings;
  return ExitCode.input;
}

export function formatDiagnostic(error: Diagnostic): string {
  const at = error.address === undefined ? "" : ` (at ${(error.address >>> 0).toString(16)}h)`;
  return `${pc.red(`error ${error.code}`)} ${DIAGNOSTICS[error.code][0]}: ${error.message}${at}\n  ${error.hint}`;
}

export function printError(error: Diagnostic): void {
  process.stderr.write(formatDiagnostic(error) + "\n");
}

export function printResult(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

export function terminalProgress(): Progress {
  return createProgress(process.stderr.isTTY ? (line) => process.stderr.write(pc.dim(line) + "\n") : undefined);
}

/** Reads an input file. Errors: PV9001 (not there, a folder), PV1002 (empty). */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path);
    if (bytes.length === 0) fail("PV1002", `${path} is empty`);
    return bytes;
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(diagnostic("PV9001", `cannot read ${path}: ${reason(error)}`, undefined, "Check the path and its permissions."));
  }
}

/** Writes a file beside its final place and renames it there. Errors: PV5005. */
export async function writeOutput(path: string, bytes: Uint8Array, inputs: readonly string[]): Promise<void> {
  for (const input of inputs) {
    if (await sameFile(path, input)) fail("PV9001", `${path} is the input itself`, undefined, "Give another path with --output.");
  }
  const temporary = join(dirname(path), `.${process.pid}.${Math.floor(performance.now())}.previrt.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new InputError(diagnostic("PV5005", `cannot write ${path}: ${reason(error)}`));
  }
}

async function sameFile(a: string, b: string): Promise<boolean> {
  try {
    const [x, y] = await Promise.all([stat(a), stat(b)]);
    return x.ino === y.ino && x.dev === y.dev && (await realpath(a)) === (await realpath(b));
  } catch {
    return false;
  }
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Readonly<Record<string, string>> = {
    ENOENT: "no such file or folder",
    EISDIR: "it is a folder",
    EACCES: "permission denied",
    ENOSPC: "the disk is full",
    EROFS: "the file system is read-only",
  };
  return (code !== undefined && known[code]) || message;
}

/** Runs a command's work; an `InputError` is reported and becomes an exit code, anything else is a bug of ours. */
export async function guarded(work: () => Promise<number | void>): Promise<void> {
  try {
    process.exitCode = (await work()) ?? ExitCode.done;
  } catch (error) {
    if (error instanceof InputError) {
      printError(error.diagnostic);
      process.exitCode = exitCodeOf(error.diagnostic);
      return;
    }
    process.stderr.write(`${pc.red("internal error")}: this is a bug in previrt, please report it with the input that causes it\n${(error as Error).stack ?? String(error)}\n`);
    process.exitCode = ExitCode.bug;
  }
}
