/** What is known of ports, MSR indices and CPUID leaves: models of single sites and sums, their texts, and how a value was derived. */
import {
  derive,
  formatKnown,
  formatPattern,
  KnownContents,
  patternsOf,
  slotOf,
  SLOT,
  UNKNOWN_REASONS,
  type Knowledge,
  type UnknownReason,
} from "@pv/dataflow";
import { entryOf, msrName, portName } from "@pv/sensitive";
import { Disassembler, REGISTER_NAMES, staticData } from "@pv/x86-ir";
import { rowAddress, symbolAt } from "./image-model.js";
import type { Analysis } from "./pipeline.js";
import { ASKED, immediatePort, KnownWhat, type SiteFacts } from "./site-facts.js";
import { table } from "./table.js";

export type AskedName = "port" | "msr" | "leaf";
export const ASKED_NAMES: Readonly<Record<number, AskedName>> = {
  [KnownWhat.port]: "port",
  [KnownWhat.msr]: "msr",
  [KnownWhat.leaf]: "leaf",
};

export interface ContentModel {
  readonly what: AskedName;
  readonly knowledge: Knowledge;
  /** The one value, or all that it may be, ascending; empty where only some bits are known. */
  readonly values: readonly number[];
  /** The bits that are known, and their contents. */
  readonly knownBits: number;
  readonly bits: number;
  /** Of a range: every value agrees with one of these. Empty otherwise. */
  readonly patterns: readonly { readonly knownBits: number; readonly bits: number }[];
  /** Names of devices and registers that the values stand for, in their order, each once. */
  readonly names: readonly string[];
  /** Why nothing is known (`UNKNOWN_REASONS` of `@pv/dataflow`); null where something is. */
  readonly reason: UnknownReason | null;
}

