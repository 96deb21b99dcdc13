/**
 * Variables: static data that code names, and who writes it.
 *
 * Problem: `mov x86_pmu.lbr_from, %ecx` is known if all that is ever stored there is. The image's words (static-data.ts) show every place that
 * names an address. A variable is *followed* if each place that could lead to a write of it is
 *
 *   a load of anything, or a store elsewhere, by name      harmless
 *   a store of all of it by name                           contributes what it stores
 *   an address, all of whose uses are followed             contributes the blocks that it fills; must not write it otherwise
 *
 * and some store by name or fill is among them. Which places could: those that name an address up to `REACH` bytes below it, or, where code fills a block
 * around it as a whole, one in the block. That addresses from further below do not reach it is assumed (`ownGlobals`): an
 * image without symbols does not tell where a variable begins.
 *
 * Also written: what lies there at first. Cost: a question looks at the names of a few hundred bytes; uses of addresses are followed once.
 */
import { MemorySizeExt, Mnemonic, OpKind, type Instruction } from "iced-x86";
import type { StaticData } from "@pv/x86-ir";
import { AddressUses, isPlain, REACH, type Write } from "./address-uses.js";
import { isBitStore, onlyReads } from "./frames.js";
import { boundsOf, type Known } from "./known-values.js";
import { sliceOf } from "./transfer.js";
import type { Visibility } from "./visibility.js";

/** What a variable may hold. */
export interface Variable {
  readonly initial: number;
  /** Instructions whose memory operand is the variable, and that write it. */
  readonly stores: readonly number[];
  /** `rep stosl` over it: it then holds EAX. */
  readonly fills: readonly number[];
}

/** Blocks are looked for this far below. */
const BLOCK_REACH = 1024;
/** No instruction stores more than this at once. */
const WIDEST_STORE = 64;

/** Bytes that an array may have whose index is bounded. */
const LARGEST_ARRAY = 0x1_0000;

/** What naming an address does. */
type Naming =
  | { readonly kind: "harmless" }
  | { readonly kind: "store"; readonly row: number; readonly size: number }
  | { readonly kind: "address"; readonly writes: readonly Write[] | undefined };
const HARMLESS: Naming = { kind: "harmless" },
  ESCAPES: Naming = { kind: "address", writes: undefined };

export class Variables {
  readonly #uses: AddressUses;
  readonly #namings = new Map<number, Naming>();
  readonly #variables = new Map<number, Variable | undefined>();

  constructor(
    readonly visible: Visibility,
    readonly data: StaticData,
    /** What is known of a register before an instruction without looking at variables. */
    readonly contentBefore: (instruction: number, register: number) => Known,
  ) {
    this.#uses = new AddressUses(visible, data);
  }

  /** The variable of so many bytes (1, 2 or 4) at an address, if all that may write it is followed. */
  at(va: number, bytes: number): Variable | undefined {
    const key = va * 8 + bytes;
    if (!this.#variables.has(key)) this.#variables.set(key, this.#find(va, bytes));
    return this.#variables.get(key);
  }

  #find(va: number, bytes: number): Variable | undefined {
    const initial = this.data.initially(va, bytes);
    if (initial === undefined) return undefined;
    const low = this.#blockAround(va, bytes) ?? va - REACH;
    const stores: number[] = [],
      fills: number[] = [];
    let isFollowed = true;
    const overlaps = (start: number, size: number): boolean => start < va + bytes && va < start + size;
    this.data.names(Math.min(low, va - WIDEST_STORE), va + bytes, (place, named) => {
      if (!isFollowed) return;
      const naming = this.#naming(place, named);
      if (naming.kind === "store") {
        if (named === va && naming.size === bytes) stores.push(naming.row);
        else if (overlaps(named, naming.size)) isFollowed = false;
      } else if (naming.kind === "address" && named >= low) {
        if (naming.writes === undefined) isFollowed = false;
        for (const { offset, size, fill } of naming.writes ?? []) {
          if (!overlaps(named + offset, size)) continue;
          const isWhole = bytes === 4 && (va - named - offset) % 4 === 0;
          if (fill === undefined || !isWhole) isFollowed = false;
          else fills.push(fill);
        }
      }
    });
    if (!isFollowed || stores.length + fills.length === 0) return undefined;
    return { initial, stores: [...new Set(stores)].sort(ascending), fills: [...new Set(fills)].sort(ascending) };
  }

