/** The models as text for people. */
import { ASSUMPTIONS } from "@pv/dataflow";
import { RULES } from "@pv/stubgen";
import type { BootResult, TrapCounts } from "./booting.js";
import { renderContent, renderKnown } from "./known-model.js";
import type { AnalysisModel, KindSummary } from "./model.js";
import { table } from "./table.js";

export const percent = (ratio: number): string => `${(ratio * 100).toFixed(1)} %`;

export function renderAnalysis(model: AnalysisModel, everySite: boolean): string {
  const { image } = model;
  const title = `${image.release ?? "unknown release"}, ${image.arch}, ${image.format}`;
  return [title, renderSummary(model), ...(everySite ? [renderSites(model)] : [])].join("\n\n");
}

/** Sites by kind, tactic and reason; registers, flags and contents in total. */
export function renderSummary({ summary, moduleHook }: AnalysisModel): string {
  const kinds = Object.entries(summary.byKind).toSorted(([a, x], [b, y]) => y.sites - x.sites || (a < b ? -1 : 1));
  const { registers, flags, known } = summary;
  const total: KindSummary = {
    sites: summary.sites,
    patched: summary.sites - (summary.byTactic["in-place"] ?? 0),
    registers,
  };
  return [
    table([
      ["kind", "sites", "patched", "at stake", "preserved", "fewer"],
      ...kinds.map(([kind, row]) => kindRow(kind, row)),
      kindRow("all", total),
    ]),
    table([["tactic", "sites"], ...descending(summary.byTactic)]),
    ...(Object.keys(summary.byReason).length === 0
      ? []
      : [table([["left in place", "sites", "because"], ...reasons(summary.byReason)], "lrl")]),
    renderKnown(known, percent),
    [
      `registers preserved   ${registers.preserved} of ${registers.atStake} caller-saved at stake: ${percent(registers.reduction)} fewer`,
      `flags live            at ${flags.live} of ${flags.sites} sites`,
      `modules               ${moduleHook.call === null ? `stay as they are: ${moduleHook.reason}` : `are rewritten when loaded, behind the call at ${moduleHook.call}`}`,
    ].join("\n"),
    table(
      [
        ["facts rest on", "sites", "which says"],
        ["code alone", `${summary.restsOn.codeAlone}`, ""],
        ...descending(summary.restsOn.byAssumption).map(([name, sites]) => [
          name!,
          sites!,
          ASSUMPTIONS[name as keyof typeof ASSUMPTIONS][1],
        ]),
      ],
      "lrl",
    ),
  ].join("\n\n");
}

/** Each reason with its sentence, the most frequent first. */
function reasons(byReason: Readonly<Record<string, number>>): string[][] {
  return descending(byReason).map(([name, count]) => [
    name!,
    count!,
    RULES.find((rule) => rule.name === name)?.reason ?? "",
  ]);
}

function renderSites(model: AnalysisModel): string {
  const rows = model.sites.map((site) => [
    site.address,
    site.kind,
    site.tactic,
    site.reason ?? "-",
    [...site.liveRegisters, ...site.liveFlags].join(" ") || "-",
    site.content === null ? "-" : renderContent(site.content),
  ]);
  return table([["address", "kind", "tactic", "reason", "live behind it", "known"], ...rows], "llllll");
}

function kindRow(kind: string, { sites, patched, registers }: KindSummary): string[] {
  return [
    kind,
    `${sites}`,
    `${patched}`,
    `${registers.atStake}`,
    `${registers.preserved}`,
    percent(registers.reduction),
  ];
}

function descending(counts: Readonly<Record<string, number>>): string[][] {
  return Object.entries(counts)
    .toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([key, n]) => [key, `${n}`]);
}

function renderTraps({ entries, pageFaults, hostInterrupts, byKind, sites, modules }: TrapCounts): string[] {
  return [
    "",
    `entries into the monitor: ${entries}, of which page faults ${pageFaults}, host interrupts ${hostInterrupts}`,
    modules.rewritten
      ? `sites of kernel modules: ${modules.sites}, which trapped ${modules.traps} times`
      : "kernel modules stay as they are: the kernel's table does not say where they are loaded",
    "",
    table([["trapped", "times"], ...descending(byKind)]),
    "",
    table(
      [
        ["site", "kind", "traps", "why it traps"],
        ...sites.map(({ address, kind, traps, reason }) => [address, kind, `${traps}`, reason]),
      ],
      "llrl",
    ),
  ];
}

export function renderBoot(result: BootResult): string {
  const { executed, traps } = result;
  const goal =
    result.end.reason === "left"
      ? "console left"
      : result.userland
        ? "userland reached"
        : `userland not reached (${result.end.reason})`;
  const kinds = Object.entries(executed.byKind).toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return [
    `${goal}, on ${result.machine} under ${result.hypervisor}${result.mode === undefined ? "" : ` (${result.mode})`}${result.poison ? ", poisoned" : ""}, in ${result.seconds} s`,
    `sites: ${result.patched} patched, ${result.trapped} trapped, ${result.untouched} untouched`,
    ...(result.instructions === null ? [] : [`guest instructions: ${result.instructions}`]),
    ...(kinds.length === 0
      ? []
      : [
          "",
          table([
            ["executed in stubs", "times", "share"],
            ...kinds.map(([kind, n]) => [kind, `${n}`, percent(n / executed.total)]),
          ]),
        ]),
    ...(traps === undefined ? [] : renderTraps(traps)),
  ].join("\n");
}
