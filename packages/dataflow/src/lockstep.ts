/**
 * Lockstep: registers and slots that a loop counts up beside the one that bounds it.
 *
 * Problem: of `for (i = 0; i < n; i++) wrmsr(BASE + 16 * i, 0)` compilers make two counters, and compare one of them. The other one
 * is BASE + 16 * (i - 0) whenever the loop's head is reached, if both grow by constants exactly once in each round. They do, if
 *
 *   one block, the latch, leads back to the head,
 *   no way leads from the latch to itself but over the head,
 *   no way leads into the loop but over the head, and
 *   each counter is written in the loop by one instruction only, which adds a constant, in the latch.
 *
 * The blocks of a loop are those from which the latch is reached without passing the head. Cost: a loop's instructions once; loops of more than
 * `LARGEST_LOOP` blocks are left alone.
 */
import { Mnemonic, OpKind } from "iced-x86";
import { EdgeKind, Flow } from "@pv/x86-ir";
import { overlap, type Frame, type Slot } from "./frames.js";
import { addBits, shiftLeft, UNKNOWN_BITS } from "./known-bits.js";
import { between, boundsOf, combine, exactly, map, NOTHING, UNKNOWN, type Known } from "./known-values.js";
import { immediateOf, sliceOf } from "./transfer.js";
import { writesRegister, type Visibility } from "./visibility.js";

export interface Loop {
  readonly latch: number;
  readonly blocks: readonly number[];
}

/** A place by its number (content.ts), as a register or a slot. */
export type Place = { readonly register: number } | { readonly slot: Slot };

/** How a place changes with each round, and bits of what that rests on. */
export interface Growth {
  readonly by: number;
  readonly restsOn: number;
}

const LARGEST_LOOP = 64;
/** Rounds of a loop whose counters are followed. */
const MOST_TURNS = 0x1_0000;

export class Loops {
  readonly #loops = new Map<number, Loop | undefined>();

  constructor(readonly visible: Visibility) {}

  /** The loop that a block is the head of and in whose latch a place grows; further ways back are ways in, as far as the counters go. */
  at(head: number, place: Place): Loop | undefined {
    const { predecessorStart } = this.visible.program.blocks;
    // One way goes in, one goes back.
    if (predecessorStart[head + 1] - predecessorStart[head] < 2 || this.visible.isOpen(head)) return undefined;
    const latches = this.#waysInto(head).filter((from) => this.#grows(from, place));
    if (latches.length !== 1) return undefined;
    const key = head * 0x100_0000 + latches[0];
    if (!this.#loops.has(key)) this.#loops.set(key, this.#find(head, latches[0]));
    return this.#loops.get(key);
  }

  #find(head: number, latch: number): Loop | undefined {
    const blocks = this.#body(head, latch);
    return blocks !== undefined && this.#isSimple(head, { latch, blocks }) ? { latch, blocks } : undefined;
  }

  /** Whether a block adds a constant to a place. */
  #grows(block: number, place: Place): boolean {
    const { blocks, instructions } = this.visible.program;
    for (let i = blocks.first[block]; i < blocks.end[block]; i++) {
      if (instructions.flow[i] !== Flow.next) continue;
      const mayWrite =
        "register" in place
          ? writesRegister(this.visible.program, place.register, i)
          : this.visible.frameOf(i)?.stores.has(i) === true;
      if (mayWrite && this.#added(i, place) !== undefined) return true;
    }
    return false;
  }

