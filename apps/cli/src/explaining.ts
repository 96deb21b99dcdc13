/** Everything that is known about one site, as one model and as text. */
import type { Locations } from "@pv/dataflow";
import { diagnostic, fail, InputError, type Va } from "@pv/elf";
import { entryOf, formatForm, readsOf, resultsOf } from "@pv/sensitive";
import { ItemOp, NO_PATCH, ruleOf, RULES, siteExplainer, type RungOutcome } from "@pv/stubgen";
import { Disassembler, formatLocations, REGISTER_NAMES } from "@pv/x86-ir";
import { formatAddress, imageModel, type ImageModel } from "./image-model.js";
import { derivationOf, renderContent, renderDerivation, type DerivationModel } from "./known-model.js";
import { siteModel, TACTIC_NAMES, type SiteModel } from "./model.js";
import type { Analysis } from "./pipeline.js";
import { planInput } from "./planning.js";
import { table } from "./table.js";
import { renderTraces, tracesOf, type TraceModel } from "./tracing.js";

export interface Explanation {
  readonly schemaVersion: 1;
  readonly image: ImageModel;
  readonly site: SiteModel & {
    /** The instruction in AT&T syntax, and its bytes in hexadecimal. */
    readonly text: string;
    readonly bytes: string;
    /** What its operands are, as far as the kind leaves it open. */
    readonly form: string;
    /** The symbol at or below, such as `native_halt+3h`; null without symbols. */
    readonly symbol: string | null;
    readonly section: string;
    /** In the replacement of an alternative, named by the exception table, may run before paging is on. */
    readonly inReplacement: boolean;
    readonly hasExceptionRow: boolean;
    readonly early: boolean;
  };
  /** The catalogue on this kind. */
  readonly kind: {
    readonly why: string;
    readonly manual: string;
    readonly trap: string;
    readonly reads: string;
    readonly results: string;
  };
  /** Caller-saved registers that are no results, and those of them that a stub has to preserve. */
  readonly registers: { readonly atStake: readonly string[]; readonly preserved: readonly string[] };
  /** How the port, MSR index or CPUID leaf is known, or where it gets lost. */
  readonly derivation: readonly DerivationModel[];
  /** Why each caller-saved register and each arithmetic flag is live or dead. */
  readonly traces: readonly TraceModel[];
  readonly patch: PatchModel | null;
  /** The outcome of every rung of the ladder of tactics. */
  readonly rungs: readonly RungModel[];
}

export interface PatchModel {
  readonly start: string;
  /** Bytes. */
  readonly length: number;
  readonly tactic: string;
  readonly items: readonly { readonly address: string; readonly op: string; readonly text: string }[];
}

export interface RungModel {
  readonly rung: string;
  readonly outcome: RungOutcome["outcome"];
  readonly rule: string | null;
  readonly reason: string | null;
  readonly address: string | null;
}

const OP_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(ItemOp).map(([name, op]) => [op, name]),
);

/**
 * Explains the site at an address, or the one whose bytes cover it. Errors: PV1009 (no code there), PV9001 (code, but no site; the message
 * names the sites around).
 */
export function explainSite(analysis: Analysis, address: { readonly low: Va; readonly high: number }): Explanation {
  const { image, program, sites, facts, plans, early } = analysis;
  const { instructions } = program;
  const { bits, addressHigh } = instructions;
  const hex = (va: Va): string => formatAddress(va, addressHigh, bits);
  const text = ({ parts, rest }: Locations): string => formatLocations(parts, rest, bits);
  const disassembler = new Disassembler(instructions);
  try {
    const s = siteAt(analysis, address, disassembler);
    const row = sites.instruction[s]!;
    const va = instructions.address[row]!;
    const entry = entryOf(sites.kind[s]!)!;
    const patch = plans.sitePatch[s]!;
    const rowText = (at: Va): string => disassembler.text(instructions.at(at));
    const symbol = image.symbols?.below(va) ?? -1;
    const offset = symbol < 0 ? 0 : va - image.symbols!.address[symbol]!;
    return {
      schemaVersion: 1,
      image: imageModel(image),
      site: {
        ...siteModel(analysis, s),
        text: disassembler.text(row),
        bytes: Buffer.from(instructions.bytesOf(row)).toString("hex"),
        form: formatForm(entry, sites.form[s]!, bits),
        symbol: symbol < 0 ? null : `${image.symbols!.name(symbol)}${offset === 0 ? "" : `+${offset.toString(16)}h`}`,
        section: instructions.regions.findLast(({ start }) => start <= va)!.name,
        inReplacement: sites.inAlternative[s] === 1,
        hasExceptionRow: image.tables.exceptions?.insn.includes(va) ?? false,
        early: early[row] === 1,
      },
      kind: {
        why: entry.why,
        manual: `${entry.manual.volume}: ${entry.manual.instruction}`,
        trap: entry.trap,
        reads: text(readsOf(entry, sites.form[s]!, bits)),
        results: text(resultsOf(entry, sites.form[s]!, bits)),
      },
      registers: {
        atStake: registerNames(facts.atStake[s]!, bits),
        preserved: registerNames(facts.preserved[s]!, bits),
      },
      derivation: derivationOf(analysis, s),
      traces: tracesOf(analysis, s, disassembler),
      patch:
        patch === NO_PATCH
          ? null
          : {
              start: hex(plans.start[patch]!),
              length: plans.length[patch]!,
              tactic: TACTIC_NAMES[plans.tactic[patch]!]!,
              items: Array.from({ length: plans.itemCount[patch]! }, (_, i) => {
                const item = plans.firstItem[patch]! + i;
                const at = plans.start[patch]! + plans.items.offset[item]!;
                return { address: hex(at), op: OP_NAMES[plans.items.op[item]!]!, text: rowText(at) };
              }),
            },
      rungs: siteExplainer(
        planInput(analysis),
        plans,
      )(s).rungs.map(({ rung, outcome, rule, address }) => ({
        rung,
        outcome,
        rule: ruleOf(rule)?.name ?? null,
        reason: ruleOf(rule)?.reason ?? null,
        address: address === undefined ? null : hex(address),
      })),
    };
  } finally {
    disassembler.free();
  }
}

