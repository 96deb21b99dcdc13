/**
 * The devices as Linux 6.1 asks for them at boot: its probing sequences, access by access, with the conclusions that its
 * drivers draw (arch/x86/kernel/i8259.c, tsc.c, drivers/tty/serial/8250/8250_port.c, drivers/rtc/rtc-mc146818-lib.c,
 * drivers/input/serio/i8042.c, arch/x86/pci/direct.c).
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildHostDevices, compilerIsThere, type HostDevices, type Setup } from "./host-devices.fixture.js";

let devices: HostDevices | undefined;
beforeAll(() => {
  if (compilerIsThere) devices = buildHostDevices();
});
afterAll(() => devices?.remove());

/** A sequence of accesses; what they read is known once all have been made. */
class Sequence {
  readonly #commands: string[] = [];
  #results: string[] = [];
  command(text: string): () => string {
    const at = this.#commands.push(text) - 1;
    return () => this.#results[at];
  }
  out(port: number, value: number, size = 1): void {
    this.command(`out ${port.toString(16)} ${value.toString(16)} ${size}`);
  }
  in(port: number, size = 1): () => number {
    const text = this.command(`in ${port.toString(16)} ${size}`);
    return () => Number.parseInt(text(), 16);
  }
  wait(nanoseconds: number): void {
    this.command(`wait ${nanoseconds}`);
  }
  run(setup?: Setup): void {
    this.#results = devices!.run(this.#commands, setup);
  }
}

const NANOSECONDS = 1e9;
const PIT_HERTZ = 1193182;

/** One poll of a port, as an emulated access takes it. */
const POLL = 1300;

