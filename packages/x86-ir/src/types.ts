/**
 * The shapes of a decoded program. Everything that grows with the number of instructions is a typed-array column;
 * an instruction is its row number (`InstructionId`), a block and a function likewise.
 */
import type { Va } from "@pv/elf";
import type { Bits } from "./locations.js";

/** Row in `Instructions`. */
export type InstructionId = number;
/** Row in `Blocks`. */
export type BlockId = number;
/** Row in `Functions`. */
export type FunctionId = number;

/** How control leaves an instruction. */
export const Flow = {
  next: 0,
  jump: 1,
  conditional: 2,
  call: 3,
  indirectJump: 4,
  indirectCall: 5,
  return: 6,
  /** int, int3, into, syscall, sysenter: control goes elsewhere and comes back behind it. */
  interrupt: 7,
  /** iret, sysexit, sysret, rsm: leaves for good. */
  interruptReturn: 8,
  /** ud2 and friends: raises #UD; whether execution goes on is the bug table's business. */
  undefined: 9,
  /** Bytes that do not decode. */
  invalid: 10,
} as const;
export type Flow = (typeof Flow)[keyof typeof Flow];

/** One executable section. */
export interface CodeRegion {
  readonly name: string;
  readonly start: Va;
  readonly bytes: Uint8Array;
}

/** Distinct effects, shared by all instructions that have the same (location words as in locations.ts). */
export interface Effects {
  readonly count: number;
  /** Locations read. Conditional reads are reads. */
  readonly useParts: Int32Array;
  readonly useRest: Int32Array;
  /** Locations surely written with a value that does not depend on their old content. */
  readonly killParts: Int32Array;
  readonly killRest: Int32Array;
  /** Locations that may be written (superset of kill); undefined flags count as written. */
  readonly writeParts: Int32Array;
  readonly writeRest: Int32Array;
  /** Flags that the manual calls undefined afterwards, whatever the operands (a subset of written, disjoint from surely written). */
  readonly undefinedRest: Int32Array;
}

/** All instructions of all regions, in ascending address order. */
export interface InstructionColumns {
  readonly bits: Bits;
  /** Upper half of every address: 0 or 0xffffffff. */
  readonly addressHigh: number;
  readonly count: number;
  readonly address: Uint32Array;
  readonly length: Uint8Array;
  /** iced-x86 `Code`. */
  readonly code: Uint16Array;
  readonly flow: Uint8Array;
  /** Target of a direct jump, conditional jump or call (low 32 bits); 0 where there is none. */
  readonly target: Uint32Array;
  /** Row in `effects`. */
  readonly effect: Uint16Array;
  readonly effects: Effects;
  /** Rows whose flow is not `Flow.next`, ascending: about one in four. */
  readonly transfers: Uint32Array;
  /** Beside `transfers`: the row that the target of a direct jump, conditional jump or call is, or -1. */
  readonly transferTarget: Int32Array;
  readonly regions: readonly CodeRegion[];
  /**
   * By region, the way from an address to its row: two words for each 32 bytes of code, one bit per byte (set where an instruction
   * starts) and the row of the first instruction at or behind them.
   */
  readonly maps: readonly Uint32Array[];
}

/** The columns, and look-ups by address. */
export interface Instructions extends InstructionColumns {
  /** Row of the instruction that starts at `va`, or -1. */
  at(va: Va): InstructionId;
  /** Row of the instruction that covers `va`, or -1. */
  covering(va: Va): InstructionId;
  /** The original bytes of one instruction (a view, not a copy). */
  bytesOf(instruction: InstructionId): Uint8Array;
}

/** Why an edge exists. `exception`..`bug` are edges that only kernel tables show. */
export const EdgeKind = {
  fallThrough: 0,
  branch: 1,
  exceptionFixup: 2,
  jumpLabel: 3,
  alternative: 4,
  /** ud2 of a WARN: execution goes on behind it. */
  warn: 5,
} as const;
export type EdgeKind = (typeof EdgeKind)[keyof typeof EdgeKind];

