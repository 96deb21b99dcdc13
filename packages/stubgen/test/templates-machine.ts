/**
 * An interpreter for what templates may consist of, and nothing else: a template with any other instruction throws.
 * Routines and original instructions are the caller's.
 */
import { Code, Decoder, DecoderOptions, Register, type Instruction } from "iced-x86";
import { HoleType, type Template } from "@pv/stubgen";

export const COUNTER_ADDRESS = 0xc0f0_0200;
export const KNOWN_VALUE = 0x0000_03fd;
const STACK_TOP = 0x1000;

export interface Machine {
  /** EAX .. EDI by hardware number; ESP is in here, too. */
  readonly registers: Uint32Array;
  flags: number;
  counter: number;
  /** Stack memory by address. */
  readonly stack: DataView;
  /** Words at absolute addresses other than the counter's; a template may touch those that are here, and no others. */
  readonly words: Map<number, number>;
  /** Where an IRET went. */
  returnedTo?: number;
}

export interface Hooks {
  /** A call of a routine: may do to the machine what the ABI allows. */
  readonly routine: (number: number, machine: Machine) => void;
  /** The place of the original instruction. */
  readonly original: (machine: Machine) => void;
  /** STI, which traps where the real flag is not the template's to set. */
  readonly sti?: (machine: Machine) => void;
  /** Every instruction before it is executed. */
  readonly step?: (code: Code, machine: Machine) => void;
}

export function makeMachine(registers: readonly number[], flags: number, counter = 41): Machine {
  const machine: Machine = {
    registers: Uint32Array.from(registers),
    flags,
    counter,
    stack: new DataView(new ArrayBuffer(STACK_TOP + 64)),
    words: new Map<number, number>(),
  };
  machine.registers[4] = STACK_TOP;
  for (let at = 0; at < STACK_TOP + 64; at += 4) machine.stack.setUint32(at, 0x5a5a_0000 + at, true);
  return machine;
}

/** The template's bytes with its holes filled: routine numbers as displacements, and the constants above. */
export function fillHoles({ code, holes }: Template, dead = { complement: 0xffff_ffff, garbage: 0 }): Uint8Array {
  const bytes = code.slice();
  const view = new DataView(bytes.buffer);
  for (const { offset, type, argument } of holes) {
    const values: Partial<Record<HoleType, number>> = {
      [HoleType.routine]: argument,
      [HoleType.counter]: COUNTER_ADDRESS,
      [HoleType.known]: KNOWN_VALUE,
      [HoleType.deadFlagsComplement]: dead.complement,
      [HoleType.deadFlagsGarbage]: dead.garbage,
    };
    const value = values[type];
    if (value === undefined) throw new Error(`hole type ${type}`);
    view.setUint32(offset, value, true);
  }
  return bytes;
}

export function run(
  template: Template,
  machine: Machine,
  hooks: Hooks,
  dead?: { complement: number; garbage: number },
): void {
  const bytes = fillHoles(template, dead);
  const decoder = new Decoder(32, bytes, DecoderOptions.None);
  try {
    while (decoder.canDecode) {
      if (decoder.position === template.insertAt) hooks.original(machine);
      const instruction = decoder.decode();
      hooks.step?.(instruction.code, machine);
      const target = execute(instruction, machine, hooks);
      instruction.free();
      if (target === undefined) continue;
      decoder.position = target;
      decoder.ip = BigInt(target);
    }
    if (template.insertAt === bytes.length) hooks.original(machine);
  } finally {
    decoder.free();
  }
}

const NUMBERS = new Map<Register, number>(
  [Register.EAX, Register.ECX, Register.EDX, Register.EBX, Register.ESP, Register.EBP, Register.ESI, Register.EDI].map(
    (register, number) => [register, number],
  ),
);
const WORDS = [Register.AX, Register.CX, Register.DX, Register.BX, Register.SP, Register.BP, Register.SI, Register.DI];
const LOW = [Register.AL, Register.CL, Register.DL, Register.BL];
const HIGH = [Register.AH, Register.CH, Register.DH, Register.BH];

/** Selectors that the interpreted processor has in CS and SS: ring 3. */
export const REAL_CS = 0x63;
export const REAL_SS = 0x6b;
const ZERO_FLAG = 0x40;

