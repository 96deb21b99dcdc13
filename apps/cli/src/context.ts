/**
 * What every command shares: reporting errors and warnings, writing results, exit codes.
 *
 * Results go to stdout, everything else to stderr. Where there is an error, stdout stays empty.
 */
import { DIAGNOSTICS, diagnostic, InputError, type Diagnostic } from "@pv/elf";
import pc from "picocolors";
import { reasonOf } from "./files.js";
import { Interrupted } from "./interrupt.js";
import { createProgress, type Progress } from "./progress.js";

/** Exit codes of every command; a signal gives 128 and its number. */
export const ExitCode = { done: 0, findings: 1, usage: 2, input: 3, degraded: 4, bug: 70 } as const;

/** Which exit code an error stands for: what the guest did, what went in, or what was asked for (paths, sizes, machines). */
export function exitCodeOf({ code }: Diagnostic): number {
  if (code === "PV5002") return ExitCode.findings;
  return code < "PV5" ? ExitCode.input : ExitCode.usage;
}

// Asked of the stream itself: it knows NO_COLOR and dumb terminals, and a pipe has no such method.
const colors = pc.createColors(process.stderr.hasColors?.() ?? false);

/** Two lines: what is wrong and where, and what to do about it. */
export function formatDiagnostic(
  { code, message, address, hint }: Diagnostic,
  severity: "error" | "warning" = "error",
): string {
  const at = address === undefined ? "" : ` (at ${(address >>> 0).toString(16)}h)`;
  const title = severity === "error" ? colors.red(`error ${code}`) : colors.yellow(`warning ${code}`);
  return `${title} ${DIAGNOSTICS[code][0]}: ${message.replace(/\s*\n\s*/g, " ").replace(/\.$/, "")}${at}\n  ${hint}`;
}

export function printError(error: Diagnostic): void {
  process.stderr.write(`${formatDiagnostic(error)}\n`);
}

/** One warning for each thing that was skipped; gives the exit code of work that is otherwise done. */
export function printWarnings(problems: readonly Diagnostic[]): number {
  for (const problem of problems) process.stderr.write(`${formatDiagnostic(problem, "warning")}\n`);
  return problems.length === 0 ? ExitCode.done : ExitCode.degraded;
}

/** Writes a result to stdout. A reader that has closed the pipe (`| head`) is no error. Errors: PV5005. */
export function printResult(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text.endsWith("\n") ? text : `${text}\n`, (error) => {
      if (error === null || error === undefined || (error as NodeJS.ErrnoException).code === "EPIPE") resolve();
      else reject(new InputError(diagnostic("PV5005", `cannot write to standard output: ${reasonOf(error)}`)));
    });
  });
}

export function terminalProgress(): Progress {
  return createProgress(process.stderr.isTTY ? (line) => process.stderr.write(`${colors.dim(line)}\n`) : undefined);
}

/** Runs a command's work; an `InputError` is reported and becomes an exit code, anything else is a bug of ours. */
export async function guarded(work: () => Promise<number | void>): Promise<void> {
  try {
    process.exitCode = (await work()) ?? ExitCode.done;
  } catch (error) {
    if (error instanceof InputError) {
      printError(error.diagnostic);
      process.exitCode = exitCodeOf(error.diagnostic);
    } else if (error instanceof Interrupted) {
      process.stderr.write("interrupted\n");
      process.exitCode = error.exitCode;
    } else reportBug(error);
  }
}

export function reportBug(error: unknown): void {
  const what = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  process.stderr.write(
    `${colors.red("internal error")}: this is a bug in previrt, please report it with the input that causes it\n${what}\n`,
  );
  process.exitCode = ExitCode.bug;
}
