/**
 * Real kernels and a real shell, from the machine's own Debian sources, kept in a cache.
 *
 * Package versions move with every security update, so the sources are asked what is current; the answer holds for a
 * week. What is in the cache needs no network, and is what one gets when there is none.
 */
import { basename } from "node:path";
import { type Diagnostic, type Result, InputError, diagnostic, fail } from "@pv/elf";
import { type Offer, type PackageRecord, download, lookUp } from "./apt.js";
import { type Member, extractMembers } from "./archive.js";
import { Cache, type CachedFile, defaultCacheDir } from "./cache.js";
import { type Architecture, BUSYBOX, type Flavour, type Item, itemsOf, kernelItem, modulesItem } from "./flavours.js";
import { packFolder } from "./initrd.js";

export interface FetchOptions {
  /** Default: `previrt` in the user's cache directory (`$XDG_CACHE_HOME` or `~/.cache`). */
  readonly cacheDir?: string;
  /** Use only what the cache holds. Default: true if the environment has `PREVIRT_OFFLINE=1`, else false. */
  readonly offline?: boolean;
  /** One line a step, only when there is something to wait for. */
  readonly onProgress?: (message: string) => void;
}

export interface Fetched extends CachedFile {
  /** Why this is not known to be the current version: the network or a tool was missing. */
  readonly warning?: Diagnostic;
}

interface Index {
  /** When the sources were asked successfully, and last asked at all. Milliseconds since 1970. */
  readonly answered: number;
  readonly asked: number;
  readonly offer: Offer;
}

/** How long an answer of the package sources holds; and how soon they are asked again after a failure. Milliseconds. */
const ANSWER_HOLDS = 7 * 24 * 3600 * 1000;
const ASK_AGAIN = 10 * 60 * 1000;

/**
 * A Debian kernel (a bzImage) of the given flavour.
 * Errors: PV5004 apt or dpkg-deb missing, PV5005 cache not writable or disk full, PV5006 no mirror and nothing cached.
 */
export function fetchKernel(flavour: Flavour, options: FetchOptions = {}): Promise<Result<Fetched>> {
  return fetchItem(kernelItem(flavour), options);
}

/** Modules of that kernel's package (`MODULES`) as a cpio archive for `makeInitrd`, in a folder `/modules`. Errors as for `fetchKernel`. */
export function fetchModules(flavour: Flavour, options: FetchOptions = {}): Promise<Result<Fetched>> {
  return fetchItem(modulesItem(flavour), options);
}

/** A static i386 busybox (an ELF program). Errors as for `fetchKernel`. */
export function fetchBusybox(options: FetchOptions = {}): Promise<Result<Fetched>> {
  return fetchItem(BUSYBOX, options);
}

