import { readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { type Machine, type MachineJob, type MachineRun, qemu, v86 } from "../src/machine/index.js";
import { assembleGuest, haveCompiler } from "./machine.fixture.js";

const compiler = haveCompiler();
const machines: { machine: Machine; reason: string }[] = [];
for (const machine of [v86, qemu]) {
  const there = await machine.available();
  machines.push({ machine, reason: there.ok ? (compiler ? "" : "gcc -m32 is missing") : there.error.message });
}

function job(code: string, change: Partial<MachineJob> = {}): MachineJob {
  return {
    loader: assembleGuest(code),
    module: new Uint8Array(8192).fill(0x5a),
    memoryMiB: 64,
    until: "never",
    timeoutSeconds: 30,
    ...change,
  };
}

async function runs(machine: Machine, todo: MachineJob): Promise<MachineRun> {
  const result = await machine.run(todo);
  if (!result.ok) throw new Error(`${result.error.code} ${result.error.message}`);
  return result.value;
}

for (const { machine, reason } of machines) {
  const title = reason === "" ? machine.name : `${machine.name} (skipped: ${reason})`;
  describe.skipIf(reason !== "")(title, () => {
    const hello = "mov $hello, %esi\n call say\n";

    test("shows the console, stops at the text, and lets the memory be read", async () => {
      let seen = "";
      const code = `movl $0xcafe0001, mark\n ${hello} 2: jmp 2b`;
      const todo = job(code, { until: /from the g\w+/, onConsole: (text) => (seen += text) });
      const run = await runs(machine, todo);
      expect(run).toMatchObject({ reached: true, reason: "reached", detail: "" });
      expect(run.console).toContain("hello from the guest");
      expect(run.console).toBe(seen);
      const words = new DataView((await run.readPhysical(0x100000, 16)).buffer);
      expect(words.getUint32(0, true)).toBe(0x1badb002);
      expect(words.getUint32(12, true)).toBe(0xcafe0001);
      await run.close();
      await run.close();
    });

    test("gives the image its one module, whole", async () => {
      // Multiboot information: EBX + 20 count, + 24 list of (start, end, ...).
      const code = `mov 24(%ebx), %eax\n mov (%eax), %ecx\n mov 4(%eax), %edx\n sub %ecx, %edx
        cmpl $1, 20(%ebx)\n jne 2f\n cmp $8192, %edx\n jne 2f\n cmpl $0x5a5a5a5a, 8188(%ecx)\n jne 2f\n ${hello}\n2: cli\n hlt`;
      const run = await runs(machine, job(code, { until: "hello" }));
      await run.close();
      expect(run.reason).toBe("reached");
    });

    test("notices a guest that halts for good", async () => {
      const run = await runs(machine, job(`${hello} 2: cli\n hlt\n jmp 2b`));
      await run.close();
      expect(run).toMatchObject({ reached: false, reason: "halted" });
      expect(run.console).toContain("hello from the guest");
      expect(run.seconds).toBeLessThan(20);
    });

    test("notices a guest that resets itself", async () => {
      // By the keyboard controller.
      const run = await runs(machine, job(`${hello} mov $0xfe, %al\n out %al, $0x64\n 2: jmp 2b`));
      await run.close();
      expect(run).toMatchObject({ reached: false, reason: "halted" });
    });

    test.skipIf(machine.name === "v86")("counts instructions, every one, the same number each time", async () => {
      const count = async (rounds: number): Promise<number> => {
        // With interrupts on and a timer that runs, as in a kernel, and the counter read as a guest would read it.
        const code = `mov $${rounds}, %ecx\n rdtsc\n mov %eax, %ebx\n 3: loop 3b\n rdtsc\n sub %ebx, %eax\n mov %eax, mark
          ${hello} mov $0xfe, %al\n out %al, $0x64\n 2: jmp 2b`;
        const run = await runs(machine, job(code, { until: "hello", counted: true }));
        const memory = await run.readPhysical(0x10000c, 4);
        await run.close();
        expect(run).toMatchObject({ reached: true, reason: "reached" });
        expect(new DataView(memory.buffer).getUint32(0, true)).toBe(rounds + 2);
        return run.instructions!;
      };
      const once = await count(100_000);
      expect(await count(100_000)).toBe(once);
      expect(await count(250_000)).toBe(once + 150_000);
    });

    test.skipIf(machine.name === "qemu")("refuses to make time of instructions where it cannot", async () => {
      expect(await machine.run(job(hello, { counted: true }))).toMatchObject({ ok: false, error: { code: "PV5001" } });
    });

    test("survives a guest that destroys its own descriptor tables", async () => {
      const run = await runs(
        machine,
        job(`pushl $0\n pushl $0\n lidt (%esp)\n lgdt (%esp)\n int3\n mov %ds, %ax\n mov %ax, %ds`, {
          timeoutSeconds: 3,
        }),
      );
      await run.close();
      expect(run.reached).toBe(false);
    });

    test("ends at its time limit", async () => {
      const run = await runs(machine, job("2: jmp 2b", { timeoutSeconds: 0.5 }));
      await run.close();
      expect(run.reason).toBe("timeout");
      expect(run.seconds).toBeLessThan(10);
    });

    test("ends when it is told to, also before it has begun", async () => {
      const now = await runs(machine, job("2: jmp 2b", { signal: AbortSignal.abort() }));
      await now.close();
      expect(now.reason).toBe("aborted");
      const soon = await runs(machine, job("2: jmp 2b", { signal: AbortSignal.timeout(300) }));
      await soon.close();
      expect(soon.reason).toBe("aborted");
    });

    test("loses no character of a guest that writes without a pause", async () => {
      const code = `mov $20000, %edi\n3: mov $hello, %esi\n call say\n dec %edi\n jnz 3b\n movb $'!', %al\n mov $0x3f8, %dx\n out %al, %dx\n2: jmp 2b`;
      const run = await runs(machine, job(code, { until: "!" }));
      await run.close();
      expect(run.console).toBe(`${"hello from the guest\r\n".repeat(20_000)}!`);
    });

    test("refuses what does not fit, and what is no image", async () => {
      const large = await machine.run(job(hello, { module: new Uint8Array(63 * 2 ** 20) }));
      expect(large).toMatchObject({ ok: false, error: { code: "PV5003" } });
      const garbage = await machine.run(job(hello, { loader: new Uint8Array(100) }));
      expect(garbage).toMatchObject({ ok: false, error: { code: "PV1006" } });
      const tiny = await machine.run(job(hello, { memoryMiB: 1 }));
      expect(tiny).toMatchObject({ ok: false, error: { code: "PV9001" } });
    });

    test("refuses to read outside the memory", async () => {
      const run = await runs(machine, job(`${hello} 2: jmp 2b`, { until: "hello" }));
      await expect(run.readPhysical(64 * 2 ** 20 - 4, 8)).rejects.toThrow(RangeError);
      await run.close();
    });
  });
}

describe.skipIf(machines[0]!.reason !== "")("v86", () => {
  test("counts instructions", async () => {
    const code = "mov $100000000, %ecx\n2: dec %ecx\n jnz 2b\n mov $hello, %esi\n call say\n3: jmp 3b";
    const run = await runs(v86, job(code, { until: "hello" }));
    await run.close();
    expect(run.instructions).toBeGreaterThan(200_000_000);
    expect(run.instructions).toBeLessThan(260_000_000);
  });
});

const qemuReason = machines[1]!.reason;
describe.skipIf(qemuReason !== "")(qemuReason === "" ? "qemu" : `qemu (skipped: ${qemuReason})`, () => {
  test("leaves no process and no file behind", async () => {
    const files = (): string[] => readdirSync(tmpdir()).filter((name) => /^previrt-[^g]/.test(name));
    const before = files();
    const run = await runs(qemu, job("2: jmp 2b", { timeoutSeconds: 0.3 }));
    expect(children()).toBe(1);
    expect(files().filter((name) => !before.includes(name))).toEqual([]);
    await run.readPhysical(0, 16);
    await run.close();
    expect(children()).toBe(0);
    expect(files().filter((name) => !before.includes(name))).toEqual([]);
  });

  test("says when it is not installed", async () => {
    const path = process.env["PATH"];
    process.env["PATH"] = "/nonexistent";
    try {
      expect(await qemu.available()).toMatchObject({ ok: false, error: { code: "PV5001" } });
    } finally {
      process.env["PATH"] = path;
    }
  });

  /** How many QEMUs are children of this process. */
  function children(): number {
    const parents = readdirSync("/proc").map((name) => {
      try {
        const stat = readFileSync(`/proc/${Number(name)}/stat`, "latin1");
        return /\(qemu-system[^)]*\) \S (\d+)/.exec(stat)?.[1];
      } catch {
        return undefined;
      }
    });
    return parents.filter((parent) => Number(parent) === process.pid).length;
  }
});
