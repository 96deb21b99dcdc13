/** `previrt boot` from outside: results, consoles, guests that do not get there, and signals. Small guests, on v86. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CATALOGUE } from "@pv/sensitive";
import { visibleText } from "../src/index.js";
import { expectError, Folder, kernelOf, previrt, start, TINY, type Outcome } from "./cli.fixture.js";

const folder = new Folder();

/** Lines that write a text on COM1. */
const say = (text: string): string[] => [...text].map((c) => `mov $${c.charCodeAt(0)}, %al\n out %al, %dx`);

/** Says hello on COM1 and goes on as the lines say. Starts in 32-bit protected mode, flat segments, no stack. */
const guest = (name: string, ...behind: string[]): string =>
  folder.file(name, kernelOf([".text", "mov $0x3f8, %dx", ...say("hello"), ...behind].join("\n")));
const HALT = ["cli", "halt: hlt", "jmp halt"];
const HANG = guest("hang.elf", ...say("\n"), "hang: jmp hang");

function report({ code, stdout, stderr }: Outcome, exitCode = 0): any {
  expect(code, stderr).toBe(exitCode);
  return JSON.parse(stdout);
}

describe.concurrent("a boot", () => {
  test("prints a report of the stable shape, and the console on stderr only", async () => {
    const outcome = await previrt("boot", "--format", "json", TINY);
    const result = report(outcome);
    const count = expect.any(Number);
    expect(result).toEqual({
      schemaVersion: 1,
      userland: true,
      machine: "v86",
      hypervisor: "bare",
      poison: false,
      patched: count,
      trapped: 0,
      untouched: count,
      executed: { total: count, byKind: expect.any(Object) },
      instructions: count,
      seconds: count,
      end: { reason: "reached", detail: "" },
    });
    const kinds = new Set<string>(CATALOGUE.map(({ kind }) => kind));
    const executed = Object.entries<number>(result.executed.byKind);
    for (const [kind, times] of executed) {
      expect(kinds).toContain(kind);
      expect(Number.isInteger(times) && times > 0).toBe(true);
    }
    expect(executed.reduce((sum, [, times]) => sum + times, 0)).toBe(result.executed.total);
    for (const kind of ["cli", "sti", "pushf", "popf", "in", "out", "cpuid", "mov-to-cr"])
      expect(result.executed.byKind[kind], kind).toBeGreaterThan(0);
    expect(result.patched).toBeGreaterThan(100);
    const { summary } = JSON.parse((await previrt("analyze", "--format", "json", TINY)).stdout);
    expect(result.patched + result.untouched).toBe(summary.sites);
    expect(outcome.stderr).toContain("tiny: userland reached\nprevirt-guest: done\n");
    expect(outcome.stderr).not.toContain("tiny: FAIL");
    expect(outcome.stdout).not.toContain("tiny:");
  });

  test("takes what rewrite wrote, poisoned, with an initial RAM disk and a command line, and keeps the console", async () => {
    const kernel = folder.at("tiny.previrt"),
      log = folder.at("console.txt");
    await previrt("rewrite", "-o", kernel, TINY);
    const initrd = folder.file("initrd", "12345");
    const quiet = await previrt(
      "boot",
      "--no-console",
      "--poison",
      "--log",
      log,
      "--initrd",
      initrd,
      "--append",
      "one two",
      "--format",
      "json",
      kernel,
    );
    expect(quiet.stderr).toBe("");
    expect(report(quiet)).toMatchObject({ userland: true, poison: true });
    const console = readFileSync(log, "latin1");
    expect(console).toMatch(/^previrt: kernel \d+ bytes/);
    expect(console).toContain("tiny: command line: one two\n");
    expect(console).toContain("tiny: initrd 5 bytes");
    expect(console).toContain(" 0 failed\n");
  });

  test("starts a kernel unpatched for comparison, without looking at it", async () => {
    const result = report(await previrt("boot", "--unpatched", "--format", "json", "--no-console", TINY));
    expect(result).toMatchObject({
      userland: true,
      patched: 0,
      trapped: 0,
      untouched: 0,
      executed: { total: 0, byKind: {} },
    });
  });

  test.each(["trap", "full", "lean"])(
    "under a hypervisor, mode %s: nothing fails, and traps are counted",
    async (mode) => {
      const outcome = await previrt(
        "boot",
        "--hypervisor",
        "ring3",
        "--mode",
        mode,
        "--profile",
        "--format",
        "json",
        TINY,
      );
      const result = report(outcome);
      expect(outcome.stderr).not.toContain("tiny: FAIL");
      expect(result).toMatchObject({ userland: true, hypervisor: "ring3", mode });
      const { traps } = result;
      // PUSHF of a module reads the real flag where that is the guest's.
      expect(traps.modules).toEqual(
        mode === "trap" ? { rewritten: true, sites: 7, traps: 8 } : { rewritten: true, sites: 9, traps: 10 },
      );
      for (const kind of ["iret", "cpuid", "mov-to-cr", "out", "lgdt"])
        expect(traps.byKind[kind], kind).toBeGreaterThan(0);
      expect(traps.entries).toBeGreaterThan(traps.pageFaults + traps.hostInterrupts);
      const kinds = Object.values<number>(traps.byKind).reduce((sum, n) => sum + n, 0);
      const sites = traps.sites.reduce((sum: number, site: { traps: number }) => sum + site.traps, 0);
      expect(sites).toBeLessThanOrEqual(kinds);
      const { summary } = JSON.parse((await previrt("analyze", "--format", "json", TINY)).stdout);
      expect(result.patched + result.trapped + result.untouched).toBe(summary.sites);
      if (mode === "trap") expect(result).toMatchObject({ patched: 0, executed: { total: 0 } });
      else {
        for (const kind of ["cli", "sti", "pushf", "popf"])
          expect(result.executed.byKind[kind], kind).toBeGreaterThan(0);
      }
    },
  );

  test("modes belong to hypervisors", async () => {
    const { code, stderr } = await previrt("boot", "--mode", "lean", TINY);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("needs a hypervisor") });
    expect((await previrt("boot", "--hypervisor", "ring3", "--unpatched", TINY)).code).toBe(2);
  });

  test("prints it for people", async () => {
    const { code, stdout, stderr } = await previrt("boot", "--no-console", TINY);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      /^userland reached, on v86 under bare, in [\d.]+ s\nsites: \d+ patched, 0 trapped, \d+ untouched\nguest instructions: \d+\n\nexecuted in stubs/,
    );
    expect(stdout).toMatch(/^pushf +\d+ +[\d.]+ %$/m);
  });

  test("is over as soon as the console shows what it waits for", async () => {
    const result = report(await previrt("boot", "--until", "tiny: started", "--format", "json", TINY));
    expect(result.userland).toBe(true);
  });
});

