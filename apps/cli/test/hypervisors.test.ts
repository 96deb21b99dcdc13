/**
 * docs/hypervisors.md, taken at its word: its files, its commands, a folder outside the workspace, and of the boot image's package nothing but
 * what is published.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { busyboxForTests, kernelForTests, makeInitrd } from "@pv/kernels";
import { machineNamed } from "../src/index.js";
import { Folder, MAIN, start, TINY, type Outcome } from "./cli.fixture.js";

const workspace = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const CHAPTER = readFileSync(workspace("docs/hypervisors.md"), "utf8");

/** Blocks that a line with a file's name and a colon comes before. */
const files = [...CHAPTER.matchAll(/^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$/gms)].map(([, name, text]) => ({
  name,
  text,
}));
const [commands] = [...CHAPTER.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text.trimEnd().split("\n"));

const debian = await kernelForTests("686");
const busybox = await busyboxForTests();
const machine = (await machineNamed("qemu").available()).ok ? "qemu" : "v86";

const folder = new Folder();

/** What an installation would put there. */
function install(): void {
  mkdirSync(folder.at("node_modules/.bin"), { recursive: true });
  mkdirSync(folder.at("node_modules/@pv"));
  for (const name of ["runtime-loader", "sensitive", "stubgen"])
    symlinkSync(workspace(`packages/${name}`), folder.at(`node_modules/@pv/${name}`));
  const source = workspace("apps/runtime-loader"),
    target = folder.at("node_modules/@pv/boot-image");
  const { bin, files: published } = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
  for (const path of ["package.json", ...published])
    cpSync(join(source, path), join(target, path), { recursive: true });
  for (const [name, path] of Object.entries<string>(bin))
    symlinkSync(join(target, path), folder.at(`node_modules/.bin/${name}`));
  // An installation makes it executable, a build does not.
  chmodSync(folder.file("node_modules/.bin/previrt", `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`), 0o755);
}

const environment = { ...process.env, npm_config_offline: "true", npm_config_update_notifier: "false" };

function sh(command: string): string {
  return execFileSync("sh", ["-c", command], { cwd: folder.path, env: environment, encoding: "utf8", stdio: "pipe" });
}

beforeAll(() => {
  install();
  for (const { name, text } of files) {
    mkdirSync(dirname(folder.at(name)), { recursive: true });
    folder.file(name, text);
  }
  cpSync(TINY, folder.at("vmlinuz"));
  for (const command of commands.slice(0, -1)) sh(command);
});

describe("the back end of the chapter", () => {
  test("is all in the text", () => {
    expect(files.map(({ name }) => basename(name))).toEqual(["layout.h", "entry.S", "monitor.c", "profile.mjs"]);
    expect(commands).toHaveLength(3);
  });

  /** The last command, with more arguments and perhaps another kernel. */
  const boot = (options: readonly string[], kernel = "vmlinuz"): Promise<Outcome> => {
    const [, args] = /^npx previrt (.*) vmlinuz$/.exec(commands.at(-1)!)!;
    return start([...args.split(" "), ...options, kernel], { cwd: folder.path }).ended;
  };

  test("boots a guest as the chapter says", () => {
    expect(JSON.parse(sh(`${commands.at(-1)} --format json`))).toMatchObject({ userland: true, hypervisor: "ring3" });
  });

  test.each<readonly string[][]>([[[]], [["--poison"]], [["--mode", "trap"]]])(
    "runs deprivileged to the guest's end, with options %j",
    async (options) => {
      const { code, stdout, stderr } = await boot([...options, "--until", "; stopped", "--format", "json"]);
      expect(code, stderr).toBe(0);
      expect(stderr).toContain("mini: the monitor starts");
      expect(stderr).toContain("tiny: userland reached");
      expect(stderr).not.toContain("the monitor faulted");
      const [, windows, roots, entries, timers] =
        /^mini: (\d+) windows, (\d+) page table roots, (\d+) entries into the guest, (\d+) timer/m
          .exec(stderr)!
          .map(Number) as [number, number, number, number, number];
      for (const count of [windows, roots, timers]) expect(count).toBeGreaterThan(0);
      const result = JSON.parse(stdout);
      // Every trap of the monitor's own count came out of an entry that the back end counted; a failed one is repeated.
      expect(result.traps.entries).toBeLessThanOrEqual(entries);
      expect(result.traps.entries).toBeGreaterThan(1000);
      // Its own stubs count CLI, and those of `ring3` count nothing.
      const stubs = options.includes("trap") ? [] : ["cli"];
      expect(Object.keys(result.executed.byKind)).toEqual(stubs);
    },
  );

  const reason = debian.reason ?? busybox.reason;
  test.skipIf(reason !== undefined)(
    `brings Debian's kernel to userland${reason === undefined ? "" : ` (skipped: ${reason})`}`,
    async () => {
      const initrd = folder.file("initrd", makeInitrd({ busybox: readFileSync(busybox.file!.path) }));
      const outcome = await boot(["--initrd", initrd, "--machine", machine, "--format", "json"], debian.file!.path);
      expect(outcome.code, outcome.stderr).toBe(0);
      const { traps, patched } = JSON.parse(outcome.stdout);
      expect(patched).toBeGreaterThan(1000);
      expect(traps.byKind.invlpg).toBeGreaterThan(1000);
    },
    300_000,
  );
});

test("the chapter names every operation of the contract, and no other", () => {
  const operations = (text: string): string[] => [...new Set(text.match(/\bbackend_\w+(?=\()/g))].toSorted();
  const header = readFileSync(workspace("apps/runtime-loader/src/frontend/backend.h"), "utf8");
  const table = CHAPTER.split("\n")
    .filter((line) => line.startsWith("| `"))
    .join("\n");
  expect(operations(table)).toEqual(operations(header));
  expect(operations(header)).toHaveLength(18);
});
