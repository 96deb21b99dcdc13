/** Plans as text: the surface of the tests, and what `explain` shows. */
import { kindName } from "@pv/sensitive";
import { ruleOf } from "../rules/table.js";
import type { PlanInput } from "../rules/rule.js";
import { ItemOp, Tactic, type PatchPlans } from "../types.js";
import { NO_PATCH } from "./plan.js";

export const TACTIC_NAMES: Readonly<Record<Tactic, string>> = {
  [Tactic.none]: "in place",
  [Tactic.idiom]: "idiom",
  [Tactic.forward]: "forward",
  [Tactic.backward]: "backward",
  [Tactic.short]: "short",
};

const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"] as const;

/** Every patch with its items, then every site that stays in place with the rule that keeps it there. */
export function printPlans({ program: { instructions }, sites }: PlanInput, plans: PatchPlans): string {
  const lines: string[] = [];
  const hex = (va: number): string => va.toString(16).padStart(8, "0");
  const { items } = plans;
  for (let patch = 0; patch < plans.count; patch++) {
    lines.push(
      `${hex(plans.start[patch])} ${plans.length[patch]} bytes, ${TACTIC_NAMES[plans.tactic[patch] as Tactic]}`,
    );
    const end = plans.firstItem[patch] + plans.itemCount[patch];
    for (let item = plans.firstItem[patch]; item < end; item++) {
      lines.push(`  +${items.offset[item]} ${itemText(item)}`);
    }
  }
  for (let site = 0; site < sites.count; site++) {
    if (plans.sitePatch[site] !== NO_PATCH) continue;
    const address = instructions.address[sites.instruction[site]];
    lines.push(`${hex(address)} ${kindName(sites.kind[site])} in place: ${ruleOf(plans.siteReason[site])?.name}`);
  }
  return lines.map((line) => `${line}\n`).join("");

  function itemText(item: number): string {
    const target = items.target[item];
    switch (items.op[item]) {
      case ItemOp.site:
        return kindName(sites.kind[target]);
      case ItemOp.jump:
        return `jump ${hex(target)}`;
      case ItemOp.conditional:
        return `j${CONDITIONS[items.condition[item]]} ${hex(target)}`;
      case ItemOp.call:
        return `call ${hex(target)}`;
      default:
        return `copy ${items.length[item]}`;
    }
  }
}
