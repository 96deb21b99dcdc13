/** Instructions that cannot be run elsewhere. One function per rule; each looks at one instruction and its neighbours. */
import { Code, Decoder, DecoderOptions, Instruction } from "iced-x86";
import { ESP, Flow, restOf, type InstructionId, type Instructions } from "@pv/x86-ir";
import { BranchForm, branchForm } from "./branches.js";
import type { IsBoundary, PlanInput } from "./rule.js";

/** It may run at physical addresses, where a stub's absolute addresses mean something else. */
export function runsEarly({ early }: PlanInput, instruction: InstructionId): boolean {
  return early !== undefined && early[instruction] === 1;
}

/** `ud2` and its kin: the #UD handler looks the address up. */
export function isUndefined({ program }: PlanInput, instruction: InstructionId): boolean {
  return program.instructions.flow[instruction] === Flow.undefined;
}

/**
 * `iret`, `sysexit`, `int`, far transfers: they leave for another context or push the address behind themselves.
 * `int3` that fills up behind a return or a jump never runs, so it may go along; and an `iret` that returns to itself goes nowhere.
 */
export function isControlTransfer({ program }: PlanInput, instruction: InstructionId, isBoundary: IsBoundary): boolean {
  const { instructions } = program;
  const flow = instructions.flow[instruction];
  if (returnsToItself(instructions, instruction, isBoundary)) return false;
  if (flow === Flow.interruptReturn || FAR_TRANSFERS.has(instructions.code[instruction])) return true;
  return flow === Flow.interrupt && !isFiller(instructions, instruction);
}

/**
 * `pushf; push %cs; push $behind; iret; behind:` serialises the processor and changes nothing (sync_core of
 * arch/x86/include/asm/sync_core.h). Nobody enters in the middle, so that what the `iret` takes off the stack is what the three pushed.
 */
function returnsToItself(instructions: Instructions, iret: InstructionId, isBoundary: IsBoundary): boolean {
  const { code, address, length } = instructions;
  if (code[iret] !== Code.Iretd || length[iret] !== 1 || iret < SELF_RETURN.length) return false;
  const first = iret - SELF_RETURN.length,
    behind = address[iret] + 1;
  for (let row = first; row < iret; row++) {
    if (code[row] !== SELF_RETURN[row - first] || address[row] + length[row] !== address[row + 1]) return false;
    if (isBoundary(address[row + 1])) return false;
  }
  const push = instructions.bytesOf(iret - 1);
  return push.length === 5 && new DataView(push.buffer, push.byteOffset).getUint32(1, true) === behind >>> 0;
}

const SELF_RETURN: readonly number[] = [Code.Pushfd, Code.Pushd_CS, Code.Pushd_imm32];

/** An indirect call would push an address inside the stub; an indirect jump may belong to a jump table. */
export function isIndirectTransfer({ program }: PlanInput, instruction: InstructionId): boolean {
  const flow = program.instructions.flow[instruction];
  return flow === Flow.indirectJump || flow === Flow.indirectCall;
}

/** `loop`, `jecxz`, `xbegin` and branches with a 16-bit target have no form that reaches a stub's distance. */
export function isShortBranch({ program }: PlanInput, instruction: InstructionId): boolean {
  const { instructions } = program;
  const flow = instructions.flow[instruction];
  if (flow !== Flow.jump && flow !== Flow.conditional && flow !== Flow.call) return false;
  return branchForm(instructions.bytesOf(instruction)).form === BranchForm.none;
}

/** A RIP-relative operand would mean another address in a stub. */
export function isPositionDependent({ program: { instructions } }: PlanInput, instruction: InstructionId): boolean {
  if (instructions.bits === 32) return false;
  const bytes = instructions.bytesOf(instruction);
  // ModRM with mod 00 and r/m 101, and four bytes of displacement behind it: most instructions have no such byte.
  if (!bytes.some((byte, at) => (byte & 0xc7) === 0x05 && at > 0 && at + 5 <= bytes.length)) return false;
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  const decoded = new Instruction();
  decoder.decodeOut(decoded);
  const relative = decoded.isIpRelMemoryOperand;
  decoded.free();
  decoder.free();
  return relative;
}

/**
 * The pair that an interrupt shadow holds together: `sti` and what waits for interrupts or leaves the kernel, a load of
 * SS and the load of the stack pointer (SDM Vol. 3A, 6.8.3). A stub between or inside them would open a gap.
 */
export function isInInterruptShadow({ program: { instructions } }: PlanInput, instruction: InstructionId): boolean {
  const code = instructions.code[instruction];
  if (code === Code.Sti) return SHADOW_PARTNERS.has(codeAt(instructions, following(instructions, instruction)));
  if (SHADOW_PARTNERS.has(code)) return codeAt(instructions, preceding(instructions, instruction)) === Code.Sti;
  if (loadsStackSegment(instructions, instruction))
    return writesStackPointer(instructions, following(instructions, instruction));
  const before = preceding(instructions, instruction);
  return before >= 0 && loadsStackSegment(instructions, before) && writesStackPointer(instructions, instruction);
}