function siteAt(
  { program: { instructions }, sites }: Analysis,
  { low, high }: { low: Va; high: number },
  disassembler: Disassembler,
): number {
  const row = high === instructions.addressHigh ? instructions.covering(low) : -1;
  const hex = (va: Va): string => formatAddress(va, instructions.addressHigh, instructions.bits);
  if (row < 0)
    fail(
      "PV1009",
      `there is no code at ${formatAddress(low, high, high === 0 ? instructions.bits : 64)}`,
      low,
      "`previrt info` shows which sections hold code, `previrt analyze --sites` the addresses of the sites.",
    );
  const s = sites.instruction.indexOf(row);
  if (s >= 0) return s;
  const behind = sites.instruction.findIndex((site) => site > row);
  const around = [behind < 0 ? sites.count - 1 : behind - 1, behind]
    .filter((site) => site >= 0)
    .map((site) => hex(instructions.address[sites.instruction[site]!]!));
  const nearest = around.length === 0 ? "the kernel has no site" : `the nearest sites are at ${around.join(" and ")}`;
  const message = `${hex(instructions.address[row]!)} holds \`${disassembler.text(row)}\`, which is not sensitive; ${nearest}`;
  throw new InputError(
    diagnostic("PV9001", message, undefined, "`previrt analyze --sites` lists the addresses of all sites."),
  );
}

function registerNames(mask: number, bits: 32 | 64): string[] {
  return REGISTER_NAMES[bits].filter((_, r) => (mask >>> r) & 1);
}

export function renderExplanation({ site, kind, registers, derivation, traces, patch, rungs }: Explanation): string {
  const list = (words: readonly string[]): string => words.join(" ") || "none";
  const where = [site.section, ...(site.symbol === null ? [] : [site.symbol])].join(", ");
  const notes = [
    ...(site.inReplacement ? ["lies in the replacement of an alternative"] : []),
    ...(site.hasExceptionRow ? ["has a row in the exception table"] : []),
    ...(site.early ? ["may run before paging is on"] : []),
  ];
  const facts = [
    ["kind", [site.kind, site.class, ...(site.form === "" ? [] : [site.form])].join(", ")],
    ["because", kind.why],
    ["manual", kind.manual],
    ["traps outside ring 0", kind.trap],
    ["reads", kind.reads],
    ["results", kind.results],
    ["live behind it", list([...site.liveRegisters, ...site.liveFlags])],
    ["known", site.content === null ? "nothing" : renderContent(site.content)],
    ["registers at stake", list(registers.atStake)],
    ["to be preserved", list(registers.preserved)],
    ["facts rest on", site.assumptions.length === 0 ? "code alone" : site.assumptions.join(", ")],
    ...(notes.length === 0 ? [] : [["notes", notes.join("; ")]]),
  ] as [string, string][];
  const plan =
    patch === null
      ? `stays in place: ${RULES.find(({ name }) => name === site.reason)?.reason}`
      : [
          `patched by a window of ${patch.length} bytes at ${patch.start} (${patch.tactic})`,
          table(
            patch.items.map(({ address, op, text }) => [`  ${address}`, op, text]),
            "lll",
          ),
        ].join("\n");
  const ladder = rungs.map(({ rung, outcome, rule, reason, address }) => [
    `  ${rung}`,
    outcome === "blocked" ? `${rule} at ${address}: ${reason}` : OUTCOMES[outcome],
  ]);
  return [
    `${site.address}  ${site.bytes}  ${site.text}    (${where})`,
    table(facts, "ll"),
    ...(derivation.length === 0 ? [] : [`derived from\n${renderDerivation(derivation)}`]),
    `why\n${renderTraces(traces)}`,
    plan,
    ["the ladder", table(ladder, "ll")].join("\n"),
  ].join("\n\n");
}

const OUTCOMES: Readonly<Record<RungOutcome["outcome"], string>> = {
  taken: "taken",
  possible: "possible, but another window was better",
  blocked: "blocked",
  absent: "there is no such idiom here",
};
