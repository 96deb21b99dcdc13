/** What the analyses say about each site: the questions that the catalogue asks of dataflow, answered for all sites. */
import {
  CONVENTIONS,
  exactly,
  knowledgeOf,
  KnownContents,
  masked,
  openLedger,
  reasonOf,
  restsOn as assumptionsOf,
  setOf,
  type Assumptions,
  type Knowledge,
  type Known,
  type Liveness,
  type Locations,
  type UnknownReason,
} from "@pv/dataflow";
import { entryOf, FORM_IMMEDIATE_PORT, resultsOf, type Sites } from "@pv/sensitive";
import { ARITHMETIC_FLAGS, ECX, EAX, EDX, registersIn, type Bits, type Program, type StaticData } from "@pv/x86-ir";

/** What is literally known at a site, as numbered in docs/formats.md. */
export const KnownWhat = { nothing: 0, port: 1, msr: 2, leaf: 3 } as const;

/** Columns by site: what is known of operands. */
export interface SiteContents {
  /** What could be known here at all (`KnownWhat`). */
  readonly asked: Uint8Array;
  /** What is known exactly: `asked`, or nothing. */
  readonly known: Uint8Array;
  readonly knownValue: Uint32Array;
  /** What is known at all, of sites where something could be. */
  readonly contents: readonly (SiteContent | undefined)[];
}

/** Columns by site. */
export interface SiteFacts extends SiteContents {
  /** Live directly behind the site, and possibly meaningful: what an emulation must leave alone. Of {@link asksAbout}; all else counts as live. */
  readonly liveParts: Int32Array;
  readonly liveRest: Int32Array;
  /** Bit r: caller-saved register r that is no result of the instruction (what a stub might have to preserve). */
  readonly atStake: Uint16Array;
  /** The subset of `atStake` that is live: what it does have to preserve. */
  readonly preserved: Uint16Array;
  /** Bits (`ASSUMPTIONS`) of what all of this rests on; 0 where code alone proves it. */
  readonly restsOn: Uint8Array;
}

/** What is known of a port, MSR index or CPUID leaf; `reason` where it is neither exact, nor one of a few values, nor a range (`LARGEST_RANGE`). */
export interface SiteContent {
  readonly knowledge: Knowledge;
  /** The bits outside the operand are zero. */
  readonly value: Known;
  readonly reason: UnknownReason | undefined;
  /** Bits (`ASSUMPTIONS`) of what it rests on. */
  readonly restsOn: number;
}

/** Kinds with an operand worth knowing: its register, and the bits of it that count. */
export const ASKED: Readonly<Record<string, readonly [what: number, register: number, mask: number]>> = {
  in: [KnownWhat.port, EDX, 0xffff],
  out: [KnownWhat.port, EDX, 0xffff],
  ins: [KnownWhat.port, EDX, 0xffff],
  outs: [KnownWhat.port, EDX, 0xffff],
  rdmsr: [KnownWhat.msr, ECX, -1],
  wrmsr: [KnownWhat.msr, ECX, -1],
  cpuid: [KnownWhat.leaf, EAX, -1],
};

/** The locations that an emulation might change: callee-saved registers, the emulation routines keep as any function does. */
export function asksAbout(bits: Bits): Locations {
  const { parts, rest } = setOf(CONVENTIONS[bits].callerSaved);
  return { parts, rest: rest | ARITHMETIC_FLAGS };
}

export function collectSiteFacts(
  program: Program,
  sites: Sites,
  liveness: Liveness,
  contents: SiteContents,
): SiteFacts {
  const { bits } = program.instructions;
  const liveParts = new Int32Array(sites.count),
    liveRest = new Int32Array(sites.count);
  const atStake = new Uint16Array(sites.count),
    preserved = new Uint16Array(sites.count);
  const restsOn = new Uint8Array(sites.count);
  const asked = asksAbout(bits);
  const candidates = registersIn(asked.parts, asked.rest & ~ARITHMETIC_FLAGS);
  const ledger = openLedger(program, liveness);
  for (let s = 0; s < sites.count; s++) {
    const instruction = sites.instruction[s];
    const live = liveness.worthKeeping(instruction);
    liveParts[s] = live.parts;
    liveRest[s] = live.rest;
    const results = resultsOf(entryOf(sites.kind[s])!, sites.form[s], bits);
    atStake[s] = candidates & ~registersIn(results.parts, results.rest);
    preserved[s] = atStake[s] & registersIn(live.parts, live.rest);
    restsOn[s] = ledger.behind(instruction) | (contents.contents[s]?.restsOn ?? 0);
  }
  return { liveParts, liveRest, atStake, preserved, restsOn, ...contents };
}

/** Looks for what is known of the operands that are worth knowing. */
export function findContents(
  program: Program,
  sites: Sites,
  assumptions: Assumptions,
  data: StaticData | undefined,
): SiteContents {
  const asked = new Uint8Array(sites.count),
    knownWhat = new Uint8Array(sites.count),
    knownValue = new Uint32Array(sites.count);
  const contents = new Array<SiteContent | undefined>(sites.count).fill(undefined);
  const known = new KnownContents(program, assumptions, data);
  for (let s = 0; s < sites.count; s++) {
    const question = ASKED[entryOf(sites.kind[s])!.kind];
    if (question === undefined) continue;
    asked[s] = question[0];
    const content = contentOf(program, sites, s, known);
    contents[s] = content;
    if (content.knowledge !== "exact") continue;
    knownWhat[s] = asked[s];
    knownValue[s] = content.value.value;
  }
  known.free();
  return { asked, known: knownWhat, knownValue, contents };
}

/** What is known at a site that has something to know. */
function contentOf(program: Program, sites: Sites, site: number, known: KnownContents): SiteContent {
  const port = immediatePort(program, sites, site);
  if (port !== undefined) return { knowledge: "exact", value: exactly(port), reason: undefined, restsOn: 0 };
  const [, register, mask] = ASKED[entryOf(sites.kind[site])!.kind]!;
  const content = known.at(sites.instruction[site], register);
  const knowledge = knowledgeOf(content.value, mask);
  const reason = knowledge === "nothing" ? reasonOf(content) : undefined;
  return {
    knowledge,
    value: masked(content.value, mask),
    reason,
    restsOn: knowledge === "nothing" ? 0 : assumptionsOf(content),
  };
}

/** The port of `in` and `out` with an immediate; undefined for all others. */
export function immediatePort({ instructions }: Program, sites: Sites, site: number): number | undefined {
  const entry = entryOf(sites.kind[site])!;
  const isImmediate = entry.form === "port" && (sites.form[site] & FORM_IMMEDIATE_PORT) !== 0;
  return isImmediate ? instructions.bytesOf(sites.instruction[site]).at(-1)! : undefined;
}

/** Arithmetic flags that are live behind a site. */
export function liveFlags(facts: SiteFacts, site: number): number {
  return facts.liveRest[site] & ARITHMETIC_FLAGS;
}
