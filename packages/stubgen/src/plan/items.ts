/** What a stub does with each instruction of a window. */
import { Flow, type InstructionId, type Instructions } from "@pv/x86-ir";
import { BranchForm, branchForm } from "../rules/branches.js";
import { isFiller } from "../rules/instructions.js";
import { ItemOp } from "../types.js";

/**
 * Whether an instruction can only be the last of a window. Nothing falls through a jump or a return, so what lies behind
 * is entered in a way that we may not know of; a call comes back behind the window. Only what fills up behind a return or a
 * jump goes along with it, for it is never entered.
 */
export function endsWindow(instructions: Instructions, row: InstructionId): boolean {
  const { flow } = instructions;
  if (flow[row] === Flow.call || flow[row] === Flow.interruptReturn) return true;
  const leaves = flow[row] === Flow.return || flow[row] === Flow.jump || isFiller(instructions, row);
  return leaves && !isFiller(instructions, row + 1);
}

export interface ItemKind {
  readonly op: ItemOp;
  readonly condition: number;
}

const COPY: ItemKind = { op: ItemOp.copy, condition: 0 };

/** The op of an instruction that is no site and that the rules let go into a window. */
export function itemKind(instructions: Instructions, row: InstructionId): ItemKind {
  switch (instructions.flow[row]) {
    case Flow.jump:
    case Flow.conditional:
    case Flow.call: {
      const { form, condition } = branchForm(instructions.bytesOf(row));
      return { op: OP_OF_FORM[form], condition };
    }
    default:
      return COPY;
  }
}

const OP_OF_FORM: Readonly<Record<BranchForm, ItemOp>> = {
  [BranchForm.none]: ItemOp.copy,
  [BranchForm.jump]: ItemOp.jump,
  [BranchForm.conditional]: ItemOp.conditional,
  [BranchForm.call]: ItemOp.call,
};
