/** Child processes of Debian's package tools: quiet, in English, with a time limit, ended with their parent's task. */
import { type ChildProcess, spawn } from "node:child_process";
import { statfs } from "node:fs/promises";
import { InputError, diagnostic } from "@pv/elf";

export interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly timeoutSeconds: number;
}

/**
 * On a full disk apt-get may wait for ever for one of its own children, so the disk is watched: when this many looks in
 * a row, this many milliseconds apart, find less than this many bytes, the tool is ended.
 */
const FULL_LOOKS = 3;
const FULL_POLL = 1000;
const NOTHING = 64 * 1024;

/** The tools that run now, for `killTools`. */
const running = new Set<ChildProcess>();

/** Ends every running tool: for a process that is being ended itself. */
export function killTools(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** Runs a tool to its end; PV5004 when it is absent, PV5006 when it takes too long, ENOSPC when it hangs on a full disk. */
export function runTool(program: string, args: readonly string[], options: RunOptions): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
    });
    let stdout = "";
    let stderr = "";
    let failure: Error | undefined;
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-64 * 1024)));
    const giveUp = (error: Error): void => {
      failure ??= error;
      child.kill("SIGTERM");
    };
    const late = diagnostic("PV5006", `${program} did not finish within ${options.timeoutSeconds} s`);
    const timer = setTimeout(() => giveUp(new InputError(late)), options.timeoutSeconds * 1000);
    let looks = 0;
    const watch = setInterval(async () => {
      looks = (await isFull(options.cwd)) ? looks + 1 : 0;
      if (looks >= FULL_LOOKS) giveUp(fullDisk());
    }, FULL_POLL);
    const clear = (): void => {
      clearTimeout(timer);
      clearInterval(watch);
      running.delete(child);
    };
    running.add(child);
    child.once("error", (error) => {
      clear();
      reject(missingTool(program, error));
    });
    child.once("close", (code) => {
      clear();
      if (failure !== undefined) reject(failure);
      else resolve({ code, stdout, stderr });
    });
  });
}

export function missingTool(program: string, error: Error): Error {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") return error;
  const name = program.slice(program.lastIndexOf("/") + 1);
  const hint =
    "Kernels come from Debian packages: run this on Debian or a relative of it, or give a kernel file of your own.";
  return new InputError(
    diagnostic("PV5004", `${name} is needed to fetch kernels, and is not installed`, undefined, hint),
  );
}

/** Throws what the file system itself would throw when a tool's words say that the disk is full. */
export function checkSpace(output: Output): void {
  if (/No space left on device|not enough free space/i.test(output.stderr + output.stdout)) throw fullDisk();
}

function fullDisk(): Error {
  return Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
}

/** Whether nothing more can be written to the disk that holds `folder`. Only root may use the reserve. */
async function isFull(folder: string): Promise<boolean> {
  const { bfree, bavail, bsize } = await statfs(folder).catch(() => ({ bfree: Infinity, bavail: Infinity, bsize: 1 }));
  return (process.getuid?.() === 0 ? bfree : bavail) * bsize < NOTHING;
}
