/**
 * The cache on disk, shared by every process of a user.
 *
 *   index/ARCHITECTURE.json      what the package sources offered, and when they were asked
 *   items/NAME/VERSION/          one fetched file and its info.json; VERSION is the package and its version
 *   tmp/PID-RANDOM/              work in progress
 *   locks/NAME/                  who is fetching what
 *
 * Invariant: whatever is under `index` and `items` is complete, because it was written under `tmp` and renamed. So a
 * process may be killed at any time, and two may fetch the same thing. Locks only save the second one the work:
 * nothing depends on them for correctness.
 */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdir, readFile, readdir, rename, rm, rmdir, stat, utimes, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { InputError, diagnostic, fail } from "@pv/elf";
import { killTools } from "./process.js";

/** A file in the cache. */
export interface CachedFile {
  /** Absolute path of the file. */
  readonly path: string;
  /** Debian package and its version. */
  readonly package: string;
  readonly packageVersion: string;
  /** What follows `vmlinuz-` in the package; the package version for anything else. */
  readonly release: string;
}

interface Info {
  readonly package: string;
  readonly packageVersion: string;
  readonly release: string;
  readonly file: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly fetched: number;
}

/** Work that is older than this was left behind by a killed process, milliseconds. */
const ABANDONED = 24 * 3600 * 1000;
/** A lock's holder touches it this often; one not touched for the longer time is free. Milliseconds. */
const LOCK_TOUCH = 5_000;
const LOCK_STALE = 20_000;
const LOCK_POLL = 200;

/** `$XDG_CACHE_HOME/previrt`, or `~/.cache/previrt`. */
export function defaultCacheDir(): string {
  const configured = process.env["XDG_CACHE_HOME"];
  return join(configured !== undefined && isAbsolute(configured) ? configured : join(homedir(), ".cache"), "previrt");
}

export class Cache {
  constructor(readonly root: string) {}

  /** The newest file of an item, by the time it was fetched. */
  async newest(item: string): Promise<CachedFile | undefined> {
    let best: { file: CachedFile; fetched: number } | undefined;
    const versions = await readdir(join(this.root, "items", item)).catch(() => []);
    for (const version of versions.toSorted()) {
      const found = await this.#read(join(this.root, "items", item, version));
      if (found !== undefined && (best === undefined || found.fetched > best.fetched)) best = found;
    }
    return best?.file;
  }