describe.concurrent("a guest that does not get there", () => {
  const error = (reason: string, words: string): RegExp =>
    new RegExp(
      `\nerror PV5002 [^\n:]+: the console did not show "previrt-guest: done" \\(${reason}\\): [^\n]*${words}[^\n]*\n {2}[^\n]+\n$`,
    );

  test("hangs", async () => {
    const outcome = await previrt("boot", "--timeout", "1.5", "--format", "json", HANG);
    expect(report(outcome, 1)).toMatchObject({ userland: false, end: { reason: "timeout" } });
    expect(outcome.stderr).toMatch(error("timeout", 'its last words: "hello"'));
  });

  test("halts", async () => {
    const outcome = await previrt("boot", guest("halt.elf", ...say("\n"), ...HALT));
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringMatching(error("halted", "interrupts off")) });
    expect(outcome.stdout).toMatch(/^userland not reached \(halted\), on v86/);
  });

  test("crashes without a word of its own, and its last line is not complete", async () => {
    const outcome = await previrt("boot", "--append", "x", guest("crash.elf", "lidt 0", "crash: int3", "jmp crash"));
    expect(outcome).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/\nhello\nerror PV5002 .*"hello"\n {2}.*\n$/),
    });
  });

  test("pretends to be the loader, which is not believed", async () => {
    const outcome = await previrt("boot", guest("pretend.elf", ...say("\nprevirt: error PV4003 no\n"), ...HALT));
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringMatching(error("halted", "PV4003 no")) });
  });

  test("does not fit beside the loader, which says so itself", async () => {
    const kernel = folder.file("large.elf", kernelOf(".text\nhang: jmp hang\n.bss\n.space 40 << 20\n"));
    const outcome = await previrt("boot", "--memory", "48M", "--format", "json", kernel);
    expect(outcome).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(/\nerror PV5003 [^\n]+: the loader refuses: [^\n]+\n {2}[^\n]+\n$/),
    });
  });
});

describe.concurrent("a signal", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("%s ends a boot with %i", async (signal, code) => {
    const log = `${signal}.log`;
    const running = start(["boot", "--format", "json", "--log", folder.at(log), HANG]);
    await running.seen("hello\n");
    running.child.kill(signal);
    const outcome = await running.ended;
    expect(outcome).toMatchObject({ code, stdout: "", stderr: expect.stringMatching(/\nhello\ninterrupted\n$/) });
    expect(folder.names()).not.toContain(log);
  });

  test("SIGINT ends an analysis with 130 and leaves nothing behind", async () => {
    const own = new Folder();
    // Two million instructions keep it busy for seconds.
    const kernel = own.file("long.elf", kernelOf(".text\n.fill 2000000, 1, 0x90\nret\n"));
    const running = start(["rewrite", "-o", own.at("out.elf"), kernel]);
    setTimeout(() => running.child.kill("SIGINT"), 300);
    expect(await running.ended).toMatchObject({ code: 130, stdout: "" });
    expect(own.names()).toEqual(["long.elf"]);
  });
});

test("a guest's control characters do not reach the terminal", async () => {
  expect(visibleText("\u001b[2J\u0000\u007f\ta\r\n\u00e9").toString("latin1")).toBe("^[[2J^@^?\ta\r\n\u00e9");
  const log = folder.at("escape.log");
  const { stderr } = await previrt("boot", "--log", log, guest("escape.elf", ...say("\u001b\n"), ...HALT));
  expect(stderr).toContain("hello^[\n");
  expect(stderr).not.toContain("\u001b");
  expectError(
    { code: 1, stdout: "", stderr: stderr.slice(stderr.indexOf("error PV")) },
    "PV5002",
    1,
    /last words: "hello\^\["/,
  );
  expect(readFileSync(log, "latin1")).toContain("hello\u001b\n");
});
