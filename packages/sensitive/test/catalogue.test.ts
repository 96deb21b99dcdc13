import { Code, CodeExt, type OpCodeInfo } from "iced-x86";
import { describe, expect, test } from "vitest";
import {
  CATALOGUE,
  codeExistsIn,
  entryNamed,
  entryOf,
  exclusionReason,
  kindName,
  kindNumber,
  kindOfCode,
  readsOf,
  resultsOf,
} from "@pv/sensitive";

const ALL_CODES = Object.values(Code).filter((code): code is Code => typeof code === "number");

describe("the table", () => {
  test("numbers and names are stable", () => {
    // Files hold these numbers. A new kind may be added at a free number; nothing here may change or go.
    expect(CATALOGUE.map((entry) => `${entry.number} ${entry.kind}`).join("\n")).toMatchSnapshot();
  });

  test("numbers ascend, names are unique, no code has two kinds", () => {
    const numbers = CATALOGUE.map((entry) => entry.number);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(numbers.every((number) => number > 0 && number < 0x10000)).toBe(true);
    expect(new Set(CATALOGUE.map((entry) => entry.kind)).size).toBe(CATALOGUE.length);
    const codes = CATALOGUE.flatMap((entry) => entry.codes);
    expect(new Set(codes).size).toBe(codes.length);
  });

  test("look-ups agree with the table", () => {
    for (const entry of CATALOGUE) {
      expect(entryOf(entry.number)).toBe(entry);
      expect(kindName(entry.number)).toBe(entry.kind);
      for (const code of entry.codes) expect(kindOfCode(code)).toBe(entry.number);
    }
    expect(kindNumber("cli")).toBe(1);
    expect(entryNamed("wrmsr").reads).toBe("eax ecx edx");
    expect(kindName(65535)).toBe("unknown-65535");
    expect(entryOf(0)).toBeUndefined();
    expect(kindOfCode(Code.Nopd)).toBe(0);
    expect(kindOfCode(Code.INVALID)).toBe(0);
    expect(kindOfCode(0xffff as Code)).toBe(0);
  });

  test("every code exists in one mode at least, and its texts parse there", () => {
    for (const entry of CATALOGUE) {
      for (const code of entry.codes) {
        const modes = ([32, 64] as const).filter((bits) => codeExistsIn(code, bits));
        expect(modes, Code[code]).not.toEqual([]);
        for (const bits of modes) {
          readsOf(entry, 0, bits);
          resultsOf(entry, 0, bits);
        }
      }
    }
  });

  test("sentences are sentences, and every entry names its manual", () => {
    for (const entry of CATALOGUE) {
      expect(entry.why, entry.kind).toMatch(/^[A-Z].*\.$/);
      expect(entry.manual.volume, entry.kind).toMatch(/^(2[ABCD]|3[CD]|AMD APM 3|Intel TDX)$/);
      if (entry.manual.volume.startsWith("2")) expect(entry.manual.instruction, entry.kind).toContain("—");
    }
  });

  test("port I/O and nothing else is iced's input and output", () => {
    const io = ALL_CODES.filter((code) => ask(code, (info) => info.isInputOutput));
    const ours = CATALOGUE.filter((entry) => entry.class === "port-io").flatMap((entry) => entry.codes);
    expect([...ours].sort((a, b) => a - b)).toEqual(io);
  });

  test("what iced allows in ring 0 only is privileged here, and traps", () => {
    for (const entry of CATALOGUE) {
      for (const code of entry.codes) {
        const [cpl3, privileged] = ask(code, (info) => [info.cpl3, info.isPrivileged] as const);
        if (!cpl3 && privileged) {
          expect(entry.class, entry.kind).toBe("privileged");
          expect(entry.canTrap, entry.kind).toBe(true);
        }
        if (entry.class === "silent") expect(privileged, entry.kind).toBe(false);
      }
    }
  });
});

describe("completeness", () => {
  test("the seventeen unprivileged ones of the USENIX Security 2000 paper", () => {
    // Their list, by page of the manual: VERR and VERW share one, MOV has both directions.
    const pages = new Set(CATALOGUE.filter((entry) => entry.seventeen).map((entry) => entry.manual.instruction));
    const paper = [
      "SGDT",
      "SIDT",
      "SLDT",
      "SMSW",
      "PUSHF",
      "POPF",
      "LAR",
      "LSL",
      "VERR",
      "POP",
      "PUSH",
      "CALL",
      "JMP",
      "INT n",
      "RET",
      "STR",
      "MOV",
    ];
    expect([...pages].map((page) => page.split(/[/—]/)[0]).sort()).toEqual(paper.sort());
    expect(pages.size).toBe(17);
    for (const entry of CATALOGUE.filter((candidate) => candidate.seventeen)) expect(entry.class).toBe("silent");
  });

  test("every code that iced singles out is a site, or excluded for a reason", () => {
    const undecided: string[] = [];
    const decidedTwice: string[] = [];
    for (const code of ALL_CODES) {
      const suspicious = ask(
        code,
        (info) =>
          info.isInstruction &&
          info.decoderOption === 0 &&
          (info.isPrivileged ||
            info.mayRequireCpl0 ||
            info.isInputOutput ||
            !info.cpl0 ||
            !info.cpl3 ||
            info.intelVmExit ||
            info.intelMayVmExit ||
            info.amdVmExit ||
            info.amdMayVmExit ||
            info.isSerializingIntel ||
            info.isSerializingAmd),
      );
      const site = kindOfCode(code) !== 0;
      const excluded = exclusionReason(code) !== undefined;
      if (suspicious && !site && !excluded) undecided.push(Code[code]);
      if (site && excluded) decidedTwice.push(Code[code]);
    }
    expect(undecided).toEqual([]);
    expect(decidedTwice).toEqual([]);
  });

  test("no obsolete encoding is a site", () => {
    for (const entry of CATALOGUE) {
      for (const code of entry.codes)
        expect(
          ask(code, (info) => info.decoderOption),
          Code[code],
        ).toBe(0);
    }
  });

  test("every instruction with a segment, control or debug register operand, and every far transfer, is a site", () => {
    const missing = ALL_CODES.filter((code) =>
      ask(code, (info) => {
        if (!info.isInstruction || info.decoderOption !== 0) return false;
        if (!info.mode32 && !info.mode64) return false;
        return /^(PUSHF|POPF|IRET|RETF)|\b(Sreg|cr|dr|ptr16:(16|32)|m16:(16|32|64))$|\b(Sreg|cr|dr),|^(PUSH|POP) [C-GS]S$|^L[D-GS]S /.test(
          info.instructionString,
        );
      }),
    ).filter((code) => kindOfCode(code) === 0 && exclusionReason(code) === undefined);
    expect(missing.map((code) => Code[code])).toEqual([]);
  });
});

function ask<T>(code: Code, question: (info: OpCodeInfo) => T): T {
  const info = CodeExt.opCode(code);
  const answer = question(info);
  info.free();
  return answer;
}