/** Executes one instruction; the offset of the next one after a jump that was taken. */
function execute(instruction: Instruction, machine: Machine, { routine, sti }: Hooks): number | void {
  const { registers } = machine;
  const at = (operand: number) => {
    const number = NUMBERS.get(instruction.opRegister(operand));
    if (number === undefined) throw new Error(`operand ${operand} of code ${instruction.code}`);
    return number;
  };
  const stackAddress = () => {
    if (instruction.memoryBase !== Register.ESP || instruction.memoryIndex !== Register.None)
      throw new Error("not on the stack");
    return registers[4] + Number(instruction.memoryDisplacement);
  };
  const isCounter = () => {
    const absolute = instruction.memoryBase === Register.None && instruction.memoryIndex === Register.None;
    if (!absolute || Number(instruction.memoryDisplacement) !== COUNTER_ADDRESS) throw new Error("not the counter");
  };
  const absolute = () => {
    const address = Number(instruction.memoryDisplacement) >>> 0;
    if (instruction.memoryBase !== Register.None || instruction.memoryIndex !== Register.None)
      throw new Error("not an absolute address");
    if (!machine.words.has(address)) throw new Error(`no word at ${address.toString(16)}`);
    return address;
  };
  /** The arithmetic flags of a result: ZF as it is, the others garbled. */
  const setFlags = (result: number) => {
    machine.flags ^= 0x895;
    machine.flags = result === 0 ? machine.flags | ZERO_FLAG : machine.flags & ~ZERO_FLAG;
  };
  const jumpIf = (taken: boolean) => (taken ? Number(instruction.nearBranchTarget) : undefined);
  const push = (value: number) => {
    registers[4] -= 4;
    machine.stack.setUint32(registers[4], value, true);
  };
  const pop = () => {
    const value = machine.stack.getUint32(registers[4], true);
    registers[4] += 4;
    return value;
  };
  switch (instruction.code) {
    case Code.Push_r32:
      return push(registers[at(0)]);
    case Code.Pop_r32:
      registers[at(0)] = pop();
      return;
    case Code.Pop_rm32: {
      const value = pop();
      return machine.stack.setUint32(stackAddress(), value, true);
    }
    case Code.Iretd:
      machine.returnedTo = pop();
      if (pop() !== REAL_CS) throw new Error("iret to another ring");
      machine.flags = pop();
      return;
    case Code.Pushfd:
      return push(machine.flags);
    case Code.Popfd:
      machine.flags = pop();
      return;
    case Code.Mov_rm32_imm32:
      machine.words.set(absolute(), instruction.immediate32);
      return;
    case Code.Cmp_rm32_imm8:
      return setFlags(machine.words.get(absolute())! - instruction.immediate8to32);
    case Code.Test_rm32_imm32:
      return setFlags(machine.stack.getUint32(stackAddress(), true) & instruction.immediate32);
    case Code.And_rm8_imm8: {
      const value = machine.stack.getUint8(stackAddress()) & instruction.immediate8;
      machine.stack.setUint8(stackAddress(), value);
      return setFlags(value);
    }
    case Code.Je_rel8_32:
      return jumpIf((machine.flags & ZERO_FLAG) !== 0);
    case Code.Jne_rel8_32:
      return jumpIf((machine.flags & ZERO_FLAG) === 0);
    case Code.Jecxz_rel8_32:
      return jumpIf(registers[1] === 0);
    case Code.Sti:
      if (sti === undefined) throw new Error("no template here may execute sti");
      return sti(machine);
    case Code.Pushd_CS:
      return push(REAL_CS);
    case Code.Pushd_SS:
      return push(REAL_SS);
    case Code.Mov_rm32_r32:
      if (instruction.memoryBase === Register.ESP) {
        machine.stack.setUint32(stackAddress(), registers[at(1)], true);
      } else if (instruction.memoryBase === Register.None && instruction.op0Kind !== instruction.op1Kind) {
        isCounter();
        machine.counter = registers[at(1)];
      } else registers[at(0)] = registers[at(1)];
      return;
    case Code.Mov_r32_rm32: {
      if (instruction.memoryBase === Register.ESP) registers[at(0)] = machine.stack.getUint32(stackAddress(), true);
      else if (machine.words.size > 0 && Number(instruction.memoryDisplacement) !== COUNTER_ADDRESS)
        registers[at(0)] = machine.words.get(absolute())!;
      else {
        isCounter();
        registers[at(0)] = machine.counter;
      }
      return;
    }
    case Code.Mov_r32_imm32:
      registers[at(0)] = instruction.immediate32;
      return;
    case Code.Mov_r16_imm16: {
      const r = WORDS.indexOf(instruction.op0Register);
      registers[r] = (registers[r] & 0xffff_0000) | instruction.immediate16;
      return;
    }
    case Code.Mov_r8_imm8: {
      const low = LOW.indexOf(instruction.op0Register);
      const high = HIGH.indexOf(instruction.op0Register);
      if (low >= 0) registers[low] = (registers[low] & 0xffff_ff00) | instruction.immediate8;
      else registers[high] = (registers[high] & 0xffff_00ff) | (instruction.immediate8 << 8);
      return;
    }
    case Code.Mov_rm16_imm16:
      return machine.stack.setUint16(stackAddress(), instruction.immediate16, true);
    case Code.Lea_r32_m: {
      const base = NUMBERS.get(instruction.memoryBase)!;
      registers[at(0)] = registers[base] + Number(instruction.memoryDisplacement);
      return;
    }
    case Code.Inc_rm32:
      isCounter();
      machine.counter++;
      // Whatever the flags become: they are not what they were.
      machine.flags ^= 0x8d4;
      return;
    case Code.And_rm32_imm32:
      machine.stack.setUint32(
        stackAddress(),
        machine.stack.getUint32(stackAddress(), true) & instruction.immediate32,
        true,
      );
      machine.flags ^= 0x8d5;
      return;
    case Code.Or_rm32_imm32:
      machine.stack.setUint32(
        stackAddress(),
        machine.stack.getUint32(stackAddress(), true) | instruction.immediate32,
        true,
      );
      machine.flags ^= 0x8d5;
      return;
    case Code.Call_rel32_32:
      return routine(Number(instruction.nearBranchTarget - instruction.nextIP), machine);
    default:
      throw new Error(`a template with iced code ${instruction.code}`);
  }
}
