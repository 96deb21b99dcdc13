import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Cache, defaultCacheDir } from "../src/cache.js";

let root: string;
let cache: Cache;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "previrt-cache-"));
  cache = new Cache(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const info = (version: string) => ({
  package: "linux-image-x",
  packageVersion: version,
  release: `r-${version}`,
  file: "vmlinuz",
});
const bytes = (text: string): Uint8Array => Buffer.from(text);

describe("Cache", () => {
  test("finds what was stored, and the newest of it", async () => {
    await cache.store("686", info("1:1.0-2"), bytes("old"));
    await sleep(5);
    await cache.store("686", info("0.9"), bytes("newer, of a lower version"));
    const found = await cache.find("686", "linux-image-x", "1:1.0-2");
    expect(await readFile(found!.path, "utf8")).toBe("old");
    expect(found).toMatchObject({ packageVersion: "1:1.0-2", release: "r-1:1.0-2" });
    expect(await cache.newest("686")).toMatchObject({ packageVersion: "0.9" });
    expect(await cache.newest("amd64")).toBeUndefined();
    expect(readdirSync(join(root, "tmp"))).toEqual([]);
  });

  test("a damaged item counts as absent and is replaced", async () => {
    const { path } = await cache.store("686", info("1"), bytes("complete"));
    truncateSync(path, 3);
    expect(await cache.find("686", "linux-image-x", "1")).toBeUndefined();
    expect(await cache.newest("686")).toBeUndefined();
    await cache.store("686", info("1"), bytes("complete"));
    expect(await readFile((await cache.find("686", "linux-image-x", "1"))!.path, "utf8")).toBe("complete");
  });

  test("many may store the same item at once", async () => {
    const stored = await Promise.all(
      Array.from({ length: 20 }, () => new Cache(root).store("686", info("1"), bytes("x".repeat(100_000)))),
    );
    expect(new Set(stored.map(({ path }) => path)).size).toBe(1);
    expect((await readFile(stored[0]!.path)).length).toBe(100_000);
    expect(readdirSync(join(root, "tmp"))).toEqual([]);
  });

  test("a lock lets one in at a time, and is taken over from the dead", async () => {
    let inside = 0;
    const work = async (): Promise<void> => {
      expect(++inside).toBe(1);
      await sleep(20);
      inside -= 1;
    };
    let waited = 0;
    await Promise.all([1, 2, 3].map(() => cache.withLock("686", work, () => (waited += 1))));
    expect(waited).toBe(2);
    expect(readdirSync(join(root, "locks"))).toEqual([]);
    mkdirSync(join(root, "locks", "686"));
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(join(root, "locks", "686"), longAgo, longAgo);
    await cache.withLock("686", work, () => undefined);
    expect(readdirSync(join(root, "locks"))).toEqual([]);
  });

  test("leaves nothing of failed work behind, and sweeps up what killed processes left", async () => {
    mkdirSync(join(root, "tmp", "1-dead"), { recursive: true });
    const longAgo = new Date(Date.now() - 48 * 3600 * 1000);
    utimesSync(join(root, "tmp", "1-dead"), longAgo, longAgo);
    const failing = cache.withFolder(async (folder) => {
      writeFileSync(join(folder, "half"), "half");
      throw new RangeError("no");
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(readdirSync(join(root, "tmp"))).toEqual([]);
  });

  test("an unreadable index is no index", async () => {
    expect(await cache.readIndex("i386")).toBeNull();
    await cache.writeIndex("i386", { a: 1 });
    expect(await cache.readIndex("i386")).toEqual({ a: 1 });
    writeFileSync(join(root, "index", "i386.json"), '{"a": ');
    expect(await cache.readIndex("i386")).toBeNull();
  });

  test("says what it cannot write", async () => {
    writeFileSync(join(root, "file"), "");
    const work = new Cache(join(root, "file", "below")).withFolder(async () => undefined);
    await expect(work).rejects.toThrow("PV5005");
  });
});

test("the cache is where the user keeps caches", () => {
  const before = process.env["XDG_CACHE_HOME"];
  process.env["XDG_CACHE_HOME"] = "/some/where";
  expect(defaultCacheDir()).toBe("/some/where/previrt");
  process.env["XDG_CACHE_HOME"] = "not/absolute";
  expect(defaultCacheDir()).toMatch(/\/\.cache\/previrt$/);
  if (before === undefined) delete process.env["XDG_CACHE_HOME"];
  else process.env["XDG_CACHE_HOME"] = before;
});
