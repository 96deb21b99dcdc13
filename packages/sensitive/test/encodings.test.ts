/** Generated from the catalogue: every kind, every encoding, in every mode that has it. */
import fc from "fast-check";
import {
  Code,
  Decoder,
  InstructionInfoFactory,
  OpAccess,
  OpKind,
  Register,
  RegisterExt,
  RflagsBits,
  type UsedRegister,
} from "iced-x86";
import { afterAll, describe, expect, test } from "vitest";
import {
  CATALOGUE,
  emulationClobbersOf,
  findSites,
  formOf,
  generalOf,
  FORM_UNUSUAL,
  readsOf,
  resultsOf,
  specialOf,
  type CatalogueEntry,
} from "@pv/sensitive";
import { type Bits, decode, ESP, formatLocations, parseLocations, restOf } from "@pv/x86-ir";
import { encodeExample, type Operands } from "./encode.js";

const PLAIN: Operands = {
  register: 3,
  other: 7,
  special: 2,
  memory: false,
  repeat: false,
  immediate: 0x80,
};
const factory = new InstructionInfoFactory();
afterAll(() => factory.free());

describe.each([32, 64] as const)("%i bits", (bits) => {
  const cases = CATALOGUE.flatMap((entry) => entry.codes.map((code) => ({ entry, code, name: Code[code] }))).filter(
    ({ code }) => encodeExample(code, bits, PLAIN) !== undefined,
  );

  test.each(cases)("$name is $entry.kind", ({ entry, code }) => {
    for (const memory of [false, true]) {
      const bytes = encodeExample(code, bits, { ...PLAIN, memory })!;
      const program = decode([{ name: "test", start: 0x1000, bytes }], bits, 0, new Uint32Array());
      const sites = findSites(program);
      expect(sites.count).toBe(1);
      expect(program.length[0]).toBe(bytes.length);
      expect(program.code[0]).toBe(code);
      expect(sites.kind[0]).toBe(entry.number);
      expect(sites.form[0]).toBe(formOf(entry, bytes, bits));
    }
  });

  const operands: fc.Arbitrary<Operands> = fc.record({
    register: fc.nat(15),
    other: fc.nat(15),
    special: fc.nat(15),
    memory: fc.boolean(),
    repeat: fc.boolean(),
    immediate: fc.nat(255),
  });

  test("forms agree with iced's operands", () => {
    fc.assert(
      fc.property(fc.constantFrom(...cases.keys()), operands, (index, chosen) => {
        const { entry, code } = cases[index];
        const bytes = encodeExample(code, bits, chosen)!;
        const text = `${Code[code]} ${Buffer.from(bytes).toString("hex")} form `;
        expect(text + formOf(entry, bytes, bits)).toBe(text + formByIced(entry, bytes, bits));
      }),
      { numRuns: 3000 },
    );
  });

  test("what the catalogue says is defined and read agrees with iced", () => {
    const differences = new Set<string>();
    for (const { entry, code } of cases) {
      for (const choice of [PLAIN, { ...PLAIN, memory: true, repeat: true }]) {
        const bytes = encodeExample(code, bits, choice)!;
        const form = formOf(entry, bytes, bits);
        const iced = locationsByIced(bytes, bits);
        const results = show(resultsOf(entry, form, bits), bits),
          reads = show(readsOf(entry, form, bits), bits);
        if (results !== show(iced.results, bits))
          differences.add(`${entry.kind} defines ${results}; iced: ${show(iced.results, bits)}`);
        if (reads !== show(iced.reads, bits))
          differences.add(`${entry.kind} reads ${reads}; iced: ${show(iced.reads, bits)}`);
      }
    }
    // What is left, and why: variants with 16-bit addresses (the catalogue names the whole address register), calls to
    // what lies below (registers by agreement; iced names none), SYSCALL and SYSRET in 32-bit mode (which keep the
    // flags, but for IF and a few system flags), VMRUN (stores the flags as host state), SKINIT (never comes back).
    expect([...differences].join("\n")).toMatchSnapshot();
  });

  test("an emulation never destroys a result", () => {
    for (const { entry, code } of cases) {
      const form = formOf(entry, encodeExample(code, bits, PLAIN)!, bits);
      const results = resultsOf(entry, form, bits);
      const clobbers = emulationClobbersOf(entry, form, bits);
      expect(results.parts & clobbers.parts).toBe(0);
      expect(results.rest & clobbers.rest).toBe(0);
    }
  });
});

const show = (locations: { parts: number; rest: number }, bits: Bits): string =>
  formatLocations(locations.parts, locations.rest & ~restOf(ESP), bits);

/** Registers that an instruction names or implies, except those that address its memory operands and the stack. */
function locationsByIced(bytes: Uint8Array, bits: Bits) {
  const decoder = new Decoder(bits, bytes, 0);
  const instruction = decoder.decode();
  const results: string[] = [];
  const reads: string[] = [];
  const info = factory.info(instruction);
  for (const used of info.usedRegisters() as UsedRegister[]) {
    const text = locationOf(used.register, bits);
    if (text !== undefined) {
      const { access } = used;
      const isRead = [OpAccess.Read, OpAccess.CondRead, OpAccess.ReadWrite, OpAccess.ReadCondWrite].includes(access);
      const isWritten = [OpAccess.Write, OpAccess.CondWrite, OpAccess.ReadWrite, OpAccess.ReadCondWrite].includes(
        access,
      );
      if (isRead) reads.push(text);
      if (isWritten) results.push(text);
    }
    used.free();
  }
  const flags = instruction.rflagsWritten | instruction.rflagsCleared | instruction.rflagsSet;
  results.push(flagsOf(flags));
  reads.push(flagsOf(instruction.rflagsRead));
  // The encoder addresses memory through rsi only.
  const address = instruction.memoryBase !== 0;
  info.free();
  instruction.free();
  decoder.free();
  const rsi = bits === 32 ? "esi" : "rsi";
  return {
    results: parseLocations(results.join(" "), bits),
    reads: parseLocations(reads.filter((text) => !(address && text.startsWith(rsi))).join(" "), bits),
  };
}

