/**
 * Shapes: what all instructions have in common that differ only in their displacement and immediate.
 *
 * Problem: a kernel has millions of instructions, and every question to the decoder costs a call into WebAssembly; but
 * it has only some ten thousand distinct sequences of prefixes, opcode, ModRM and SIB. So iced-x86 decodes each of
 * them once, and its answer (code, length, flow, effect) is found again by walking the instruction's first bytes down
 * a trie: one to three array loads per instruction.
 *
 * Invariant: a leaf's path holds every byte that the answer depends on. Displacement and immediate come last in x86,
 * so the path is what lies before them, as iced's constant offsets tell. Where the immediate has a say (shift counts),
 * it belongs to the path; where a trailing byte selects the operation (3DNow!), and for bytes that do not decode,
 * nothing is remembered and iced is asked every time.
 *
 * Most shapes differ from another one only in the address of their operand in memory (memory-operands.ts). They are not asked for one by one: iced
 * decodes each such instruction once, with an address that reads no register.
 *
 * Cost: a root for the first two bytes, and one node of 256 words per distinct longer proper prefix of a path: about 800 nodes for an
 * i386 kernel, 4,600 for an x86-64 one. Input that is no code could make many more; from `MAX_NODES` on nothing more is remembered.
 */
import { Code, Decoder, DecoderOptions, EncodingKind, FlowControl, Instruction, OpKind } from "iced-x86";
import { EFFECT_ANYTHING, EFFECT_NONE, EffectTable, isImmediatePartOfShape, isLeaToItself } from "./effects.js";
import type { Bits } from "./locations.js";
import { MemoryOperand } from "./memory-operands.js";
import { Flow } from "./types.js";

/** What else the sweep has to do for an instruction of that shape. */
export const Tail = {
  none: 0,
  /** The last byte is a branch displacement. */
  relative8: 1,
  /** The last two are, and the target is cut to 16 bits (operand-size prefix). */
  relative16: 2,
  /** The last four are. */
  relative32: 3,
  /** Last byte, but the target is cut to 16 bits (operand-size prefix). */
  relative8to16: 4,
  /** `lea r,[r + d8]`: no effect where the displacement is 0. */
  leaToItself8: 5,
  /** `lea r,[r + d32]` */
  leaToItself32: 6,
  /** The last two bytes, but the target is not cut (XBEGIN). */
  relative16to32: 7,
} as const;

/** 64 MiB of trie: fourteen times what an x86-64 kernel needs. */
const MAX_NODES = 1 << 16;
const NODE_WORDS = 256;
/** The root has a word for each pair of first bytes, low byte first. */
const ROOT_WORDS = 1 << 16;
/** Longest instruction (SDM Vol. 2A, 2.3.11). */
export const MAX_INSTRUCTION_LENGTH = 15;

/** Bits of ModRM: the register operand, or a part of the opcode; and an address that is only a displacement of 32 bits. */
const REGISTER_FIELD = 0x38;
const NO_BASE = 5;

/** Instructions that differ in their address only. */
interface Family {
  readonly code: number;
  readonly flow: number;
  /** Without what the address reads. */
  readonly effect: number;
  /** Bytes. */
  readonly immediate: number;
}

const SHAPE_INVALID = 0;
/** Overwritten by each answer that is not remembered. */
const SHAPE_UNREMEMBERED = 1;

export class Shapes {
  /**
   * The root, and behind it the nodes. A positive word is the start of a child node, a negative one the complement of a
   * shape, 0 is not known yet. Replaced when it grows: read it anew after `learn`.
   */
  trie = new Int32Array(ROOT_WORDS + 1024 * NODE_WORDS);
  /** Columns by shape; replaced when they grow. `info` = length | flow << 4 | tail << 8 | effect << 16. */
  info = new Uint32Array(1 << 14);
  code = new Uint16Array(1 << 14);
  count = 2;

