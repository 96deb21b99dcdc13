/**
 * `npm run figures [FLAVOUR...]`: what the analysis finds in each Debian flavour, one column per kernel: sites and plans, the
 * share of registers that need not be saved (with and without assumptions), flags, known contents, time and memory.
 *
 * Each analysis is a process of its own, as users start it, so that time and memory are those of one kernel.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { fail } from "@pv/elf";
import { FLAVOURS, type Flavour } from "@pv/kernels";
import { percent, table, type AnalysisModel, type Summary } from "previrt";
import { Exit, flavoursNamed, kernelOf, orLeftOut, run, say } from "./command.js";
import { memoryTold, TELL_MEMORY } from "./memory.js";

const CLI = fileURLToPath(new URL("../../../apps/cli/dist/main.js", import.meta.url));
/** The JSON of a kernel has some megabytes. */
const OUTPUT_LIMIT = 256 * 2 ** 20;

interface Measured {
  readonly model: AnalysisModel;
  readonly seconds: number;
  /** MiB. */
  readonly memory: number;
}

interface Column extends Measured {
  readonly release: string;
  /** With `--assume none`. */
  readonly unassuming: Summary;
}

function analyze(path: string, ...more: string[]): Measured {
  const args = ["--import", TELL_MEMORY, CLI, "analyze", "--format", "json", ...more, path];
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: OUTPUT_LIMIT });
  const seconds = (performance.now() - start) / 1000;
  // 4: the kernel has a table that could not be read, which the figures tell.
  if (status !== 0 && status !== 4) fail("PV5004", `analyze ended with ${status}: ${stderr.slice(-500)}`);
  return { model: JSON.parse(stdout) as AnalysisModel, seconds, memory: memoryTold(stderr) };
}

async function columnOf(flavour: Flavour): Promise<Column> {
  const { path, release } = await kernelOf(flavour);
  say(`analysing ${release}`);
  const measured = analyze(path);
  return { release, ...measured, unassuming: analyze(path, "--assume", "none").model.summary };
}

const share = (part: number, whole: number): string => (whole === 0 ? "-" : percent(part / whole));

type Row = readonly [name: string, cell: (column: Column) => string];

const rowsFor = (columns: readonly Column[]): Row[] => {
  const kinds = (pick: (summary: Summary) => Readonly<Record<string, number>>): string[] => {
    const totals = new Map<string, number>();
    for (const { model } of columns)
      for (const [name, n] of Object.entries(pick(model.summary))) totals.set(name, (totals.get(name) ?? 0) + n);
    return [...totals].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([name]) => name);
  };
  const count = (pick: (summary: Summary) => Readonly<Record<string, number>>, name: string): Row[1] => {
    return ({ model }) => `${pick(model.summary)[name] ?? 0}`;
  };
  const tactics = (summary: Summary): Summary["byTactic"] => summary.byTactic;
  const reasons = (summary: Summary): Summary["byReason"] => summary.byReason;
  const known = (what: keyof Summary["known"]): Row[1] => {
    return ({ model }) => {
      const { sites, known: n } = model.summary.known[what];
      return `${n}/${sites} ${share(n, sites)}`;
    };
  };
  return [
    ["sites", ({ model }) => `${model.summary.sites}`],
    ["planned", ({ model: { summary } }) => `${summary.sites - (summary.byTactic["in-place"] ?? 0)}`],
    ...kinds(tactics).map((name): Row => [`  ${name}`, count(tactics, name)]),
    ["left in place for", () => ""],
    ...kinds(reasons).map((name): Row => [`  ${name}`, count(reasons, name)]),
    ["registers at stake", ({ model }) => `${model.summary.registers.atStake}`],
    ["to be preserved", ({ model }) => `${model.summary.registers.preserved}`],
    ["fewer", ({ model }) => percent(model.summary.registers.reduction)],
    ["fewer, --assume none", ({ unassuming }) => percent(unassuming.registers.reduction)],
    ["flags dead", ({ model: { summary } }) => share(summary.flags.sites - summary.flags.live, summary.flags.sites)],
    ["ports known", known("ports")],
    ["MSRs known", known("msrs")],
    ["CPUID leaves known", known("leaves")],
    ["tables not read", ({ model }) => `${model.problems.length}`],
    ["analysis, s", ({ seconds }) => seconds.toFixed(2)],
    ["memory, MiB", ({ memory }) => memory.toFixed(0)],
  ];
};

async function figures(names: readonly string[]): Promise<number> {
  const flavours = flavoursNamed(names, FLAVOURS);
  const columns: Column[] = [];
  for (const flavour of flavours) {
    const column = await orLeftOut(flavour, () => columnOf(flavour));
    if (column !== undefined) columns.push(column);
  }
  if (columns.length === 0) return Exit.degraded;
  const rows = rowsFor(columns).map(([name, cell]) => [name, ...columns.map(cell)]);
  process.stdout.write(`${table([["", ...columns.map(({ release }) => release)], ...rows])}\n`);
  return columns.length < flavours.length ? Exit.degraded : Exit.done;
}

await run(figures);