function locationOf(register: number, bits: Bits): string | undefined {
  if (!RegisterExt.isGPR(register)) return undefined;
  const number = RegisterExt.number(RegisterExt.fullRegister(register));
  if (number === ESP) return undefined;
  const name = formatLocations(1 << number, 0, bits).split(".")[0];
  const size = RegisterExt.size(register);
  return size === 1 ? `${name}.l` : size === 2 ? `${name}.lh` : name;
}

function flagsOf(bits: number): string {
  const names = {
    cf: RflagsBits.CF,
    pf: RflagsBits.PF,
    af: RflagsBits.AF,
    zf: RflagsBits.ZF,
    sf: RflagsBits.SF,
    of: RflagsBits.OF,
    df: RflagsBits.DF,
  };
  return Object.entries(names)
    .filter(([, bit]) => bits & bit)
    .map(([name]) => name)
    .join(" ");
}

/** Numbers of segment, control and debug registers: consecutive in iced's enumeration. */
function specialNumber(register: Register): number {
  for (const first of [Register.DR0, Register.CR0, Register.ES]) if (register >= first) return register - first;
  throw new Error(Register[register]);
}

/** The form made from iced's decoded operands, in another way than `formOf`. */
function formByIced(entry: CatalogueEntry, bytes: Uint8Array, bits: Bits): number {
  const decoder = new Decoder(bits, bytes, 0);
  const instruction = decoder.decode();
  const name = Code[instruction.code];
  const registers = [0, 1, 2]
    .filter((index) => index < instruction.opCount)
    .map((index) => instruction.opRegister(index))
    .filter((register) => register !== 0);
  const general = registers
    .filter((register) => RegisterExt.isGPR(register))
    .map((register) => RegisterExt.number(register));
  const special = registers.filter((register) => !RegisterExt.isGPR(register)).map(specialNumber);
  const hasMemory = [0, 1].some((index) => index < instruction.opCount && instruction.opKind(index) === OpKind.Memory);
  const narrow = registers.some((register) => RegisterExt.isGPR16(register));
  let form: number;
  switch (entry.form) {
    case "none":
      form = 0;
      break;
    case "port": {
      const width = /AL/.test(name) ? 0 : /EAX/.test(name) ? 2 : 1;
      form = width | (name.includes("imm8") ? 4 : 0);
      break;
    }
    case "string":
      form =
        { b: 0, w: 1, d: 2 }[/^(?:Ins|Outs)([bwd])/.exec(name)![1] as "b" | "w" | "d"] |
        (instruction.hasRepPrefix ? 8 : 0);
      break;
    case "special":
      form =
        (hasMemory ? 0x1f : general[0]) |
        (special[0] << 5) |
        (entry.kind === "mov-from-sreg" && narrow ? FORM_UNUSUAL : 0);
      break;
    case "stack-special":
      form = 0x1f | (special[0] << 5) | (name.startsWith("Pushw") || name.startsWith("Popw") ? FORM_UNUSUAL : 0);
      break;
    case "far-pointer":
      form =
        general[0] |
        (["es", "cs", "ss", "ds", "fs", "gs"].indexOf(`${entry.kind[1]}s`) << 5) |
        (narrow ? FORM_UNUSUAL : 0);
      break;
    case "rm":
      form =
        (hasMemory ? 0x1f : general[0]) | (narrow && ["sldt", "str", "smsw"].includes(entry.kind) ? FORM_UNUSUAL : 0);
      break;
    case "rm-word":
      form = general[0] | (bits === 64 && name.endsWith("r32") ? FORM_UNUSUAL : 0);
      break;
    case "rm-reg": {
      // The register in ModRM.reg is the only one, or the one that is not r/m.
      const regFirst = /_r(16|32|64)_/.test(name);
      const [first, second] = hasMemory
        ? [0x1f, general[0]]
        : regFirst
          ? [general[1], general[0]]
          : [general[0], general[1]];
      form = first | (second << 5) | (narrow && ["lar", "lsl"].includes(entry.kind) ? FORM_UNUSUAL : 0);
      break;
    }
    case "size": {
      const stem = name.replace("_imm16", "");
      const width = /(16|w)$/.test(stem) ? 16 : /(64|q)$/.test(stem) ? 64 : 32;
      form = width === bits ? 0 : FORM_UNUSUAL;
      break;
    }
    case "size16":
      form = name.endsWith("_16") ? FORM_UNUSUAL : 0;
      break;
    case "vector":
      form = instruction.immediate8;
      break;
  }
  instruction.free();
  decoder.free();
  expect(generalOf(form) < 16 || generalOf(form) === 0x1f || entry.form === "vector").toBe(true);
  expect(specialOf(form)).toBeLessThan(16);
  return form;
}
