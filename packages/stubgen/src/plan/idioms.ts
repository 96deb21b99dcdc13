/**
 * Idioms: sequences that compilers make of one source-level operation, and that belong into one window.
 *
 *   interrupt save      pushf; pop r|m; [up to three plain instructions;] cli        local_irq_save
 *   interrupt restore   test|and ...; [one plain instruction;] je past; sti; past:     local_irq_restore
 *
 * In Debian's 6.1 i386 kernels 475 of 715 pushf have the first form (455 of them without anything in between), and two
 * thirds of 670 sti the second, where what follows is often a branch target: a window has to start at the test.
 * The flag is tested by `test $2,%ah` and by `and $2,%dh` alike, in a register or in memory.
 */
import { Code } from "iced-x86";
import { Flow, type InstructionId, type Instructions } from "@pv/x86-ir";

/** Most plain instructions that compilers schedule between the `pop` and the `cli` (measured: 1 in 18, 2 in 4). */
const MOST_BETWEEN = 3;

/** One past the last instruction of the idiom that starts at `first`, or -1. */
export function idiomAt(instructions: Instructions, first: InstructionId): InstructionId {
  const code = instructions.code[first];
  if (PUSHF.has(code)) return interruptSave(instructions, first);
  if (TESTS.has(code)) return interruptRestore(instructions, first);
  return -1;
}

function interruptSave(instructions: Instructions, pushf: InstructionId): InstructionId {
  const { code } = instructions;
  if (!runsOn(instructions, pushf, 2) || !POP.has(code[pushf + 1])) return -1;
  for (let between = 0; between <= MOST_BETWEEN; between++) {
    const row = pushf + 2 + between;
    if (!runsOn(instructions, row - 1, 1)) return -1;
    if (code[row] === Code.Cli) return row + 1;
    if (instructions.flow[row] !== Flow.next) return -1;
  }
  return -1;
}

function interruptRestore(instructions: Instructions, test: InstructionId): InstructionId {
  for (let between = 0; between <= 1; between++) {
    const branch = test + 1 + between;
    if (!runsOn(instructions, test, 2 + between)) return -1;
    if (JE.has(instructions.code[branch])) return instructions.code[branch + 1] === Code.Sti ? branch + 2 : -1;
    if (instructions.flow[branch] !== Flow.next) return -1;
  }
  return -1;
}

/** Whether `more` instructions follow without a gap. */
function runsOn({ address, length, count }: Instructions, row: InstructionId, more: number): boolean {
  if (row + more >= count) return false;
  for (let at = row; at < row + more; at++) if (address[at] + length[at] !== address[at + 1]) return false;
  return true;
}

const PUSHF: ReadonlySet<number> = new Set([Code.Pushfd, Code.Pushfq]);
const POP: ReadonlySet<number> = new Set([Code.Pop_r32, Code.Pop_rm32, Code.Pop_r64, Code.Pop_rm64]);
const JE: ReadonlySet<number> = new Set([Code.Je_rel8_32, Code.Je_rel32_32, Code.Je_rel8_64, Code.Je_rel32_64]);
const TESTS: ReadonlySet<number> = new Set([
  Code.Test_AL_imm8,
  Code.Test_EAX_imm32,
  Code.Test_RAX_imm32,
  Code.Test_rm8_imm8,
  Code.Test_rm16_imm16,
  Code.Test_rm32_imm32,
  Code.Test_rm64_imm32,
  Code.Test_rm32_r32,
  Code.Test_rm64_r64,
  Code.And_AL_imm8,
  Code.And_EAX_imm32,
  Code.And_RAX_imm32,
  Code.And_rm8_imm8,
  Code.And_rm16_imm16,
  Code.And_rm32_imm32,
  Code.And_rm64_imm32,
  Code.And_rm32_imm8,
  Code.And_rm64_imm8,
]);
