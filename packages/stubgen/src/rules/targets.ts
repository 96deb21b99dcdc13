/** Addresses at which control may enter: none may lie strictly inside a window. */
import type { PlanInput } from "./rule.js";

/** Targets of direct branches and calls; also in the middle of an instruction. */
export function branchTargets({ program }: PlanInput): readonly Uint32Array[] {
  const { transfers, target } = program.instructions,
    targets = new Uint32Array(transfers.length);
  for (let t = 0; t < transfers.length; t++) targets[t] = target[transfers[t]];
  return [targets];
}

/** Addresses that a relocation or a table names: jump tables, handlers, return addresses that code pushes itself. */
export function takenAddresses({ program }: PlanInput): readonly Uint32Array[] {
  return [program.facts.addressTaken, program.facts.thunkAddress, program.facts.transparent];
}

/** Function starts, and the starts of sections: what lies before does not run into what lies behind. */
export function functionStarts({ program }: PlanInput): readonly Uint32Array[] {
  const { functions, facts, instructions } = program;
  return [functions.entry, facts.functionStarts, Uint32Array.from(instructions.regions, (region) => region.start)];
}
