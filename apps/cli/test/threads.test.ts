/** The analysis on one thread and on two: equal bytes on both streams, for kernels and for what is none. */
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { kernelForTests } from "@pv/kernels";
import { Folder, kernelOf, start, TINY, type Outcome } from "./cli.fixture.js";

const folder = new Folder();
const debian = await kernelForTests("686");

function analyzed(path: string, threads: number): Promise<Outcome> {
  return start(["analyze", "--format", "json", "--sites", path], {
    env: { ...process.env, CI: "1", PREVIRT_WORKERS: `${threads}` },
  }).ended;
}

async function sameOnBoth(path: string): Promise<Outcome> {
  const [one, two] = await Promise.all([analyzed(path, 1), analyzed(path, 2)]);
  expect(two).toEqual(one);
  return one;
}

describe("one thread or two", () => {
  test("the second thread is there if it is wanted", () => {
    const second = new URL("../dist/threads/second.js", import.meta.url).href;
    const script = `import { prepareThread, takeThread } from "${second}"; prepareThread();
const thread = takeThread(); process.stdout.write(thread === undefined ? "one" : "two"); await thread?.terminate();`;
    const threads = (wanted: string): string =>
      spawnSync(process.execPath, ["--input-type=module", "-e", script], {
        env: { ...process.env, PREVIRT_WORKERS: wanted },
        encoding: "utf8",
      }).stdout;
    expect([threads("1"), threads("2"), threads("9")]).toEqual(["one", "two", "two"]);
  });

  test("a small guest", async () => {
    const { code, stdout } = await sameOnBoth(TINY);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).summary.sites).toBeGreaterThan(0);
  });

  test("an image without code is refused in the same words", async () => {
    const { code, stderr } = await sameOnBoth(folder.file("data.elf", kernelOf(".data\n.long 1\n")));
    expect(code).toBe(3);
    expect(stderr).toContain("PV3001");
  });

  const skipped = debian.reason === undefined ? "" : ` (skipped: ${debian.reason})`;
  test.skipIf(debian.file === undefined)(`Debian's 686 kernel${skipped}`, async () => {
    const { code, stdout } = await sameOnBoth(debian.file!.path);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).summary.sites).toBeGreaterThan(4000);
  });
});
