/**
 * What a machine is: something that starts a multiboot image with one module, shows what the guest writes on COM1,
 * and stops when a text appears there.
 *
 * `Watch` is the part that all machines share: it collects the console, looks for the text, and decides once, and only
 * once, why the run is over. A machine feeds it and stops its guest when `ended` settles. Whatever the guest does, a run
 * ends: by its time limit at the latest.
 */
import { type Result, InputError, diagnostic } from "@pv/elf";

export interface MachineJob {
  /** The boot image: a multiboot 1 ELF for i386. */
  readonly loader: Uint8Array;
  /** The container, its one multiboot module. */
  readonly module: Uint8Array;
  readonly memoryMiB: number;
  /** Called with each piece of console text, one character per byte (Latin-1). */
  readonly onConsole?: (text: string) => void;
  /** The run is over as soon as the console shows this (looked for in its last 64 KiB). Default: nothing. */
  readonly until?: string | RegExp;
  /** What is typed on COM1. Default: nothing. */
  readonly typing?: Typing;
  /**
   * Count instructions, the same number every time: the guest's time is then made of instructions, one per nanosecond and per
   * tick of its time stamp counter, and the run is over when the guest resets itself, so that it stops at an instruction and not
   * at a moment. It has `reached` its goal if the console showed the text before. QEMU only. Default false.
   */
  readonly counted?: boolean;
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
}

/** Somebody at the console of a guest. */
export interface Typing {
  /**
   * From now on `send` is called with what is typed, and `leave` when that is over and the run with it. Gives a function that ends
   * it; to be called exactly once.
   */
  connect(send: (bytes: Uint8Array) => void, leave: () => void): () => void;
}

/**
 * Why a run is over: the text appeared; whoever typed left; its time was up; the guest halted for good, reset itself or panicked; the
 * machine itself failed; the caller's signal.
 */
export type EndReason = "reached" | "left" | "timeout" | "halted" | "error" | "aborted";

export interface MachineRun {
  readonly reached: boolean;
  readonly reason: EndReason;
  /** One sentence about the end, empty when the text appeared. */
  readonly detail: string;
  /** Everything that the guest wrote on COM1, one character per byte, lines as the guest ended them. */
  readonly console: string;
  /** Guest instructions executed, where the machine counts them. */
  readonly instructions: number | null;
  /** From the start of the machine to the end of the run, in seconds. */
  readonly seconds: number;
  /** The guest's memory as it was at the end of the run; the range must lie inside the memory. */
  readPhysical(address: number, length: number): Promise<Uint8Array>;
  /** Frees the machine. Must be called; calling it twice does no harm. */
  close(): Promise<void>;
}

export interface Machine {
  readonly name: "v86" | "qemu";
  /** Whether it can run here: its version, or PV5001. */
  available(): Promise<Result<string>>;
  /**
   * Runs a job to its end; the guest is then paused until `close`. A run that does not reach its text is a value too.
   * Errors: PV5001 machine not available, PV5003 image and module do not fit, PV5005 no room for temporary files.
   */
  run(job: MachineJob): Promise<Result<MachineRun>>;
}

export interface Ending {
  readonly reason: EndReason;
  readonly detail: string;
}

/** Characters at the end of the console in which the text is looked for; bounds the work per piece of output. */
const SEARCH_WINDOW = 64 * 1024;
/** A boot to userland writes about 30 KB; a guest that writes this much is in a loop. */
const CONSOLE_LIMIT = 4 * 1024 * 1024;
/** What a kernel still writes after the first line of its panic message fits into this time, milliseconds. */
const PANIC_GRACE = 1000;
const PANIC_TEXT = "Kernel panic - not syncing";

export class Watch {
  readonly ended: Promise<Ending>;
  readonly #settle: (ending: Ending) => void;
  readonly #job: MachineJob;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = (): void => this.end("aborted", "The run was cancelled.");
  readonly #started = performance.now();
  #panicTimer: NodeJS.Timeout | undefined;
  #hangUp: (() => void) | undefined;
  #ending: Ending | undefined;
  #console = "";
  #seconds = 0;
  #shown = false;

  constructor(job: MachineJob) {
    this.#job = job;
    const { promise, resolve } = withResolvers<Ending>();
    this.ended = promise;
    this.#settle = resolve;
    const limit = `The guest did not reach its goal within ${job.timeoutSeconds} s.`;
    this.#timer = setTimeout(() => this.end("timeout", limit), Math.min(job.timeoutSeconds * 1000, 2 ** 31 - 1));
    job.signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (job.signal?.aborted) this.#onAbort();
  }