  private nodes = 0;
  private readonly instruction = new Instruction();
  private readonly operand: MemoryOperand;
  /** By `MemoryOperand.key`; undefined for what has to be asked for in every form. */
  private readonly families = new Map<number, Family | undefined>();

  constructor(
    private readonly bits: Bits,
    readonly effects: EffectTable,
  ) {
    this.operand = new MemoryOperand(bits);
    this.info[SHAPE_INVALID] = 1 | (Flow.invalid << 4) | (EFFECT_ANYTHING << 16);
  }

  /** A decoder for `learn`: `bytes` padded by at least `MAX_INSTRUCTION_LENGTH`. To be freed. */
  decoder(bytes: Uint8Array): Decoder {
    return new Decoder(this.bits, bytes, DecoderOptions.None);
  }

  /** Works out the shape of the instruction at `position` and remembers it; the shape's row. */
  learn(decoder: Decoder, bytes: Uint8Array, position: number): number {
    if (this.operand.read(bytes, position)) {
      const family = this.familyOf(bytes, position);
      if (family !== undefined) return this.derive(family, bytes, position);
    }
    return this.decode(decoder, bytes, position);
  }

  /** The shape of an instruction with the operand that was read last. */
  private derive({ code, flow, effect, immediate }: Family, bytes: Uint8Array, position: number): number {
    const { before, size, displacement, parts, rest } = this.operand;
    const path = before + size;
    const shape = this.hasRoom(path) ? this.newShape() : SHAPE_UNREMEMBERED;
    if (shape !== SHAPE_UNREMEMBERED) this.remember(bytes, position, path, shape);
    const length = path + displacement + immediate;
    this.info[shape] = (length | (flow << 4) | (this.effects.reading(effect, parts, rest) << 16)) >>> 0;
    this.code[shape] = code;
    return shape;
  }

  /** What the instruction with the operand that was read last does with an address that reads no register. */
  private familyOf(bytes: Uint8Array, position: number): Family | undefined {
    const { key, before } = this.operand;
    if (this.families.has(key)) return this.families.get(key);
    const example = new Uint8Array(MAX_INSTRUCTION_LENGTH);
    example.set(bytes.subarray(position, position + before));
    example[before] = (bytes[position + before] & REGISTER_FIELD) | NO_BASE;
    const decoder = this.decoder(example),
      { instruction } = this;
    decoder.decodeOut(instruction);
    let family: Family | undefined;
    if (instruction.code !== Code.INVALID) {
      const flow = flowOf(instruction);
      const immediate = instruction.length - before - 5;
      family = { code: instruction.code, flow, effect: this.effects.of(instruction, flow), immediate };
    }
    decoder.free();
    this.families.set(key, family);
    return family;
  }

  /** Decodes the instruction at `position`. */
  private decode(decoder: Decoder, bytes: Uint8Array, position: number): number {
    const instruction = this.instruction;
    decoder.position = position;
    decoder.decodeOut(instruction);
    if (instruction.code === Code.INVALID) return SHAPE_INVALID;

    const offsets = decoder.getConstantOffsets(instruction);
    const displacement = offsets.displacementSize,
      immediate = offsets.immediateSize,
      all = displacement + immediate + offsets.immediateSize2;
    offsets.free();
    const whole = immediate > 0 && isImmediatePartOfShape(instruction);
    const path = whole ? instruction.length : instruction.length - all;
    // A path with the immediate would take in the displacement before it, of which there are too many.
    const remembered = instruction.encoding !== EncodingKind.D3NOW && !(whole && displacement > 0);
    const shape = remembered && this.hasRoom(path) ? this.newShape() : SHAPE_UNREMEMBERED;
    if (shape !== SHAPE_UNREMEMBERED) this.remember(bytes, position, path, shape);

    const flow = flowOf(instruction);
    let effect = this.effects.of(instruction, flow);
    let tail: number = Tail.none;
    const kind = instruction.op0Kind;
    if (kind === OpKind.NearBranch16) {
      tail = immediate === 1 ? Tail.relative8to16 : Tail.relative16;
    } else if (kind === OpKind.NearBranch32 || kind === OpKind.NearBranch64) {
      tail = immediate === 1 ? Tail.relative8 : immediate === 4 ? Tail.relative32 : Tail.relative16to32;
    } else if (isLeaToItself(instruction, this.bits)) {
      if (displacement === 0) effect = EFFECT_NONE;
      else tail = displacement === 1 ? Tail.leaToItself8 : Tail.leaToItself32;
    }
    this.info[shape] = (instruction.length | (flow << 4) | (tail << 8) | (effect << 16)) >>> 0;
    this.code[shape] = instruction.code;
    return shape;
  }

