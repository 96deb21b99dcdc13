/**
 * Bytes that do not decode, and all that follows them up to the next address that something leads to: what stands there may be data, and where
 * instructions begin again is a guess. Cost: one search for such bytes, which kernels hardly have, and a walk behind each.
 */
import { AddressSet, Flow } from "@pv/x86-ir";
import type { PlanInput, Ranges } from "./rule.js";
import { branchTargets, functionStarts, takenAddresses } from "./targets.js";

export function undecodableStretches(input: PlanInput): readonly Ranges[] {
  const { flow, address, length, count } = input.program.instructions;
  let row = flow.indexOf(Flow.invalid);
  if (row < 0) return [];
  const entered = [...functionStarts(input), ...branchTargets(input), ...takenAddresses(input)].map(
    (addresses) => new AddressSet(addresses),
  );
  const start: number[] = [],
    bytes: number[] = [];
  for (; row >= 0;) {
    let end = row + 1;
    const follows = (): boolean => end < count && address[end] === address[end - 1]! + length[end - 1]!;
    while (follows() && !entered.some((addresses) => addresses.has(address[end]!))) end++;
    start.push(address[row]!);
    bytes.push(address[end - 1]! + length[end - 1]! - address[row]!);
    row = flow.indexOf(Flow.invalid, end);
  }
  return [{ start: Uint32Array.from(start), length: Uint32Array.from(bytes) }];
}
