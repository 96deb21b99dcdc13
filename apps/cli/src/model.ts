/**
 * The one model behind every rendering of an analysis: plain JSON, with a schema version.
 *
 * Fields are only ever added within one `schemaVersion`. Addresses are lower-case hexadecimal strings of full width;
 * sites are ascending by address.
 */
import { ASSUMPTIONS } from "@pv/dataflow";
import type { Diagnostic } from "@pv/elf";
import { entryOf, kindName } from "@pv/sensitive";
import { NO_MODULE_HOOK, ruleOf, Tactic } from "@pv/stubgen";
import { FLAG_NAMES, FLAG_SHIFT, formatLocations, type Bits } from "@pv/x86-ir";
import { imageModel, rowAddress, type ImageModel } from "./image-model.js";
import {
  ASKED_NAMES,
  contentModel,
  summarizeKnown,
  type AskedName,
  type ContentModel,
  type KnownSummary,
} from "./known-model.js";
import type { Analysis } from "./pipeline.js";
import { KnownWhat, liveFlags } from "./site-facts.js";

export const SCHEMA_VERSION = 1;

export interface AnalysisModel {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly image: ImageModel;
  /** Names of the assumptions that facts may rest on (`ASSUMPTIONS` of `@pv/dataflow`). */
  readonly assumptions: readonly string[];
  /** Kernel tables that could not be read: what they would have said is missing from the facts. */
  readonly problems: readonly Diagnostic[];
  readonly summary: Summary;
  /** Where modules are caught that the guest loads later (docs/hypervisors.md), or why they are not. */
  readonly moduleHook:
    | { readonly call: string; readonly reason: null }
    | { readonly call: null; readonly reason: string };
  readonly sites: readonly SiteModel[];
}

export interface Summary {
  readonly sites: number;
  readonly byKind: Readonly<Record<string, KindSummary>>;
  readonly byTactic: Readonly<Record<string, number>>;
  readonly byReason: Readonly<Record<string, number>>;
  /** Over all sites: caller-saved registers that are no results, how many of them are live, and 1 - their ratio. */
  readonly registers: RegisterSummary;
  /** Sites behind which any arithmetic flag is live. */
  readonly flags: { readonly sites: number; readonly live: number };
  /** Sites about which all facts are proved from code alone, and those whose facts rest on each assumption that was made. */
  readonly restsOn: { readonly codeAlone: number; readonly byAssumption: Readonly<Record<string, number>> };
  readonly known: Readonly<Record<"ports" | "msrs" | "leaves", KnownSummary>>;
}

export interface RegisterSummary {
  readonly atStake: number;
  readonly preserved: number;
  readonly reduction: number;
}

export interface KindSummary {
  readonly sites: number;
  readonly patched: number;
  readonly registers: RegisterSummary;
}

export interface SiteModel {
  readonly address: string;
  readonly kind: string;
  readonly class: string;
  readonly liveRegisters: readonly string[];
  readonly liveFlags: readonly string[];
  /** What is known exactly. */
  readonly known: { readonly what: AskedName; readonly value: number } | null;
  /** What is known at all, or why nothing is; null where there is nothing to know. */
  readonly content: ContentModel | null;
  /** Names of the assumptions that these facts rest on; none where code alone proves them. */
  readonly assumptions: readonly string[];
  readonly tactic: string;
  /** Why the site is in no patch; null if it is in one. */
  readonly reason: string | null;
}

export const TACTIC_NAMES: Readonly<Record<number, string>> = {
  [Tactic.none]: "in-place",
  [Tactic.idiom]: "idiom",
  [Tactic.forward]: "jump-forward",
  [Tactic.backward]: "jump-backward",
  [Tactic.short]: "short-jump",
};

export function buildModel(analysis: Analysis): AnalysisModel {
  const { image, sites, liveness } = analysis;
  return {
    schemaVersion: SCHEMA_VERSION,
    image: imageModel(image),
    assumptions: Object.keys(ASSUMPTIONS).filter((name) => liveness.assumptions[name as keyof typeof ASSUMPTIONS]),
    problems: image.tables.problems,
    summary: summarize(analysis),
    moduleHook: moduleHookModel(analysis),
    sites: Array.from({ length: sites.count }, (_, s) => siteModel(analysis, s)),
  };
}

function moduleHookModel({ moduleHook, program }: Analysis): AnalysisModel["moduleHook"] {
  if (typeof moduleHook === "string") return { call: null, reason: NO_MODULE_HOOK[moduleHook] };
  const { instructions } = program;
  return { call: rowAddress(instructions, instructions.at(moduleHook.call)), reason: null };
}