  free(): void {
    this.instruction.free();
  }

  /** Whether a path of that length can be added; makes the room for it. */
  private hasRoom(length: number): boolean {
    if (this.nodes + length > MAX_NODES) return false;
    while (ROOT_WORDS + (this.nodes + length) * NODE_WORDS > this.trie.length) {
      const grown = new Int32Array(this.trie.length * 2);
      grown.set(this.trie);
      this.trie = grown;
    }
    return true;
  }

  /** Adds the path `bytes[position .. position + length)`, its nodes made, with the shape at its end. */
  private remember(bytes: Uint8Array, position: number, length: number, shape: number): void {
    const { trie } = this;
    if (length === 1) {
      for (let word = bytes[position]; word < ROOT_WORDS; word += 256) {
        if (trie[word] > 0) throw new Error("a shape's path runs through another shape");
        trie[word] = ~shape;
      }
      return;
    }
    let word = bytes[position] | (bytes[position + 1] << 8);
    for (let i = 2; i < length; i++) {
      if (trie[word] === 0) trie[word] = ROOT_WORDS + this.nodes++ * NODE_WORDS;
      if (trie[word] < 0) throw new Error("a shape's path runs through another shape");
      word = trie[word] + bytes[position + i];
    }
    trie[word] = ~shape;
  }

  private newShape(): number {
    if (this.count === this.info.length) {
      const info = new Uint32Array(this.count * 2),
        code = new Uint16Array(this.count * 2);
      info.set(this.info);
      code.set(this.code);
      this.info = info;
      this.code = code;
    }
    return this.count++;
  }
}

/** How control leaves the instruction; far branches count as indirect ones, far returns as returns from interrupts. */
function flowOf(instruction: Instruction): number {
  const near =
    instruction.opCount > 0 && instruction.op0Kind >= OpKind.NearBranch16 && instruction.op0Kind <= OpKind.NearBranch64;
  switch (instruction.flowControl) {
    case FlowControl.UnconditionalBranch:
      return near ? Flow.jump : Flow.indirectJump;
    case FlowControl.IndirectBranch:
      return Flow.indirectJump;
    case FlowControl.ConditionalBranch:
      return Flow.conditional;
    case FlowControl.XbeginXabortXend:
      return near ? Flow.conditional : Flow.next;
    case FlowControl.Return:
      return NEAR_RETURNS.has(instruction.code) ? Flow.return : Flow.interruptReturn;
    case FlowControl.Call:
      if (near) return Flow.call;
      return FAR_CALLS.has(instruction.code) ? Flow.indirectCall : Flow.interrupt;
    case FlowControl.IndirectCall:
      return Flow.indirectCall;
    case FlowControl.Interrupt:
      return Flow.interrupt;
    case FlowControl.Exception:
      return Flow.undefined;
    default:
      return Flow.next;
  }
}

const NEAR_RETURNS: ReadonlySet<number> = new Set([
  Code.Retnw,
  Code.Retnd,
  Code.Retnq,
  Code.Retnw_imm16,
  Code.Retnd_imm16,
  Code.Retnq_imm16,
]);
const FAR_CALLS: ReadonlySet<number> = new Set([Code.Call_ptr1616, Code.Call_ptr1632]);
