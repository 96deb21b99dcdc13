/**
 * The second opinion: QEMU's TCG as a child process.
 *
 * COM1 goes into a file that is read as it grows: QEMU *drops* characters when a pipe or socket takes no more, and one
 * to a Node process takes only some 280 single characters, so that a busy host cost every boot a handful of them. What is
 * typed goes through a named pipe. The
 * control channel (QMP) is an inherited socket pair. Files live in a temporary folder that is gone as soon as QEMU has
 * opened them. The guest is paused, not ended, when a run is over, so that its memory can still be read. QEMU never
 * outlives this process: it asks the system to kill it together with its parent (setpriv, where there is one), and
 * `close` waits for its end.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { type FileHandle, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type Result, InputError, diagnostic } from "@pv/elf";
import { type Ending, type Machine, type MachineJob, type MachineRun, Watch, checkJob, checkRange } from "./machine.js";
import { ControlChannel } from "./qmp.js";

const QEMU = "qemu-system-i386";
/** Only what the guests use; a reset or power-off pauses the guest instead. */
const BOARD = "-no-user-config -nodefaults -display none -no-reboot -no-shutdown -machine pc -accel tcg -cpu max";
/** COM1 into a file, `console.out`; what is typed comes out of a named pipe, `console.in`. Control is on file descriptor 3. */
const SILENT = "-chardev file,id=console,path=console.out,append=on";
const TYPING = "-chardev pipe,id=console,path=console";
const CHANNELS = "-serial chardev:console -chardev socket,id=control,fd=3 -mon chardev=control,mode=control";
/**
 * Time made of instructions, and nothing from outside: no idle waiting, no date, no true random numbers. Recording is what
 * makes QEMU tell how many instructions there were (query-replay), without the time in which the processor was idle.
 */
const COUNTED = "-icount shift=0,sleep=off,rr=record,rrfile=recording -seed 1 -rtc base=2022-01-01,clock=vm";
/** How often the console file is looked at, milliseconds. */
const CONSOLE_POLL = 20;
/** How often a running guest is asked whether it has halted for good, milliseconds. */
const HALT_POLL = 300;
/** How long QEMU may take to quit when asked to, before it is killed, milliseconds. */
const QUIT_GRACE = 1000;

export const qemu: Machine = { name: "qemu", available, run };

function available(): Promise<Result<string>> {
  return new Promise((resolve) => {
    execFile(QEMU, ["--version"], { timeout: 10_000 }, (error, stdout) => {
      if (error === null) resolve({ ok: true, value: stdout.split("\n")[0]!.trim() });
      else resolve({ ok: false, error: missing(error) });
    });
  });
}

function missing(error: Error): ReturnType<typeof diagnostic> {
  const hint = "Install QEMU (Debian: the package qemu-system-x86), or use `--machine v86`.";
  const absent = (error as NodeJS.ErrnoException).code === "ENOENT";
  return diagnostic(
    "PV5001",
    absent ? `${QEMU} is not installed` : `${QEMU} does not start: ${error.message}`,
    undefined,
    hint,
  );
}