export function siteModel(analysis: Analysis, s: number): SiteModel {
  const { sites, facts, plans, program } = analysis;
  const { instructions } = program;
  const entry = entryOf(sites.kind[s])!;
  return {
    address: rowAddress(instructions, sites.instruction[s]),
    kind: entry.kind,
    class: entry.class,
    liveRegisters: registerNames(facts.liveParts[s], facts.liveRest[s], instructions.bits),
    liveFlags: FLAG_NAMES.filter((_, f) => (facts.liveRest[s] >>> (FLAG_SHIFT + f)) & 1),
    known: facts.known[s] === 0 ? null : { what: ASKED_NAMES[facts.known[s]]!, value: facts.knownValue[s] },
    content: contentModel(facts, s),
    assumptions: assumptionNames(facts.restsOn[s]),
    tactic: tacticOf(analysis, s),
    reason: plans.siteReason[s] === 0 ? null : ruleOf(plans.siteReason[s])!.name,
  };
}

/** Names of the assumptions in a set of bits (`ASSUMPTIONS`). */
function assumptionNames(bits: number): string[] {
  return Object.entries(ASSUMPTIONS).flatMap(([name, [bit]]) => ((bits >> bit) & 1 ? [name] : []));
}

export function tacticOf({ plans }: Analysis, site: number): string {
  const patch = plans.sitePatch[site];
  return TACTIC_NAMES[patch === 0xffff_ffff ? Tactic.none : plans.tactic[patch]]!;
}

function registerNames(parts: number, rest: number, bits: Bits): string[] {
  const text = formatLocations(parts, rest & 0xffff, bits);
  return text === "-" ? [] : text.split(" ");
}

function summarize(analysis: Analysis): Summary {
  const { sites, facts, plans, liveness } = analysis;
  const byKind = new Map<string, { sites: number; patched: number; atStake: number; preserved: number }>();
  const byTactic = new Map<string, number>(),
    byReason = new Map<string, number>();
  const total = { atStake: 0, preserved: 0 };
  let flags = 0,
    codeAlone = 0;
  const byAssumption = new Map<string, number>(
    Object.entries(liveness.assumptions).flatMap(([name, on]) => (on ? [[name, 0]] : [])),
  );
  for (let s = 0; s < sites.count; s++) {
    const kind = kindName(sites.kind[s]);
    const row = byKind.get(kind) ?? { sites: 0, patched: 0, atStake: 0, preserved: 0 };
    byKind.set(kind, row);
    const atStake = bitCount(facts.atStake[s]),
      preserved = bitCount(facts.preserved[s]);
    row.sites++;
    row.patched += plans.siteReason[s] === 0 ? 1 : 0;
    row.atStake += atStake;
    row.preserved += preserved;
    total.atStake += atStake;
    total.preserved += preserved;
    count(byTactic, tacticOf(analysis, s));
    if (plans.siteReason[s] !== 0) count(byReason, ruleOf(plans.siteReason[s])!.name);
    if (liveFlags(facts, s) !== 0) flags++;
    if (facts.restsOn[s] === 0) codeAlone++;
    for (const name of assumptionNames(facts.restsOn[s])) byAssumption.set(name, (byAssumption.get(name) ?? 0) + 1);
  }
  return {
    sites: sites.count,
    byKind: sorted(byKind, (row) => ({ sites: row.sites, patched: row.patched, registers: registers(row) })),
    byTactic: sorted(byTactic, (n) => n),
    byReason: sorted(byReason, (n) => n),
    registers: registers(total),
    flags: { sites: sites.count, live: flags },
    restsOn: { codeAlone, byAssumption: sorted(byAssumption, (n) => n) },
    known: {
      ports: summarizeKnown(facts, KnownWhat.port),
      msrs: summarizeKnown(facts, KnownWhat.msr),
      leaves: summarizeKnown(facts, KnownWhat.leaf),
    },
  };
}

function registers({ atStake, preserved }: { atStake: number; preserved: number }): RegisterSummary {
  // Four digits: enough for a table, and the same text on every machine.
  return { atStake, preserved, reduction: atStake === 0 ? 0 : Math.round((1 - preserved / atStake) * 10_000) / 10_000 };
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sorted<V, W>(map: Map<string, V>, value: (v: V) => W): Record<string, W> {
  const keys = [...map.keys()].sort();
  return Object.fromEntries(keys.map((key) => [key, value(map.get(key)!)]));
}

export function bitCount(word: number): number {
  let n = 0;
  for (let w = word; w !== 0; w &= w - 1) n++;
  return n;
}
