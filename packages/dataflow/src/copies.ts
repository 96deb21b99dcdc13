/**
 * Copies and flags within a block: which places hold the same as an operand, and which instruction set the flags that are asked for.
 *
 * Problem: what a branch says of one register, it says of all that hold the same: compilers copy before they compare. Looked back for over a few
 * instructions of the block; a copy counts as long as neither side was written since.
 */
import { ConditionCode, Mnemonic, OpKind } from "iced-x86";
import { Flow } from "@pv/x86-ir";
import { placeOf } from "./content.js";
import { overlap, type Frame, type Slot } from "./frames.js";
import { comparisonOf } from "./known-order.js";
import { compileTest, MEMORY, sliceOf } from "./transfer.js";
import { writesRegister, type Visibility } from "./visibility.js";

/** Instructions that are looked back for copies. */
const MOST_BACK = 16;
/** The arithmetic flags in location words. */
export const ARITHMETIC = 0x3f << 16;

/** Whether an operand of instruction `i` is a place, or holds the same as it: one was copied from the other in this block. */
export function isAbout(visible: Visibility, i: number, position: number, place: number): boolean {
  if (position === place) return true;
  // What it computes is compared, not what was copied.
  if (position !== MEMORY && writesRegister(visible.program, position, i)) return false;
  return aliasesOf(visible, i, position).includes(place);
}

/** The slot that a memory operand is, or what holds the same as a register before an instruction, as far as its block shows. */
function aliasesOf(visible: Visibility, i: number, position: number): readonly number[] {
  const { program } = visible;
  const { blocks, instructions } = program;
  const block = blocks.ofInstruction[i];
  if (position === MEMORY) {
    const slot = visible.frameOf(i)?.operand.get(i);
    return slot === undefined ? [] : [placeOf(slot)];
  }
  const found: number[] = [];
  const written: number[] = [];
  for (let row = i - 1; row >= blocks.first[block] && row >= i - MOST_BACK; row--) {
    if (instructions.flow[row] !== Flow.next) break;
    const copy = copyOf(visible, row);
    if (copy !== undefined && copy.to === position && !written.includes(copy.from)) found.push(copy.from);
    if (copy !== undefined && copy.from === position && !written.includes(copy.to)) found.push(copy.to);
    if (writesRegister(program, position, row)) break;
    for (let register = 0; register < 16; register++)
      if (writesRegister(program, register, row)) written.push(register);
    const frame = visible.frameOf(row);
    const slot = frame?.stores.has(row) === true ? frame.operand.get(row) : undefined;
    // Only whole slots are compared: one that overlaps another is written with it.
    if (slot !== undefined) written.push(...slotsOver(frame!, slot));
    if (frame?.stack.has(row) === true) break;
  }
  return found;
}

/** Places of the slots that a block's frame knows and that a store to one of them changes. */
function slotsOver(frame: Frame, slot: Slot): number[] {
  const found: number[] = [];
  for (const other of frame.operand.values()) if (overlap(other, slot)) found.push(placeOf(other));
  return found;
}

/** A move of 32 bits between registers and slots. */
function copyOf(visible: Visibility, row: number): { readonly from: number; readonly to: number } | undefined {
  const slot = visible.frameOf(row)?.operand.get(row);
  const instruction = visible.reader.read(row);
  if (instruction.mnemonic !== Mnemonic.Mov) return undefined;
  const place = (operand: number): number | undefined => {
    const kind = instruction.opKind(operand);
    if (kind === OpKind.Memory) return slot?.width === 4 ? placeOf(slot) : undefined;
    const slice = kind === OpKind.Register ? sliceOf(instruction.opRegister(operand)) : undefined;
    return slice?.width === 32 ? slice.position : undefined;
  };
  const to = place(0),
    from = place(1);
  return to === undefined || from === undefined ? undefined : { from, to };
}

/** The instruction in the same block that the flags before an instruction come from. */
export function flagsBefore({ program: { blocks, instructions } }: Visibility, i: number): number | undefined {
  const { effect, effects, flow } = instructions;
  for (let row = i - 1; row >= blocks.first[blocks.ofInstruction[i]]; row--) {
    if (flow[row] !== Flow.next) return undefined;
    if ((effects.writeRest[effect[row]] & ARITHMETIC) !== 0) return row;
  }
  return undefined;
}

/** Registers and slots that the condition compares with which a block ends. */
export function comparedIn(visible: Visibility, block: number): readonly number[] {
  const { blocks, instructions } = visible.program;
  const last = blocks.end[block] - 1;
  const flags = instructions.flow[last] === Flow.conditional ? flagsBefore(visible, last) : undefined;
  if (flags === undefined) return [];
  const compare = visible.reader.read(flags);
  const comparison = comparisonOf(compare);
  const test = compileTest(compare, ConditionCode.e);
  const positions =
    comparison !== undefined ? [comparison.left, comparison.right] : test !== undefined ? [test.position] : [];
  return positions.flatMap((position) => [
    ...(position === MEMORY ? [] : [position]),
    ...aliasesOf(visible, flags, position),
  ]);
}
