/** Why a site is where it is: the outcome of every rung of the ladder. */
import { NO_PATCH } from "./plan.js";
import { JUMP_BYTES, reachBackwards, reachForwards, roomAround, type Obstacle } from "./room.js";
import { idiomAt } from "./idioms.js";
import { Judge } from "../rules/judge.js";
import type { PlanInput } from "../rules/rule.js";
import { ruleOf } from "../rules/table.js";
import { Tactic, type PatchPlans } from "../types.js";

export type RungName = "idiom" | "forward" | "backward" | "short";

/** What one rung came to. */
export interface RungOutcome {
  readonly rung: RungName;
  /**
   * taken: the site's window is of this kind. possible: it could be, but another window was better. blocked: a rule
   * forbids it (`rule`, `address`). absent: there is no such idiom here, or no padding near.
   */
  readonly outcome: "taken" | "possible" | "blocked" | "absent";
  /** Number in `RULES`, 0 unless blocked. */
  readonly rule: number;
  /** Where the obstacle stands, if there is one. */
  readonly address?: number;
}

export interface SiteExplanation {
  readonly site: number;
  /** Patch row, or `NO_PATCH`. */
  readonly patch: number;
  /** Number in `RULES`, 0 where the site is patched. */
  readonly reason: number;
  readonly rungs: readonly RungOutcome[];
}

/**
 * A function that explains any site of a plan. It looks at the rules once more, which costs as much as half a plan, so
 * keep it for several questions.
 */
export function siteExplainer(input: PlanInput, plans: PatchPlans): (site: number) => SiteExplanation {
  const judge = new Judge(input);
  return (site) => ({
    site,
    patch: plans.sitePatch[site],
    reason: plans.siteReason[site],
    rungs: rungsOf(input, judge, plans, site),
  });
}

function rungsOf(
  { program: { instructions }, sites }: PlanInput,
  judge: Judge,
  plans: PatchPlans,
  site: number,
): RungOutcome[] {
  const row = sites.instruction[site];
  const patch = plans.sitePatch[site];
  const taken = patch === NO_PATCH ? Tactic.none : plans.tactic[patch];
  const address = instructions.address[row];
  const forbidden = judge.instruction(row);
  if (forbidden !== 0) {
    const at = judge.obstacle(row);
    return RUNGS.map((rung) => ({ rung, outcome: "blocked", rule: forbidden, address: at }));
  }
  const blocked = (rung: RungName, { rule, address }: Obstacle): RungOutcome => ({
    rung,
    outcome: "blocked",
    rule,
    address,
  });
  const open = (rung: RungName, tactic: Tactic): RungOutcome => ({
    rung,
    outcome: taken === tactic ? "taken" : "possible",
    rule: 0,
  });

  const room = roomAround(instructions, judge, row);
  const idiom = idiomAround();
  const { end, obstacle } = reachForwards(instructions, judge, row);
  const fits = instructions.address[end - 1] + instructions.length[end - 1] - address >= JUMP_BYTES;
  const forward = fits || taken === Tactic.forward ? open("forward", Tactic.forward) : blocked("forward", obstacle);
  const backwards = reachBackwards(instructions, judge, row);
  const starts = room.bytes >= JUMP_BYTES && backwards.first < row;
  // With no instruction before it and no room, the obstacle behind has been named by the rung before.
  const backward =
    starts || taken === Tactic.backward ? open("backward", Tactic.backward) : blocked("backward", backwards.obstacle);
  const short: RungOutcome = { rung: "short", outcome: taken === Tactic.short ? "taken" : "absent", rule: 0 };
  return [idiom, forward, backward, short];

  function idiomAround(): RungOutcome {
    if (taken === Tactic.idiom) return { rung: "idiom", outcome: "taken", rule: 0 };
    for (let first = row; first >= 0 && address - instructions.address[first] < LONGEST_IDIOM_BYTES; first--) {
      const last = idiomAt(instructions, first) - 1;
      if (last < row) continue;
      if (first >= room.first && last < room.end) return { rung: "idiom", outcome: "possible", rule: 0 };
      return blocked("idiom", first < room.first ? room.before : room.behind);
    }
    return { rung: "idiom", outcome: "absent", rule: 0 };
  }
}

const RUNGS: readonly RungName[] = ["idiom", "forward", "backward", "short"];
const LONGEST_IDIOM_BYTES = 40;

/** One line per rung, and one for the whole; addresses as eight hexadecimal digits. */
export function describeSite(explanation: SiteExplanation): string {
  const { patch, reason, rungs } = explanation;
  const rule = ruleOf(reason);
  const head = patch === NO_PATCH ? `not patched: ${rule?.name}: ${rule?.reason}` : `patch ${patch}`;
  return [head, ...rungs.map((rung) => `  ${describeRung(rung)}`)].map((line) => `${line}\n`).join("");
}

function describeRung({ rung, outcome, rule, address }: RungOutcome): string {
  const label = `${rung}:`.padEnd(9);
  switch (outcome) {
    case "taken":
      return `${label} taken`;
    case "possible":
      return `${label} possible, another window was better`;
    case "absent":
      return rung === "short" ? `${label} none near` : `${label} no idiom`;
    case "blocked":
      return `${label} ${ruleOf(rule)?.name} at ${(address ?? 0).toString(16).padStart(8, "0")}`;
  }
}
