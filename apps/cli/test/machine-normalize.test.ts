import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MEASURED, UNORDERED, normalize, normalizeConsole } from "../src/machine/index.js";

/** What two boots of one kernel wrote: the same, but for time, measurements and order. */
const FIRST = `previrt: kernel 16826368 bytes at 0x01000000\r
[    0.000000] Linux version 6.1.0-50-686\r
[    0.000000] tsc: Fast TSC calibration using PIT\r
[    0.000000] tsc: Detected 2596.122 MHz processor\r
[    0.018492] RAMDISK: [mem 0x0fde6000-0x0ffdffff]\r
[    0.036368] random: crng init done\r
[    0.138521] Calibrating delay loop (skipped), value calculated using timer frequency.. 5192.24 BogoMIPS (lpj=10384488)\r
[    0.334984] audit: type=2000 audit(1795362926.192:1): state=initialized audit_enabled=0 res=1\r
[    0.443912] clocksource: Switched to clocksource tsc-early\r
[    0.534302] Trying to unpack rootfs image as initramfs...\r
[    0.570943] Freeing initrd memory: 2024K\r
[    0.594889] alg: self-tests disabled\r
[    0.639644] input: AT Translated Set 2 keyboard as /devices/platform/i8042/serio0/input/input0\r
[    0.645259] NET: Registered PF_INET6 protocol family\r
[    0.657138] sched_clock: Marking stable (632092510, 23160856)->(667565956, -12312590)\r
previrt-guest: userland reached\r
guest: arithmetic 42\r
`;
const SECOND = `[    0.000000] Linux version 6.1.0-50-686
[    0.000000] tsc: Fast TSC calibration failed
[    0.021111] RAMDISK: [mem 0x0fde6000-0x0ffdffff]
[    0.138521] Calibrating delay loop... 884.73 BogoMIPS (lpj=1769472)
[    0.443912] clocksource: Switched to clocksource pit
[    0.534302] Freeing initrd memory: 2024K
[    0.570943] Trying to unpack rootfs image as initramfs...
[    0.594889] alg: self-tests disabled
[    0.600000] random: crng init done
[    0.645259] NET: Registered PF_INET6 protocol family
[    0.639644] input: AT Translated Set 2 keyboard as /devices/platform/i8042/serio0/input/input1
[    0.657138] hrtimer: interrupt took 17423597 ns
[    0.657138] Unstable clock detected, switching default tracing clock to "global"
[    0.657138] If you want to keep using the local clock, then add:
[    0.657138]   "trace_clock=local"
[    0.657138] on the kernel command line
previrt-guest: userland reached
guest: arithmetic 42`;

describe("normalizeConsole", () => {
  test("makes two boots equal that differ in time, measurements and order", () => {
    expect(normalizeConsole(FIRST)).toBe(normalizeConsole(SECOND));
    expect(normalizeConsole(FIRST)).toBe(`Linux version 6.1.0-50-686
RAMDISK: [mem 0x0fde6000-0x0ffdffff]
alg: self-tests disabled
NET: Registered PF_INET6 protocol family
previrt-guest: userland reached
guest: arithmetic 42
-- in any order:
Freeing initrd memory: 2024K
Trying to unpack rootfs image as initramfs...
input: AT Translated Set 2 keyboard as /devices/platform/i8042/serio0/input/input#
random: crng init done
`);
    expect(normalize(FIRST)).toMatchObject({ measured: 6, unordered: 4 });
  });

  test.each([
    ["another address", "0x0fde6000", "0x0fde7000"],
    ["another result in userland", "arithmetic 42", "arithmetic 41"],
    ["another size in a line without a place", "2024K", "2020K"],
    ["a line less", "[    0.594889] alg: self-tests disabled\r\n", ""],
    [
      "a warning more",
      "[    0.645259] NET",
      "[    0.645258] WARNING: CPU: 0 PID: 1 at kernel/x.c:1\r\n[    0.645259] NET",
    ],
    ["a line less without a place", "[    0.036368] random: crng init done\r\n", ""],
  ])("sees %s", (_, from, to) => {
    const changed = FIRST.replace(from, to);
    expect(changed).not.toBe(FIRST);
    expect(normalizeConsole(changed)).not.toBe(normalizeConsole(FIRST));
  });

  test("order matters where it is not named as free", () => {
    const lines = FIRST.split("\r\n").slice(0, -1);
    const place = (line: string): boolean =>
      line.includes("guest: arith") || line.includes("alg:") || line.includes("NET:");
    const placed = lines.filter(place);
    fc.assert(
      fc.property(fc.shuffledSubarray(placed, { minLength: placed.length }), (shuffled) => {
        const same = shuffled.every((line, index) => line === placed[index]);
        expect(normalizeConsole(shuffled.join("\n")) === normalizeConsole(placed.join("\n"))).toBe(same);
      }),
    );
  });

  test("takes any text, however its lines end", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (lines) => {
        const text = normalizeConsole(lines.join("\n"));
        expect(text.endsWith("\n")).toBe(true);
        expect(normalizeConsole(lines.join("\r\n"))).toBe(text);
      }),
    );
  });

  test("every rule has its reason and matches nothing empty", () => {
    for (const { pattern, why } of [...MEASURED, ...UNORDERED]) {
      expect(why.length).toBeGreaterThan(5);
      expect(pattern.test("")).toBe(false);
      expect(pattern.global).toBe(false);
    }
  });
});
