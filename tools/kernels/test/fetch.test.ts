/**
 * Fetching, end to end through the real apt, from a package source made here: a folder with tiny packages in it. The
 * last tests use the machine's own sources; they are skipped by name where those cannot be reached.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type Fetched, busyboxForTests, fetchBusybox, fetchKernel, kernelForTests } from "../src/index.js";

const folder = mkdtempSync(join(tmpdir(), "previrt-apt-"));
const repository = join(folder, "repository");
const environment = { ...process.env };
let cacheDir: string;

const tools = ["apt-get", "dpkg-deb"].filter((tool) => {
  try {
    execFileSync(tool, ["--version"], { stdio: "ignore" });
    return false;
  } catch {
    return true;
  }
});
const reason = tools.length === 0 ? "" : ` (skipped: ${tools.join(", ")} missing)`;

/** Makes the source offer these packages, and only them. */
function publish(
  ...packages: { name: string; version: string; depends?: string; files?: Record<string, string> }[]
): void {
  rmSync(repository, { recursive: true, force: true });
  mkdirSync(repository, { recursive: true });
  let index = "";
  for (const { name, version, depends, files = {} } of packages) {
    const tree = join(folder, "tree");
    rmSync(tree, { recursive: true, force: true });
    mkdirSync(join(tree, "DEBIAN"), { recursive: true });
    const dependency = depends === undefined ? "" : `Depends: ${depends}\n`;
    const control = `Package: ${name}\nVersion: ${version}\nArchitecture: i386\nMaintainer: nobody <nobody@localhost>\n${dependency}Description: test\n`;
    writeFileSync(join(tree, "DEBIAN", "control"), control);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(tree, path, ".."), { recursive: true });
      writeFileSync(join(tree, path), text);
    }
    const file = `${name}.deb`;
    execFileSync("dpkg-deb", ["--root-owner-group", "-b", tree, join(repository, file)], { stdio: "ignore" });
    const size = readFileSync(join(repository, file)).length;
    const hash = execFileSync("sha256sum", [join(repository, file)], { encoding: "utf8" }).split(" ")[0];
    index += `${control}Filename: ./${file}\nSize: ${size}\nSHA256: ${hash}\n\n`;
  }
  writeFileSync(join(repository, "Packages"), index);
}

/** Points apt, and only the apt of this process, at a source. */
function useSource(line: string): void {
  writeFileSync(join(folder, "sources.list"), `${line}\n`);
  writeFileSync(
    join(folder, "apt.conf"),
    `Dir::Etc::sourcelist "${join(folder, "sources.list")}";\nDir::Etc::sourceparts "/dev/null";\n`,
  );
  process.env["APT_CONFIG"] = join(folder, "apt.conf");
}

const kernel = (version: string) => [
  { name: "linux-image-686", version, depends: `linux-image-${version}-686 (= ${version})` },
  {
    name: `linux-image-${version}-686`,
    version,
    files: { "boot/config": "config", [`boot/vmlinuz-${version}-686`]: `kernel ${version}` },
  },
];

async function fetched(
  work: Promise<{ ok: true; value: Fetched } | { ok: false; error: { code: string; message: string } }>,
): Promise<Fetched> {
  const result = await work;
  if (!result.ok) throw new Error(`${result.error.code} ${result.error.message}`);
  return result.value;
}

