/**
 * `npm run bench [FLAVOUR...]`: how long the whole analysis of a kernel takes, and how much memory, against `objdump -d` on the same
 * ELF file in the same run. The ratio is what counts: the times are those of the machine that it runs on.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { diagnostic, InputError, openImage, unwrap } from "@pv/elf";
import type { Flavour } from "@pv/kernels";
import { table } from "previrt";
import { Exit, flavoursNamed, kernelOf, run } from "./command.js";
import { memoryTold, TELL_MEMORY } from "./memory.js";

/** Each program runs this often, in turns; the best time counts, for what disturbs only ever adds. */
const RUNS = 5;
const DEFAULT_FLAVOURS: readonly Flavour[] = ["686", "cloud-amd64"];
const CLI = fileURLToPath(new URL("../../../apps/cli/bin/main.js", import.meta.url));

interface Run {
  readonly seconds: number;
  readonly stderr: string;
}

function time(program: string, args: readonly string[]): Run {
  const start = performance.now();
  const { status, error, stderr } = spawnSync(program, args, { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  const seconds = (performance.now() - start) / 1000;
  if (error !== undefined)
    throw new InputError(
      diagnostic("PV5004", `${program} cannot be run: ${error.message}`, undefined, "Debian: apt install binutils."),
    );
  if (status !== 0 && status !== 4)
    throw new InputError(diagnostic("PV5004", `${program} ended with ${status}: ${stderr.slice(-500)}`));
  return { seconds, stderr };
}

async function benchmark(flavour: Flavour, folder: string): Promise<string[]> {
  const kernel = await kernelOf(flavour);
  const image = unwrap(await openImage(kernel.bytes));
  const elf = join(folder, `${flavour}.elf`);
  await writeFile(elf, image.elf.bytes);
  let ours = Infinity,
    theirs = Infinity,
    memory = 0;
  for (let i = 0; i < RUNS; i++) {
    theirs = Math.min(theirs, time("objdump", ["-d", elf]).seconds);
    const own = time(process.execPath, ["--import", TELL_MEMORY, CLI, "analyze", "--format", "json", elf]);
    ours = Math.min(ours, own.seconds);
    memory = Math.max(memory, memoryTold(own.stderr));
  }
  return [kernel.release, theirs.toFixed(2), ours.toFixed(2), (ours / theirs).toFixed(2), memory.toFixed(0)];
}

async function bench(names: readonly string[]): Promise<number> {
  const flavours = flavoursNamed(names, DEFAULT_FLAVOURS);
  const folder = await mkdtemp(join(tmpdir(), "previrt-bench-"));
  try {
    const rows = [["kernel", "objdump -d, s", "previrt analyze, s", "ratio", "memory, MiB"]];
    for (const flavour of flavours) rows.push(await benchmark(flavour, folder));
    process.stdout.write(`${table(rows)}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return Exit.done;
}

await run(bench);
