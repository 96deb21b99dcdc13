/**
 * Calling conventions and the named assumptions that facts may rest on.
 *
 * What code shows is computed from code. Where code is not visible (who calls a function through a pointer, what a pointer
 * calls), a convention is assumed, by name; `NO_ASSUMPTIONS` switches all of them off, and everything unseen then reads
 * everything. `docs/analysis.md` tells what would make each one wrong.
 */
import { ALL_FLAGS, ARITHMETIC_FLAGS, DF, allRegisters, partsOf, restOf, type Bits, type Effects } from "@pv/x86-ir";

/** A set of locations: the two words of `@pv/x86-ir`'s locations.ts. */
export interface Locations {
  readonly parts: number;
  readonly rest: number;
}

export interface Convention {
  readonly name: string;
  /** Registers that carry arguments. */
  readonly argumentRegisters: readonly number[];
  /** Registers that may carry a result. */
  readonly resultRegisters: readonly [low: number, high: number];
  /** Registers that a function may change. */
  readonly callerSaved: readonly number[];
}

/**
 * i386 Linux is built with -mregparm=3 (arch/x86/Makefile). amd64: System V psABI 3.2.1; RAX carries the vector count of
 * variadic calls and R10 the static chain, so both count as arguments.
 */
export const CONVENTIONS: Readonly<Record<Bits, Convention>> = {
  32: { name: "regparm(3)", argumentRegisters: [0, 2, 1], resultRegisters: [0, 2], callerSaved: [0, 1, 2] },
  64: {
    name: "System V",
    argumentRegisters: [7, 6, 2, 1, 8, 9, 0, 10],
    resultRegisters: [0, 2],
    callerSaved: [0, 1, 2, 6, 7, 8, 9, 10, 11],
  },
};

export interface Assumptions {
  /** Callers of compiled C functions read, after the call, only results and callee-saved registers; no flag but DF. */
  readonly cReturn: boolean;
  /** What is called through a pointer reads only argument and callee-saved registers, and its caller reads, after it, only results and callee-saved ones. */
  readonly indirectCall: boolean;
  /** No function returns a pair whose upper register is what a call left there while the lower one is new (narrow.ts). */
  readonly narrowReturn: boolean;
  /** Nobody depends on a flag that the manual calls undefined (SDM Vol. 1, appendix A): the instruction counts as writing it. */
  readonly undefinedFlags: boolean;
  /** Whoever calls a thunk that saves all caller-saved registers, the result's included, hands it no arguments in them (saving-thunks.ts). */
  readonly savingThunks: boolean;
  /** A stack slot is written through a pointer only if its function takes its address or a lower one in the frame (frames.ts). */
  readonly privateSlots: boolean;
  /** A variable is written through a pointer only if the program takes an address shortly below it, or in the block around it (variables.ts). */
  readonly ownGlobals: boolean;
  /** Registers that a dying kernel prints (BUG, panic) are for people, not for the program. */
  readonly oopsRegisters: boolean;
}

/** name -> bit number (the annotation table's `assumptions` word) and what it says. */
export const ASSUMPTIONS = {
  cReturn: [
    0,
    "a compiled C function returns in its result registers and keeps the callee-saved ones; its callers read nothing else of it",
  ],
  indirectCall: [1, "what is called through a pointer follows the C convention"],
  oopsRegisters: [2, "register contents that only an oops report prints are not part of the program"],
  narrowReturn: [3, "no function returns a number whose upper half alone was left by a call"],
  undefinedFlags: [4, "nobody depends on a flag that the manual calls undefined"],
  savingThunks: [5, "a thunk that saves all caller-saved registers takes no arguments in them"],
  privateSlots: [6, "a stack slot is written through a pointer only if its function takes an address at or below it"],
  ownGlobals: [
    7,
    "a variable is written through a pointer only if code takes an address in the 128 bytes, or the block, that it ends",
  ],
} as const satisfies Record<keyof Assumptions, readonly [bit: number, says: string]>;

export const DEFAULT_ASSUMPTIONS: Assumptions = {
  cReturn: true,
  indirectCall: true,
  oopsRegisters: true,
  narrowReturn: true,
  undefinedFlags: true,
  savingThunks: true,
  privateSlots: true,
  ownGlobals: true,
};
export const NO_ASSUMPTIONS: Assumptions = {
  cReturn: false,
  indirectCall: false,
  oopsRegisters: false,
  narrowReturn: false,
  undefinedFlags: false,
  savingThunks: false,
  privateSlots: false,
  ownGlobals: false,
};

/** What each effect surely writes of the word `rest`. */
export function surelyWritten({ killRest, undefinedRest }: Effects, { undefinedFlags }: Assumptions): Int32Array {
  return undefinedFlags ? killRest.map((kill, e) => kill | undefinedRest[e]) : killRest;
}

/** What the analyses need of a convention, as location words. */
export interface ConventionSets {
  readonly all: Locations;
  /** What a function leaves as it was: callee-saved registers, the stack pointer, a clear DF. */
  readonly kept: Locations;
  /** What a function may hand back. */
  readonly results: Locations;
  /** What a compiled function may read of its caller: arguments and what it has to keep. */
  readonly callReads: Locations;
  /** What a call may destroy. */
  readonly callKills: Locations;
  /** What may be read behind a call: results and what was kept. */
  readonly returnReads: Locations;
  /** The same of a function that returns in one register. */
  readonly narrowReads: Locations;
}

export function conventionSets(bits: Bits): ConventionSets {
  const convention = CONVENTIONS[bits];
  const registers = allRegisters(bits);
  const kept = union(without(registers, setOf(convention.callerSaved)), { parts: 0, rest: DF });
  const results = setOf(convention.resultRegisters);
  return {
    all: { parts: registers.parts, rest: registers.rest | ALL_FLAGS },
    kept,
    results,
    callReads: union(setOf(convention.argumentRegisters), kept),
    callKills: union(setOf(convention.callerSaved), { parts: 0, rest: ARITHMETIC_FLAGS }),
    returnReads: union(results, kept),
    narrowReads: union(setOf([convention.resultRegisters[0]]), kept),
  };
}

export function setOf(registers: readonly number[]): Locations {
  return registers.reduce<Locations>((set, r) => union(set, { parts: partsOf(r), rest: restOf(r) }), {
    parts: 0,
    rest: 0,
  });
}

function union(a: Locations, b: Locations): Locations {
  return { parts: a.parts | b.parts, rest: a.rest | b.rest };
}

function without(a: Locations, b: Locations): Locations {
  return { parts: a.parts & ~b.parts, rest: a.rest & ~b.rest };
}
