/** What the analyses say about each site: the questions that the catalogue asks of dataflow, answered for all sites. */
import { CONVENTIONS, knownContents, setOf, type Liveness, type Question } from "@pv/dataflow";
import { entryOf, FORM_IMMEDIATE_PORT, resultsOf, type Sites } from "@pv/sensitive";
import { ARITHMETIC_FLAGS, ECX, EAX, EDX, registersIn, type Program } from "@pv/x86-ir";

/** What is literally known at a site, as numbered in docs/formats.md. */
export const KnownWhat = { nothing: 0, port: 1, msr: 2, leaf: 3 } as const;

/** Columns by site. */
export interface SiteFacts {
  /** Live directly behind the site, and possibly meaningful: what an emulation must leave alone. */
  readonly liveParts: Int32Array;
  readonly liveRest: Int32Array;
  /** Bit r: caller-saved register r that is no result of the instruction (what a stub might have to preserve). */
  readonly atStake: Uint16Array;
  /** The subset of `atStake` that is live: what it does have to preserve. */
  readonly preserved: Uint16Array;
  /** What could be known here at all (`KnownWhat`). */
  readonly asked: Uint8Array;
  /** What is known: `asked`, or nothing. */
  readonly known: Uint8Array;
  readonly knownValue: Uint32Array;
}

/** Kinds with an operand worth knowing: its register, and the bits of it that count. */
const ASKED: Readonly<Record<string, readonly [what: number, register: number, mask: number]>> = {
  in: [KnownWhat.port, EDX, 0xffff],
  out: [KnownWhat.port, EDX, 0xffff],
  ins: [KnownWhat.port, EDX, 0xffff],
  outs: [KnownWhat.port, EDX, 0xffff],
  rdmsr: [KnownWhat.msr, ECX, -1],
  wrmsr: [KnownWhat.msr, ECX, -1],
  cpuid: [KnownWhat.leaf, EAX, -1],
};

export function collectSiteFacts(program: Program, sites: Sites, liveness: Liveness): SiteFacts {
  const { instructions } = program;
  const { bits } = instructions;
  const liveParts = new Int32Array(sites.count),
    liveRest = new Int32Array(sites.count);
  const atStake = new Uint16Array(sites.count),
    preserved = new Uint16Array(sites.count);
  const asked = new Uint8Array(sites.count),
    known = new Uint8Array(sites.count),
    knownValue = new Uint32Array(sites.count);
  const callerSaved = setOf(CONVENTIONS[bits].callerSaved);
  const candidates = registersIn(callerSaved.parts, callerSaved.rest);
  const questions: Question[] = [];
  const questionSite: number[] = [];

  for (let s = 0; s < sites.count; s++) {
    const instruction = sites.instruction[s];
    const entry = entryOf(sites.kind[s])!;
    const live = liveness.worthKeeping(instruction);
    liveParts[s] = live.parts;
    liveRest[s] = live.rest;
    const results = resultsOf(entry, sites.form[s], bits);
    atStake[s] = candidates & ~registersIn(results.parts, results.rest);
    preserved[s] = atStake[s] & registersIn(live.parts, live.rest);
    const question = ASKED[entry.kind];
    if (question === undefined) continue;
    asked[s] = question[0];
    if (question[0] === KnownWhat.port && entry.form === "port" && (sites.form[s] & FORM_IMMEDIATE_PORT) !== 0) {
      known[s] = KnownWhat.port;
      knownValue[s] = instructions.bytesOf(instruction).at(-1)!;
      continue;
    }
    questions.push({ instruction, register: question[1] });
    questionSite.push(s);
  }

  const answers = knownContents(program, questions, liveness.assumptions);
  answers.forEach((answer, q) => {
    const s = questionSite[q]!;
    const mask = ASKED[entryOf(sites.kind[s])!.kind]![2];
    if ((answer.known & mask) !== mask) return;
    known[s] = asked[s];
    knownValue[s] = answer.value & mask;
  });
  return { liveParts, liveRest, atStake, preserved, asked, known, knownValue };
}

/** Arithmetic flags that are live behind a site. */
export function liveFlags(facts: SiteFacts, site: number): number {
  return facts.liveRest[site] & ARITHMETIC_FLAGS;
}
