/**
 * Conditional contents: what a branch leaves of a content that goes one of its ways, and what a conditional move chooses.
 *
 * Problem: behind `cmp $0x18a,%ecx; jne` ECX is one number, behind `cmp count,%ebx; jb` EBX lies below what `count` holds. The compared
 * operand may be a copy of the place that is asked for (copies.ts). Such a content is made of the one before the test and, where two operands
 * are compared, of the other one. Where neither says anything, it is the one before.
 */
import { ConditionCode, Mnemonic, OpKind, type Instruction } from "iced-x86";
import { Flow } from "@pv/x86-ir";
import { ARITHMETIC, flagsBefore, isAbout } from "./copies.js";
import { ContentKind, SLOT } from "./content.js";
import { isLost, joinAll, type ContentGraph, type DemandedContent, type Equation } from "./content-graph.js";
import { comparisonOf, conditionOf, narrowed } from "./known-order.js";
import { between, insert, joinKnown, masked, patternsOf, UNKNOWN, type Known } from "./known-values.js";
import { compileTest, MEMORY, sliceOf } from "./transfer.js";
import { writesRegister, type Visibility } from "./visibility.js";

/** Where the contents of operands come from. */
export interface Operands {
  readonly visible: Visibility;
  readonly graph: ContentGraph;
  /** The content of a place directly before an instruction. */
  before(instruction: number, place: number): DemandedContent;
  /** What an instruction loads, if that can be followed. */
  loaded(instruction: number, pop: boolean): DemandedContent | undefined;
}

/** What a conditional branch at the end of a block leaves of a content that comes out of it. */
export function tested(
  operands: Operands,
  from: number,
  taken: boolean,
  place: number,
  content: DemandedContent,
): DemandedContent {
  const { visible } = operands;
  const { blocks, instructions } = visible.program;
  const { effects, effect, flow } = instructions;
  const last = blocks.end[from] - 1;
  // Both ways may lead to the same place.
  if (
    flow[last] !== Flow.conditional ||
    instructions.target[last] === instructions.address[last] + instructions.length[last]
  )
    return content;
  for (let i = last - 1; i >= blocks.first[from]; i--) {
    const setsFlags =
      (effects.writeRest[effect[i]] & ARITHMETIC) !== 0 || flow[i] === Flow.call || flow[i] === Flow.indirectCall;
    if (setsFlags) {
      const condition = visible.reader.read(last).conditionCode as ConditionCode;
      return testedBy(operands, { flags: i, condition, taken }, place, content);
    }
    if (place < SLOT ? writesRegister(visible.program, place, i) : visible.frameAt(from)?.stores.has(i) === true)
      return content;
  }
  return content;
}

/** A condition that holds (or not) behind instruction `flags`, which sets the flags. */
interface Tested {
  readonly flags: number;
  readonly condition: ConditionCode;
  readonly taken: boolean;
}

/** What is left of a content if a condition holds. */
function testedBy(
  operands: Operands,
  { flags, condition, taken }: Tested,
  place: number,
  content: DemandedContent,
): DemandedContent {
  const { visible, graph } = operands;
  const narrow = (inputs: DemandedContent[], evaluate: Equation): DemandedContent =>
    graph.connectNow(graph.make(ContentKind.tested, flags, place), inputs, evaluate);
  const compare = visible.reader.read(flags);
  const test = compileTest(compare, condition);
  if (test !== undefined) {
    if (!(taken ? test.whenTaken : test.whenNot) || !isAbout(visible, flags, test.position, place)) return content;
    const inside = test.inside === taken;
    const { low, high, mask } = test;
    return narrow([content], ([own]) =>
      mask === -1
        ? between(own!.value, low, high, inside)
        : insert(own!.value, between(masked(own!.value, mask), low, high, inside), mask),
    );
  }
  const comparison = comparisonOf(compare);
  if (comparison === undefined) return content;
  const { left, right } = comparison;
  const ofLeft = isAbout(visible, flags, left, place);
  if (!ofLeft && !isAbout(visible, flags, right, place)) return content;
  const holds = conditionOf(condition, taken, ofLeft);
  if (holds === undefined) return content;
  const position = ofLeft ? right : left;
  const other = position === MEMORY ? operands.loaded(flags, false) : operands.before(flags, position);
  if (other === undefined || isLost(other)) return content;
  return narrow([content, other], ([own, against]) => narrowed(own!.value, holds, against!.value));
}

/** Whether an instruction is a conditional move of 32 bits into a register. */
export const isConditionalMove = ({ mnemonic, op0Kind, op0Register, opCount }: Instruction): boolean =>
  mnemonic >= Mnemonic.Cmova &&
  mnemonic <= Mnemonic.Cmovs &&
  opCount === 2 &&
  op0Kind === OpKind.Register &&
  sliceOf(op0Register)?.width === 32;

/** What a conditional move leaves: either side, as far as the condition allows it. */
export function chosen(operands: Operands, i: number, place: number): DemandedContent {
  const { visible, graph } = operands;
  const instruction = visible.reader.read(i);
  const condition = instruction.conditionCode as ConditionCode;
  const slice = sliceOf(instruction.op1Register);
  const isRegister = instruction.op1Kind === OpKind.Register && slice?.width === 32;
  const flags = flagsBefore(visible, i);
  const content = graph.make(ContentKind.defined, i, place);
  const other = isRegister
    ? operands.before(i, slice.position)
    : (operands.loaded(i, false) ?? graph.unknown(i, MEMORY, "memory"));
  const own = operands.before(i, place);
  const scan = flags === undefined || condition !== ConditionCode.e ? undefined : scanned(operands, flags, place);
  if (scan !== undefined)
    // Where there was no bit to find, the other side is taken.
    return graph.connectNow(content, [scan, other], ([source, else_]) =>
      joinKnown(bitNumber(source!.value), else_!.value),
    );
  /** What is left of a side that the flags are still about. */
  const side = (of: number, value: DemandedContent, taken: boolean): DemandedContent => {
    if (flags === undefined) return value;
    for (let row = flags + 1; row < i; row++) if (writesRegister(visible.program, of, row)) return value;
    return testedBy(operands, { flags, condition, taken }, of, value);
  };
  const inputs = [side(place, own, false), isRegister ? side(slice.position, other, true) : other];
  return graph.connectNow(content, inputs, joinAll);
}

/** What BSR or BSF looks through, if that is instruction `i` and it writes the register. */
function scanned(operands: Operands, i: number, place: number): DemandedContent | undefined {
  const { mnemonic, op0Register, op1Kind, op1Register } = operands.visible.reader.read(i);
  const to = sliceOf(op0Register),
    from = op1Kind === OpKind.Register ? sliceOf(op1Register) : undefined;
  const isScan = (mnemonic === Mnemonic.Bsr || mnemonic === Mnemonic.Bsf) && to?.position === place;
  return isScan && to.width === 32 && from !== undefined ? operands.before(i, from.position) : undefined;
}

/** Numbers of bits that may be set. */
function bitNumber(of: Known): Known {
  const highest = Math.max(0, ...patternsOf(of).map(({ known, value }) => 31 - Math.clz32(value | ~known)));
  return between(UNKNOWN, 0, highest, true);
}
