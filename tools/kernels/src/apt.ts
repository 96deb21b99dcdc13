/**
 * Asks the machine's own apt configuration (its sources, keys, proxies) for packages of any architecture, as any user,
 * and without a change to the machine: apt gets a private state directory, and its hooks are switched off.
 *
 * `apt-get update` is allowed to fail in part: many machines have further sources that do not serve i386. What counts
 * is whether the packages are found afterwards.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "@pv/elf";
import type { Architecture, Item, OfferName } from "./flavours.js";
import { type Output, checkSpace, runTool } from "./process.js";

/** A package as the index describes it: enough to fetch it without the index. */
export interface PackageRecord {
  readonly package: string;
  readonly version: string;
  readonly uri: string;
  /** Bytes. */
  readonly size: number;
  /** Algorithm and digest as apt writes them, such as `SHA256:...`. */
  readonly hash: string;
}

/** What the sources offer now, by item; an item that no source offers is missing. */
export type Offer = Partial<Record<OfferName, PackageRecord>>;

/** The index of one architecture has 9 MB, a kernel 30-60 MB; both are for slow lines. Seconds. */
const UPDATE_LIMIT = 600;
const DOWNLOAD_LIMIT = 1800;
const QUERY_LIMIT = 60;

/** Part of apt, outside the search path. Fetches a URI with apt's configuration and checks its digest. */
const APT_HELPER = "/usr/lib/apt/apt-helper";

/** Reads the machine's sources for one architecture; `folder` is an empty one, deleted by the caller. PV5004 without apt, PV5006 if none of `items` is found. */
export async function lookUp(architecture: Architecture, items: readonly Item[], folder: string): Promise<Offer> {
  const settings = await privateState(architecture, folder);
  const run = (program: string, args: string[], timeoutSeconds: number): Promise<Output> =>
    runTool(program, [...settings, ...args], { cwd: folder, timeoutSeconds });

  const update = await run("apt-get", ["-q", "update"], UPDATE_LIMIT);
  checkSpace(update);
  const names = await wantedPackages(items, run);
  if (names.size === 0) failNothingFound(architecture, items, update);

  const uris = await run(
    "apt-get",
    ["download", "--print-uris", ...[...names.values()].map((name) => `${name}:${architecture}`)],
    QUERY_LIMIT,
  );
  const offer: Offer = {};
  for (const line of uris.stdout.split("\n")) {
    const row = /^'([^']+)' (\S+?)_(\S+)_\S+\.deb (\d+) (\S+)$/.exec(line.trim());
    if (row === null) continue;
    const [, uri, name, version, size, hash] = row as unknown as [string, string, string, string, string, string];
    for (const [item, wanted] of names) {
      if (wanted === name)
        offer[item] = { package: name, version: decodeURIComponent(version), uri, size: Number(size), hash };
    }
  }
  if (Object.keys(offer).length === 0) failNothingFound(architecture, items, uris);
  return offer;
}

/** The package of each item that the index knows; for a meta-package, the one it depends on. */
async function wantedPackages(
  items: readonly Item[],
  run: (program: string, args: string[], timeoutSeconds: number) => Promise<Output>,
): Promise<Map<OfferName, string>> {
  const shown = await run(
    "apt-cache",
    ["show", "--no-all-versions", ...items.map((item) => item.package)],
    QUERY_LIMIT,
  );
  const paragraphs = new Map<string, string>();
  for (const paragraph of shown.stdout.split("\n\n")) {
    const name = /^Package: (\S+)$/m.exec(paragraph)?.[1];
    if (name !== undefined && !paragraphs.has(name)) paragraphs.set(name, paragraph);
  }
  const names = new Map<OfferName, string>();
  for (const item of items) {
    const paragraph = paragraphs.get(item.package);
    const target = item.meta ? /^Depends: (linux-image-[^\s,(]+)/m.exec(paragraph ?? "")?.[1] : item.package;
    if (paragraph !== undefined && target !== undefined) names.set(item.offer, target);
  }
  return names;
}

function failNothingFound(architecture: Architecture, items: readonly Item[], output: Output): never {
  const complaint = /^(?:E|W|Err:\d+|Err): *(.+)$/m.exec(output.stderr)?.[1];
  const wanted = `${items.map((item) => item.package).join(", ")} (${architecture})`;
  return fail(
    "PV5006",
    `apt's sources offer none of ${wanted}${complaint === undefined ? "" : `; apt says: ${complaint}`}`,
  );
}

/**
 * Downloads a package into `folder`; the path of the file. Its digest is checked by apt.
 * Errors: PV5004, ENOSPC, PV5006 also when the mirror no longer has it.
 */
export async function download(architecture: Architecture, record: PackageRecord, folder: string): Promise<string> {
  const settings = await privateState(architecture, folder);
  const path = join(folder, "package.deb");
  const args = [...settings, "-q", "download-file", record.uri, path, record.hash];
  const output = await runTool(APT_HELPER, args, { cwd: folder, timeoutSeconds: DOWNLOAD_LIMIT });
  checkSpace(output);
  if (output.code === 0) return path;
  const complaint = /^E: *(.+)$/m.exec(output.stderr)?.[1] ?? `apt-helper ended with ${output.code}`;
  return fail("PV5006", `${record.package} ${record.version} cannot be downloaded: ${complaint}`);
}

/**
 * Makes apt's private directories; the options that make apt use them. A configuration file is read after the
 * machine's own and can clear lists, which options cannot; some settings are honoured only as options.
 */
async function privateState(architecture: Architecture, folder: string): Promise<string[]> {
  const state = join(folder, "apt");
  await mkdir(join(state, "lists", "partial"), { recursive: true });
  await mkdir(join(state, "cache", "archives", "partial"), { recursive: true });
  await writeFile(join(state, "status"), "");
  await writeFile(
    join(state, "apt.conf"),
    [
      // No hooks of this machine, no package database of its own.
      "#clear APT::Update::Pre-Invoke;",
      "#clear APT::Update::Post-Invoke;",
      "#clear APT::Update::Post-Invoke-Success;",
      "#clear DPkg::Pre-Install-Pkgs;",
      "#clear DPkg::Post-Invoke;",
      "#clear APT::Architectures;",
      `APT::Architectures { "${architecture}"; };`,
      "",
    ].join("\n"),
  );
  const options = {
    "APT::Architecture": architecture,
    "APT::Architectures": architecture,
    "Dir::State": state,
    "Dir::State::lists": join(state, "lists"),
    "Dir::State::status": join(state, "status"),
    "Dir::Cache": join(state, "cache"),
    "Dir::Cache::archives": join(state, "cache", "archives"),
    "Dir::Log": state,
    // Not the user _apt, which cannot enter our directories.
    "APT::Sandbox::User": "root",
    // Only the list of packages: no translations, no sources, no descriptions for software centres.
    "Acquire::Languages": "none",
    "Acquire::IndexTargets::deb-src::Sources::DefaultEnabled": "false",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
    "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
    "Acquire::IndexTargets::deb::CNF::DefaultEnabled": "false",
    "APT::Get::List-Cleanup": "false",
    // A mirror that cannot be reached is to be known soon.
    "Acquire::Retries": "1",
    "Acquire::http::Timeout": "20",
    "Acquire::https::Timeout": "20",
  };
  return [
    "-c",
    join(state, "apt.conf"),
    ...Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]),
  ];
}
