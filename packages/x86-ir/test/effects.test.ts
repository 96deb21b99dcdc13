import { type Bits, Flow, decode } from "@pv/x86-ir";
import fc from "fast-check";
import { Code, Decoder, DecoderOptions, InstructionInfoFactory, Mnemonic, OpAccess, Register } from "iced-x86";
import { describe, expect, test } from "vitest";
import { flagsToRest } from "../src/effects.js";
import { padded, randomBits, randomBytes } from "./random-code.js";

/** Parts of a register as word pairs, from its name: independent of the tables under test. */
function locationsOf(register: number): [parts: number, rest: number] {
  const name = Register[register] as string;
  const legacy = ["A", "C", "D", "B"].findIndex((letter) => name === `${letter}L` || name === `${letter}H`);
  if (legacy >= 0) return [name.endsWith("H") ? 1 << (16 + legacy) : 1 << legacy, 0];
  const bases = ["AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI"];
  const numbered = /^R(\d+)([DWL]?)$/.exec(name);
  const number =
    numbered !== null
      ? Number(numbered[1])
      : bases.findIndex((base) => [base, `E${base}`, `R${base}`, `${base}L`].includes(name));
  if (number < 0) return [0, 0];
  const width =
    numbered !== null
      ? { D: 32, W: 16, L: 8, "": 64 }[numbered[2]]!
      : name.endsWith("L")
        ? 8
        : /^[ER]/.test(name)
          ? 32
          : 16;
  return [(1 << number) | (width > 8 ? 1 << (16 + number) : 0), width > 16 ? 1 << number : 0];
}

/** Where the effects differ from iced's on purpose; filetests show how. */
const OWN_RULES =
  /^(?:Pause|Shl|Sal|Shr|Sar|Rol|Ror|Rcl|Rcr|Shld|Shrd|Cmps.|Scas.|Bsf|Bsr|Tzcnt|Lzcnt|Cmov.*|Sbb|And|Or|Rdssp.|Ret.|Iret.?|Sysret.?|Sysexit.?|Uiret|Mov|Xchg|Lea)$/;
const HANDING_OVER =
  /^(?:Rsm|Getsec|Skinit|Vmfunc|Tdcall|Seam.*|Encl.|Pconfig|Smint|Dmint|Rdm|Vm.*call|Vmlaunch|Vmresume|Vmrun|Vmgexit|Loadall)$/;

describe("effects", () => {
  test("are iced's, and where they are not, they are bolder in nothing but the idioms", () => {
    let compared = 0;
    const factory = new InstructionInfoFactory();
    const check = (code: Uint8Array, bits: Bits): void => {
      const bytes = padded(code);
      const start = 0x1000,
        instructions = decode([{ name: "", start, bytes }], bits, 0, new Uint32Array(0)),
        { effects } = instructions;
      const decoder = new Decoder(bits, bytes, DecoderOptions.None);
      for (let row = 0; row < instructions.count; row++) {
        decoder.position = instructions.address[row] - start;
        const instruction = decoder.decode(),
          name = Mnemonic[instruction.mnemonic] as string;
        const flow = instructions.flow[row];
        if (instruction.code === Code.INVALID || flow === Flow.interrupt || HANDING_OVER.test(name)) {
          expect(instructions.effect[row]).toBe(0);
          continue;
        }
        const info = factory.info(instruction);
        const iced = { use: [0, 0], kill: [0, 0], write: [0, 0] };
        const add = (set: number[], parts: number, rest: number): void => void ((set[0] |= parts), (set[1] |= rest));
        for (const used of info.usedRegisters()) {
          const [parts, rest] = locationsOf(used.register);
          if (![OpAccess.Write, OpAccess.CondWrite].includes(used.access)) add(iced.use, parts, rest);
          if (used.access === OpAccess.Write) add(iced.kill, parts, rest);
          if ([OpAccess.Write, OpAccess.CondWrite, OpAccess.ReadWrite, OpAccess.ReadCondWrite].includes(used.access))
            add(iced.write, parts, rest);
          used.free();
        }
        info.free();
        add(iced.use, 0, flagsToRest(instruction.rflagsRead));
        add(iced.kill, 0, flagsToRest(instruction.rflagsWritten | instruction.rflagsCleared | instruction.rflagsSet));
        add(iced.write, 0, flagsToRest(instruction.rflagsModified));
        const e = instructions.effect[row];
        const own = {
          use: [effects.useParts[e], effects.useRest[e]],
          kill: [effects.killParts[e], effects.killRest[e]],
          write: [effects.writeParts[e], effects.writeRest[e]],
        };
        instruction.free();
        expect((own.kill[0] & ~own.write[0]) | (own.kill[1] & ~own.write[1]), `${name}: kill is part of write`).toBe(0);
        if (OWN_RULES.test(name)) continue;
        compared++;
        const text = `${name} ${Array.from(instructions.bytesOf(row), (byte) => byte.toString(16)).join(" ")}`;
        expect({ text, ...own }).toEqual({ text, ...iced });
      }
      decoder.free();
    };
    fc.assert(fc.property(randomBytes, randomBits, check), { numRuns: 300 });
    expect(compared).toBeGreaterThan(5_000);
  });
});