describe.skipIf(!compilerIsThere)("Linux finds", () => {
  test("two 8259s (probe_8259A, init_8259A), at vectors 30h and 38h", () => {
    const s = new Sequence();
    s.out(0xa1, 0xff);
    s.out(0x21, 0xfb);
    const probe = s.in(0x21);
    s.out(0x21, 0xff);
    for (const [port, value] of [
      [0x20, 0x11],
      [0x21, 0x30],
      [0x21, 0x04],
      [0x21, 0x01],
      [0xa0, 0x11],
      [0xa1, 0x38],
      [0xa1, 0x02],
      [0xa1, 0x01],
    ])
      s.out(port, value);
    s.out(0x21, 0xfa);
    s.out(0xa1, 0xfe);
    const masks = [s.in(0x21), s.in(0xa1)];
    s.command("line 8 1");
    const vector = s.command("ack");
    // mask_and_ack_8259A for interrupt 8, i8259A_irq_real: is it in service?
    s.in(0xa1);
    s.out(0xa1, 0xff);
    s.out(0xa0, 0x0b);
    const real = s.in(0xa0);
    s.out(0xa0, 0x0a);
    s.out(0xa0, 0x60);
    s.out(0x20, 0x62);
    const pending = s.command("pending");
    s.run();
    expect(probe()).toBe(0xfb);
    expect(masks.map((mask) => mask())).toEqual([0xfa, 0xfe]);
    expect([vector(), real(), pending()]).toEqual(["38", 1, "0"]);
  });

  test("the rate of a timer through channel 2 and port 61h (pit_calibrate_tsc)", () => {
    const s = new Sequence();
    const before = s.in(0x61);
    s.out(0x61, 1);
    s.out(0x43, 0xb0);
    const latch = Math.floor(PIT_HERTZ / 100); // 10 ms
    s.out(0x42, latch & 0xff);
    s.out(0x42, latch >> 8);
    const polls = Array.from({ length: 10000 }, () => (s.wait(POLL), s.in(0x61)));
    s.run();
    expect(before() & 3).toBe(0);
    const done = polls.findIndex((poll) => poll() & 0x20);
    expect(Math.abs((done + 1) * POLL - 0.01 * NANOSECONDS)).toBeLessThan(2 * POLL);
    expect(polls.slice(done).every((poll) => poll() & 0x20)).toBe(true);
  });

  test("the rate of a timer by the high byte of channel 2 (quick_pit_calibrate)", () => {
    const s = new Sequence();
    s.out(0x61, 1);
    s.out(0x43, 0xb0);
    s.out(0x42, 0xff);
    s.out(0x42, 0xff);
    s.in(0x42);
    s.in(0x42);
    const highs = Array.from({ length: 9000 }, () => {
      s.wait(POLL);
      s.in(0x42);
      s.wait(POLL);
      return s.in(0x42);
    });
    s.run();
    // The byte never skips a value: each lasts 256 clocks, to within a pair of reads.
    const values = highs.map((high) => high());
    const changes = values.flatMap((value, at) => (at > 0 && value !== values[at - 1] ? [at] : []));
    expect(changes.length).toBeGreaterThan(100);
    for (const [at, change] of changes.entries()) expect(values[change]).toBe(0xfe - at);
    const took = (changes[100] - changes[0]) * 2 * POLL;
    expect(Math.abs(took - (100 * 256 * NANOSECONDS) / PIT_HERTZ)).toBeLessThan(2 * POLL + 1);
  });

  test("that time passes at channel 0 (setup_pit_timer, i8253_read)", () => {
    const s = new Sequence();
    const latch = Math.round(PIT_HERTZ / 250);
    s.out(0x43, 0x34);
    s.out(0x40, latch & 0xff);
    s.out(0x40, latch >> 8);
    s.out(0x21, 0xfe);
    const counts: (() => number)[][] = [];
    const pending: (() => string)[] = [];
    for (let tick = 0; tick < 40; tick++) {
      s.wait(1e6);
      s.out(0x43, 0);
      counts.push([s.in(0x40), s.in(0x40)]);
      pending.push(s.command("pending"));
      s.command("ack");
      s.out(0x20, 0x60);
    }
    s.run();
    for (const [tick, [low, high]] of counts.entries()) {
      const clocks = Math.floor(((tick + 1) * 1e6 * PIT_HERTZ) / NANOSECONDS) - 1;
      expect(low() | (high() << 8)).toBe(latch - (clocks % latch));
    }
    expect(pending.filter((up) => up() === "1")).toHaveLength(9);
  });

  test("a 16550A at COM1 (autoconfig, autoconfig_16550a), with interrupts that work (serial8250_do_startup)", () => {
    const [DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR] = [0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff];
    const s = new Sequence();
    // Is there anything?
    const savedEnables = s.in(IER);
    s.out(IER, 0);
    s.out(0x80, 0xff);
    const none = s.in(IER);
    s.out(IER, 0x0f);
    s.out(0x80, 0);
    const all = s.in(IER);
    s.out(IER, 0);
    // Loopback.
    const control = s.in(MCR);
    const lineControl = s.in(LCR);
    s.out(MCR, 0x1a);
    const looped = s.in(MSR);
    s.out(MCR, 0);
    // FIFO.
    s.out(LCR, 0xbf);
    s.out(IIR, 0);
    s.out(LCR, 0);
    s.out(IIR, 1);
    const fifo = s.in(IIR);
    s.out(LCR, 0x80);
    const modeA = s.in(IIR);
    s.out(LCR, 0xbf);
    const modeB = s.in(IIR);
    // A National chip would change its divisor; a 16750 has 64 bytes; an XScale a unit-enable bit.
    s.out(LCR, 0);
    s.out(LCR, 0xe0);
    const national = s.in(2 + DATA);
    s.out(LCR, 0);
    s.out(LCR, 0);
    s.out(IIR, 0x21);
    const without64 = s.in(IIR);
    s.out(IIR, 1);
    s.out(LCR, 0x80);
    s.out(IIR, 0x21);
    const with64 = s.in(IIR);
    s.out(LCR, 0);
    s.out(IIR, 1);
    s.out(IER, 0x40);
    const unit = s.in(IER);
    s.out(IER, 0);
    // Start: an empty transmitter must ask for an interrupt, twice over.
    s.out(0x21, 0xef);
    s.out(IIR, 7);
    s.out(IIR, 0);
    for (const port of [LSR, DATA, IIR, MSR]) s.in(port);
    s.out(LCR, 3);
    s.out(MCR, 0x0b);
    s.out(IER, 2);
    const asks = [s.in(IIR)];
    s.out(IER, 0);
    s.out(IER, 2);
    asks.push(s.in(IIR));
    s.out(IER, 0);
    const lineStatus = s.in(LSR);
    s.in(SCR);
    s.run();
    expect(savedEnables()).toBe(0);
    expect([none(), all()]).toEqual([0, 0x0f]);
    expect([control(), lineControl()]).toEqual([0, 3]);
    expect(looped() & 0xf0).toBe(0x90);
    expect(fifo() >> 6).toBe(3);
    expect([modeA(), modeB(), national()].every((value) => value !== 0)).toBe(true);
    expect([without64() >> 5, with64() >> 5]).toEqual([6, 6]);
    expect(unit()).toBe(0);
    expect(asks.map((ask) => ask() & 0x0f)).toEqual([2, 2]);
    expect(lineStatus() & 0x60).toBe(0x60);
  });

  test("a clock that works and tells the time (mc146818_avoid_UIP)", () => {
    const s = new Sequence();
    const epoch = Date.UTC(2026, 1, 28, 23, 59, 57) / 1000;
    const read = (index: number) => (s.out(0x70, index), s.in(0x71));
    const times: { seconds: () => number; updating: (() => number)[]; fields: (() => number)[] }[] = [];
    for (let i = 0; i < 600; i++) {
      s.wait(9.9e6);
      const seconds = read(0);
      const before = read(10);
      const fields = [9, 8, 7, 4, 2, 0].map(read);
      times.push({ seconds, updating: [before, read(10)], fields });
    }
    const valid = read(13);
    const format = read(11);
    s.run({ epoch });
    expect(valid() & 0xc0).toBe(0x80);
    expect(format() & 6).toBe(2);
    const decimal = (value: number) => (value >> 4) * 10 + (value & 15);
    let quiet = 0;
    for (const [i, { seconds, updating, fields }] of times.entries()) {
      if (updating.some((status) => status() & 0x80)) continue;
      quiet++;
      const [year, month, day, hour, minute, second] = fields.map((field) => decimal(field()));
      const told = Date.UTC(2000 + year, month - 1, day, hour, minute, second) / 1000;
      expect(told).toBe(epoch + Math.floor((i + 1) * 0.0099));
      expect(decimal(seconds())).toBe(second);
    }
    expect(quiet).toBeGreaterThan(590);
    expect(quiet).toBeLessThan(600);
  });

  test("no keyboard controller (i8042_flush gives up), no PCI (pci_check_type1, type2), no floppy drive", () => {
    const s = new Sequence();
    const status = Array.from({ length: 17 }, () => (s.in(0x60), s.in(0x64)));
    s.out(0xcfb, 1);
    s.out(0xcf8, 0x80000000, 4);
    const type1 = s.in(0xcf8, 4);
    s.out(0xcfb, 0);
    s.out(0xcf8, 0);
    s.out(0xcfa, 0);
    const type2 = [s.in(0xcf8), s.in(0xcfa)];
    s.out(0x70, 0x10);
    const floppy = s.in(0x71);
    s.run();
    expect(status.every((value) => value() === 0xff)).toBe(true);
    expect(type1()).toBe(0xffffffff);
    expect(type2.map((value) => value())).toEqual([0xff, 0xff]);
    expect(floppy()).toBe(0);
  });
});
