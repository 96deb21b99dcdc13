/**
 * The devices against QEMU's: the same accesses there, made by a guest that runs scripts (test-images/guests/port-script.S),
 * with QEMU's clock counting instructions, so that time is the same on every run. Left out is where QEMU is known to be
 * simpler than the data sheets: it keeps a request whose line fell, ends masked inputs in special mask mode, lets special
 * nesting pass lower lines, has no null count, shows the outputs of modes 2 and 4 upside down, counts in binary only, does not stop
 * counting when a gate closes, and tells a timeout of the receiver where the trigger level is reached.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildHostDevices, compilerIsThere, type HostDevices } from "./host-devices.fixture.js";

const GUEST = fileURLToPath(new URL("../../../test-images/guests/build/port-script.elf", import.meta.url));
const QEMU = "qemu-system-i386";
const missing = !compilerIsThere
  ? "no C compiler"
  : spawnSync(QEMU, ["--version"]).status !== 0
    ? "QEMU is not installed"
    : !existsSync(GUEST)
      ? "the guests are not built"
      : "";
const SEED = 4;
/** Instructions, and nanoseconds, in one unit of the guest's `wait`. */
const WAIT = 256;

let devices: HostDevices | undefined;
beforeAll(() => {
  if (missing === "") devices = buildHostDevices();
});
afterAll(() => devices?.remove());

/** One step on both machines: what the guest does, what the devices are told, and how to compare what they said. */
interface Step {
  readonly title: string;
  readonly guest: readonly (readonly [operation: number, value: number, port: number])[];
  readonly host: readonly string[];
  /** Bytes that the guest prints. */
  readonly prints?: number;
  readonly same?: (printed: Uint8Array, results: readonly string[]) => boolean;
}

const hex = (value: number) => value.toString(16);
const [OUT, IN, TAKE, PAUSE, END] = [0, 1, 2, 3, 4];

const write = (port: number, value: number): Step => ({
  title: `out ${hex(port)} ${hex(value)}`,
  guest: [[OUT, value, port]],
  host: [`out ${hex(port)} ${hex(value)}`],
});
const read = (port: number, mask = 0xff): Step => ({
  title: `in ${hex(port)}`,
  guest: [[IN, 0, port]],
  host: [`in ${hex(port)}`],
  prints: 1,
  same: ([value], [result]) => ((value ^ Number.parseInt(result, 16)) & mask) === 0,
});
const take: Step = {
  title: "take",
  guest: [[TAKE, 0, 0]],
  host: ["pending", "ack"],
  prints: 2,
  same: ([taken, vector], [pending, acknowledged]) =>
    taken === Number(pending) && (taken === 0 || vector === Number.parseInt(acknowledged, 16)),
};
const wait = (units: number): Step => ({
  title: `wait ${units}`,
  guest: [[PAUSE, 0, units]],
  host: [`wait ${units * WAIT}`],
});
/** The keyboard controller raises lines 1 and 12 on command; the serial port 4, when its transmitter may interrupt. */
const raise = (line: number): Step => ({
  title: `raise ${line}`,
  guest:
    line === 4
      ? [[OUT, 2, 0x3f9]]
      : [
          [OUT, line === 1 ? 0xd2 : 0xd3, 0x64],
          [OUT, 0x55, 0x60],
        ],
  host: line === 4 ? ["out 3f9 2"] : [`line ${line} 1`],
});
const drop = (line: number): Step =>
  line === 4
    ? write(0x3f9, 0)
    : { title: `drop ${line}`, guest: [[IN, 0, 0x60]], host: [`line ${line} 0`], prints: 1, same: () => true };
/** A latched count, to within what the accesses themselves take. */
const count = (channel: number, tolerance: number): Step => ({
  title: `count ${channel}`,
  guest: [
    [OUT, channel << 6, 0x43],
    [IN, 0, 0x40 + channel],
    [IN, 0, 0x40 + channel],
  ],
  host: [`out 43 ${hex(channel << 6)}`, `in ${hex(0x40 + channel)}`, `in ${hex(0x40 + channel)}`],
  prints: 2,
  same: ([low, high], [, lowResult, highResult]) => {
    const difference = (low | (high << 8)) - Number.parseInt(highResult + lowResult, 16);
    return Math.abs(difference) <= tolerance || Math.abs(difference) >= 0x10000 - tolerance;
  },
});

