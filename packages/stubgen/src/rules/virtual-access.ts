/**
 * Accesses to memory that only mean something while the kernel runs at its virtual addresses: absolute ones, at an
 * address of the image; and on x86-64 per-CPU variables, absolute behind GS, whose base is set later.
 *
 * Not among them, because they can be right before as well: addresses with a base or an index register, which may hold
 * the distance between virtual and physical; RIP-relative ones, which move along; and the stack protector's read of its
 * canary through FS or GS, which only has to give the same value twice.
 */
import { Code, Decoder, DecoderOptions, Instruction, InstructionInfoFactory, OpAccess, Register } from "iced-x86";
import type { InstructionId, Instructions } from "@pv/x86-ir";

/** An opcode and four bytes of address. */
const SHORTEST = 5;
/** An image and its data, bytes: more than any kernel has, less than the distance to physical addresses. */
const IMAGE_SPAN = 256 << 20;

const GS_PREFIX = 0x65;

export class VirtualAccess {
  private readonly decoded = new Instruction();
  private readonly factory = new InstructionInfoFactory();
  private readonly low: number;

  /** `stackGuard`: address of the canary; undefined lets every read through FS or GS pass for one. To be freed. */
  constructor(
    private readonly instructions: Instructions,
    private readonly stackGuard: number | undefined,
  ) {
    this.low = Math.min(...instructions.regions.map((region) => region.start));
  }

  at(row: InstructionId): boolean {
    const bytes = this.instructions.bytesOf(row);
    if (bytes.length < SHORTEST || !this.mayName(bytes)) return false;
    const decoder = new Decoder(this.instructions.bits, bytes, DecoderOptions.None);
    decoder.decodeOut(this.decoded);
    decoder.free();
    if (this.decoded.code === Code.INVALID) return false;
    const info = this.factory.info(this.decoded);
    const found = info.usedMemory().some((memory) => {
      const address = Number(memory.displacement & 0xffff_ffffn);
      const image = address >= this.low && address - this.low < IMAGE_SPAN;
      const absolute = memory.base === Register.None && memory.index === Register.None;
      const real = memory.access !== OpAccess.None && memory.access !== OpAccess.NoMemAccess;
      const reads = memory.access === OpAccess.Read || memory.access === OpAccess.CondRead;
      const perCpu = memory.segment === Register.FS || memory.segment === Register.GS;
      const canary = perCpu && reads && (this.stackGuard === undefined || address === this.stackGuard);
      const virtual = image || (this.instructions.bits === 64 && memory.segment === Register.GS);
      memory.free();
      return virtual && absolute && real && !canary;
    });
    info.free();
    return found;
  }

  /** Whether four bytes in a row could be such an address, or GS could be the segment: a quick look before decoding. */
  private mayName(bytes: Uint8Array): boolean {
    if (this.instructions.bits === 64 && bytes.includes(GS_PREFIX)) return true;
    for (let at = 1; at + 4 <= bytes.length; at++) {
      const word = (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
      if (word >= this.low && word - this.low < IMAGE_SPAN) return true;
    }
    return false;
  }

  free(): void {
    this.decoded.free();
    this.factory.free();
  }
}
