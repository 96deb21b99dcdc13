/**
 * `npm run oracle [-- OPTION...]`: the analysis against slow and obviously right implementations, on random programs.
 *
 *     --programs N   programs for the path search       default 100000
 *     --groups N     groups of functions to run on v86  default 4000, half of each style
 *     --seed N       a whole number; what an earlier run printed repeats it
 *
 * The seed comes first, then one line a part; of a difference, a program that was shrunk as far as it goes, and exit code 1.
 */
import { parseArgs } from "node:util";
import fc from "fast-check";
import { diagnostic, InputError } from "@pv/elf";
import { formatDiagnostic } from "previrt";
import { compare, randomCase, report } from "./compare.js";
import { garble, shrink, textOf } from "./garbling.js";
import { randomGroup, type Style } from "./random-functions.js";

/** Groups in one guest: its boot is then a small part of the time, and its stubs fit into their area. */
const GROUPS_PER_GUEST = 400;
/** Between two lines of progress, milliseconds. */
const PROGRESS_INTERVAL = 200;

function options(): { programs: number; groups: number; seed: number } {
  const usage = (): never => {
    throw new InputError(
      diagnostic(
        "PV9001",
        "options are --programs N, --groups N and --seed N, with whole numbers from 0 to 4294967295",
      ),
    );
  };
  try {
    const { values } = parseArgs({
      options: { programs: { type: "string" }, groups: { type: "string" }, seed: { type: "string" } },
    });
    const number = (text: string | undefined, otherwise: number): number =>
      text === undefined ? otherwise : /^\d{1,10}$/.test(text) && Number(text) < 2 ** 32 ? Number(text) : usage();
    const seed = Math.floor(Math.random() * 2 ** 31);
    return {
      programs: number(values.programs, 100_000),
      groups: number(values.groups, 4000),
      seed: number(values.seed, seed),
    };
  } catch {
    return usage();
  }
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
let shown = 0;
/** On a terminal only, and not more often than anybody can read. */
function progress(line: string): void {
  if (!process.stderr.isTTY || performance.now() - shown < PROGRESS_INTERVAL) return;
  shown = performance.now();
  process.stderr.write(`\r\u001b[K${line}`);
}
function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
}
const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(0)} s`;

/** Whether the analysis agrees with the path search. */
function searchPaths(programs: number, seed: number): boolean {
  const start = performance.now();
  let run = 0,
    instructions = 0,
    points = 0;
  const agrees = fc.property(randomCase, (each) => {
    const comparison = compare(each);
    run++;
    instructions += comparison.program.instructions.count;
    points += comparison.points;
    progress(`path search: ${run} of ${programs} programs`);
    return comparison.differences.length === 0;
  });
  const { failed, counterexample, numShrinks } = fc.check(agrees, { numRuns: programs, seed });
  clearProgress();
  const found = failed ? "a difference" : "0 differences";
  say(
    `path search: ${run} programs, ${instructions} instructions, ${points} points compared, ${found}, ${seconds(start)}`,
  );
  if (!failed) return true;
  const [each] = counterexample!;
  say(`\nshrunk ${numShrinks} times:\n${report(each, compare(each))}`);
  return false;
}

/** Whether random functions compute the same with everything dead garbled. */
async function runGarbled(style: Style, groups: number, seed: number): Promise<boolean> {
  const start = performance.now();
  const total = { functions: 0, sites: 0, patched: 0, executed: 0, known: 0, differences: 0 };
  for (let first = 0; first < groups; first += GROUPS_PER_GUEST) {
    progress(`v86, ${style}: ${first} of ${groups} groups`);
    const batch = Array.from({ length: Math.min(GROUPS_PER_GUEST, groups - first) }, (_, g) =>
      randomGroup(seed + first + g, style),
    );
    const result = await garble(batch, style);
    for (const group of batch) total.functions += group.functions.length;
    for (const key of ["sites", "patched", "executed", "known"] as const) total[key] += result[key];
    total.differences += result.different.length + result.wrong.length;
    if (total.differences === 0) continue;
    clearProgress();
    for (const line of result.wrong) say(`known contents ${line}`);
    if (result.different.length === 0) break;
    const number = result.different[0]!;
    say(`group ${seed + first + number}, as few statements as still differ:\n${textOf(await shrink(batch[number]!))}`);
    break;
  }
  clearProgress();
  say(
    `v86, ${style}: ${groups} groups, ${total.functions} functions, ${total.patched} of ${total.sites} sites patched and executed ${total.executed} times, ${total.known} known contents compared, ${total.differences} differences, ${seconds(start)}`,
  );
  return total.differences === 0;
}

try {
  const { programs, groups, seed } = options();
  say(`seed ${seed}`);
  const agreed = [
    programs === 0 || searchPaths(programs, seed),
    groups === 0 || (await runGarbled("visible", Math.ceil(groups / 2), seed)),
    groups < 2 || (await runGarbled("convention", Math.floor(groups / 2), seed)),
  ];
  process.exitCode = agreed.every(Boolean) ? 0 : 1;
} catch (error) {
  clearProgress();
  if (!(error instanceof InputError)) throw error;
  process.stderr.write(`${formatDiagnostic(error.diagnostic)}\n`);
  process.exitCode = error.diagnostic.code === "PV9001" ? 2 : 3;
}
