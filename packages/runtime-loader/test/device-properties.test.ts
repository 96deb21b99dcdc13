/**
 * Properties of the devices on random scripts. The program that runs them is built with the sanitizers and checks what must
 * hold after every command, so that each run is also a search for crashes.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildHostDevices, compilerIsThere, type HostDevices } from "./host-devices.fixture.js";

let devices: HostDevices | undefined;
beforeAll(() => {
  if (compilerIsThere) devices = buildHostDevices();
});
afterAll(() => devices?.remove());

const hex = (value: number) => value.toString(16);
const PORTS = [0x20, 0x21, 0xa0, 0xa1, 0x40, 0x41, 0x42, 0x43, 0x61, 0x70, 0x71, 0x92, 0x80, 0x60, 0xcf8];
const known = fc.constantFrom(...PORTS, ...Array.from({ length: 8 }, (_, i) => 0x3f8 + i));
const port = fc.oneof({ arbitrary: known, weight: 30 }, { arbitrary: fc.nat(0xffff), weight: 1 });
const byte = fc.nat(0xff);
const size = fc.constantFrom(1, 1, 1, 1, 2, 4);
/** From less than a clock to a year. */
const span = fc.tuple(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 0, max: 13 })).map(([n, e]) => n * 10 ** e);

/** Everything but the passing of time. */
const access = fc.oneof(
  { arbitrary: fc.tuple(port, size).map(([p, s]) => `in ${hex(p)} ${s}`), weight: 5 },
  {
    arbitrary: fc.tuple(port, fc.nat(0xffffffff), size).map(([p, value, s]) => `out ${hex(p)} ${hex(value)} ${s}`),
    weight: 8,
  },
  // An index and data, so that all registers of the clock are met; a control word and a count.
  { arbitrary: fc.tuple(fc.nat(14), byte).map(([i, value]) => `out 70 ${hex(i | (value << 8))} 2`), weight: 3 },
  {
    arbitrary: fc
      .tuple(fc.nat(2), fc.nat(7), fc.boolean(), fc.oneof(fc.nat(9), fc.nat(0xffff)))
      .map(([c, mode, bcd, count]) => [
        `out 43 ${hex((c << 6) | 0x30 | (mode << 1) | (bcd ? 1 : 0))}`,
        `out ${hex(0x40 + c)} ${hex(count & 0xff)}`,
        `out ${hex(0x40 + c)} ${hex(count >> 8)}`,
      ])
      .map((lines) => lines.join("\n")),
    weight: 2,
  },
  { arbitrary: fc.constantFrom("pending", "ack", "next"), weight: 3 },
  { arbitrary: byte.map((value) => `key ${hex(value)}`), weight: 2 },
);
const step = fc.oneof({ arbitrary: access, weight: 5 }, { arbitrary: span.map((time) => `wait ${time}`), weight: 1 });
const script = fc
  .array(step, { minLength: 1, maxLength: 400, size: "max" })
  .map((steps) => steps.join("\n").split("\n"));

describe.skipIf(!compilerIsThere)("devices", () => {
  test("nothing that a guest writes breaks them, and the same script gives the same answers", () => {
    fc.assert(
      fc.property(script, (commands) => {
        expect(devices!.run(commands)).toEqual(devices!.run(commands));
      }),
      { numRuns: 100 },
    );
  });

  test("whatever the time: up to its last nanosecond", () => {
    const end = ["at 9223372036854775807", "at 18446744073709551614", "at 18446744073709551615"];
    fc.assert(
      fc.property(script, script, fc.nat(2), (before, after, last) => {
        devices!.run([...before, ...end.slice(0, last + 1), ...after]);
      }),
      { numRuns: 40 },
    );
  });

  test("time may pass in any number of steps", () => {
    fc.assert(
      fc.property(script, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (commands, parts) => {
        const split = commands.flatMap((command) => {
          const time = Number(/^wait (\d+)$/.exec(command)?.[1] ?? 0);
          if (time === 0) return [command];
          const first = Math.floor(time * (parts.next().value as number));
          return [`wait ${first}`, `wait ${time - first}`];
        });
        const shown = (lines: readonly string[]) =>
          devices!.run(lines).filter((_, at) => !lines[at].startsWith("wait"));
        expect(shown(split)).toEqual(shown(commands));
      }),
      { numRuns: 100 },
    );
  });

  test("the next event is when the next interrupt is, to the nanosecond behind it", () => {
    const nobody = ["out 21 ff", "out a1 ff", "out 3f9 0", "out 3fc 0"];
    // All interrupts ended and acknowledged; both chips as Linux has them.
    const listening = [
      "out 20 11,out 21 30,out 21 04,out 21 01,out a0 11,out a1 38,out a1 02,out a1 01",
      "out 70 c,in 71,out 21 fa,out a1 fe,in 3fa",
    ].flatMap((commands) => commands.split(","));
    let events = 0;
    fc.assert(
      fc.property(script, (commands) => {
        const prefix = [...commands, "out 3fb 3", ...nobody, ...listening];
        const [pending, next] = devices!.run([...prefix, "pending", "next"]).slice(-2);
        fc.pre(pending === "0" && next !== "never");
        events++;
        const time = BigInt(next);
        const around = [`at ${time - 2n}`, "pending", `at ${time}`, "pending"];
        const [before, , now] = devices!.run([...prefix, ...around]).slice(-3);
        expect([before, now]).toEqual(["0", "1"]);
      }),
      { numRuns: 100 },
    );
    expect(events).toBeGreaterThanOrEqual(100);
  });

  test("what is typed arrives in order, and nothing is lost that was taken", () => {
    const action = fc.oneof(
      { arbitrary: fc.nat(60).map((keys) => [keys, 0]), weight: 1 },
      { arbitrary: fc.nat(50).map((reads) => [0, reads]), weight: 1 },
    );
    fc.assert(
      fc.property(fc.boolean(), fc.array(action, { minLength: 1, maxLength: 40 }), (fifo, actions) => {
        let typed = 0;
        const commands = actions.flatMap(([keys, reads]) => [
          ...Array.from({ length: keys }, () => `key ${hex(typed++ & 0xff)}`),
          ...Array.from({ length: reads }, () => ["in 3fd", "in 3f8"]).flat(),
        ]);
        const script = [fifo ? "out 3fa 1" : "out 3fa 0", ...commands];
        const waiting: string[] = [];
        let status = "";
        for (const [at, result] of devices!.run(script).entries()) {
          const [command, value] = script[at].split(" ");
          if (command === "key") {
            expect(result).toBe(waiting.length < 256 ? "1" : "0");
            if (result === "1") waiting.push(value.padStart(2, "0"));
          } else if (value === "3fd") {
            status = result;
          } else if (value === "3f8") {
            expect(status).toBe(waiting.length > 0 ? "61" : "60");
            expect(result).toBe(waiting.shift() ?? "00");
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});
