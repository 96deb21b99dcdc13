/** An annotation table as text: every patch with its items, and every site that is in none. */
import { formatSite, ItemOp, ruleOf, TACTIC_NAMES, type Tactic } from "@pv/stubgen";
import { NO_PATCH, SiteFlag, type Annotations } from "./annotations.js";

/** x86 `tttn` field (SDM Vol. 2, appendix B.1.4.7). */
const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];

export function printAnnotations(annotations: Annotations): string {
  const { machine, sites, patches, items, moduleHook } = annotations;
  const lines = [
    `ELF machine ${machine}, kernel checksum ${word(annotations.kernelChecksum)}, sha256 ${annotations.sha256}`,
    `${sites.count} sites, ${patches.count} patches, ${items.count} items`,
    ...(moduleHook === null ? [] : [`module hook: ${word(moduleHook.call)} calls ${word(moduleHook.target)}`]),
  ];
  for (let patch = 0; patch < patches.count; patch++) {
    const tactic = TACTIC_NAMES[patches.tactic[patch] as Tactic];
    lines.push(
      `patch ${word(patches.start[patch])} ${patches.length[patch]} bytes, ${tactic}, crc ${word(patches.checksum[patch])}`,
    );
    for (let item = patches.firstItem[patch]; item < patches.firstItem[patch] + patches.itemCount[patch]; item++) {
      lines.push(`  +${items.offset[item]} ${printItem(annotations, item)}`);
    }
  }
  for (let site = 0; site < sites.count; site++) {
    const reason = sites.reason[site];
    if (sites.patch[site] === NO_PATCH)
      lines.push(`${printSite(annotations, site)}, in place: ${ruleOf(reason)?.name ?? reason}`);
  }
  return `${lines.join("\n")}\n`;
}

function printItem(annotations: Annotations, item: number): string {
  const { items } = annotations;
  const op = items.op[item];
  const target = items.target[item];
  if (op === ItemOp.site) return printSite(annotations, target);
  if (op === ItemOp.copy) return `copy ${items.length[item]} bytes`;
  if (op === ItemOp.conditional) return `j${CONDITIONS[items.condition[item]]} ${word(target)}`;
  return `${op === ItemOp.jump ? "jump" : "call"} ${word(target)}`;
}

function printSite({ machine, sites }: Annotations, site: number): string {
  const facts = {
    kind: sites.kind[site],
    form: sites.form[site],
    known: sites.known[site],
    knownValue: sites.knownValue[site],
    liveParts: sites.liveParts[site],
    liveRest: sites.liveRest[site],
  };
  const flags = sites.flags[site];
  const notes = [
    (flags & SiteFlag.replacement) !== 0 ? ", in a replacement" : "",
    (flags & SiteFlag.exceptionRow) !== 0 ? ", has an exception row" : "",
    (flags & SiteFlag.mayRunUnpaged) !== 0 ? ", may run before paging" : "",
    (flags & SiteFlag.stepped) !== 0 ? ", may be stepped through" : "",
    sites.assumptions[site] === 0 ? "" : `, assumptions ${sites.assumptions[site].toString(16)}h`,
  ];
  return `${word(sites.address[site])} ${formatSite(facts, machine === 3 ? 32 : 64)}${notes.join("")}`;
}

function word(value: number): string {
  return value.toString(16).padStart(8, "0");
}
