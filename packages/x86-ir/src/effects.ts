/**
 * Effects: what one instruction does to registers and flags, as location words (locations.ts).
 *
 * iced-x86 says which registers and flags an instruction reads and writes. On top of that come the cases in which its
 * answer is too bold for a sound liveness (flags of a shift whose count may be zero, a TZCNT that an older processor
 * runs as BSF, system calls) or too timid (`sbb r,r`, padding that is written as `lea`). The rules:
 *   - a flag that the manual calls undefined is written, but not killed: many processors leave it unchanged. Which those are is a
 *     column of its own, for analyses that take the manual at its word;
 *   - a conditional write is written, but not killed; a conditional read is a read;
 *   - an instruction that hands all registers to another party (a gate, a hypervisor) reads everything.
 * Segment, x87, vector, control and debug registers are not locations.
 */
import {
  Code,
  type Instruction,
  InstructionInfoFactory,
  Mnemonic,
  OpAccess,
  OpKind,
  Register,
  RflagsBits,
} from "iced-x86";
import { AF, ALL_FLAGS, type Bits, CF, DF, OF, PF, SF, ZF, allRegisters } from "./locations.js";
import { Flow, type Effects } from "./types.js";

/** The row of instructions about which nothing is known: reads everything, may write everything, kills nothing. */
export const EFFECT_ANYTHING = 0;
/** The row of instructions that do nothing to any location: NOPs in all spellings. */
export const EFFECT_NONE = 1;

/** Rows are numbers of 16 bits; beyond that an instruction gets `EFFECT_ANYTHING`, which is always right. */
const MAX_EFFECTS = 0x1_0000;

const mnemonics = (...names: (keyof typeof Mnemonic)[]): ReadonlySet<number> =>
  new Set(names.map((name) => Mnemonic[name] as number));

/** Someone else may see and change every register before execution goes on (or it goes on elsewhere). */
const HANDS_OVER = mnemonics(
  "Int",
  "Int1",
  "Int3",
  "Into",
  "Syscall",
  "Sysenter",
  "Smint",
  "Dmint",
  "Rdm",
  "Rsm",
  "Getsec",
  "Skinit",
  "Vmcall",
  "Vmmcall",
  "Vmgexit",
  "Vmlaunch",
  "Vmresume",
  "Vmrun",
  "Vmfunc",
  "Tdcall",
  "Seamcall",
  "Seamops",
  "Seamret",
  "Encls",
  "Enclu",
  "Enclv",
  "Pconfig",
  "Loadall",
);
/** Leaves for good, with all registers; the flags come from the frame (or R11). */
const FLAGS_FROM_FRAME = mnemonics("Iret", "Iretd", "Iretq", "Sysret", "Sysretq", "Uiret");
/** Leaves for good, with all registers and flags as they are. */
const LEAVES = mnemonics("Retf", "Sysexit", "Sysexitq");
const NOTHING = mnemonics("Nop", "Reservednop", "Endbr32", "Endbr64");
/** The flags are written only if the count, masked, is not 0. */
const SHIFTS = mnemonics("Shl", "Sal", "Shr", "Sar", "Rol", "Ror", "Rcl", "Rcr", "Shld", "Shrd");
/** With a repeat prefix, nothing happens when the count register is 0. */
const COMPARING_STRINGS = mnemonics("Cmpsb", "Cmpsw", "Cmpsd", "Cmpsq", "Scasb", "Scasw", "Scasd", "Scasq");
/** BSF and BSR leave the destination alone when the source is 0; older processors run TZCNT and LZCNT as them. */
const BIT_SCANS = mnemonics("Bsf", "Bsr", "Tzcnt", "Lzcnt");
/** NOPs on processors without shadow stacks. */
const SHADOW_STACK_READS = mnemonics("Rdsspd", "Rdsspq");
const CMOVS = mnemonics(
  "Cmova",
  "Cmovae",
  "Cmovb",
  "Cmovbe",
  "Cmove",
  "Cmovg",
  "Cmovge",
  "Cmovl",
  "Cmovle",
  "Cmovne",
  "Cmovno",
  "Cmovnp",
  "Cmovns",
  "Cmovo",
  "Cmovp",
  "Cmovs",
);

/** Location word `parts` of an iced register, 0 where it is not a location. */
const PARTS = new Int32Array(256);
/** Likewise word `rest`. */
const REST = new Int32Array(256);
for (let r = 0; r < 16; r++) {
  const low = 1 << r,
    lowAndHigh = (1 << r) | (1 << (16 + r));
  if (r < 4) PARTS[Register.AH + r] = 1 << (16 + r);
  PARTS[r < 4 ? Register.AL + r : Register.SPL + r - 4] = low;
  PARTS[Register.AX + r] = PARTS[Register.EAX + r] = PARTS[Register.RAX + r] = lowAndHigh;
  REST[Register.EAX + r] = REST[Register.RAX + r] = low;
}

