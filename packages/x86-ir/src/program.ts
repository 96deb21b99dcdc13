/**
 * The whole program: code bytes and what tables say about them, to instructions, blocks and functions.
 */
import { Code } from "iced-x86";
import { buildBlocks } from "./blocks.js";
import { decode } from "./decode.js";
import { buildFunctions, FunctionTable } from "./functions.js";
import { InstructionTable } from "./instructions.js";
import type { Bits } from "./locations.js";
import type { CodeFacts, CodeRegion, FunctionColumns, InstructionColumns, Instructions, Program } from "./types.js";

export interface ProgramInput {
  /** Executable regions, disjoint. */
  readonly regions: readonly CodeRegion[];
  readonly bits: Bits;
  /** Upper half of every address: 0 or 0xffffffff. */
  readonly addressHigh: number;
  readonly facts: CodeFacts;
}

/** Nothing known: the start for programs that are no kernel. */
export const NO_FACTS: CodeFacts = {
  functionStarts: new Uint32Array(0),
  addressTaken: new Uint32Array(0),
  exceptionFrom: new Uint32Array(0),
  exceptionTo: new Uint32Array(0),
  exceptionWrites: new Uint16Array(0),
  jumpLabelFrom: new Uint32Array(0),
  jumpLabelTo: new Uint32Array(0),
  alternativeSite: new Uint32Array(0),
  alternativeSiteLength: new Uint8Array(0),
  alternativeReplacement: new Uint32Array(0),
  alternativeReplacementLength: new Uint8Array(0),
  warnings: new Uint32Array(0),
  tracedCalls: new Uint32Array(0),
  transparent: new Uint32Array(0),
  thunkAddress: new Uint32Array(0),
  thunkRegister: new Uint8Array(0),
  noReturn: new Uint32Array(0),
  returnThunks: new Uint32Array(0),
  replaceable: new Uint32Array(0),
  preservingCalls: new Uint32Array(0),
};

/** Decodes and connects; fails with PV1006 as `decode` does. */
export function buildProgram({ regions, bits, addressHigh, facts }: ProgramInput): Program {
  return connect(decode(regions, bits, addressHigh, facts.functionStarts), facts);
}

/**
 * Blocks and functions of decoded code. `program.facts` is `facts`, on x86-64 with the code addresses added that a RIP-relative
 * `lea` takes (no relocation tells of those).
 */
export function connect(instructions: Instructions, known: CodeFacts): Program {
  const taken = instructions.bits === 64 ? takenByLea(instructions) : [];
  const facts = taken.length === 0 ? known : { ...known, addressTaken: ascending([...known.addressTaken, ...taken]) };
  return {
    instructions,
    blocks: buildBlocks(instructions, facts),
    functions: buildFunctions(instructions, facts),
    facts,
  };
}

/** A program as a structured clone leaves it (sent to another thread, with its columns shared): the same columns, without methods. */
export type ClonedProgram = Omit<Program, "instructions" | "functions"> & {
  readonly instructions: InstructionColumns;
  readonly functions: FunctionColumns;
};

/** Gives a cloned program its methods back. */
export function reviveProgram({ instructions, blocks, functions, facts }: ClonedProgram): Program {
  return { instructions: new InstructionTable(instructions), blocks, functions: new FunctionTable(functions), facts };
}

/** Sorted, without duplicates. */
export function ascending(addresses: Iterable<number>): Uint32Array {
  const sorted = Uint32Array.from(addresses).sort();
  let count = 0;
  for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[count++] = sorted[i];
  return sorted.slice(0, count);
}

/** Targets of `lea r,[rip + d32]` at which an instruction starts. */
function takenByLea(instructions: Instructions): number[] {
  const { count, address, length, code } = instructions;
  const taken: number[] = [];
  for (let i = 0; i < count; i++) {
    if (code[i] !== Code.Lea_r64_m && code[i] !== Code.Lea_r32_m) continue;
    const bytes = instructions.bytesOf(i),
      modrm = bytes.length - 5;
    // RIP-relative: 8D, mod 00, rm 101, and no SIB between ModRM and displacement.
    if (modrm < 1 || bytes[modrm - 1] !== 0x8d || (bytes[modrm] & 0xc7) !== 0x05) continue;
    const displacement =
      bytes[modrm + 1] | (bytes[modrm + 2] << 8) | (bytes[modrm + 3] << 16) | (bytes[modrm + 4] << 24);
    const va = (address[i] + length[i] + displacement) >>> 0;
    if (instructions.at(va) >= 0) taken.push(va);
  }
  return taken;
}
