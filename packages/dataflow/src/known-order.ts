/**
 * What a comparison of two contents says about each of them: `cmp %eax, %esi; jb` leaves of ESI what is below the largest that EAX may be.
 *
 * Conditions are those of jumps behind `cmp left, right` on 32-bit operands (SDM Vol. 1, appendix B). Only the ends of what the other side
 * may be are looked at, so the result covers whatever the two may hold together.
 */
import { ConditionCode, MemorySizeExt, Mnemonic, OpKind, type Instruction } from "iced-x86";
import { between, boundsOf, NOTHING, patternsOf, type Known } from "./known-values.js";
import { immediateOf, MEMORY, sliceOf } from "./transfer.js";

/** Positions of the operands (transfer.ts). */
export interface Comparison {
  readonly left: number;
  readonly right: number;
}

/** A comparison of two 32-bit operands, neither of them a constant; undefined for anything else. */
export function comparisonOf(instruction: Instruction): Comparison | undefined {
  if (instruction.mnemonic !== Mnemonic.Cmp || immediateOf(instruction, 1) !== undefined) return undefined;
  const position = (operand: number): number | undefined => {
    if (instruction.opKind(operand) === OpKind.Memory)
      return MemorySizeExt.size(instruction.memorySize) === 4 ? MEMORY : undefined;
    const slice =
      instruction.opKind(operand) === OpKind.Register ? sliceOf(instruction.opRegister(operand)) : undefined;
    return slice?.width === 32 ? slice.position : undefined;
  };
  const left = position(0),
    right = position(1);
  return left === undefined || right === undefined || left === right ? undefined : { left, right };
}

const C = ConditionCode;
const NEGATED: ReadonlyMap<ConditionCode, ConditionCode> = new Map(
  (
    [
      [C.e, C.ne],
      [C.b, C.ae],
      [C.be, C.a],
      [C.l, C.ge],
      [C.le, C.g],
    ] as const
  ).flatMap(([one, other]) => [
    [one, other],
    [other, one],
  ]),
);
const SWAPPED: ReadonlyMap<ConditionCode, ConditionCode> = new Map([
  [C.e, C.e],
  [C.ne, C.ne],
  [C.b, C.a],
  [C.a, C.b],
  [C.be, C.ae],
  [C.ae, C.be],
  [C.l, C.g],
  [C.g, C.l],
  [C.le, C.ge],
  [C.ge, C.le],
]);

/** The condition that holds where the branch is taken or not, as the left or the right operand sees it; undefined where it says nothing of order. */
export function conditionOf(condition: ConditionCode, taken: boolean, ofLeft: boolean): ConditionCode | undefined {
  const holds = taken ? (NEGATED.has(condition) ? condition : undefined) : NEGATED.get(condition);
  return holds === undefined || ofLeft ? holds : SWAPPED.get(holds);
}

/** The values of `own` for which the condition may hold against some value of `other`. */
export function narrowed(own: Known, condition: ConditionCode, other: Known): Known {
  if (own.values?.length === 0 || other.values?.length === 0) return NOTHING;
  const patterns = patternsOf(other);
  // Ends of what the other side may be, unsigned and signed.
  const [low, high] = boundsOf(other)!,
    least = Math.min(...patterns.map(({ known, value }) => value | (~known & 0x8000_0000))),
    most = Math.max(...patterns.map(({ known, value }) => value | (~known & 0x7fff_ffff)));
  switch (condition) {
    case C.e:
      return between(own, low, high, true);
    case C.ne:
      return low === high ? between(own, low, low, false) : own;
    case C.b:
      return high === 0 ? NOTHING : between(own, 0, high - 1, true);
    case C.be:
      return between(own, 0, high, true);
    case C.a:
      return low === 0xffff_ffff ? NOTHING : between(own, low + 1, 0xffff_ffff, true);
    case C.ae:
      return between(own, low, 0xffff_ffff, true);
    // Of signed orders, what lies above a number that is not negative is one interval.
    case C.l:
      return most >= 0 ? between(own, most, 0x7fff_ffff, false) : own;
    case C.le:
      return most >= -1 && most < 0x7fff_ffff ? between(own, most + 1, 0x7fff_ffff, false) : own;
    case C.g:
      return least >= -1 && least < 0x7fff_ffff ? between(own, least + 1, 0x7fff_ffff, true) : own;
    case C.ge:
      return least >= 0 ? between(own, least, 0x7fff_ffff, true) : own;
    default:
      return own;
  }
}