/** The steps on both machines; the first difference, with what led to it. */
function compare(steps: readonly Step[]): void {
  const rows = [...steps.flatMap(({ guest }) => guest), [END, 0, 0]];
  const file = (name: string) => join(devices!.directory, name);
  writeFileSync(
    file("script"),
    Uint8Array.from(rows.flatMap(([op, value, port]) => [op, value, port & 255, port >> 8])),
  );
  const machine = ["-M", "isapc", "-m", "16", "-display", "none", "-nodefaults", "-no-reboot"];
  const time = ["-icount", "shift=0,sleep=off"];
  const ports = ["-serial", "null", "-debugcon", `file:${file("printed")}`, "-device", "isa-debug-exit,iobase=0xf4"];
  const { status, stderr } = spawnSync(
    QEMU,
    [...machine, ...time, ...ports, "-kernel", GUEST, "-initrd", file("script")],
    { encoding: "utf8" },
  );
  expect(status! & 1, stderr).toBe(1);
  const printed = new Uint8Array(readFileSync(file("printed")));
  const results = devices!.run(steps.flatMap(({ host }) => host));
  let [at, line, compared] = [0, 0, 0];
  for (const [index, { host, prints = 0, same }] of steps.entries()) {
    const [bytes, lines] = [printed.subarray(at, at + prints), results.slice(line, line + host.length)];
    at += prints;
    line += host.length;
    if (same === undefined) continue;
    compared++;
    if (same(bytes, lines)) continue;
    const before = steps.slice(Math.max(0, index - 40), index + 1).map(({ title }) => title);
    expect.fail(`after ${before.join(", ")}: QEMU has ${Array.from(bytes, hex).join(" ")}, we ${lines.join(" ")}`);
  }
  expect(at).toBe(printed.length);
  expect(compared).toBeGreaterThan(10);
}

const initialise = (control: number, base: number, third: number, fourth: number) => [
  write(control, 0x11),
  write(control + 1, base),
  write(control + 1, third),
  write(control + 1, fourth),
];
/** Both controllers as Linux has them, lines 1, 4 and 12 connected and down, the timers silent. */
const START: readonly Step[] = [
  write(0x43, 0x38),
  write(0x3f9, 0),
  write(0x3fc, 8),
  ...[0x60, 0x03].map((value, at): Step => ({
    title: "8042",
    guest: [[OUT, value, at === 0 ? 0x64 : 0x60]],
    host: [],
  })),
  drop(1),
  ...initialise(0x20, 0x30, 4, 1),
  ...initialise(0xa0, 0x38, 2, 1),
  write(0x21, 0xff),
  write(0xa1, 0xff),
];
const ends = (port: number) => Array.from({ length: 8 }, (_, line) => write(port, 0x60 | line));

