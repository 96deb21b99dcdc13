/**
 * Bytes that do not decode, and all that follows them up to the next address that something leads to: what stands there may be data, and where
 * instructions begin again is a guess. Cost: one search for such bytes, which kernels hardly have, and a walk behind each.
 */
import { AddressSet, Flow, type InstructionId } from "@pv/x86-ir";
import type { PlanInput, Ranges } from "./rule.js";
import { functionStarts, takenAddresses } from "./targets.js";

export function undecodableStretches(input: PlanInput): readonly Ranges[] {
  const { instructions, blocks } = input.program;
  const { flow, address, length, target, count } = instructions;
  let row = flow.indexOf(Flow.invalid);
  if (row < 0) return [];
  const named = [...functionStarts(input), ...takenAddresses(input)].map((addresses) => new AddressSet(addresses));
  /** Whether something else than the code in front of it leads to a row. */
  const isEntered = (to: InstructionId): boolean => {
    const block = blocks.ofInstruction[to]!;
    if (blocks.first[block] !== to) return false;
    for (let e = blocks.predecessorStart[block]!; e < blocks.predecessorStart[block + 1]!; e++)
      if (blocks.predecessors[e] !== block - 1 || target[to - 1] === address[to]) return true;
    return named.some((addresses) => addresses.has(address[to]!));
  };
  const start: number[] = [],
    bytes: number[] = [];
  while (row >= 0) {
    let end = row + 1;
    while (end < count && address[end] === address[end - 1]! + length[end - 1]! && !isEntered(end)) end++;
    start.push(address[row]!);
    bytes.push(address[end - 1]! + length[end - 1]! - address[row]!);
    row = flow.indexOf(Flow.invalid, end);
  }
  return [{ start: Uint32Array.from(start), length: Uint32Array.from(bytes) }];
}