  /** The guest can be typed to from now on, by `send`. */
  connect(send: (bytes: Uint8Array) => void): void {
    if (this.#ending !== undefined) return;
    this.#hangUp = this.#job.typing?.connect(send, () => this.end("left", ""));
  }

  get console(): string {
    return this.#console;
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  get seconds(): number {
    return this.#seconds;
  }

  /** Console text from the guest; what comes after the end is dropped. */
  feed(text: string): void {
    if (this.#ending !== undefined || text === "") return;
    this.#console += text;
    this.#job.onConsole?.(text);
    // Whoever watches may do so for days.
    if (this.#job.typing !== undefined) this.#console = this.#console.slice(-CONSOLE_LIMIT);
    const recent = this.#console.slice(-SEARCH_WINDOW - text.length);
    const { until } = this.#job;
    const found = typeof until === "string" ? recent.includes(until) : until !== undefined && recent.search(until) >= 0;
    if (found) this.#shown = true;
    if (this.#shown && !this.#job.counted) this.end("reached", "");
    else if (this.#console.length > CONSOLE_LIMIT && this.#job.typing === undefined)
      this.end("error", `The guest wrote more than ${CONSOLE_LIMIT} bytes.`);
    else if (this.#panicTimer === undefined && recent.includes(PANIC_TEXT)) {
      this.#panicTimer = setTimeout(() => this.end("halted", "The guest's kernel panicked."), PANIC_GRACE);
    }
  }

  /** The first call decides; later ones change nothing. */
  end(reason: EndReason, detail: string): void {
    if (this.#ending !== undefined) return;
    this.#hangUp?.();
    this.#seconds = (performance.now() - this.#started) / 1000;
    clearTimeout(this.#timer);
    clearTimeout(this.#panicTimer);
    this.#job.signal?.removeEventListener("abort", this.#onAbort);
    const reached = reason === "halted" && this.#shown && !this.#console.includes(PANIC_TEXT);
    this.#ending = reached ? { reason: "reached", detail: "" } : { reason, detail };
    this.#settle(this.#ending);
  }
}

/** Promise.withResolvers, which Node 20 lacks. */
export function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Throws a RangeError unless the range lies inside the memory. */
export function checkRange(address: number, length: number, memoryMiB: number): void {
  const inside = Number.isInteger(address) && Number.isInteger(length) && address >= 0 && length >= 0;
  if (!inside || address + length > memoryMiB * 2 ** 20) {
    throw new RangeError(`no ${length} bytes at physical address ${address} in ${memoryMiB} MiB`);
  }
}

/** A machine with less cannot hold its own boot structures; one with more is beyond 32-bit machines with devices. */
const MIN_MEMORY_MIB = 16;
const MAX_MEMORY_MIB = 2047;

/**
 * Checks a job before a machine starts: the memory size (PV9001), the image's headers (PV1006) and that image and
 * module fit (PV5003). Both machines put the module on the page behind the highest loaded byte of the image.
 */
export function checkJob(job: MachineJob): void {
  const { memoryMiB } = job;
  if (!Number.isInteger(memoryMiB) || memoryMiB < MIN_MEMORY_MIB || memoryMiB > MAX_MEMORY_MIB) {
    const allowed = `${MIN_MEMORY_MIB} to ${MAX_MEMORY_MIB}`;
    throw new InputError(diagnostic("PV9001", `memory of ${memoryMiB} MiB asked for, ${allowed} is possible`));
  }
  const top = loadTop(job.loader);
  const needed = Math.ceil(top / 4096) * 4096 + job.module.length;
  if (needed >= memoryMiB * 2 ** 20) {
    const sizes = `the boot image ends at ${mib(top)} MiB and its module has ${mib(job.module.length)} MiB`;
    throw new InputError(diagnostic("PV5003", `${sizes}, but the machine has ${memoryMiB} MiB`));
  }
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** The end of the highest loaded segment of an i386 ELF file, a physical address. */
function loadTop(elf: Uint8Array): number {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  const bad = (what: string): never => {
    throw new InputError(diagnostic("PV1006", `the boot image ${what}`));
  };
  if (elf.length < 52 || view.getUint32(0) !== 0x7f454c46 || view.getUint16(4) !== 0x0101) bad("is no 32-bit ELF file");
  const headers = view.getUint32(28, true);
  const size = view.getUint16(42, true);
  const count = view.getUint16(44, true);
  if (size !== 32 || headers + size * count > elf.length) bad("has damaged program headers");
  let top = 0;
  for (let at = headers; at < headers + size * count; at += size) {
    if (view.getUint32(at, true) !== 1) continue;
    const fileSize = view.getUint32(at + 16, true);
    const memorySize = view.getUint32(at + 20, true);
    if (fileSize > memorySize || view.getUint32(at + 4, true) + fileSize > elf.length) bad("has a damaged segment");
    top = Math.max(top, view.getUint32(at + 12, true) + memorySize);
  }
  if (top === 0) bad("loads nothing");
  return top;
}