describe.skipIf(missing !== "")(`devices as QEMU's${missing === "" ? "" : ` (skipped: ${missing})`}`, () => {
  test("8259: random commands and requests at the master", () => {
    const commands = fc.oneof(
      fc.nat(0xff).map((mask) => [write(0x21, mask)]),
      fc.constantFrom(0xff, 0, 0).map((mask) => [write(0x21, mask & 0xec)]),
      fc.nat(0xff).map((value) => [write(0x20, value & 0xe7)]),
      fc.constantFrom(0x0a, 0x0b).map((value) => [write(0x20, value), read(0x20)]),
      fc.constant([write(0x20, 0x0c), read(0x20)]),
      fc
        .tuple(fc.nat(31), fc.constantFrom(1, 1, 3))
        .map(([base, fourth]) => [...initialise(0x20, base * 8, 4, fourth), read(0x20), read(0x21)]),
      // Special mask mode, in which only specific ends are the same.
      fc.tuple(fc.nat(0xff), fc.nat(7)).map(([mask, line]) => {
        return [write(0x20, 0x68), write(0x21, mask), take, take, write(0x20, 0x60 | line), write(0x20, 0x48)];
      }),
    );
    const up = new Set<number>();
    /** A line falls only when it has been served, as QEMU would keep its request. */
    const fall = (line: number) => [
      write(0x21, 0xff ^ (1 << line)),
      ...ends(0x20),
      take,
      ...ends(0x20),
      drop(line),
      write(0x21, 0xec),
    ];
    const lines = fc.constantFrom(1, 4);
    const item = fc.oneof(
      { arbitrary: commands, weight: 3 },
      { arbitrary: lines, weight: 2 },
      { arbitrary: fc.constant([take, read(0x20)]), weight: 3 },
    );
    const steps = fc.sample(item, { seed: SEED, numRuns: 4000 }).flatMap((next) => {
      if (typeof next !== "number") return next;
      const before = up.has(next) ? fall(next) : [];
      up.add(next);
      return [...before, raise(next), read(0x20)];
    });
    compare([...START, ...steps]);
  });

  test("8259: the slave behind input 2", () => {
    const state = [0x20, 0xa0].flatMap((port) => [0x0b, 0x0a].flatMap((value) => [write(port, value), read(port)]));
    const round = [
      raise(12),
      ...state,
      take,
      ...state,
      take,
      raise(4),
      ...state,
      take,
      write(0x20, 0x20),
      ...state,
      take,
      write(0xa0, 0x20),
      ...state,

      write(0x20, 0x20),
      ...state,
      drop(12),
      drop(4),
      raise(12),
      take,
      write(0xa0, 0x64),
      write(0x20, 0x62),
      ...state,
      drop(12),
    ];
    compare([
      ...START,
      write(0x21, 0xeb),
      write(0xa1, 0xef),
      ...round,
      // Another order of priorities: 1 is the lowest at the master, so that the slave is the highest.
      write(0x20, 0xc1),
      write(0xa0, 0xc3),
      ...round,
      // The slave ends by itself; then the master too.
      ...initialise(0xa0, 0x78, 2, 3),
      write(0xa1, 0xef),
      ...round,
      ...initialise(0x20, 0x70, 4, 3),
      write(0x21, 0xeb),
      ...round,
    ]);
  });

  test("8254: counts, outputs and status of channel 2 after random waits", () => {
    const programming = fc.record({
      mode: fc.constantFrom(0, 2, 3, 4),
      value: fc.integer({ min: 3000, max: 60000 }),
      waits: fc.array(fc.nat(3000), { minLength: 1, maxLength: 3 }),
    });
    const steps = fc
      .sample(programming, { seed: SEED, numRuns: 60 })
      .flatMap(({ mode, value, waits }) => [
        write(0x43, 0xb0 | (mode << 1)),
        write(0x42, value & 0xff),
        write(0x42, value >> 8),
        count(2, 3),
        ...waits.flatMap((units) => [
          wait(units),
          count(2, mode === 3 ? 6 : 3),
          write(0x43, 0xe8),
          read(0x42, mode === 2 || mode === 4 ? 0x3f : 0xbf),
          read(0x61, mode === 2 || mode === 4 ? 0x0f : 0x2f),
        ]),
      ]);
    compare([...START, write(0x61, 1), ...steps]);
  });

  test("8254: an interrupt of channel 0 comes in its time", () => {
    const rounds = [0x34, 0x36, 0x38, 0x30].flatMap((control) => [
      write(0x43, control),
      write(0x40, 0),
      write(0x40, 8),
      take,
      write(0x20, 0x20),
      take,
      // 2,048 clocks are 1,716 us: not after 1,600, but after 1,800.
      wait(6250),
      take,
      wait(782),
      take,
      take,
      write(0x20, 0x20),
      wait(6250),
      take,
      wait(782),
      take,
      write(0x20, 0x20),
      take,
    ]);
    compare([...START, write(0x21, 0xfe), ...rounds]);
  });

  test("16550A: registers, FIFO and interrupt identification in loopback", () => {
    const registers = fc.tuple(fc.nat(7), fc.nat(0xff)).map(([register, value]) => {
      // 0: data, unless the divisor is meant; 2: FIFO control; 4: stays in loopback.
      const port = 0x3f8 + register;
      if (register === 0 || register === 2) return [read(0x3f9), read(0x3fb)];
      if (register === 3)
        return [write(port, value | 0x80), read(port), write(0x3f9, value), read(0x3f9), write(port, 3)];
      if (register === 4) return [write(port, value | 0x10), read(port), read(0x3fe, 0xf0)];
      if (register === 1)
        return [write(port, value & 0xf7), read(port), read(0x3fa, 0xf7), read(0x3fa, 0xf7), write(port, 0)];
      return register === 7 ? [write(port, value), read(port)] : [read(0x3fd)];
    });
    const transfer = fc
      .tuple(fc.constantFrom(1, 3, 5, 16, 18), fc.nat(3), fc.nat(7))
      .map(([bytes, trigger, enables]) => [
        write(0x3fa, 0x07 | (trigger << 6)),
        write(0x3f9, enables),
        ...Array.from({ length: bytes }, (_, at) => write(0x3f8, 0x41 + at)),
        wait(4000), // the timeout of the receiver
        read(0x3fa, 0xf7),
        read(0x3fd),
        read(0x3fa, 0xf7),
        read(0x3fa, 0xf7),
        ...Array.from({ length: Math.min(bytes, 16) }, () => [
          read(0x3fd),
          read(0x3f8),
          wait(4000),
          read(0x3fa, 0xf7),
        ]).flat(),
        write(0x3f9, 0),
      ]);
    const reset = [write(0x3fb, 0x83), write(0x3f8, 1), write(0x3f9, 0), write(0x3fb, 3), write(0x3fc, 0x10)];
    const items = fc.sample(fc.oneof(registers, transfer), { seed: SEED, numRuns: 200 });
    compare([...START, ...reset, write(0x3fa, 7), ...items.flatMap((item) => [...item, ...reset])]);
  });
});