  async find(item: string, name: string, version: string): Promise<CachedFile | undefined> {
    return (await this.#read(this.#itemFolder(item, name, version)))?.file;
  }

  /** Puts a file in its place; the one that is there already wins. */
  async store(item: string, info: Omit<Info, "size" | "fetched">, bytes: Uint8Array): Promise<CachedFile> {
    const target = this.#itemFolder(item, info.package, info.packageVersion);
    return this.withFolder(async (folder) => {
      const made = join(folder, "item");
      await mkdir(made);
      await writeFile(join(made, info.file), bytes);
      await writeFile(join(made, "info.json"), JSON.stringify({ ...info, size: bytes.length, fetched: Date.now() }));
      await mkdir(join(this.root, "items", item), { recursive: true });
      await rename(made, target).catch(async (error: Error) => {
        if ((await this.#read(target)) !== undefined) return;
        // Something damaged is in the way, unless the rename failed for another reason: then it fails again.
        await rename(target, join(folder, "damaged")).catch(() => Promise.reject(error));
        await rename(made, target);
      });
      const { file } = info;
      return {
        path: join(target, file),
        package: info.package,
        packageVersion: info.packageVersion,
        release: info.release,
      };
    });
  }

  async readIndex(name: string): Promise<unknown> {
    const text = await readFile(join(this.root, "index", `${name}.json`), "utf8").catch(() => "null");
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  async writeIndex(name: string, value: unknown): Promise<void> {
    await this.withFolder(async (folder) => {
      const made = join(folder, "index.json");
      await writeFile(made, `${JSON.stringify(value, null, 1)}\n`);
      await mkdir(join(this.root, "index"), { recursive: true });
      await rename(made, join(this.root, "index", `${name}.json`));
    });
  }

  /** Runs `work` with an empty folder that is gone afterwards, also when this process is ended by a signal. */
  async withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
    const parent = join(this.root, "tmp");
    return this.#diskErrors(async () => {
      await mkdir(parent, { recursive: true });
      await this.#sweep(parent);
      const folder = join(parent, `${process.pid}-${randomBytes(6).toString("hex")}`);
      await mkdir(folder);
      const release = cleanOnSignal(folder);
      try {
        return await work(folder);
      } finally {
        release();
        await rm(folder, { recursive: true, force: true });
      }
    });
  }

  /** Runs `work` while no other process or thread holds the lock, unless its holder died or hangs. */
  async withLock<T>(name: string, work: () => Promise<T>, onWait: () => void): Promise<T> {
    const lock = join(this.root, "locks", name);
    await this.#diskErrors(() => mkdir(join(this.root, "locks"), { recursive: true }));
    for (let waited = false; ; waited = true) {
      const taken = await this.#diskErrors(() => mkdir(lock).then(() => true, ignoring("EEXIST", false)));
      if (taken) break;
      if (!waited) onWait();
      const touched = await stat(lock).then((found) => found.mtimeMs, ignoring("ENOENT", Date.now()));
      if (Date.now() - touched > LOCK_STALE) await rmdir(lock).catch(() => undefined);
      else await sleep(LOCK_POLL);
    }
    const touch = setInterval(() => void utimes(lock, new Date(), new Date()).catch(() => undefined), LOCK_TOUCH);
    touch.unref();
    const release = cleanOnSignal(lock);
    try {
      return await work();
    } finally {
      release();
      clearInterval(touch);
      await rmdir(lock).catch(() => undefined);
    }
  }

  #itemFolder(item: string, name: string, version: string): string {
    return join(this.root, "items", item, `${name}_${version}`.replaceAll(/[^A-Za-z0-9._+~-]/g, "_"));
  }

  /** An item's folder, if what it holds is what was stored. */
  async #read(folder: string): Promise<{ file: CachedFile; fetched: number } | undefined> {
    try {
      const info = JSON.parse(await readFile(join(folder, "info.json"), "utf8")) as Info;
      const path = join(folder, info.file);
      if ((await stat(path)).size !== info.size) return undefined;
      const { release, packageVersion, fetched } = info;
      return { file: { path, package: info.package, packageVersion, release }, fetched };
    } catch {
      return undefined;
    }
  }

  async #sweep(parent: string): Promise<void> {
    for (const name of await readdir(parent)) {
      const folder = join(parent, name);
      const touched = await stat(folder).then(
        (found) => found.mtimeMs,
        () => Date.now(),
      );
      if (Date.now() - touched > ABANDONED) await rm(folder, { recursive: true, force: true });
    }
  }

  /** Turns the file system's refusals into PV5005. */
  async #diskErrors<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (error instanceof InputError || code === undefined) throw error;
      if (code === "ENOSPC" || code === "EDQUOT") {
        fail(
          "PV5005",
          `the disk that holds ${this.root} is full`,
          undefined,
          "Free some space, or set XDG_CACHE_HOME to another disk.",
        );
      }
      const hint = "Set XDG_CACHE_HOME to a folder that you can write to.";
      throw new InputError(
        diagnostic("PV5005", `the cache ${this.root} cannot be written: ${message}`, undefined, hint),
      );
    }
  }
}

function ignoring<T>(code: string, value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === code) return value;
    throw error;
  };
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** What a signal that ends this process deletes first. */
const temporary = new Set<string>();

function onSignal(signal: NodeJS.Signals): void {
  for (const name of SIGNALS) process.removeListener(name, onSignal);
  killTools();
  for (const path of temporary) rmSync(path, { recursive: true, force: true });
  // Unless somebody else takes care of it, the signal does what it would have done.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

/** Deletes a path if a signal ends this process before the returned function is called. */
function cleanOnSignal(path: string): () => void {
  if (temporary.size === 0) for (const signal of SIGNALS) process.on(signal, onSignal);
  temporary.add(path);
  return () => {
    temporary.delete(path);
    if (temporary.size === 0) for (const signal of SIGNALS) process.removeListener(signal, onSignal);
  };
}