  #waysInto(block: number): number[] {
    const { predecessorStart, predecessors } = this.visible.program.blocks;
    return [...predecessors.subarray(predecessorStart[block], predecessorStart[block + 1])].filter(
      (from) => !this.visible.isPadding(from),
    );
  }

  /** The blocks from which `latch` is reached without passing `head`; undefined where they are too many, or control gets in from elsewhere. */
  #body(head: number, latch: number): readonly number[] | undefined {
    const body = new Set([head, latch]);
    const work = latch === head ? [] : [latch];
    for (let block = work.pop(); block !== undefined; block = work.pop()) {
      const ways = this.#waysInto(block);
      if (body.size > LARGEST_LOOP || this.visible.isOpen(block) || ways.length === 0) return undefined;
      for (const from of ways) {
        if (body.has(from)) continue;
        body.add(from);
        work.push(from);
      }
    }
    return [...body];
  }

  /** Whether the latch runs to its end once in each round. */
  #isSimple(head: number, { latch, blocks: body }: Loop): boolean {
    const { blocks } = this.visible.program;
    for (let e = blocks.successorStart[latch]; e < blocks.successorStart[latch + 1]; e++) {
      const kind = blocks.edgeKind[e];
      const isEarly = kind === EdgeKind.exceptionFixup || kind === EdgeKind.alternative;
      if (blocks.successors[e] === head ? isEarly : body.includes(blocks.successors[e])) return false;
    }
    return true;
  }

  /** How a place grows with each round; undefined where it may change in another way. */
  growth({ latch, blocks: body }: Loop, place: Place): Growth | undefined {
    const { blocks, instructions } = this.visible.program;
    const { flow } = instructions;
    const home = "slot" in place ? this.visible.frameAt(latch) : undefined;
    if ("slot" in place && (home === undefined || place.slot.offset + place.slot.width > home.lowestTaken))
      return undefined;
    let by: number | undefined,
      restsOn = 0;
    for (const block of body) {
      if (home !== undefined && this.visible.frameAt(block) !== home) return undefined;
      for (let i = blocks.first[block]; i < blocks.end[block]; i++) {
        if (flow[i] === Flow.interrupt || flow[i] === Flow.invalid) return undefined;
        if (flow[i] === Flow.call || flow[i] === Flow.indirectCall) {
          const kept =
            "register" in place ? this.visible.leftBy(i, place.register) : this.#isAbove(home!, i, place.slot);
          if (typeof kept !== "number") return undefined;
          restsOn |= kept;
          continue;
        }
        const isWritten =
          "register" in place ? writesRegister(this.visible.program, place.register, i) : isOver(home!, i, place.slot);
        if (!isWritten) continue;
        if (block !== latch || by !== undefined) return undefined;
        by = this.#added(i, place);
        if (by === undefined) return undefined;
      }
    }
    return by === undefined ? undefined : { by, restsOn };
  }

  #isAbove(frame: Frame, call: number, { offset }: Slot): number | undefined {
    const pointer = frame.pointer.get(call);
    return pointer !== undefined && offset >= pointer ? 0 : undefined;
  }

  /** The constant that an instruction adds to all 32 bits of a place. */
  #added(i: number, place: Place): number | undefined {
    const slot = this.visible.frameOf(i)?.operand.get(i);
    const instruction = this.visible.reader.read(i);
    const slice = instruction.op0Kind === OpKind.Register ? sliceOf(instruction.op0Register) : undefined;
    const isPlace =
      "register" in place
        ? slice?.position === place.register && slice.width === 32
        : instruction.op0Kind === OpKind.Memory &&
          slot?.offset === place.slot.offset &&
          slot.width === 4 &&
          place.slot.width === 4;
    if (!isPlace) return undefined;
    switch (instruction.mnemonic) {
      case Mnemonic.Inc:
        return 1;
      case Mnemonic.Add:
        return immediateOf(instruction, 1);
    }
    return undefined;
  }
}

/** Whether an instruction may write a part of a slot. */
function isOver(frame: Frame, i: number, slot: Slot): boolean {
  const touches = (other: Slot | undefined): boolean => other !== undefined && overlap(other, slot);
  return (frame.stores.has(i) && touches(frame.operand.get(i))) || touches(frame.stack.get(i));
}

/** What grows from `start` by a constant while a counter grows by 1 from its own start. */
export function grown(start: Known, by: number, counter: Known, counterStart: Known): Known {
  if ([start, counter, counterStart].some(({ values }) => values?.length === 0)) return NOTHING;
  const first = counterStart.values?.length === 1 ? counterStart.values[0]! >>> 0 : undefined;
  const [low, high] = boundsOf(counter)!;
  const isBounded = first !== undefined && low >= first && high - first <= MOST_TURNS;
  const turns = isBounded ? between(UNKNOWN, 0, high - first, true) : UNKNOWN;
  const shift = 31 - Math.clz32(by);
  const distance =
    by === 1 << shift
      ? map(
          turns,
          (value) => value << shift,
          (bits) => shiftLeft(bits, shift),
        )
      : combine(turns, exactly(by), Math.imul, () => UNKNOWN_BITS);
  return combine(start, distance, (x, y) => (x + y) | 0, addBits);
}