beforeEach(() => {
  process.env = { ...environment };
  delete process.env["PREVIRT_OFFLINE"];
  cacheDir = mkdtempSync(join(folder, "cache-"));
  useSource(`deb [trusted=yes] copy:${repository} ./`);
});
afterAll(() => {
  process.env = environment;
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(reason !== "")(`fetching from a source of our own${reason}`, () => {
  test("follows the meta-package, keeps the file, and asks no more", async () => {
    publish(...kernel("6.1.0"));
    const steps: string[] = [];
    const first = await fetched(fetchKernel("686", { cacheDir, onProgress: (step) => steps.push(step) }));
    expect(first).toMatchObject({ package: "linux-image-6.1.0-686", packageVersion: "6.1.0", release: "6.1.0-686" });
    expect(first.warning).toBeUndefined();
    expect(readFileSync(first.path, "utf8")).toBe("kernel 6.1.0");
    expect(steps).toHaveLength(3);

    publish(...kernel("6.1.1"));
    const again = await fetched(fetchKernel("686", { cacheDir, onProgress: (step) => steps.push(step) }));
    expect(again).toEqual(first);
    expect(steps).toHaveLength(3);
    expect(readdirSync(join(cacheDir, "tmp"))).toEqual([]);
    expect(readdirSync(join(cacheDir, "locks"))).toEqual([]);
  });

  test("asks again after a week", async () => {
    publish(...kernel("6.1.0"));
    await fetched(fetchKernel("686", { cacheDir }));
    publish(...kernel("6.1.1"));
    age(8 * 24);
    expect((await fetched(fetchKernel("686", { cacheDir }))).release).toBe("6.1.1-686");
  });

  test("asks again when the source no longer has what it offered", async () => {
    publish(...kernel("6.1.0"));
    await fetched(fetchKernel("686", { cacheDir }));
    rmSync(join(cacheDir, "items"), { recursive: true });
    publish(...kernel("6.1.1"));
    expect((await fetched(fetchKernel("686", { cacheDir }))).release).toBe("6.1.1-686");
  });

  test("several at once fetch once", async () => {
    publish(...kernel("6.1.0"), { name: "busybox-static", version: "1:1.35", files: { "bin/busybox": "a shell" } });
    const steps: string[] = [];
    const onProgress = (step: string): unknown => steps.push(step);
    const all = await Promise.all(
      [1, 2, 3, 4]
        .map(() => fetched(fetchKernel("686", { cacheDir, onProgress })))
        .concat(fetched(fetchBusybox({ cacheDir }))),
    );
    expect(new Set(all.map(({ path }) => path)).size).toBe(2);
    expect(readFileSync(all[4]!.path, "utf8")).toBe("a shell");
    expect(all[4]).toMatchObject({ packageVersion: "1:1.35", release: "1:1.35" });
    expect(steps.filter((step) => step.startsWith("downloading"))).toHaveLength(1);
  });

  test("without the source, the newest cached one with a warning, or PV5006", async () => {
    publish(...kernel("6.1.0"));
    const first = await fetched(fetchKernel("686", { cacheDir }));
    useSource("deb [trusted=yes] http://127.0.0.1:9/debian stable main");
    age(8 * 24);
    const { warning, ...rest } = await fetched(fetchKernel("686", { cacheDir }));
    expect(rest).toEqual(first);
    expect(warning).toMatchObject({ code: "PV5006" });
    expect(await fetchKernel("686-pae", { cacheDir })).toMatchObject({ ok: false, error: { code: "PV5006" } });
    expect(await kernelForTests("686-pae", { cacheDir })).toMatchObject({
      reason: expect.stringMatching(/^PV5006 linux-image-686-pae is not in the cache/),
    });
  });

  test("offline, the cached one or PV5006, and nothing is started", async () => {
    publish(...kernel("6.1.0"));
    expect(await fetchKernel("686", { cacheDir, offline: true })).toMatchObject({
      ok: false,
      error: { code: "PV5006" },
    });
    const first = await fetched(fetchKernel("686", { cacheDir }));
    process.env["PATH"] = "/nonexistent";
    process.env["PREVIRT_OFFLINE"] = "1";
    expect(await fetched(fetchKernel("686", { cacheDir }))).toMatchObject({ path: first.path });
  });

  test("names the tool that is missing", async () => {
    process.env["PATH"] = "/nonexistent";
    const result = await fetchKernel("686", { cacheDir });
    expect(result).toMatchObject({ ok: false, error: { code: "PV5004", message: expect.stringContaining("apt-get") } });
  });

  test("a package without a kernel, or damaged on its way, is refused and not kept", async () => {
    publish(kernel("6.1.0")[0]!, {
      name: "linux-image-6.1.0-686",
      version: "6.1.0",
      files: { "boot/config": "config" },
    });
    expect(await fetchKernel("686", { cacheDir })).toMatchObject({ ok: false, error: { code: "PV1001" } });
    const deb = join(repository, "linux-image-6.1.0-686.deb");
    writeFileSync(deb, readFileSync(deb).fill(0, 100));
    expect(await fetchKernel("686", { cacheDir })).toMatchObject({ ok: false, error: { code: "PV5006" } });
    expect(readdirSync(cacheDir)).not.toContain("items");
  });

  /** Makes everything in the cache's index this many hours older. */
  function age(hours: number): void {
    const path = join(cacheDir, "index", "i386.json");
    const index = JSON.parse(readFileSync(path, "utf8")) as { answered: number; asked: number };
    const by = hours * 3600 * 1000;
    writeFileSync(path, JSON.stringify({ ...index, answered: index.answered - by, asked: index.asked - by }));
  }
});

const kernel686 = await kernelForTests("686");
const shell = await busyboxForTests();
const title = (found: { reason?: string | undefined }): string =>
  found.reason === undefined ? "" : ` (skipped: ${found.reason})`;

test.skipIf(kernel686.file === undefined)(`Debian's 686 kernel is a bzImage${title(kernel686)}`, async () => {
  const bytes = readFileSync(kernel686.file!.path);
  expect(bytes.toString("latin1", 0x202, 0x206)).toBe("HdrS");
  expect(bytes.includes(kernel686.file!.release)).toBe(true);
});

test.skipIf(shell.file === undefined)(`Debian's static busybox is an i386 program${title(shell)}`, () => {
  const bytes = readFileSync(shell.file!.path);
  expect([bytes.readUInt32BE(0), bytes.readUInt16LE(18)]).toEqual([0x7f454c46, 3]);
});
