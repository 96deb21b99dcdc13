/** Encodes an instruction of any catalogued iced `Code` with chosen operands, for generated tests. */
import { Code, CodeExt, Encoder, Instruction, OpCodeOperandKind, OpKind, Register } from "iced-x86";
import type { Bits } from "@pv/x86-ir";

export interface Operands {
  /** Hardware numbers, reduced to what the operand can have. */
  readonly register: number;
  readonly other: number;
  readonly special: number;
  /** Memory in place of a register where the instruction allows both. */
  readonly memory: boolean;
  readonly repeat: boolean;
  readonly immediate: number;
}

const LOW_REGISTERS = { 16: Register.AX, 32: Register.EAX, 64: Register.RAX };

/** The control registers that exist (the last one in 64-bit mode only); the other encodings are #UD. */
const CONTROL_REGISTERS = [0, 2, 3, 4, 8];
const pick = (list: readonly number[], index: number): number => list[index % list.length];

/** Bytes of the instruction, or undefined where the code does not exist in this mode. */
export function encodeExample(code: Code, bits: Bits, operands: Operands): Uint8Array | undefined {
  const info = CodeExt.opCode(code);
  const instruction = new Instruction();
  const encoder = new Encoder(bits);
  try {
    if (bits === 32 ? !info.mode32 : !info.mode64) return undefined;
    const registers = bits === 32 ? 8 : 16;
    instruction.code = code;
    const setRegister = (index: number, register: Register): void => {
      instruction.setOpKind(index, OpKind.Register);
      instruction.setOpRegister(index, register);
    };
    const setMemory = (index: number): void => {
      instruction.setOpKind(index, OpKind.Memory);
      // An address size of 16 bits is the only one of the 16-bit variants of ENQCMD and its kin.
      const sixteen = info.addressSize === 16;
      instruction.memoryBase = sixteen
        ? Register.SI
        : info.addressSize === 32 || bits === 32
          ? Register.ESI
          : Register.RSI;
      instruction.memoryDisplSize = 0;
    };
    for (let index = 0; index < info.opCount; index++) {
      const kind = info.opKind(index);
      switch (kind) {
        case OpCodeOperandKind.r16_or_mem:
        case OpCodeOperandKind.r32_or_mem:
        case OpCodeOperandKind.r64_or_mem:
          if (operands.memory) setMemory(index);
          else setRegister(index, LOW_REGISTERS[sizeOf(kind)] + (operands.register % registers));
          break;
        case OpCodeOperandKind.r16_rm:
        case OpCodeOperandKind.r32_rm:
        case OpCodeOperandKind.r64_rm:
          setRegister(index, LOW_REGISTERS[sizeOf(kind)] + (operands.register % registers));
          break;
        case OpCodeOperandKind.r16_reg:
        case OpCodeOperandKind.r16_reg_mem:
        case OpCodeOperandKind.r32_reg:
        case OpCodeOperandKind.r32_reg_mem:
        case OpCodeOperandKind.r64_reg:
        case OpCodeOperandKind.r64_reg_mem:
          setRegister(index, LOW_REGISTERS[sizeOf(kind)] + (operands.other % registers));
          break;
        case OpCodeOperandKind.mem:
          setMemory(index);
          break;
        case OpCodeOperandKind.seg_reg:
          setRegister(index, Register.ES + segmentOf(code, operands.special));
          break;
        case OpCodeOperandKind.cr_reg:
          setRegister(
            index,
            Register.CR0 + pick(bits === 32 ? CONTROL_REGISTERS.slice(0, 4) : CONTROL_REGISTERS, operands.special),
          );
          break;
        case OpCodeOperandKind.dr_reg:
          setRegister(index, Register.DR0 + (operands.special % 8));
          break;
        case OpCodeOperandKind.xmm_reg:
        case OpCodeOperandKind.xmm_rm:
          setRegister(index, Register.XMM0 + (operands.register % registers));
          break;
        case OpCodeOperandKind.es:
        case OpCodeOperandKind.cs:
        case OpCodeOperandKind.ss:
        case OpCodeOperandKind.ds:
        case OpCodeOperandKind.fs:
        case OpCodeOperandKind.gs:
          setRegister(index, Register.ES + (kind - OpCodeOperandKind.es));
          break;
        case OpCodeOperandKind.al:
          setRegister(index, Register.AL);
          break;
        case OpCodeOperandKind.ax:
          setRegister(index, Register.AX);
          break;
        case OpCodeOperandKind.dx:
          setRegister(index, Register.DX);
          break;
        case OpCodeOperandKind.eax:
          setRegister(index, Register.EAX);
          break;
        case OpCodeOperandKind.imm8:
          instruction.setOpKind(index, OpKind.Immediate8);
          instruction.immediate8 = operands.immediate;
          break;
        case OpCodeOperandKind.imm16:
          instruction.setOpKind(index, OpKind.Immediate16);
          instruction.immediate16 = operands.immediate;
          break;
        case OpCodeOperandKind.farbr2_2:
          instruction.setOpKind(index, OpKind.FarBranch16);
          break;
        case OpCodeOperandKind.farbr4_2:
          instruction.setOpKind(index, OpKind.FarBranch32);
          break;
        case OpCodeOperandKind.es_rDI:
          instruction.setOpKind(index, bits === 32 ? OpKind.MemoryESEDI : OpKind.MemoryESRDI);
          instruction.hasRepPrefix = operands.repeat;
          break;
        case OpCodeOperandKind.seg_rSI:
          instruction.setOpKind(index, bits === 32 ? OpKind.MemorySegESI : OpKind.MemorySegRSI);
          instruction.hasRepPrefix = operands.repeat;
          break;
        default:
          throw new Error(`${Code[code]}: no operand for ${OpCodeOperandKind[kind]}`);
      }
    }
    encoder.encode(instruction, 0n);
    return encoder.takeBuffer();
  } finally {
    encoder.free();
    instruction.free();
    info.free();
  }
}

/** MOV to CS does not exist. */
function segmentOf(code: Code, special: number): number {
  const load = [Code.Mov_Sreg_rm16, Code.Mov_Sreg_r32m16, Code.Mov_Sreg_r64m16].includes(code);
  const segment = special % 6;
  return load && segment === 1 ? 3 : segment;
}

function sizeOf(kind: OpCodeOperandKind): 16 | 32 | 64 {
  const name = OpCodeOperandKind[kind];
  return name.startsWith("r16") ? 16 : name.startsWith("r32") ? 32 : 64;
}
