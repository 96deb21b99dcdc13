/** A person at the guest's console: keys go in, answers come out, and the terminal is as before when it is over. */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { busyboxForTests, kernelForTests, makeInitrd, SHELL } from "@pv/kernels";
import { machineNamed } from "../src/index.js";
import { Folder, kernelOf, MAIN, start, TINY } from "./cli.fixture.js";

const folder = new Folder();
const debian = await kernelForTests("686");
const busybox = await busyboxForTests();
const qemuThere = (await machineNamed("qemu").available()).ok;
const reason = debian.reason ?? busybox.reason;
const LEAVE = "\u001d",
  INTERRUPT = "\u0003";
/** Behind it the shell has asked the terminal where the cursor is, and reads keys: before, it may throw them away. */
const PROMPT = "/ # \u001b[6n";

describe.skipIf(reason !== undefined)(
  `a shell in the guest${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const machines = ["v86", ...(qemuThere ? ["qemu"] : [])];
    const runs = machines.flatMap((machine) => ["bare", "ring3"].map((hypervisor) => [machine, hypervisor] as const));

    test.each(runs)("on %s under %s", { timeout: 300_000 }, async (machine, hypervisor) => {
      const initrd = folder.file("initrd", makeInitrd({ busybox: readFileSync(busybox.file!.path), script: SHELL }));
      const options = ["--interactive", "--machine", machine, "--hypervisor", hypervisor, "--initrd", initrd];
      const running = start(["boot", ...options, debian.file!.path], { stdio: ["pipe", "pipe", "pipe"] });
      const { stdin } = running.child;
      const type = async (keys: string, answer: string): Promise<void> => {
        stdin!.write(keys);
        await running.seen(answer);
      };
      await running.seen(PROMPT);
      await type("echo answer $((6 * 7))\n", `\nanswer 42\r\n${PROMPT}`);
      // By a program of its own: the terminal is its, and the signal reaches nobody else.
      await type("sh -c 'echo asleep; exec sleep 1000'\n", "\nasleep");
      await type(INTERRUPT, `^C\r\n${PROMPT}`);
      await type("tty\n", "\n/dev/ttyS0");
      stdin!.write(`never run${LEAVE}never sent`);
      const { code, stdout, stderr } = await running.ended;
      expect(code, stderr).toBe(0);
      expect(stderr).toContain("previrt-guest: userland reached");
      expect(stderr).not.toContain("never sent");
      expect(stdout).toMatch(new RegExp(`^console left, on ${machine} under ${hypervisor}`));
    });
  },
);

test("a guest that ends by itself ends the run", async () => {
  const { code, stdout, stderr } = await start(["boot", "--interactive", TINY], { stdio: ["pipe", "pipe", "pipe"] })
    .ended;
  expect({ code }, stderr).toEqual({ code: 0 });
  expect(stdout).toContain("(halted), on v86");
});

const haveScript = spawnSync("script", ["--version"]).status === 0;
describe.skipIf(!haveScript)(`on a terminal${haveScript ? "" : " (skipped: script(1) is not installed)"}`, () => {
  /** Writes on COM1 what it reads there, each byte plus one; says so at first. */
  const echo = folder.file(
    "echo.elf",
    kernelOf(`.text
      mov $0x3f8, %dx
      mov $'!', %al
      out %al, %dx
loop: mov $0x3fd, %dx
      in %dx, %al
      test $1, %al
      jz loop
      mov $0x3f8, %dx
      in %dx, %al
      inc %al
      out %al, %dx
      jmp loop`),
  );

  /** What a terminal shows: its modes, the run with the keys typed once the guest has said "!" and left behind Ctrl-C's answer, the exit code, its modes. */
  const onTerminal = (keys: string, options = ""): Promise<string> => {
    const command = `stty -g; ${process.execPath} ${MAIN} boot --append x ${options} ${echo}; echo code $?; stty -g`;
    const child = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
    let shown = "";
    return new Promise((resolve, reject) => {
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        const before = shown;
        shown += text;
        const appeared = (what: string): boolean => shown.includes(what) && !before.includes(what);
        if (appeared("!")) child.stdin.write(keys);
        if (appeared("\u0004")) child.stdin.write(LEAVE);
      });
      child.once("error", reject);
      child.once("close", () => resolve(shown.replaceAll("\r", "")));
    });
  };
  const MODES = "([0-9a-f:]+)";

  test("keys go to the guest one by one, Ctrl-C too, until Ctrl-] ends it", async () => {
    const shown = await onTerminal(`HAL${INTERRUPT}`);
    const [, before, after] = new RegExp(`^${MODES}\n[^]*!IBM\u0004[^]*console left[^]*\ncode 0\n${MODES}\n$`).exec(
      shown,
    )!;
    expect(after).toBe(before);
    expect(shown).toContain("This is the guest's console; Ctrl-] ends it.\n");
  });

  test("a run with a goal leaves the keys to the terminal", async () => {
    const shown = await onTerminal("", "--timeout 1");
    const [, before, after] = new RegExp(`^${MODES}\n[^]*\ncode 1\n${MODES}\n$`).exec(shown)!;
    expect(after).toBe(before);
    expect(shown).not.toContain("Ctrl-]");
  });
});
