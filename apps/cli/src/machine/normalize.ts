/**
 * Console texts of two boots made comparable.
 *
 * Two boots of one kernel on one machine differ in what the kernel measures (time, frequencies) and in the order of what
 * it does at the same time. `normalizeConsole` takes out the former and puts the latter behind the rest in a fixed order,
 * so that everything else can be compared as text: what is equal afterwards went the same way through start-up.
 *
 * Every rule below was seen to be necessary: Debian 6.1 kernels (686, 686-pae, rt-686-pae), v86 and QEMU, idle and with
 * every processor of the host busy. Addresses and memory sizes are *not* touched: they are facts of the machine and the image.
 */

interface Rule {
  readonly pattern: RegExp;
  readonly why: string;
}

/** Lines that one boot has and the next may lack, or whose content is a measurement. */
export const MEASURED: readonly Rule[] = [
  { pattern: /^tsc: /, why: "measured frequency of the time stamp counter, and whether measuring it succeeded" },
  { pattern: /^clocksource: /, why: "clocks are rated by measured frequencies; the choice follows" },
  { pattern: /^Calibrating delay loop/, why: "measured speed of the processor" },
  { pattern: /^smpboot: Total of \d+ processors activated/, why: "measured speed of the processor" },
  { pattern: /^sched_clock: Marking (un)?stable/, why: "nanoseconds since the start" },
  {
    pattern: /^Unstable clock detected, switching default tracing clock/,
    why: "follows from a failed measurement of the counter",
  },
  {
    pattern: /^(If you want to keep using the local clock|  "trace_clock=local"|on the kernel command line$)/,
    why: "the rest of that message",
  },
  { pattern: /^hrtimer: interrupt took /, why: "the host let the machine wait" },
  { pattern: /^audit: type=2000 audit\(/, why: "the date" },
  { pattern: /^rtc_cmos .*: setting system clock to /, why: "the date" },
];

/** Lines of activities that run beside the others: their content is fixed, their place is not. */
export const UNORDERED: readonly Rule[] = [
  { pattern: /^random: /, why: "the generator is ready when enough interrupts have come" },
  { pattern: /^Trying to unpack rootfs image as initramfs/, why: "a worker unpacks the initial RAM disk" },
  { pattern: /^Freeing initrd memory: /, why: "the same worker, when it is done" },
  { pattern: /^input: .*i8042/, why: "a thread looks for keyboards and mice" },
];

/** The boot image's own report differs between a patched and an unpatched boot by design. */
const BOOT_IMAGE = /^previrt: /;

/** Input devices are numbered in the order in which threads find them. */
const INPUT_NUMBER = /\/input\/input\d+$/;

/** `[    0.123456] `, also with a processor or task number, as printk writes it. */
const TIME_STAMP = /^\[ *\d+\.\d{6}\](\[ *[CT]\d+\])? ?/;

export interface NormalizedConsole {
  /** The kernel's and the guest's lines in order, then the unordered ones, sorted. Ends with a newline. */
  readonly text: string;
  /** Whether a line was left out or moved, for a reader who wants to know how much the comparison covers. */
  readonly measured: number;
  readonly unordered: number;
}

export function normalize(console: string): NormalizedConsole {
  const ordered: string[] = [];
  const unordered: string[] = [];
  let measured = 0;
  for (const raw of console.split(/\r*\n/)) {
    const line = raw.replace(TIME_STAMP, "").trimEnd();
    if (line === "" || BOOT_IMAGE.test(line)) continue;
    if (MEASURED.some(({ pattern }) => pattern.test(line))) measured += 1;
    else if (UNORDERED.some(({ pattern }) => pattern.test(line)))
      unordered.push(line.replace(INPUT_NUMBER, "/input/input#"));
    else ordered.push(line);
  }
  const text = `${[...ordered, "-- in any order:", ...unordered.toSorted()].join("\n")}\n`;
  return { text, measured, unordered: unordered.length };
}

/** The comparable text alone. */
export function normalizeConsole(console: string): string {
  return normalize(console).text;
}
