/**
 * Which instructions may run at physical addresses, before the kernel has switched to its virtual ones.
 *
 * Problem: the boot code calls ordinary C (page tables, microcode), and what can be reached from there by direct calls
 * is a fifth of the kernel, because somewhere it says `printk`. The walk ends earlier, for reasons that stand in the
 * code:
 *
 *   - an absolute far jump: it leads to a virtual address, so behind it paging is on (i386: `ljmp $__BOOT_CS,$1f`);
 *   - an indirect jump: pointers to code are virtual addresses, which lead nowhere before (x86-64: `jmp *%rax`);
 *   - an access to memory at an absolute virtual address (virtual-access.ts), which before paging would hit whatever
 *     the bus has there. Code that is meant for that time writes `__pa(&variable)`.
 *
 * The assumption behind the last one, and the only assumption: *no execution before paging makes such an access*. Then
 * no instruction runs early from where every way on leads to one: `_raw_spin_lock_irqsave` counts in a per-CPU variable
 * behind its `pushf; pop; cli`, so nobody calls it early. Hence three steps:
 *
 *   1. reach     everything reachable from the entries: direct branches and calls, jump labels and alternatives in both
 *                states (other processors come up long after those were patched), behind every call
 *   2. survive   take away, until nothing changes, what cannot go on without such an access (the greatest fixed point,
 *                so that an endless loop survives)
 *   3. reach     once more, through what is left
 *
 * Debian's 6.1 686: 583,000 instructions are reachable without any end at accesses, 9,700 after step 1, 8,200 with 75
 * sites after step 3. Cost: proportional to what step 1 finds; a few passes in step 2.
 */
import { Code } from "iced-x86";
import { EdgeKind, Flow, type InstructionId, type Program } from "@pv/x86-ir";
import { following, preceding } from "./instructions.js";
import { VirtualAccess } from "./virtual-access.js";

/** Where control enters at physical addresses, besides the image's entry point (arch/x86/kernel/head_32.S, head_64.S). */
export const PHYSICAL_ENTRIES = [
  "startup_32",
  "startup_32_smp",
  "startup_64",
  "secondary_startup_64",
  "secondary_startup_64_no_verify",
] as const;

export interface EarlyCodeOptions {
  /**
   * Address of the stack protector's canary as instructions name it behind FS or GS (`stackGuardOf`).
   * Default: unknown, and any read through FS or GS is allowed before paging.
   */
  readonly stackGuard?: number;
}

/**
 * 1 for each instruction that may run while paging is off, entered at any of `startAddresses` (low 32 bits; virtual
 * addresses, also where the processor enters at the physical ones), or where paging is turned off.
 */
export function earlyCode(
  program: Program,
  startAddresses: Iterable<number>,
  options: EarlyCodeOptions = {},
): Uint8Array {
  const { instructions } = program;
  const roots = [...startAddresses].map((va) => instructions.at(va)).filter((row) => row >= 0);
  roots.push(...roots.flatMap((row) => headOf(program, row)), ...pagingTurnedOff(program));
  const access = new VirtualAccess(instructions, options.stackGuard);
  const reached = reach(program, roots, (row) => !access.at(row));
  access.free();
  const alive = survive(program, reached);
  return reach(program, roots, (row) => alive[row] === 1);
}

/**
 * Everything from an entry to the far jump that follows it in the text: other processors enter there as well, at a place
 * that only a symbol tells. Empty where no such jump is near.
 */
function headOf({ instructions }: Program, entry: InstructionId): InstructionId[] {
  const rows: InstructionId[] = [];
  const { address, code } = instructions;
  for (let row = entry; row >= 0 && address[row] - address[entry] < HEAD_BYTES; row = following(instructions, row)) {
    rows.push(row);
    if (code[row] === Code.Jmp_ptr1632) return rows;
  }
  return [];
}

/** The head of an i386 kernel is 300 bytes long; a page is generous. */
const HEAD_BYTES = 4096;

/**
 * Blocks that turn paging off, as `efi_call_svam` does for a call of the firmware: a load of CR0 with a value that was
 * masked or set with bit 31 clear just before.
 */
function pagingTurnedOff({ instructions, blocks }: Program): InstructionId[] {
  const rows: InstructionId[] = [];
  const { code, count } = instructions,
    loads32: number = Code.Mov_cr_r32,
    loads64: number = Code.Mov_cr_r64;
  for (let row = 0; row < count; row++) {
    if ((code[row] !== loads32 && code[row] !== loads64) || !loadsCr0(instructions.bytesOf(row))) continue;
    const before = preceding(instructions, row);
    if (before < 0 || !SETS_VALUE.has(instructions.code[before])) continue;
    const bytes = instructions.bytesOf(before);
    if ((bytes[bytes.length - 1] & 0x80) === 0) rows.push(blocks.first[blocks.ofInstruction[row]]);
  }
  return rows;
}

