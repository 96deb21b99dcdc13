/**
 * The machine that needs nothing installed: v86, an x86 emulator as an npm package, inside this process.
 *
 * It loads a multiboot image without a BIOS. Three of its ways need care: it reports some of its own errors by throwing
 * out of a timer callback, which would end this process, so every slice of work is run under a guard; a guest that
 * resets itself is loaded with nothing and would run on through empty memory, so a reset ends the run; and its
 * instruction counter has 32 bits, so it is sampled after every slice (a slice is a few ms, far from 2^32 instructions).
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { V86 } from "v86";
import { type Result, InputError, diagnostic, fail } from "@pv/elf";
import { type Machine, type MachineJob, type MachineRun, Watch, checkJob, checkRange } from "./machine.js";

/** What this file uses of the emulator's insides; the package's types do not describe them. */
interface Cpu {
  main_loop(): number;
  reboot_internal(): void;
}

interface Imports {
  env: { console_log_from_wasm: (offset: number, length: number) => void };
}

interface Exports {
  memory: { buffer: ArrayBuffer };
}

/** The part of the WebAssembly interface in use; Node's types leave it to the DOM's. */
interface WebAssemblyApi {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: Imports): Promise<{ exports: Exports }>;
}

const wasm = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

/** The emulator's own code, compiled once per process. */
let compiled: Promise<object> | undefined;

async function emulatorCode(): Promise<object> {
  const folder = dirname(createRequire(import.meta.url).resolve("v86"));
  return wasm.compile(await readFile(join(folder, "v86.wasm")));
}

export const v86: Machine = { name: "v86", available, run };

async function available(): Promise<Result<string>> {
  try {
    await (compiled ??= emulatorCode());
    return { ok: true, value: "v86" };
  } catch (error) {
    compiled = undefined;
    return {
      ok: false,
      error: diagnostic("PV5001", `v86 cannot be loaded: ${String(error)}`, undefined, "Install the package v86."),
    };
  }
}

async function run(job: MachineJob): Promise<Result<MachineRun>> {
  const loadable = await available();
  if (!loadable.ok) return loadable;
  try {
    checkJob(job);
    // It counts, but its timer runs with the host's time.
    if (job.counted) fail("PV5001", "v86 cannot make time of instructions", undefined, "Use `--machine qemu`.");
  } catch (error) {
    if (error instanceof InputError) return { ok: false, error: error.diagnostic };
    throw error;
  }
  return { ok: true, value: await boot(job) };
}

async function boot(job: MachineJob): Promise<MachineRun> {
  const code = await compiled!;
  const watch = new Watch(job);
  let lastWords = "";
  const emulator = new V86({
    wasm_fn: async (imports: unknown) => {
      const bound = imports as Imports;
      let memory: Exports["memory"] | undefined;
      // The emulator's dying words go into the run's detail, not onto this process' stderr.
      bound.env.console_log_from_wasm = (offset, length) => {
        if (memory !== undefined) lastWords = Buffer.from(memory.buffer, offset, length).toString("latin1");
      };
      const { exports } = await wasm.instantiate(code, bound);
      memory = exports.memory;
      return exports;
    },
    memory_size: job.memoryMiB * 2 ** 20,
    vga_memory_size: 2 ** 20,
    multiboot: { buffer: wholeBuffer(job.loader) },
    initrd: { buffer: wholeBuffer(job.module) },
    autostart: false,
    disable_keyboard: true,
    disable_mouse: true,
    disable_speaker: true,
  });

  // One character per byte arrives; they are handed on once per slice.
  let pending = "";
  emulator.add_listener("serial0-output-byte", (byte) => (pending += String.fromCharCode(byte)));
  const flush = (): void => {
    const text = pending;
    pending = "";
    watch.feed(text);
  };
  addHaltListener(emulator, () => {
    flush();
    watch.end("halted", "The guest halted with interrupts off.");
  });
  const ready = new Promise<void>((resolve) => emulator.add_listener("emulator-ready", resolve));
  await Promise.race([ready, watch.ended]);

  const { cpu } = (emulator as unknown as { v86: { cpu: Cpu } }).v86 ?? { cpu: undefined };
  let instructions = 0;
  if (cpu !== undefined && watch.ending === undefined) {
    let counter = 0;
    const slice = cpu.main_loop.bind(cpu);
    cpu.main_loop = () => {
      let idle = 0;
      try {
        idle = slice();
      } catch (error) {
        flush();
        watch.end("error", `v86 gave up: ${lastWords || String(error)}`);
      }
      const now = emulator.get_instruction_counter();
      instructions += (now - counter) >>> 0;
      counter = now;
      flush();
      return idle;
    };
    cpu.reboot_internal = () => {
      flush();
      watch.end("halted", "The guest reset the machine.");
    };
    void emulator.run();
    watch.connect((bytes) => emulator.serial_send_bytes(0, bytes));
    await watch.ended;
    await emulator.stop();
  }

  const { reason, detail } = await watch.ended;
  let closed = false;
  return {
    reached: reason === "reached",
    reason,
    detail,
    console: watch.console,
    instructions,
    seconds: watch.seconds,
    readPhysical: async (address, length) => {
      checkRange(address, length, job.memoryMiB);
      if (closed) throw new Error("the machine is closed");
      return emulator.read_memory(address, length).slice();
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await ready;
      await emulator.destroy();
    },
  };
}

/** The event exists, but not in the package's types. */
function addHaltListener(emulator: V86, listener: () => void): void {
  (emulator.add_listener as (event: string, listener: () => void) => void).call(emulator, "cpu-event-halt", listener);
}

/** The emulator takes buffers, not views into them. */
function wholeBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes;
  const whole = buffer instanceof ArrayBuffer && bytes.byteOffset === 0 && bytes.byteLength === buffer.byteLength;
  return whole ? buffer : bytes.slice().buffer;
}
