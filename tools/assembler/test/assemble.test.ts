import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { InputError } from "@pv/elf";
import { assembleCode, assembleElf, parseFiletest, printFiletest, symbolsOf } from "@pv/assembler";

describe("assembleCode", () => {
  test("gives the bytes of .text, linked for the base, and the symbols", () => {
    const code = assembleCode("f: cli\n mov $g, %eax\n g: ret\n .data\n d: .long 0\n", { bits: 32, base: 0x1000 });
    expect([...code.bytes]).toEqual([0xfa, 0xb8, 0x06, 0x10, 0, 0, 0xc3]);
    expect(code.base).toBe(0x1000);
    expect(Object.fromEntries(code.symbols)).toEqual({ f: 0x1000, g: 0x1006, d: 0x2000 });
  });

  test("64-bit code at the kernel's half of the address space", () => {
    const code = assembleCode("f: mov $f, %rax\n", { bits: 64, base: 0x8100_0000 });
    expect([...code.bytes]).toEqual([0x48, 0xc7, 0xc0, 0, 0, 0, 0x81]);
    expect(code.symbols.get("f")).toBe(0x8100_0000);
  });

  test("text that does not assemble names the line", () => {
    expect(() => assembleCode("nop\nfrobnicate %eax\n", { bits: 32 })).toThrow(/as failed \(1\):[^]*:2: Error/);
  });

  test("an undefined symbol is an error of the linker", () => {
    expect(() => assembleCode("call nowhere\n", { bits: 32 })).toThrow(/undefined reference to `nowhere'/);
  });
});

describe("assembleElf", () => {
  test("hands out copies of what it remembers", () => {
    const first = assembleElf("nop\n", { bits: 32 });
    first.fill(0);
    expect([...assembleElf("nop\n", { bits: 32 }).subarray(0, 4)]).toEqual([0x7f, 0x45, 0x4c, 0x46]);
  });

  test("a linker script replaces the layout; symbols can be left out", () => {
    const linkerScript = "SECTIONS { . = 0xc0000000; .odd : { *(.text) } }";
    const source = ".globl f\nf: nop\n";
    expect(symbolsOf(assembleElf(source, { bits: 32, linkerScript })).get("f")).toBe(0xc000_0000);
    expect(symbolsOf(assembleElf(source, { bits: 32, linkerScript, strip: true })).size).toBe(0);
  });

  test("leaves no temporary directory behind", () => {
    const ours = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`pv-assembler-${process.pid}-`));
    expect(() => assembleElf("bad bad\n", { bits: 32 })).toThrow("as failed");
    expect(ours()).toEqual([]);
  });

  test("a missing tool is PV5004", () => {
    const path = process.env.PATH;
    process.env.PATH = "";
    try {
      assembleElf("nop # not assembled before\n", { bits: 32 });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      expect((error as InputError).diagnostic).toEqual({
        code: "PV5004",
        message: "`as` was not found",
        hint: "Install GNU binutils (Debian: the package binutils).",
      });
    } finally {
      process.env.PATH = path;
    }
  });
});

describe("filetests", () => {
  const text = "# test: sum\n# bits: 64\n# base: 0x100\n\nf: ret\n# bits: 32\n# ---- expected\n# old\n";

  test("header, source and marker", () => {
    const filetest = parseFiletest("a", text);
    expect(filetest).toMatchObject({ name: "a", kind: "sum", bits: 64 });
    expect(Object.fromEntries(filetest.options)).toEqual({ test: "sum", bits: "64", base: "0x100" });
    expect(filetest.source).toBe("# test: sum\n# bits: 64\n# base: 0x100\n\nf: ret\n# bits: 32\n");
  });

  test("printing and parsing again changes nothing", () => {
    const printed = printFiletest(parseFiletest("a", text), "new\n\nlines  \n");
    expect(printed).toContain("# ---- expected\n# new\n#\n# lines\n");
    expect(printFiletest(parseFiletest("a", printed), "new\n\nlines")).toBe(printed);
  });

  test("an incomplete header is refused", () => {
    expect(() => parseFiletest("a", "nop\n")).toThrow('a: the first lines lack "# test: KIND"');
    expect(() => parseFiletest("a", "# test: x\n# bits: 16\n")).toThrow("bits: 32");
  });
});