/**
 * Instructions that look like something the kernel patches while it runs, in no table that we know: the five-byte NOP,
 * a call of `__fentry__`, and, where the table of jump labels is missing, every `jmp rel32`.
 */
export function maybePatched({ program, protection }: PlanInput, instruction: InstructionId): boolean {
  const { instructions, facts } = program;
  if (instructions.length[instruction] !== 5) return false;
  const flow = instructions.flow[instruction];
  if (flow === Flow.call) return facts.transparent.includes(instructions.target[instruction]);
  if (flow === Flow.jump) return protection.jumpLabels === undefined;
  if (flow !== Flow.next) return false;
  const bytes = instructions.bytesOf(instruction);
  return NOPS_OF_FIVE.some((nop) => nop.every((byte, at) => bytes[at] === byte));
}

/** P6 NOP, and the one of i386 kernels without it (arch/x86/include/asm/nops.h). */
const NOPS_OF_FIVE = [
  [0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x3e, 0x8d, 0x74, 0x26, 0x00],
] as const;

const FAR_TRANSFERS: ReadonlySet<number> = new Set([
  Code.Call_ptr1616,
  Code.Call_ptr1632,
  Code.Call_m1616,
  Code.Call_m1632,
  Code.Call_m1664,
  Code.Jmp_ptr1616,
  Code.Jmp_ptr1632,
  Code.Jmp_m1616,
  Code.Jmp_m1632,
  Code.Jmp_m1664,
  Code.Retfw,
  Code.Retfd,
  Code.Retfq,
  Code.Retfw_imm16,
  Code.Retfd_imm16,
  Code.Retfq_imm16,
]);

const SHADOW_PARTNERS: ReadonlySet<number> = new Set([
  Code.Hlt,
  Code.Mwait,
  Code.Mwaitx,
  Code.Monitorw,
  Code.Monitord,
  Code.Monitorq,
  Code.Iretw,
  Code.Iretd,
  Code.Iretq,
  Code.Sysexitd,
  Code.Sysexitq,
  Code.Sysretd,
  Code.Sysretq,
]);

/** ModRM register number of SS. */
const SS = 2;

function loadsStackSegment(instructions: Instructions, instruction: InstructionId): boolean {
  const code = instructions.code[instruction];
  if (code === Code.Popw_SS || code === Code.Popd_SS) return true;
  if (code !== Code.Mov_Sreg_rm16 && code !== Code.Mov_Sreg_r32m16 && code !== Code.Mov_Sreg_r64m16) return false;
  const bytes = instructions.bytesOf(instruction);
  return ((bytes[bytes.indexOf(0x8e) + 1] >> 3) & 7) === SS;
}

function writesStackPointer(instructions: Instructions, instruction: InstructionId): boolean {
  if (instruction < 0) return false;
  return (instructions.effects.writeRest[instructions.effect[instruction]] & restOf(ESP)) !== 0;
}

/** Whether the instruction fills up behind a return or a jump: `int3` and NOPs, with nothing but others between them and it. */
export function isFiller(instructions: Instructions, instruction: InstructionId): boolean {
  let row = instruction;
  while (row >= 0 && row < instructions.count && fillsUp(instructions, row)) row = preceding(instructions, row);
  if (row < 0 || row === instruction || row === instructions.count) return false;
  return instructions.flow[row] === Flow.return || instructions.flow[row] === Flow.jump;
}

function fillsUp(instructions: Instructions, instruction: InstructionId): boolean {
  switch (instructions.code[instruction]) {
    case Code.Int3:
    case Code.Nopw:
    case Code.Nopd:
    case Code.Nop_rm16:
    case Code.Nop_rm32:
      return true;
    case Code.Lea_r32_m:
      return isEmptyLea(instructions.bytesOf(instruction));
    default:
      return false;
  }
}

/** `lea 0(%r), %r`, by which assemblers align code for processors that may lack the long NOP; also with a SIB byte. */
function isEmptyLea(bytes: Uint8Array): boolean {
  const at = bytes.indexOf(0x8d) + 1,
    modrm = bytes[at]!;
  const register = (modrm >> 3) & 7,
    withSib = (modrm & 7) === 4;
  if (modrm >> 6 === 0 || register === ESP) return false;
  const base = withSib ? bytes[at + 1]! & 7 : modrm & 7,
    index = withSib ? (bytes[at + 1]! >> 3) & 7 : ESP;
  return base === register && index === ESP && bytes.subarray(at + (withSib ? 2 : 1)).every((byte) => byte === 0);
}

const codeAt = (instructions: Instructions, instruction: InstructionId): number =>
  instruction < 0 ? -1 : instructions.code[instruction];

/** The instruction that ends where this one starts, or -1. */
export function preceding({ address, length }: Instructions, instruction: InstructionId): InstructionId {
  const before = instruction - 1;
  return before >= 0 && address[before] + length[before] === address[instruction] ? before : -1;
}

/** The instruction that starts where this one ends, or -1. */
export function following({ address, length, count }: Instructions, instruction: InstructionId): InstructionId {
  const next = instruction + 1;
  return next < count && address[instruction] + length[instruction] === address[next] ? next : -1;
}
