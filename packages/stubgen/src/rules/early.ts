/**
 * Which instructions may run at physical addresses, before the kernel has switched to its virtual ones.
 *
 * Problem: the boot code calls ordinary C (page tables, microcode), and what can be reached from there by calls is a
 * third of the kernel, because somewhere it says `printk`. Treating all that as early would cost a quarter of all
 * sites. What ends the walk instead is the code's own doing:
 *
 *   - an absolute far jump to a virtual address: behind it, paging is on (i386: `ljmp $__BOOT_CS,$1f`);
 *   - an indirect jump: pointers to code are virtual addresses, which lead nowhere before (x86-64: `jmp *%rax`);
 *   - an access to memory at an absolute virtual address of the image: before paging it would hit whatever the bus has
 *     there. Code that really runs early writes `__pa(&variable)`, and on bare hardware a kernel that did not would be
 *     broken. One access is harmless there and does not end the walk: the stack protector reads its canary through FS
 *     or GS, and any value will do as long as it is the same twice. Addresses with a base or an index do not count, for
 *     the register may make them physical; nor does anything on x86-64 that is RIP-relative, which is right in both.
 *
 * What is left reaches everything: every direct branch and call, jump labels and alternatives in both states (other
 * processors come up long after those were patched), and behind every call that may return. Debian's 6.1 686: 2,200
 * instructions with 75 sites, against 583,000 without the last of the three ends.
 *
 * Invariant: an instruction that is not marked runs before paging only if a marked one made an access that has no
 * meaning there. Cost: proportional to what is marked.
 */
import { Code, Decoder, DecoderOptions, Instruction, OpAccess, InstructionInfoFactory, Register } from "iced-x86";
import { EdgeKind, Flow, type InstructionId, type Instructions, type Program } from "@pv/x86-ir";
import { following } from "./instructions.js";

/**
 * Where control enters at physical addresses, besides the image's entry point (arch/x86/kernel/head_32.S, head_64.S;
 * arch/x86/platform/efi/efi_stub_32.S, which turns paging off for a firmware call).
 */
export const PHYSICAL_ENTRIES = ["startup_32", "startup_32_smp", "startup_64", "secondary_startup_64", "secondary_startup_64_no_verify", "efi_call_svam"] as const;

export interface EarlyCodeOptions {
  /**
   * Address of the stack protector's canary as instructions name it behind FS or GS (the symbol `__stack_chk_guard`).
   * Default: unknown, and no read through FS or GS ends the walk.
   */
  readonly stackGuard?: number;
}

/** 1 for each instruction that may run before paging is on, entered at any of `startAddresses` (low 32 bits). */
export function earlyCode(program: Program, startAddresses: Iterable<number>, { stackGuard }: EarlyCodeOptions = {}): Uint8Array {
  const { instructions, blocks } = program;
  const early = new Uint8Array(instructions.count);
  const work: InstructionId[] = [];
  const enter = (row: InstructionId): void => {
    if (row >= 0 && early[row] === 0) work.push(row);
  };
  const stops = new VirtualAccess(instructions, stackGuard);
  for (const va of startAddresses) enter(instructions.at(va));

  while (work.length > 0) {
    for (let row = work.pop()!; row >= 0 && early[row] === 0; ) {
      if (stops.at(row)) break;
      early[row] = 1;
      const block = blocks.ofInstruction[row];
      if (row === blocks.end[block] - 1) {
        for (let edge = blocks.successorStart[block]; edge < blocks.successorStart[block + 1]; edge++) {
          if (blocks.edgeKind[edge] !== EdgeKind.exceptionFixup) enter(blocks.first[blocks.successors[edge]]);
        }
      }
      const flow = instructions.flow[row];
      if (flow === Flow.jump || flow === Flow.conditional || flow === Flow.call) enter(instructions.at(instructions.target[row]));
      row = LEAVES.has(flow) ? -1 : following(instructions, row);
    }
  }
  stops.free();
  return early;
}

const LEAVES: ReadonlySet<number> = new Set([
  Flow.jump, Flow.indirectJump, Flow.return, Flow.interruptReturn, Flow.undefined, Flow.invalid,
]);

/** Finds accesses to memory that mean a virtual address: absolute, inside the image. */
class VirtualAccess {
  private readonly decoded = new Instruction();
  private readonly factory = new InstructionInfoFactory();
  private readonly low: number;
  private readonly high: number;

  constructor(private readonly instructions: Instructions, private readonly stackGuard: number | undefined) {
    const { regions } = instructions;
    this.low = Math.min(...regions.map((region) => region.start));
    // Data lies between and behind the code: everything up to 256 MiB on counts, which no physical alias reaches.
    this.high = this.low + IMAGE_SPAN;
  }

  at(row: InstructionId): boolean {
    const bytes = this.instructions.bytesOf(row);
    if (bytes.length < SHORTEST_ABSOLUTE) return false;
    const decoder = new Decoder(this.instructions.bits, bytes, DecoderOptions.None);
    decoder.decodeOut(this.decoded);
    decoder.free();
    if (this.decoded.code === Code.INVALID) return false;
    const info = this.factory.info(this.decoded);
    const found = info.usedMemory().some((memory) => {
      const address = Number(memory.displacement & 0xffff_ffffn);
      const virtual = address >= this.low && address < this.high;
      const absolute = memory.base === Register.None && memory.index === Register.None;
      const perCpu = memory.segment === Register.FS || memory.segment === Register.GS;
      const real = memory.access !== OpAccess.None && memory.access !== OpAccess.NoMemAccess;
      const reads = memory.access === OpAccess.Read || memory.access === OpAccess.CondRead;
      const canary = perCpu && reads && (this.stackGuard === undefined || address === this.stackGuard);
      memory.free();
      return virtual && absolute && real && !canary;
    });
    info.free();
    return found;
  }

  free(): void {
    this.decoded.free();
    this.factory.free();
  }
}

/** An opcode and four bytes of address. */
const SHORTEST_ABSOLUTE = 5;
const IMAGE_SPAN = 256 << 20;