/** Basic blocks in ascending order of first instruction; successors and predecessors in compressed rows. */
export interface Blocks {
  readonly count: number;
  readonly first: Uint32Array;
  /** One past the last instruction. */
  readonly end: Uint32Array;
  /** Successors of block b: `successors[successorStart[b] .. successorStart[b + 1])`, with `edgeKind` beside it. */
  readonly successorStart: Uint32Array;
  readonly successors: Uint32Array;
  readonly edgeKind: Uint8Array;
  readonly predecessorStart: Uint32Array;
  readonly predecessors: Uint32Array;
  /** Block of each instruction. */
  readonly ofInstruction: Uint32Array;
  /**
   * 1 where control may leave the block for a place that is not known (an indirect jump, a branch into the middle of
   * an instruction or out of all regions, falling off a region): everything counts as read there.
   */
  readonly escapes: Uint8Array;
}

/** Functions: entry points (call targets, symbols, address-taken code that follows a function's end). */
export interface FunctionColumns {
  readonly count: number;
  readonly entry: Uint32Array; // Va, ascending
  readonly entryInstruction: Uint32Array;
  /** One past the last instruction before the next function's entry. */
  readonly endInstruction: Uint32Array;
  /** 1 where the entry begins with a call to __fentry__ or mcount, or is listed in __mcount_loc: compiled C. */
  readonly traced: Uint8Array;
}

export interface Functions extends FunctionColumns {
  /** Row of the function whose range holds the instruction, or -1. */
  containing(instruction: InstructionId): FunctionId;
}

/** What the tables of an image add to its code; plain addresses, so that x86-ir need not know an image. */
export interface CodeFacts {
  /** Known starts of functions (symbols, exported functions, the entry point), ascending, without duplicates. */
  readonly functionStarts: Uint32Array;
  /** Addresses in code that something other than a direct branch refers to (relocations, tables), ascending. */
  readonly addressTaken: Uint32Array;
  /** Exception table: an instruction that may fault, and where execution goes on. */
  readonly exceptionFrom: Uint32Array;
  readonly exceptionTo: Uint32Array;
  /** Bit r: the handler of that row may write register r before execution goes on. Rows that it lacks: all registers. */
  readonly exceptionWrites: Uint16Array;
  /** Jump labels: NOP or JMP at `from` may be the other. */
  readonly jumpLabelFrom: Uint32Array;
  readonly jumpLabelTo: Uint32Array;
  /** Alternatives: `site` may be overwritten by the code at `replacement` (lengths in bytes). */
  readonly alternativeSite: Uint32Array;
  readonly alternativeSiteLength: Uint8Array;
  readonly alternativeReplacement: Uint32Array;
  readonly alternativeReplacementLength: Uint8Array;
  /** Addresses of ud2 that execution goes on behind (WARN), ascending. */
  readonly warnings: Uint32Array;
  /** Call sites of __fentry__ (from __mcount_loc, where present), ascending. */
  readonly tracedCalls: Uint32Array;
  /** Functions that, called, preserve everything (`__fentry__`, `mcount`): their address. */
  readonly transparent: Uint32Array;
  /** Functions that jump or call through a register (`__x86_indirect_thunk_eax`): address and register number. */
  readonly thunkAddress: Uint32Array;
  readonly thunkRegister: Uint8Array;
  /** Functions known never to return (panic, do_exit, ...), ascending. */
  readonly noReturn: Uint32Array;
  /** Functions that a return jumps to (`__x86_return_thunk`): a jump there is a return, ascending. */
  readonly returnThunks: Uint32Array;
  /** Functions whose code is replaced at run time (static-call trampolines, BPF dispatchers): what is visible is not the truth, ascending. */
  readonly replaceable: Uint32Array;
  /** Call sites whose callee preserves every register but its result, whatever the call says (paravirt sites), ascending. */
  readonly preservingCalls: Uint32Array;
}

export interface Program {
  readonly instructions: Instructions;
  readonly blocks: Blocks;
  readonly functions: Functions;
  readonly facts: CodeFacts;
}