/** iced's flag bits as bits of the word `rest`. */
export function flagsToRest(flags: number): number {
  return (
    (flags & RflagsBits.CF ? CF : 0) |
    (flags & RflagsBits.PF ? PF : 0) |
    (flags & RflagsBits.AF ? AF : 0) |
    (flags & RflagsBits.ZF ? ZF : 0) |
    (flags & RflagsBits.SF ? SF : 0) |
    (flags & RflagsBits.OF ? OF : 0) |
    (flags & RflagsBits.DF ? DF : 0)
  );
}

/** A set of locations under construction. */
class Words {
  parts = 0;
  rest = 0;

  add(parts: number, rest: number): void {
    this.parts |= parts;
    this.rest |= rest;
  }

  remove(parts: number, rest: number): void {
    this.parts &= ~parts;
    this.rest &= ~rest;
  }
}

/** Distinct effects while a program is decoded: one row each, found again by content. */
export class EffectTable {
  private readonly rows = new Map<string, number>();
  private readonly words: number[][] = [[], [], [], [], [], [], []];
  private readonly factory = new InstructionInfoFactory();

  constructor(private readonly bits: Bits) {
    const all = allRegisters(bits);
    this.row(all.parts, all.rest | ALL_FLAGS, 0, 0, all.parts, all.rest | ALL_FLAGS, 0);
    this.row(0, 0, 0, 0, 0, 0, 0);
  }

  /** The row with that content, made if need be. */
  row(
    useParts: number,
    useRest: number,
    killParts: number,
    killRest: number,
    writeParts: number,
    writeRest: number,
    undefinedRest: number,
  ): number {
    const words = [useParts, useRest, killParts, killRest, writeParts, writeRest, undefinedRest];
    const key = `${useParts} ${useRest} ${killParts} ${killRest} ${writeParts} ${writeRest} ${undefinedRest}`;
    let row = this.rows.get(key);
    if (row !== undefined) return row;
    row = this.rows.size;
    if (row >= MAX_EFFECTS) return EFFECT_ANYTHING;
    this.rows.set(key, row);
    words.forEach((word, column) => this.words[column].push(word));
    return row;
  }

  /** The row of one decoded instruction; `flow` is its `Flow`. A `lea` counts with its displacement ignored: see `isLeaToItself`. */
  of(instruction: Instruction, flow: number): number {
    const all = allRegisters(this.bits),
      mnemonic = instruction.mnemonic;
    if (flow === Flow.invalid || flow === Flow.interrupt || HANDS_OVER.has(mnemonic)) return EFFECT_ANYTHING;
    // With REX.B, an F3 90 that iced shows as PAUSE exchanges registers on some processors.
    if (mnemonic === Mnemonic.Pause) return instruction.length === 2 ? EFFECT_NONE : EFFECT_ANYTHING;
    if (flow === Flow.undefined || NOTHING.has(mnemonic) || isCopyToItself(instruction, this.bits)) return EFFECT_NONE;

    const use = new Words(),
      kill = new Words(),
      write = new Words();
    const info = this.factory.info(instruction);
    for (const used of info.usedRegisters()) {
      const parts = PARTS[used.register],
        rest = REST[used.register],
        access = used.access as OpAccess;
      used.free();
      if (access !== OpAccess.Write && access !== OpAccess.CondWrite) use.add(parts, rest);
      if (access === OpAccess.Write) kill.add(parts, rest);
      if (access >= OpAccess.Write && access <= OpAccess.ReadCondWrite) write.add(parts, rest);
    }
    info.free();
    const surely = flagsToRest(instruction.rflagsWritten | instruction.rflagsCleared | instruction.rflagsSet);
    use.add(0, flagsToRest(instruction.rflagsRead));
    kill.add(0, surely);
    let left = flagsToRest(instruction.rflagsUndefined);
    write.add(0, surely | left);

    const hasRegister = instruction.opCount > 0 && instruction.op0Kind === OpKind.Register;
    const first = hasRegister ? instruction.op0Register : Register.None;
    const firstParts = PARTS[first],
      firstRest = REST[first];
    if (SHIFTS.has(mnemonic)) {
      if (isCountInCl(instruction)) {
        kill.remove(0, ALL_FLAGS);
        left = 0;
      }
      // iced takes a full turn through CF for nothing; processors change OF.
      if (mnemonic === Mnemonic.Rcl || mnemonic === Mnemonic.Rcr) {
        use.add(0, CF);
        write.add(0, CF | OF);
      }
    } else if (COMPARING_STRINGS.has(mnemonic)) {
      if (instruction.hasRepPrefix || instruction.hasRepnePrefix) kill.remove(0, ALL_FLAGS);
    } else if (BIT_SCANS.has(mnemonic)) {
      // CF of TZCNT/LZCNT is one of the flags that BSF/BSR leave undefined; both set ZF.
      kill.remove(firstParts, firstRest | CF);
    } else if (SHADOW_STACK_READS.has(mnemonic)) {
      kill.remove(firstParts, firstRest);
    } else if (CMOVS.has(mnemonic)) {
      // In 64-bit mode iced shows the zeroed upper half of a 32-bit CMOV as a read and a write of the whole register.
      kill.remove(firstParts, firstRest);
      if (!readsBesidesDestination(instruction, first)) use.remove(firstParts, firstRest);
    } else if (isConstantResult(instruction)) {
      use.remove(firstParts, firstRest);
      kill.add(firstParts, firstRest);
    } else if (FLAGS_FROM_FRAME.has(mnemonic)) {
      use.add(all.parts, all.rest);
      kill.add(0, ALL_FLAGS);
      write.add(0, ALL_FLAGS);
    } else if (LEAVES.has(mnemonic)) {
      use.add(all.parts, all.rest | ALL_FLAGS);
    }
    return this.row(use.parts, use.rest, kill.parts, kill.rest, write.parts, write.rest, left & ~kill.rest);
  }

