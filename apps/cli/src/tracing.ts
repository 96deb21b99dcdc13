/** Why each caller-saved register and the flags are live or dead behind a site: paths and ends, as a model and as text. */
import { ASSUMPTIONS, CONVENTIONS, traceLocation, type End, type Location, type Trace } from "@pv/dataflow";
import { type Disassembler, FLAG_NAMES, FLAG_SHIFT, partsOf, REGISTER_NAMES, restOf } from "@pv/x86-ir";
import { rowAddress, symbolAt } from "./image-model.js";
import type { Analysis } from "./pipeline.js";

export interface TraceModel {
  /** A register or a flag. */
  readonly location: string;
  readonly live: boolean;
  /** False where it is live, but holds nothing that anybody put there for somebody, so that it need not be preserved. */
  readonly meaningful: boolean;
  /** Of a live location: how control comes to who reads it, where it does not just go on. */
  readonly path: readonly {
    readonly kind: string;
    readonly from: string;
    readonly to: string;
    readonly symbol: string | null;
  }[];
  /** Who reads it, or where it ends. */
  readonly ends: readonly {
    readonly kind: End["kind"];
    readonly address: string;
    readonly text: string;
    readonly assumption: string | null;
  }[];
  /** False where there are more ends than were looked for. */
  readonly complete: boolean;
}

/** Caller-saved registers, then the arithmetic flags. */
export function tracesOf(analysis: Analysis, site: number, disassembler: Disassembler): TraceModel[] {
  const { bits } = analysis.program.instructions;
  const registers = CONVENTIONS[bits].callerSaved.map((r) => traceRegister(analysis, site, r));
  const flags = FLAG_NAMES.flatMap((name, f) =>
    name === "df" ? [] : [{ name, ...traceOf(analysis, site, { word: "rest", bit: 1 << (FLAG_SHIFT + f) }) }],
  );
  return [...registers, ...flags].map(({ name, trace, meaningful }) =>
    modelOf(analysis, name, trace, meaningful, disassembler),
  );
}

/** A live part, if any part of the register is. */
function traceRegister(analysis: Analysis, site: number, register: number) {
  const row = analysis.sites.instruction[site]!;
  const live = analysis.liveness.after(row);
  const parts = live.parts & partsOf(register),
    rest = live.rest & restOf(register);
  const bit = parts !== 0 ? parts & -parts : rest;
  const location: Location =
    bit === 0 ? { word: "parts", bit: 1 << register } : parts !== 0 ? { word: "parts", bit } : { word: "rest", bit };
  return { name: REGISTER_NAMES[analysis.program.instructions.bits][register]!, ...traceOf(analysis, site, location) };
}

function traceOf({ program, liveness, sites }: Analysis, site: number, location: Location) {
  const row = sites.instruction[site]!;
  const meant = liveness.meaning.after(row);
  return {
    trace: traceLocation(program, liveness, row, location),
    meaningful: (meant[location.word] & location.bit) !== 0,
  };
}

function modelOf(
  { program, image }: Analysis,
  location: string,
  { live, path, ends, complete }: Trace,
  meaningful: boolean,
  disassembler: Disassembler,
): TraceModel {
  const { instructions } = program;
  const hex = (row: number): string => rowAddress(instructions, row);
  return {
    location,
    live,
    meaningful,
    path: path.map(({ kind, from, to }) => ({
      kind,
      from: hex(from),
      to: hex(to),
      symbol: symbolAt(image, instructions.address[to]!),
    })),
    ends: ends.map(({ kind, instruction, assumption }) => ({
      kind,
      address: hex(instruction),
      text: disassembler.text(instruction),
      assumption: assumption ?? null,
    })),
    complete,
  };
}

const ENDS: Readonly<Record<End["kind"], string>> = {
  read: "read by",
  "unknown-place": "control leaves for a place that is not known at",
  "unseen-caller": "returned to callers that are not visible at",
  "unseen-callee": "perhaps an argument of",
  oops: "shown by the dying kernel at",
  written: "overwritten by",
  "written-by-callee": "overwritten by what is called by",
  assumed: "read by nobody behind",
};

/** More ends than this are counted, not listed. */
const LISTED = 3;

/** A line or a few for each location; the flags, if all are alike, as one. */
export function renderTraces(traces: readonly TraceModel[]): string {
  const lines = traces.map((trace) => [trace.location, renderTrace(trace)] as const);
  const grouped = new Map<string, string[]>();
  for (const [location, text] of lines) grouped.set(text, [...(grouped.get(text) ?? []), location]);
  return [...grouped].map(([text, locations]) => `  ${locations.join(" ")}: ${text}`).join("\n");
}

function renderTrace({ live, meaningful, path, ends, complete }: TraceModel): string {
  const listed = ends.slice(0, LISTED).map(({ kind, address, text, assumption }) => {
    const because =
      assumption === null ? "" : ` (${assumption}: ${ASSUMPTIONS[assumption as keyof typeof ASSUMPTIONS][1]})`;
    return `${ENDS[kind]} ${address} ${text}${because}`;
  });
  const more = ends.length - listed.length;
  if (more > 0) listed.push(`and ${more}${complete ? "" : " or more"} other places`);
  if (ends.length === 0) listed.push("no path from here ends");
  const by = path.map(
    ({ kind, from, to, symbol }) => `${kind} ${from} -> ${to}${symbol === null ? "" : ` in ${symbol}`}`,
  );
  const status = !live ? "dead" : meaningful ? "live" : "live, but a call left nothing of meaning in it";
  return [`${status}, ${listed.join("\n      ")}`, ...by.map((turn) => `    by way of ${turn}`)].join("\n    ");
}
