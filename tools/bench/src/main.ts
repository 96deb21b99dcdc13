/**
 * `npm run bench [FLAVOUR...]`: how long the whole analysis of a kernel takes, and how much memory, against `objdump -d` on the same
 * ELF file in the same run. The ratio is what counts: the times are those of the machine that it runs on.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { diagnostic, InputError, openImage, unwrap } from "@pv/elf";
import { fetchKernel, FLAVOURS, type Flavour } from "@pv/kernels";
import { formatDiagnostic, table } from "previrt";

/** Each program runs this often, in turns; the best time counts, for what disturbs only ever adds. */
const RUNS = 5;
const DEFAULT_FLAVOURS: readonly Flavour[] = ["686", "cloud-amd64"];
const CLI = fileURLToPath(new URL("../../../apps/cli/dist/main.js", import.meta.url));
/** Makes a Node program tell its highest resident set, KiB, at its end. */
const TELL_MEMORY = `data:text/javascript,process.on("exit",()=>process.stderr.write("maxRSS="+process.resourceUsage().maxRSS+"\\n"))`;

interface Run {
  readonly seconds: number;
  readonly stderr: string;
}

function run(program: string, args: readonly string[]): Run {
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
  const kernel = unwrap(await fetchKernel(flavour, { onProgress: (line) => void process.stderr.write(`${line}\n`) }));
  const image = unwrap(await openImage(await readFile(kernel.path)));
  const elf = join(folder, `${flavour}.elf`);
  await writeFile(elf, image.elf.bytes);
  let ours = Infinity,
    theirs = Infinity,
    memory = 0;
  for (let i = 0; i < RUNS; i++) {
    theirs = Math.min(theirs, run("objdump", ["-d", elf]).seconds);
    const own = run(process.execPath, ["--import", TELL_MEMORY, CLI, "analyze", "--format", "json", elf]);
    ours = Math.min(ours, own.seconds);
    memory = Math.max(memory, Number(/maxRSS=(\d+)/.exec(own.stderr)?.[1] ?? Number.NaN) / 1024);
  }
  return [kernel.release, theirs.toFixed(2), ours.toFixed(2), (ours / theirs).toFixed(2), memory.toFixed(0)];
}

async function main(): Promise<void> {
  const names = process.argv.slice(2);
  const flavours = names.length === 0 ? DEFAULT_FLAVOURS : names.map((name) => flavourNamed(name));
  const folder = await mkdtemp(join(tmpdir(), "previrt-bench-"));
  try {
    const rows = [["kernel", "objdump -d, s", "previrt analyze, s", "ratio", "memory, MiB"]];
    for (const flavour of flavours) rows.push(await benchmark(flavour, folder));
    process.stdout.write(`${table(rows)}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function flavourNamed(name: string): Flavour {
  const flavour = FLAVOURS.find((candidate) => candidate === name);
  if (flavour === undefined)
    throw new InputError(diagnostic("PV9001", `no flavour "${name}"; there are ${FLAVOURS.join(", ")}`));
  return flavour;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  process.stderr.write(`${formatDiagnostic(error.diagnostic)}\n`);
  process.exitCode = error.diagnostic.code === "PV9001" ? 2 : 3;
}
