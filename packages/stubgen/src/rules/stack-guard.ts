/**
 * The stack protector's canary, found by how it is checked:
 *
 *          sub  %fs:guard, %eax        (or cmp, or xor)
 *          jne  fail
 *          ...
 *    fail: call __stack_chk_fail
 *
 * Kernels without data symbols (CONFIG_KALLSYMS_ALL=n) name only the function that is called at the end.
 */
import { Code, Decoder, DecoderOptions, Instruction, OpKind, Register } from "iced-x86";
import { Flow, type InstructionId, type Program } from "@pv/x86-ir";

/** So many checks have to agree; Debian's 6.1 i386 kernel has 8,000. */
const SAMPLES = 16;

/**
 * Address of the canary as instructions name it behind FS or GS (low 32 bits); undefined where the checks do not show
 * one and the same. `stackCheckFail`: address of `__stack_chk_fail`.
 */
export function stackGuardOf(program: Program, stackCheckFail: number): number | undefined {
  const { instructions, blocks } = program;
  let guard: number | undefined,
    samples = 0;
  for (let row = 0; row < instructions.count && samples < SAMPLES; row++) {
    if (instructions.flow[row] !== Flow.call || instructions.target[row] !== stackCheckFail) continue;
    const block = blocks.ofInstruction[row];
    for (let edge = blocks.predecessorStart[block]; edge < blocks.predecessorStart[block + 1]; edge++) {
      const branch = blocks.end[blocks.predecessors[edge]] - 1;
      if (instructions.flow[branch] !== Flow.conditional) continue;
      const address = comparedThroughSegment(program, branch - 1);
      if (address === undefined) continue;
      if (guard !== undefined && guard !== address) return undefined;
      guard = address;
      samples++;
    }
  }
  return guard;
}

/** The absolute FS or GS address that a `sub`, `cmp` or `xor` reads. */
function comparedThroughSegment({ instructions }: Program, row: InstructionId): number | undefined {
  if (row < 0 || !COMPARISONS.has(instructions.code[row])) return undefined;
  const decoder = new Decoder(instructions.bits, instructions.bytesOf(row), DecoderOptions.None);
  const decoded = new Instruction();
  decoder.decodeOut(decoded);
  const memory = decoded.op1Kind === OpKind.Memory || decoded.op0Kind === OpKind.Memory;
  const segment = decoded.memorySegment === Register.FS || decoded.memorySegment === Register.GS;
  const absolute = decoded.memoryBase === Register.None && decoded.memoryIndex === Register.None;
  const address = Number(decoded.memoryDisplacement & 0xffff_ffffn);
  decoded.free();
  decoder.free();
  return memory && segment && absolute ? address : undefined;
}

const COMPARISONS: ReadonlySet<number> = new Set([
  Code.Sub_r32_rm32,
  Code.Sub_r64_rm64,
  Code.Xor_r32_rm32,
  Code.Xor_r64_rm64,
  Code.Cmp_r32_rm32,
  Code.Cmp_r64_rm64,
  Code.Cmp_rm32_r32,
  Code.Cmp_rm64_r64,
]);