  /** The row of an effect that reads some locations besides. */
  reading(row: number, parts: number, rest: number): number {
    if (row === EFFECT_ANYTHING) return row;
    const [useParts, useRest, killParts, killRest, writeParts, writeRest, undefinedRest] = this.words;
    return this.row(
      useParts[row] | parts,
      useRest[row] | rest,
      killParts[row],
      killRest[row],
      writeParts[row],
      writeRest[row],
      undefinedRest[row],
    );
  }

  finish(): Effects {
    this.factory.free();
    const [useParts, useRest, killParts, killRest, writeParts, writeRest, undefinedRest] = this.words.map((column) =>
      Int32Array.from(column),
    );
    return { count: useParts.length, useParts, useRest, killParts, killRest, writeParts, writeRest, undefinedRest };
  }
}

function isCountInCl(instruction: Instruction): boolean {
  const count = instruction.opCount - 1;
  return instruction.opKind(count) === OpKind.Register && instruction.opRegister(count) === Register.CL;
}

/**
 * The result does not depend on the operand: `sbb r,r` (only on CF), `and r,0`, `or r,-1`. (iced knows `xor r,r` and
 * `sub r,r`.) For the last two an immediate of 8 bits is looked at: `isImmediatePartOfShape`.
 */
function isConstantResult(instruction: Instruction): boolean {
  if (instruction.opCount !== 2 || instruction.op0Kind !== OpKind.Register) return false;
  switch (instruction.mnemonic) {
    case Mnemonic.Sbb:
      return instruction.op1Kind === OpKind.Register && instruction.op0Register === instruction.op1Register;
    case Mnemonic.And:
      return isImmediate8(instruction.op1Kind) && BigInt.asUintN(8, instruction.immediate(1)) === 0n;
    case Mnemonic.Or:
      return isImmediate8(instruction.op1Kind) && BigInt.asUintN(8, instruction.immediate(1)) === 0xffn;
    default:
      return false;
  }
}

const isImmediate8 = (kind: number): boolean =>
  kind === OpKind.Immediate8 ||
  kind === OpKind.Immediate8to16 ||
  kind === OpKind.Immediate8to32 ||
  kind === OpKind.Immediate8to64;

/**
 * True where the effect depends on the value of the immediate, so that its bytes belong to the instruction's shape:
 * shift counts (none of the flags, OF or not), `and`/`or` of a register with 8 bits, the depth of `enter` (whether it reads frames).
 */
export function isImmediatePartOfShape(instruction: Instruction): boolean {
  const mnemonic = instruction.mnemonic;
  if (SHIFTS.has(mnemonic) || mnemonic === Mnemonic.Enter) return true;
  return (
    (mnemonic === Mnemonic.And || mnemonic === Mnemonic.Or) &&
    instruction.op0Kind === OpKind.Register &&
    isImmediate8(instruction.op1Kind)
  );
}

/** `lea r,[r + displacement]`: with a displacement of 0 it is padding, and its effect is `EFFECT_NONE`. */
export function isLeaToItself(instruction: Instruction, bits: Bits): boolean {
  const code = instruction.code;
  if (code !== Code.Lea_r32_m && code !== Code.Lea_r64_m) return false;
  if (code === Code.Lea_r32_m && bits === 64) return false; // zeroes the upper half
  return instruction.op0Register === instruction.memoryBase && instruction.memoryIndex === Register.None;
}

/** `mov r,r` and `xchg r,r` of one register with itself, where that does not zero an upper half. */
function isCopyToItself(instruction: Instruction, bits: Bits): boolean {
  const mnemonic = instruction.mnemonic;
  if (mnemonic !== Mnemonic.Mov && mnemonic !== Mnemonic.Xchg) return false;
  if (instruction.op0Kind !== OpKind.Register || instruction.op1Kind !== OpKind.Register) return false;
  const register = instruction.op0Register;
  if (register !== instruction.op1Register || PARTS[register] === 0) return false;
  return bits === 32 || register < Register.EAX || register > Register.R15D;
}

function readsBesidesDestination(instruction: Instruction, destination: number): boolean {
  const number = (register: number) => PARTS[register] & 0xffff;
  const same = (register: number) => register !== Register.None && number(register) === number(destination);
  if (instruction.op1Kind === OpKind.Register) return same(instruction.op1Register);
  return same(instruction.memoryBase) || same(instruction.memoryIndex);
}
