/** Child processes of Debian's package tools: quiet, in English, with a time limit, ended with their parent's task. */
import { type ChildProcess, spawn } from "node:child_process";
import { InputError, diagnostic, fail } from "@pv/elf";

export interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly timeoutSeconds: number;
}

/** The tools that run now, for `killTools`. */
const running = new Set<ChildProcess>();

/** Ends every running tool: for a process that is being ended itself. */
export function killTools(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** Runs a tool to its end; PV5004 when it is absent, PV5006 when it takes too long. */
export function runTool(program: string, args: readonly string[], options: RunOptions): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
    });
    let stdout = "";
    let stderr = "";
    let late = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-64 * 1024)));
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGTERM");
    }, options.timeoutSeconds * 1000);
    const clear = (): void => {
      clearTimeout(timer);
      running.delete(child);
    };
    running.add(child);
    child.once("error", (error) => {
      clear();
      reject(missingTool(program, error));
    });
    child.once("close", (code) => {
      clear();
      if (late) reject(new InputError(diagnostic("PV5006", `${program} did not finish within ${options.timeoutSeconds} s`)));
      else resolve({ code, stdout, stderr });
    });
  });
}

export function missingTool(program: string, error: Error): Error {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") return error;
  const name = program.slice(program.lastIndexOf("/") + 1);
  const hint = "Kernels come from Debian packages: run this on Debian or a relative of it, or give a kernel file of your own.";
  return new InputError(diagnostic("PV5004", `${name} is needed to fetch kernels, and is not installed`, undefined, hint));
}

/** Throws PV5005 when a tool's words say that the disk is full. */
export function checkSpace(output: Output, folder: string): void {
  if (/No space left on device|not enough free space/i.test(output.stderr + output.stdout)) failFull(folder);
}

export function failFull(folder: string): never {
  return fail("PV5005", `the disk that holds ${folder} is full`, undefined, "Free some space, or set XDG_CACHE_HOME to another disk.");
}
