/**
 * Decodes single instructions again, for analyses that look at few of them: rows keep what all analyses need, operands are not part of it.
 * One decoder a region and one instruction object; the latter is overwritten by the next call.
 */
import { Decoder, DecoderOptions, Instruction } from "iced-x86";
import type { Instructions } from "@pv/x86-ir";

export class InstructionReader {
  readonly #decoders: (Decoder | undefined)[] = [];
  readonly #instruction = new Instruction();

  constructor(readonly instructions: Instructions) {}

  /** The decoded instruction, valid until the next call. */
  read(row: number): Instruction {
    const { address, addressHigh, regions, bits } = this.instructions;
    const va = address[row];
    const region = regions.findIndex(({ start, bytes }) => va >= start && va - start < bytes.length);
    const { start, bytes } = regions[region];
    const decoder = (this.#decoders[region] ??= new Decoder(bits, bytes, DecoderOptions.None));
    decoder.position = va - start;
    decoder.ip = (BigInt(addressHigh) << 32n) | BigInt(va);
    decoder.decodeOut(this.#instruction);
    return this.#instruction;
  }

  free(): void {
    for (const decoder of this.#decoders) decoder?.free();
    this.#instruction.free();
  }
}