async function fetchItem(item: Item, options: FetchOptions): Promise<Result<Fetched>> {
  const cache = new Cache(options.cacheDir ?? defaultCacheDir());
  try {
    const offline = options.offline ?? process.env["PREVIRT_OFFLINE"] === "1";
    if (offline) fail("PV5006", `no package was looked up: offline`);
    return { ok: true, value: await fetchCurrent(item, cache, options.onProgress ?? (() => undefined)) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const cached = await cache.newest(item.name);
    if (cached !== undefined) return { ok: true, value: { ...cached, warning: error.diagnostic } };
    const { code, message, hint } = error.diagnostic;
    return { ok: false, error: diagnostic(code, `${item.package} is not in the cache; ${message}`, undefined, hint) };
  }
}

async function fetchCurrent(item: Item, cache: Cache, progress: (message: string) => void): Promise<CachedFile> {
  const record = await currentRecord(item, cache, false, progress);
  try {
    return await fetchRecord(item, record, cache, progress);
  } catch (error) {
    if (!(error instanceof InputError) || error.diagnostic.code !== "PV5006") throw error;
    // The mirror may have moved on since it was asked: ask again, once.
    return fetchRecord(item, await currentRecord(item, cache, true, progress), cache, progress);
  }
}

/** The cached file of a record, made if need be. */
async function fetchRecord(
  item: Item,
  record: PackageRecord,
  cache: Cache,
  progress: (message: string) => void,
): Promise<CachedFile> {
  const find = (): Promise<CachedFile | undefined> => cache.find(item.name, record.package, record.version);
  const make = (): Promise<CachedFile> =>
    cache.withFolder(async (folder) => {
      progress(`downloading ${record.package} ${record.version} (${Math.ceil(record.size / 1e6)} MB)`);
      const deb = await download(item.architecture, record, folder);
      progress(`unpacking ${record.package}`);
      const { before, behind } = item.member;
      const members = await extractMembers(deb, {
        is: (name) => name.startsWith(before) && behind.some((end) => name.endsWith(end)),
        count: behind.length,
        description: behind.map((end) => `${before}*${end}`).join(", "),
      });
      const [{ name, bytes }] = members as [Member];
      const release = item.meta ? name.slice(before.length).split("/", 1)[0]! : record.version;
      return cache.store(
        item.name,
        { package: record.package, packageVersion: record.version, release, file: item.file },
        members.length === 1 ? bytes : packFolder("modules", new Map(members.map((m) => [basename(m.name), m.bytes]))),
      );
    });
  const waiting = (): void => progress(`waiting for another process that fetches ${record.package}`);
  return (await find()) ?? cache.withLock(item.name, async () => (await find()) ?? make(), waiting);
}

/** What the sources offer for an item, asked now if the last answer is too old, or `again`. */
async function currentRecord(
  item: Item,
  cache: Cache,
  again: boolean,
  progress: (message: string) => void,
): Promise<PackageRecord> {
  const { architecture } = item;
  const known = await readIndex(cache, architecture);
  const usable = (index: Index | undefined): PackageRecord | undefined =>
    index !== undefined && Date.now() - index.answered < ANSWER_HOLDS ? index.offer[item.offer] : undefined;
  const record = again ? undefined : usable(known);
  if (record !== undefined) return record;
  if (!again && known !== undefined && Math.abs(Date.now() - known.asked) < ASK_AGAIN) {
    fail("PV5006", `apt's sources did not offer ${item.package} (${architecture}) a few minutes ago`);
  }
  const waiting = (): void => progress(`waiting for another process that asks for ${architecture} packages`);
  return cache.withLock(
    `index-${architecture}`,
    async () => {
      const meanwhile = await readIndex(cache, architecture);
      const fresh = meanwhile?.answered !== known?.answered ? usable(meanwhile) : undefined;
      return fresh ?? (await ask(item, cache, known, progress));
    },
    waiting,
  );
}

async function ask(
  item: Item,
  cache: Cache,
  known: Index | undefined,
  progress: (message: string) => void,
): Promise<PackageRecord> {
  const { architecture } = item;
  progress(`asking apt's sources for ${architecture} kernels`);
  try {
    const offer = await cache.withFolder((folder) => lookUp(architecture, itemsOf(architecture), folder));
    await cache.writeIndex(architecture, { answered: Date.now(), asked: Date.now(), offer } satisfies Index);
    return offer[item.offer] ?? fail("PV5006", `apt's sources do not offer ${item.package} (${architecture})`);
  } catch (error) {
    const failed: Index = { answered: known?.answered ?? 0, asked: Date.now(), offer: known?.offer ?? {} };
    // Without anything in the cache the next call must ask again, so only then is the failure remembered.
    if (error instanceof InputError && (await cache.newest(item.name)) !== undefined) {
      await cache.writeIndex(architecture, failed).catch(() => undefined);
    }
    throw error;
  }
}

/** The index file's content, if it is one. */
async function readIndex(cache: Cache, architecture: Architecture): Promise<Index | undefined> {
  const value = (await cache.readIndex(architecture)) as Partial<Index> | null;
  const { answered, asked, offer } = value ?? {};
  if (typeof answered !== "number" || typeof asked !== "number" || typeof offer !== "object" || offer === null)
    return undefined;
  return { answered, asked, offer };
}