async function run(job: MachineJob): Promise<Result<MachineRun>> {
  const there = await available();
  if (!there.ok) return there;
  let folder: string | undefined;
  try {
    checkJob(job);
    folder = await mkdtemp(join(tmpdir(), "previrt-"));
    await writeFile(join(folder, "loader"), job.loader);
    await writeFile(join(folder, "module"), job.module);
    return { ok: true, value: await boot(job, folder) };
  } catch (error) {
    if (error instanceof InputError) return { ok: false, error: error.diagnostic };
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    const message = `cannot write temporary files for QEMU: ${(error as Error).message}`;
    return {
      ok: false,
      error: diagnostic("PV5005", message, undefined, "Free some space, or point TMPDIR to another disk."),
    };
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function boot(job: MachineJob, folder: string): Promise<MachineRun> {
  const tape = await open(join(folder, "console.out"), "a+");
  const pipe = job.typing === undefined ? undefined : await openPipe(join(folder, "console.in"));
  const watch = new Watch(job);
  const child = await start(job, folder).catch(async (error: Error) => {
    watch.end("error", "");
    await tape.close();
    pipe?.destroy();
    throw error;
  });
  let complaints = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (complaints = (complaints + text).slice(-2000)));
  const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const control = new ControlChannel(child.stdio[3] as Duplex);
  const off = new Promise<Ending>((resolve) => {
    control.onEvent = (event) => {
      if (event === "SHUTDOWN") resolve({ reason: "halted", detail: "The guest reset or switched off the machine." });
    };
  });
  const lost = gone.then((): Ending => {
    return { reason: "error", detail: `QEMU ended by itself. ${complaints.trim()}`.trim() };
  });
  const followed = followConsole(tape, watch, Promise.race([off, lost]));
  const poll = pollForHalt(control, watch);
  // The main loop answers only after image and module were read and the console file was opened.
  const settled = control.execute("qmp_capabilities").then(() => control.execute("query-status"));
  await Promise.race([settled.then(poll.start, () => undefined), watch.ended]);
  if (pipe !== undefined) watch.connect((bytes) => pipe.write(bytes));

  await rm(folder, { recursive: true, force: true });
  const ending = await watch.ended;
  poll.stop();
  pipe?.destroy();
  await control.execute("stop").catch(() => undefined);
  await followed;
  const instructions = job.counted ? await countOf(control) : null;
  return collect(job, watch, child, control, gone, ending, instructions);
}

/** The number of instructions executed, from the recording; null where QEMU is gone. */
async function countOf(control: ControlChannel): Promise<number | null> {
  const answer = (await control.execute("query-replay").catch(() => null)) as { icount?: number } | null;
  return answer?.icount ?? null;
}

function collect(
  job: MachineJob,
  watch: Watch,
  child: ChildProcess,
  control: ControlChannel,
  gone: Promise<void>,
  { reason, detail }: Ending,
  instructions: number | null,
): MachineRun {
  return {
    reached: reason === "reached",
    reason,
    detail,
    console: watch.console,
    instructions,
    seconds: watch.seconds,
    readPhysical: async (address, length) => {
      checkRange(address, length, job.memoryMiB);
      if (length === 0) return new Uint8Array();
      const folder = await mkdtemp(join(tmpdir(), "previrt-"));
      try {
        const filename = join(folder, "memory");
        await control.execute("pmemsave", { val: address, size: length, filename });
        return new Uint8Array(await readFile(filename));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    close: async () => {
      control.execute("quit").catch(() => undefined);
      const killer = setTimeout(() => child.kill("SIGKILL"), QUIT_GRACE);
      await gone;
      clearTimeout(killer);
    },
  };
}

/** Starts QEMU in `folder`; its file names are relative because QEMU cuts a module's name at blanks and commas. */
async function start(job: MachineJob, folder: string): Promise<ChildProcess> {
  const clock = job.counted ? `${COUNTED} ` : "";
  const options = `${BOARD} ${clock}-m ${job.memoryMiB} ${job.typing === undefined ? SILENT : TYPING} ${CHANNELS} -kernel loader -initrd module`;
  const command = [QEMU, ...options.split(" ")];
  const guarded = ["setpriv", "--pdeathsig", "KILL", ...command];
  for (const [program, ...args] of [guarded, command]) {
    const child = spawn(program!, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe", "pipe"] });
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      child.once("spawn", () => resolve(undefined));
      child.once("error", resolve);
    });
    if (error === undefined) return child;
    if (error.code !== "ENOENT" || program === QEMU) throw new InputError(missing(error));
  }
  throw new Error("unreachable");
}

/** A named pipe, opened in both directions, so that nobody waits for the other end. */
async function openPipe(path: string): Promise<Writable> {
  await promisify(execFile)("mkfifo", [path]);
  const pipe = (await open(path, "r+")).createWriteStream();
  // What is still on its way when the run ends is lost.
  return pipe.on("error", () => undefined);
}

/** Hands on what appears in the console file until the run is over; closes the file. `silent` settles when no more will come. */
async function followConsole(tape: FileHandle, watch: Watch, silent: Promise<Ending>): Promise<void> {
  let ending: Ending | undefined;
  void silent.then((found) => (ending = found));
  const buffer = Buffer.alloc(64 * 1024);
  let position = 0;
  while (watch.ending === undefined) {
    // Known before the file is read: after the end nothing more can come.
    const last = ending;
    const { bytesRead } = await tape.read(buffer, 0, buffer.length, position);
    position += bytesRead;
    if (bytesRead > 0) watch.feed(buffer.toString("latin1", 0, bytesRead));
    else if (last !== undefined) watch.end(last.reason, last.detail);
    else await Promise.race([sleep(CONSOLE_POLL), watch.ended]);
  }
  await tape.close();
}

/** A processor that waits with interrupts off will wait for ever: ends the run when two polls in a row see that. */
function pollForHalt(control: ControlChannel, watch: Watch): { start: () => void; stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  let seen = 0;
  const ask = async (): Promise<void> => {
    const registers = await control
      .execute("human-monitor-command", { "command-line": "info registers" })
      .catch(() => "");
    const found = /EFL=([0-9a-f]{8}).*HLT=1/.exec(String(registers));
    const interruptsOff = found !== null && (Number.parseInt(found[1]!, 16) & 0x200) === 0;
    seen = interruptsOff ? seen + 1 : 0;
    if (seen >= 2) watch.end("halted", "The guest halted with interrupts off.");
    else if (watch.ending === undefined) timer = setTimeout(() => void ask(), HALT_POLL);
  };
  return { start: () => void ask(), stop: () => clearTimeout(timer) };
}