export interface KnownSummary {
  readonly sites: number;
  /** Sites with one value, a few, or a range of them: `exact`, `set` and `range`. */
  readonly known: number;
  readonly exact: number;
  readonly set: number;
  /** Sites with more than a few values, but no more than `LARGEST_RANGE` of `@pv/dataflow`. */
  readonly range: number;
  /** Sites of which nothing is known, by reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

export function contentModel(facts: SiteFacts, site: number): ContentModel | null {
  const content = facts.contents[site];
  if (content === undefined) return null;
  const what = ASKED_NAMES[facts.asked[site]!]!;
  const { knowledge, value, reason } = content;
  const isListed = knowledge === "exact" || knowledge === "set";
  const values = isListed ? (value.values ?? [value.value]).map((v) => v >>> 0).sort((a, b) => a - b) : [];
  const nameOf = what === "port" ? portName : what === "msr" ? msrName : () => undefined;
  return {
    what,
    knowledge,
    values,
    knownBits: value.known >>> 0,
    bits: value.value >>> 0,
    patterns:
      knowledge === "range"
        ? patternsOf(value).map((each) => ({ knownBits: each.known >>> 0, bits: each.value >>> 0 }))
        : [],
    names: [...new Set(values.map((v) => nameOf(v)).filter((name) => name !== undefined))],
    reason: reason ?? null,
  };
}

export function summarizeKnown(facts: SiteFacts, what: number): KnownSummary {
  const counts: Record<Knowledge, number> = { exact: 0, set: 0, range: 0, nothing: 0 };
  const reasons = new Map<string, number>();
  facts.contents.forEach((content, site) => {
    if (content === undefined || facts.asked[site] !== what) return;
    counts[content.knowledge]++;
    if (content.reason !== undefined) reasons.set(content.reason, (reasons.get(content.reason) ?? 0) + 1);
  });
  const { exact, set, range, nothing } = counts;
  return {
    sites: exact + set + range + nothing,
    known: exact + set + range,
    exact,
    set,
    range,
    reasons: Object.fromEntries([...reasons].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** `port 3f8h (COM1 16550 data)`, `msr 186h, 187h (...)`, `port 00000cf*h`, `msr not known: loaded from memory that is not followed`. */
export function renderContent(model: ContentModel): string {
  const names = model.names.length === 0 ? "" : ` (${model.names.join(", ")})`;
  if (model.reason !== null) return `${model.what} not known: ${UNKNOWN_REASONS[model.reason]}`;
  if (model.knowledge === "range") {
    const patterns = model.patterns.map(
      ({ knownBits, bits }) => `${formatPattern({ known: knownBits, value: bits })}h`,
    );
    return `${model.what} ${patterns.join(", ")}`;
  }
  return `${model.what} ${model.values.map((v) => `${v.toString(16)}h`).join(", ")}${names}`;
}

/** The sums, and the reasons for what is not known. */
export function renderKnown(known: Readonly<Record<string, KnownSummary>>, percent: (ratio: number) => string): string {
  const rows = Object.entries(known).map(([what, k]) => [
    what,
    `${k.sites}`,
    `${k.known}`,
    k.sites === 0 ? "-" : percent(k.known / k.sites),
    `${k.exact}`,
    `${k.set}`,
    `${k.range}`,
    ...Object.keys(UNKNOWN_REASONS).map((reason) => `${k.reasons[reason] ?? 0}`),
  ]);
  return table([
    ["literally known", "sites", "known", "", "exact", "few", "range", ...Object.keys(UNKNOWN_REASONS)],
    ...rows,
  ]);
}

export interface DerivationModel {
  readonly depth: number;
  readonly kind: string;
  readonly address: string;
  readonly text: string;
  /** The symbol at or below; null without symbols. */
  readonly symbol: string | null;
  /** A register, or a stack slot by its distance from the stack pointer at the function's entry. */
  readonly place: string;
  /** As `formatKnown` of `@pv/dataflow` prints it. */
  readonly value: string;
  readonly reason: string | null;
  readonly repeated: boolean;
}

/** How the content of a site was found, worked out again: the chain of instructions that define it, over calls. */
export function derivationOf(analysis: Analysis, site: number): readonly DerivationModel[] {
  const { program, sites, facts, liveness, image } = analysis;
  const asked = ASKED[entryOf(sites.kind[site])!.kind];
  const content = facts.contents[site];
  if (asked === undefined || content === undefined || immediatePort(program, sites, site) !== undefined) return [];
  const { instructions } = program;
  const { bits } = instructions;
  const contents = new KnownContents(program, liveness.assumptions, staticData(image));
  const disassembler = new Disassembler(instructions);
  const steps = derive(contents.at(sites.instruction[site]!, asked[1]), content.knowledge !== "nothing");
  const models = steps.map(({ depth, kind, instruction, place, value, reason, repeated }): DerivationModel => {
    return {
      depth,
      kind,
      address: rowAddress(instructions, instruction),
      text: disassembler.text(instruction),
      symbol: symbolAt(image, instructions.address[instruction]!),
      place: placeName(place, contents.addressOf(place), bits),
      value: formatKnown(value),
      reason: reason === undefined ? null : UNKNOWN_REASONS[reason],
      repeated,
    };
  });
  disassembler.free();
  contents.free();
  return models;
}

function placeName(place: number, variable: number | undefined, bits: 32 | 64): string {
  if (variable !== undefined) return `variable ${variable.toString(16)}h`;
  if (place < SLOT) return REGISTER_NAMES[bits][place] ?? "memory";
  const { offset } = slotOf(place);
  return `slot ${offset < 0 ? "-" : "+"}${Math.abs(offset).toString(16)}h`;
}

export function renderDerivation(steps: readonly DerivationModel[]): string {
  return table(
    steps.map(({ depth, address, text, symbol, place, value, reason, repeated }) => [
      `${"  ".repeat(depth + 1)}${place}`,
      reason === null ? value : "?",
      address,
      text,
      symbol ?? "",
      reason ?? (repeated ? "as above" : ""),
    ]),
    "llllll",
  );
}