/** ModRM of `mov %r, %cr0`: register field 0. */
const loadsCr0 = (bytes: Uint8Array): boolean => ((bytes[bytes.length - 1] >> 3) & 7) === 0;

/** `mov` and `and` with a 32-bit immediate, whose last byte holds bit 31. */
const SETS_VALUE: ReadonlySet<number> = new Set([
  Code.Mov_r32_imm32,
  Code.Mov_rm32_imm32,
  Code.Mov_rm64_imm32,
  Code.And_EAX_imm32,
  Code.And_rm32_imm32,
  Code.And_RAX_imm32,
  Code.And_rm64_imm32,
]);

/** 1 for everything that can be reached from `roots` through rows that `passes` lets through. */
function reach(program: Program, roots: readonly InstructionId[], passes: (row: InstructionId) => boolean): Uint8Array {
  const { count, flow, target } = program.instructions;
  const seen = new Uint8Array(count);
  const work: InstructionId[] = [];
  const enter = (row: InstructionId): boolean => {
    if (row >= 0 && seen[row] === 0) work.push(row);
    return false;
  };
  roots.forEach(enter);
  while (work.length > 0) {
    const row = work.pop()!;
    if (seen[row] === 1 || !passes(row)) continue;
    seen[row] = 1;
    if (flow[row] === Flow.call) enter(program.instructions.at(target[row]));
    someSuccessor(program, row, enter);
  }
  return seen;
}

/** Of the rows in `reached`, those from which execution can go on without a row outside. */
function survive(program: Program, reached: Uint8Array): Uint8Array {
  const { instructions } = program;
  const { flow, target } = instructions;
  const alive = reached.slice();
  const rows: InstructionId[] = [];
  for (let row = reached.length - 1; row >= 0; row--) if (reached[row] === 1) rows.push(row);

  const isAlive = (row: InstructionId): boolean => row >= 0 && alive[row] === 1;
  const returns = new Map<InstructionId, boolean>();
  const goesOn = (row: InstructionId): boolean => {
    if (LEAVES_FOR_GOOD.has(flow[row])) return true;
    if (flow[row] !== Flow.call) return someSuccessor(program, row, isAlive);
    const callee = instructions.at(target[row]);
    if (callee < 0) return true;
    if (!isAlive(callee)) return false;
    if (someSuccessor(program, row, isAlive)) return true;
    if (!returns.has(callee)) returns.set(callee, surelyReturns(program, callee));
    return returns.get(callee) === false;
  };
  for (let changed = true; changed;) {
    changed = false;
    // Against the flow of control, so that most of it is done in one pass.
    for (const row of rows) {
      if (alive[row] === 0 || goesOn(row)) continue;
      alive[row] = 0;
      changed = true;
    }
  }
  return alive;
}

/** Whether a function comes back whatever happens: a short way forward to `ret`, without loops, calls and waiting. */
function surelyReturns(program: Program, entry: InstructionId): boolean {
  const { flow } = program.instructions;
  for (let row = entry; row >= 0 && row - entry < LONGEST_STRAIGHT; row = following(program.instructions, row)) {
    if (flow[row] === Flow.return) return true;
    if (flow[row] !== Flow.next) return false;
  }
  return false;
}

/** `__fentry__` is one instruction long; what is longer may as well count as not returning. */
const LONGEST_STRAIGHT = 16;

/** Whether `test` holds for any instruction that may run next; calls are stepped over. */
function someSuccessor({ blocks }: Program, row: InstructionId, test: (row: InstructionId) => boolean): boolean {
  const block = blocks.ofInstruction[row];
  const last = row === blocks.end[block] - 1;
  if (!last && test(row + 1)) return true;
  if (!last && row !== blocks.first[block]) return false;
  // Edges leave at a block's end, those of alternatives and exceptions also at its start.
  for (let edge = blocks.successorStart[block]; edge < blocks.successorStart[block + 1]; edge++) {
    const kind = blocks.edgeKind[edge];
    if (kind === EdgeKind.exceptionFixup || (!last && kind !== EdgeKind.alternative)) continue;
    if (test(blocks.first[blocks.successors[edge]])) return true;
  }
  return false;
}

/** Nothing that we could follow comes next. */
const LEAVES_FOR_GOOD: ReadonlySet<number> = new Set([
  Flow.indirectJump,
  Flow.return,
  Flow.interruptReturn,
  Flow.undefined,
  Flow.invalid,
]);