  /** Where the lowest block starts that code fills as a whole and that the variable is in. */
  #blockAround(va: number, bytes: number): number | undefined {
    let start: number | undefined;
    this.data.names(va - BLOCK_REACH, va + 1, (place, named) => {
      if (!this.#isMoved(place)) return;
      const naming = this.#naming(place, named);
      if (naming.kind !== "address") return;
      for (const { offset, size, fill } of naming.writes ?? []) {
        const from = named + offset;
        if (fill !== undefined && from <= va && va + bytes <= from + size) start = Math.min(start ?? from, from);
      }
    });
    return start;
  }

  /** Whether the word at `place` is what `mov $imm32, %r32` moves into a register: what fills a block starts like that. */
  #isMoved(place: number): boolean {
    const { instructions } = this.visible.program;
    const row = instructions.covering(place);
    if (row < 0 || instructions.address[row] !== place - 1) return false;
    return (instructions.bytesOf(row)[0] & 0xf8) === 0xb8;
  }

  #naming(place: number, named: number): Naming {
    let naming = this.#namings.get(place);
    if (naming === undefined) this.#namings.set(place, (naming = this.#classify(place, named)));
    return naming;
  }

  /** What the word at `place`, which names an address, does. */
  #classify(place: number, named: number): Naming {
    const { program, reader } = this.visible;
    const row = program.instructions.covering(place);
    // A word of data: a pointer.
    if (row < 0) return ESCAPES;
    const instruction = reader.read(row);
    const operand = [...Array(instruction.opCount).keys()].find((op) => instruction.opKind(op) === OpKind.Memory);
    const displacement =
      operand === undefined ? undefined : Number(BigInt.asUintN(32, instruction.memoryDisplacement as bigint));
    const isDisplacement = displacement === named,
      isImmediate = immediates(instruction).includes(named);
    if (!isImmediate && !isDisplacement && !this.data.isListed) {
      // By its physical address, or no address at all.
      const word = this.data.initially(place, 4);
      return word === named || (word !== displacement && !immediates(instruction).includes(word ?? -1))
        ? HARMLESS
        : ESCAPES;
    }
    if (isImmediate === isDisplacement) return ESCAPES;
    if (isImmediate) {
      const writes = this.#uses.of(row, named);
      return writes === undefined ? ESCAPES : { kind: "address", writes };
    }
    if (instruction.mnemonic === Mnemonic.Lea) return ESCAPES;
    if (operand !== 0 || onlyReads(instruction.mnemonic)) return HARMLESS;
    const size = MemorySizeExt.size(instruction.memorySize);
    if (size === 0 || size > WIDEST_STORE || isBitStore(instruction)) return ESCAPES;
    return isPlain(instruction) ? { kind: "store", row, size } : this.#indexed(row, instruction, size);
  }

  /** A store at an address plus registers: an array, or a part of one if they are bounded. */
  #indexed(row: number, instruction: Instruction, size: number): Naming {
    const base = sliceOf(instruction.memoryBase),
      index = sliceOf(instruction.memoryIndex);
    const scale = instruction.memoryIndexScale;
    let low = 0,
      high = 0;
    for (const [slice, times] of [
      [base, 1],
      [index, scale],
    ] as const) {
      if (slice === undefined) continue;
      const bounds = boundsOf(this.contentBefore(row, slice.position));
      if (bounds === undefined || slice.width !== 32) return ESCAPES;
      low += bounds[0] * times;
      high += bounds[1] * times;
    }
    return high > LARGEST_ARRAY
      ? ESCAPES
      : { kind: "address", writes: [{ offset: low, size: high - low + size, fill: undefined }] };
  }
}

function immediates(instruction: Instruction): number[] {
  const found: number[] = [];
  for (let operand = 0; operand < instruction.opCount; operand++)
    if (instruction.opKind(operand) >= OpKind.Immediate8 && instruction.opKind(operand) <= OpKind.Immediate32to64)
      found.push(Number(BigInt.asUintN(32, instruction.immediate(operand) as bigint)));
  return found;
}

const ascending = (a: number, b: number): number => a - b;
