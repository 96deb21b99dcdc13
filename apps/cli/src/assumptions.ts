/** The sets of assumptions that `--assume` names. */
import { DEFAULT_ASSUMPTIONS, NO_ASSUMPTIONS, type Assumptions } from "@pv/dataflow";
import type { Assume } from "./commands/flags.js";

const SETS: Readonly<Record<Assume, Assumptions>> = { default: DEFAULT_ASSUMPTIONS, none: NO_ASSUMPTIONS };

export function assumptionsNamed(name: Assume): Assumptions {
  return SETS[name];
}
