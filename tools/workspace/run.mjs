/**
 * `npm run demo` and `npm test` on a machine that has Node 20, npm and gcc, and nothing else: brings pnpm, installs what
 * the lockfile names, builds, and then runs the demonstration or the tests. Every step that is up to date takes about a
 * second. It uses no package, because it is what installs them.
 *
 * Ends with the exit code of the step that failed. Further arguments go to the demonstration or to the test runner.
 */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, statfsSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const environment = {
  ...process.env,
  TURBO_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
  npm_config_update_notifier: "false",
  npm_config_fund: "false",
};

/** Less free space than this after a failed step means that the disk is full, bytes. */
const NEARLY_NOTHING = 16 * 2 ** 20;

/** @typedef {{ name: string, command: string[], quiet?: boolean }} Step */

/** pnpm of the version that package.json names, without installing it anywhere but in npm's cache. */
const pnpm = (/** @type {string[]} */ ...args) => [
  "npm",
  "exec",
  "--yes",
  "--loglevel=error",
  manifest.packageManager,
  "--",
  ...args,
];

/** @type {Step[]} */
const setUp = [
  {
    name: "install",
    command: pnpm("install", "--frozen-lockfile", "--prefer-offline", "--config.confirmModulesPurge=false"),
    quiet: true,
  },
  { name: "build", command: pnpm("exec", "turbo", "run", "build", "--output-logs=errors-only"), quiet: true },
];

const measurement = (/** @type {string} */ name, /** @type {string} */ program, /** @type {string[]} */ args) => ({
  name,
  command: [process.execPath, join("tools", "bench", "dist", `${program}.js`), ...args],
});

/** @type {Record<string, (args: string[]) => Step>} */
const goals = {
  demo: (args) => ({ name: "demo", command: [process.execPath, join("tools", "demo", "dist", "main.js"), ...args] }),
  bench: (args) => measurement("bench", "bench", args),
  figures: (args) => measurement("figures", "figures", args),
  kernels: (args) => measurement("kernels", "matrix", args),
  microbench: (args) => measurement("microbench", "microbench", args),
  oracle: (args) => ({
    name: "oracle",
    command: [process.execPath, join("tools", "oracle", "dist", "main.js"), ...args],
  }),
  test: (args) => ({
    name: "test",
    command: [process.execPath, join("node_modules", "vitest", "vitest.mjs"), "run", ...args],
  }),
};

function fail(/** @type {string} */ sentence, code = 1) {
  process.stderr.write(`run: ${sentence}\n`);
  process.exit(code);
}

function checkTools() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Node 20.19 or newer is needed, this is ${process.versions.node}.`);
  }
  const compile = ["-m32", "-ffreestanding", "-x", "c", "-c", "-", "-o", "/dev/null"];
  const gcc = spawnSync("gcc", compile, { input: "int x;\n", encoding: "utf8" });
  const purpose = "is needed for the guest-side boot image";
  if (gcc.error !== undefined) fail(`gcc ${purpose}, and is not installed (Debian: apt install gcc).`);
  if (gcc.status !== 0) fail(`A gcc for 32-bit x86 code ${purpose}: ${gcc.stderr.trim().split("\n")[0]}`);
}

/** Runs a step; the exit code, and whether it said that the disk is full. */
function run(/** @type {Step} */ { command, quiet }) {
  return new Promise((resolve) => {
    const [program, ...args] = command;
    // The tests and the demonstration get the terminal itself; what the set-up says goes to stderr, and only if it matters.
    const child = spawn(program, args, {
      cwd: root,
      env: environment,
      stdio: quiet ? ["ignore", "pipe", "pipe"] : "inherit",
    });
    let said = "";
    const hear = (/** @type {Buffer} */ text) => (said = (said + text.toString()).slice(-(2 ** 20)));
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    const forward = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
    // From a terminal an interrupt reaches the child as well: wait for its end, so that nothing outlives this process.
    const wait = () => undefined;
    process.on("SIGTERM", forward).on("SIGINT", wait);
    child.once("error", (error) => resolve({ code: 127, full: false, said: error.message }));
    child.once("close", (code, signal) => {
      process.off("SIGTERM", forward).off("SIGINT", wait);
      // pnpm wraps its lines, with a bar at the start of each.
      const full = /ENOSPC|os error 28|no[\s│]+space[\s│]+left/i.test(said);
      resolve({ code: code ?? (signal === "SIGINT" ? 130 : 143), full, said });
    });
  });
}

/** The folders that a step writes to and whose disk is full now. */
function fullDisks() {
  return [root, homedir(), tmpdir()].filter((folder) => {
    try {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize < NEARLY_NOTHING;
    } catch {
      return false;
    }
  });
}

async function main() {
  const [goal, ...args] = process.argv.slice(2);
  if (goals[goal] === undefined)
    fail(`usage: node tools/workspace/run.mjs ${Object.keys(goals).join("|")} [argument ...]`, 2);
  checkTools();
  for (const step of [...setUp, goals[goal](args)]) {
    const started = performance.now();
    const { code, full, said } = await run(step);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (code === 0) {
      process.stderr.write(`run: ${step.name} took ${seconds} s\n`);
      continue;
    }
    process.stderr.write(said);
    const disks = fullDisks();
    if (full || disks.length > 0)
      fail(
        `${step.name} failed: no space left on the disk that holds ${disks[0] ?? root}. Free some, and run it again.`,
        code,
      );
    fail(`${step.name} failed with exit code ${code} after ${seconds} s.`, code);
  }
}

await main();
