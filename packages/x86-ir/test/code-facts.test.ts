import { assembleElf } from "@pv/assembler";
import { type KernelImage, type KernelTables, openImage, unwrap } from "@pv/elf";
import { buildProgram, codeFacts, kernelRegions } from "@pv/x86-ir";
import { describe, expect, test } from "vitest";

/** An image of a few functions with the names that mean something, and data that refers to them in every way. */
const SOURCE = (bits: 32 | 64): string => {
  const word = bits === 32 ? ".long" : ".quad",
    ax = bits === 32 ? "eax" : "rax";
  return `
        .globl _start, data_pointer
_start: call f
        call panic
f:      call __fentry__
        call *operation_callee_saved${bits === 64 ? "(%rip)" : ""}
        call *operation_plain${bits === 64 ? "(%rip)" : ""}
        ret
g:      ret
h:      ret
__fentry__: ret
panic:  hlt
__x86_indirect_thunk_${ax}: jmp *%${ax}
__x86_return_thunk: ret
__SCT__call: jmp g
        .byte 0x0f, 0xb9, 0xcc
        ret                                     # a trampoline without a name
        nop; nop; nop; nop
        .byte 0x0f, 0xb9, 0xcc
__raw_callee_save_native: ret
plain:  ret
${Array.from({ length: 20 }, (_, i) => `t${i}: ret`).join("\n")}
        .data
        .balign 8
data_pointer: ${word} g
relative: .long h - .
        .long 0, 0x1234
operation_callee_saved: ${word} __raw_callee_save_native
operation_plain: ${word} plain
before: ${word} t3
table:  ${Array.from({ length: 20 }, (_, i) => `${word} t${i}`).join("\n")}
behind: ${word} t5
        .section __ex_table, "a"
        ${word} h
`;
};

async function fakeKernel(bits: 32 | 64) {
  const image = unwrap(await openImage(assembleElf(SOURCE(bits), { bits })));
  const symbol = (name: string): number => {
    const va = image.symbols?.lookup(name);
    if (va === undefined) throw new Error(`no symbol ${name}`);
    return va;
  };
  const words = ["data_pointer", "operation_callee_saved", "operation_plain", "before", "behind"].map(symbol);
  for (let i = 0; i < 20; i++) words.push(symbol("table") + (i * bits) / 8);
  words.push(image.elf.sections.find((section) => section.name === "__ex_table")!.address);
  const sorted = Uint32Array.from(words).sort(),
    none = new Uint32Array(0);
  // The two indirect calls of f, behind its call to the tracer.
  const calls = [symbol("f") + 5, symbol("f") + 11];
  const tables: KernelTables = {
    mcount: { site: Uint32Array.from({ length: 20 }, (_, i) => symbol(`t${i}`)) },
    paravirt: { site: Uint32Array.from(calls), type: Uint8Array.of(0, 1), length: Uint8Array.of(6, 6) },
    bugs: { site: Uint32Array.of(symbol("h"), symbol("g")), flags: Uint16Array.of(1, 0), warning: Uint8Array.of(1, 0) },
    problems: [],
  };
  const kernel: KernelImage = {
    arch: image.arch,
    format: image.format,
    compression: image.compression,
    elf: image.elf,
    memory: image.memory,
    symbols: image.symbols!,
    sha256: image.sha256,
    tables,
    relocations:
      bits === 32
        ? { absolute32: sorted, inverse32: none, absolute64: none }
        : { absolute32: none, inverse32: none, absolute64: sorted },
  };
  return { kernel, symbol, calls };
}

describe.each([32, 64] as const)("facts of a %i-bit image", (bits) => {
  test("names say what functions are", async () => {
    const { kernel, symbol, calls } = await fakeKernel(bits);
    const facts = codeFacts(kernel);
    expect(facts.functionStarts).toContain(symbol("_start"));
    expect(facts.functionStarts).toContain(symbol("f"));
    expect(facts.functionStarts).not.toContain(symbol("data_pointer"));
    expect([...facts.functionStarts]).toEqual([...new Set(facts.functionStarts)].sort((a, b) => a - b));
    expect([...facts.transparent]).toEqual([symbol("__fentry__")]);
    expect([...facts.noReturn]).toEqual([symbol("panic")]);
    expect([...facts.thunkAddress]).toEqual([
      symbol(bits === 32 ? "__x86_indirect_thunk_eax" : "__x86_indirect_thunk_rax"),
    ]);
    expect([...facts.thunkRegister]).toEqual([0]);
    expect([...facts.returnThunks]).toEqual([symbol("__x86_return_thunk")]);
    const trampoline = symbol("__SCT__call"),
      unnamed = symbol("__raw_callee_save_native") - 8;
    expect(kernel.memory.u8(trampoline)).toBe(0xeb);
    // A short jump (the assembler's choice) is found by name only; the mark finds what lies five bytes before it.
    expect(facts.replaceable).toContain(trampoline);
    expect(facts.replaceable).toContain(unnamed);
    expect([...facts.preservingCalls]).toEqual([calls[0]]);
    expect([...facts.warnings]).toEqual([symbol("h")]);
  });

  test("address-taken code is what words refer to, without the tracer's table", async () => {
    const { kernel, symbol } = await fakeKernel(bits);
    const taken = [...codeFacts(kernel).addressTaken];
    const expected = ["_start", "g", "h", "__raw_callee_save_native", "plain", "t3", "t5"]
      .map(symbol)
      .sort((a, b) => a - b);
    expect(taken).toEqual(expected);
  });

  test("without relocations, any word may refer to code", async () => {
    const { kernel } = await fakeKernel(bits);
    const { relocations: _, ...rest } = kernel;
    const known = [...codeFacts(kernel).addressTaken];
    expect([...codeFacts(rest).addressTaken]).toEqual(expect.arrayContaining(known));
  });

  test("feed a program", async () => {
    const { kernel, symbol } = await fakeKernel(bits);
    const program = buildProgram({
      regions: kernelRegions(kernel),
      bits,
      addressHigh: kernel.elf.addressHigh,
      facts: codeFacts(kernel),
    });
    const { functions } = program;
    const f = functions.entry.indexOf(symbol("f"));
    expect(functions.traced[f]).toBe(1);
    expect(functions.traced[functions.entry.indexOf(symbol("g"))]).toBe(0);
    // panic does not return: its call ends its block, without successors.
    const { blocks, instructions } = program;
    const block = blocks.ofInstruction[instructions.at(symbol("f")) - 1];
    expect(blocks.successorStart[block + 1] - blocks.successorStart[block]).toBe(0);
    expect(blocks.escapes[block]).toBe(0);
  });
});

test("an image without code is refused", async () => {
  const { kernel } = await fakeKernel(32);
  const elf = { ...kernel.elf, sections: kernel.elf.sections.filter((section) => section.name !== ".text") };
  expect(() => kernelRegions({ ...kernel, elf })).toThrow(/PV3001/);
});

test("an image without symbols, relocations and tables has only its entry", async () => {
  const { kernel, symbol } = await fakeKernel(32);
  const { symbols: _, relocations: __, ...rest } = kernel;
  const facts = codeFacts({ ...rest, tables: { problems: [] } });
  expect([...facts.functionStarts]).toEqual([symbol("_start")]);
  expect([...facts.addressTaken]).toContain(symbol("_start"));
  expect(facts.exceptionFrom.length + facts.thunkAddress.length + facts.noReturn.length).toBe(0);
});
