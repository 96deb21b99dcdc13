/** The rule table, and the parts of rules that a filetest cannot show one by one. */
import { describe, expect, test } from "vitest";
import { assembleCode } from "@pv/assembler";
import {
  comparedAddresses,
  steppedCode,
  copiedCode,
  earlyCode,
  planPatches,
  ruleNumber,
  ruleOf,
  RULES,
  stackGuardOf,
  type PlanInput,
  type Rule,
} from "@pv/stubgen";
import { BranchForm, branchForm } from "../src/rules/branches.js";
import { NEAR_BYTES } from "../src/rules/judge.js";
import { isPositionDependent } from "../src/rules/instructions.js";
import { MOST_WINDOW_BYTES } from "../src/plan/room.js";
import { moreTelling } from "../src/rules/table.js";
import { planInput } from "./plan-input.js";

const program = (source: string, bits: 32 | 64 = 32, options: Record<string, string> = {}) => {
  const code = assembleCode(source, { bits });
  return { code, input: planInput(code, bits, new Map(Object.entries(options))) };
};

/** Addresses of the marked instructions relative to the first. */
const earlyOffsets = ({ program: { instructions } }: PlanInput, early: Uint8Array): number[] =>
  [...early.keys()].filter((row) => early[row] === 1).map((row) => instructions.address[row] - instructions.address[0]);

describe("rule table", () => {
  test("numbers are unique, fit a byte, and are never 0", () => {
    const numbers = RULES.map((rule) => rule.number);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const number of numbers) expect(number > 0 && number < 256).toBe(true);
  });

  test("numbers are those that stand in files", () => {
    expect(Object.fromEntries(RULES.map(({ name, number }) => [name, number]))).toEqual({
      "alternative-replacement": 1,
      vdso: 2,
      "copied-code": 3,
      "control-transfer": 4,
      "interrupt-shadow": 5,
      "physical-mode": 6,
      "exception-row": 7,
      alternatives: 8,
      paravirt: 9,
      "smp-lock": 10,
      "jump-label": 11,
      "static-call": 12,
      ftrace: 13,
      bug: 14,
      "thunk-site": 15,
      "may-be-patched": 16,
      "address-taken": 17,
      invalid: 18,
      "indirect-transfer": 19,
      "short-branch": 20,
      "position-dependent": 21,
      "function-boundary": 22,
      "branch-target": 23,
      transfer: 24,
      "compared-address": 25,
    });
  });

  test("every rule has one sentence, and a way to be found unless it is about windows as a whole", () => {
    for (const rule of RULES as readonly Rule[]) {
      expect(rule.reason).toMatch(/^[A-Z][^.]*\.$/);
      expect(rule.touched ?? rule.inside ?? rule.displaces ?? rule.name).toBeDefined();
      expect(ruleOf(rule.number)).toBe(rule);
      expect(ruleNumber(rule.name as never)).toBe(rule.number);
    }
    expect(ruleOf(0)).toBeUndefined();
  });

  test("the more telling of two rules stands earlier in the table", () => {
    const alternatives = ruleNumber("alternatives"),
      target = ruleNumber("branch-target");
    expect(moreTelling(target, alternatives)).toBe(alternatives);
    expect(moreTelling(alternatives, target)).toBe(alternatives);
    expect(moreTelling(0, target)).toBe(target);
    expect(moreTelling(target, 0)).toBe(target);
  });

  test("marks reach as far as any window can", () => {
    expect(NEAR_BYTES).toBeGreaterThanOrEqual(2 * MOST_WINDOW_BYTES + 15);
  });
});

describe("branch forms", () => {
  test.each([
    [[0xeb, 0], BranchForm.jump, 0],
    [[0xe9, 0, 0, 0, 0], BranchForm.jump, 0],
    [[0xf2, 0xe9, 0, 0, 0, 0], BranchForm.jump, 0],
    [[0xe8, 0, 0, 0, 0], BranchForm.call, 0],
    [[0x75, 0], BranchForm.conditional, 5],
    [[0x2e, 0x7f, 0], BranchForm.conditional, 15],
    [[0x0f, 0x84, 0, 0, 0, 0], BranchForm.conditional, 4],
    [[0x66, 0xe9, 0, 0], BranchForm.none, 0],
    [[0x66, 0x0f, 0x84, 0, 0], BranchForm.none, 0],
    [[0xe2, 0], BranchForm.none, 0],
    [[0xe3, 0], BranchForm.none, 0],
    [[0x67, 0xe3, 0], BranchForm.none, 0],
    [[0xc7, 0xf8, 0, 0, 0, 0], BranchForm.none, 0],
    [[], BranchForm.none, 0],
  ])("%j", (bytes, form, condition) => {
    expect(branchForm(Uint8Array.from(bytes))).toEqual({ form, condition });
  });
});

test("RIP-relative operands are found, and nothing else", () => {
  const source =
    "f: mov f(%rip), %eax; lea f(%rip), %rdi; vaddps f(%rip), %ymm0, %ymm1; cmpl $5, f(%rip); mov 5(%rbp), %eax; add $5, %eax; mov f, %eax; nop\n";
  const { input } = program(source, 64);
  const rows = [...Array(input.program.instructions.count).keys()];
  expect(rows.map((row) => isPositionDependent(input, row))).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
  const { input: i386 } = program("f: mov f, %eax\n mov f(,%ebx,4), %eax\n");
  expect(isPositionDependent(i386, 0)).toBe(false);
});

test("a damaged or missing table leaves the cautious answer", () => {
  const source = "f: cli\n .byte 0xe9\n .long f - . - 4\n";
  expect(planPatches(program(source).input).count).toBe(0);
  expect(planPatches(program(source, 32, { tables: "all" }).input).count).toBe(1);
});

describe("early code", () => {
  test("calls, both sides of branches and of jump labels; nothing behind the far jump", () => {
    const { code, input } = program(
      "start: call g\n test %eax, %eax\n je 1f\n nop\n1: ljmp $0x10, $high\nhigh: cli\n ret\ng: ret\nh: cli\n ret\n",
    );
    const early = earlyCode(input.program, [code.symbols.get("start")!]);
    expect(earlyOffsets(input, early)).toEqual([0, 5, 7, 9, 10, 19]);
  });

  test("other processors enter before the far jump, whether a symbol says so or not", () => {
    const { code, input } = program("start: jmp 1f\n nop\n call g\n1: ljmp $0x10, $high\nhigh: ret\ng: ret\n");
    expect(earlyOffsets(input, earlyCode(input.program, [code.symbols.get("start")!]))).toEqual([0, 2, 3, 8, 16]);
  });

  test("an endless loop runs on, a function that must touch a virtual address does not run at all", () => {
    const { code, input } = program(
      "start: je 1f\n call g\n ret\n1: hlt\n jmp 1b\ng: pushf\n cli\n call h\n ret\nh: cmpl $0, start\n ret\n",
    );
    expect(earlyOffsets(input, earlyCode(input.program, [code.symbols.get("start")!]))).toEqual([0, 8, 9]);
  });

  test("physical addresses, registers and lea are no virtual accesses", () => {
    const { code, input } = program(
      "start: mov start - 0xc0000000, %eax\n mov start(%eax), %ecx\n lea start, %edx\n mov $start, %ebx\n incl (%ebx)\n ret\n",
    );
    expect(earlyOffsets(input, earlyCode(input.program, [code.symbols.get("start")!])).length).toBe(6);
  });

  test("only the stack protector may read through a segment", () => {
    const source = "start: mov %fs:start, %eax\n mov %fs:other, %ecx\nother: ret\n";
    const { code, input } = program(source);
    const [start, other] = [code.symbols.get("start")!, code.symbols.get("other")!];
    expect(earlyOffsets(input, earlyCode(input.program, [start])).length).toBe(3);
    expect(earlyOffsets(input, earlyCode(input.program, [start], { stackGuard: other }))).toEqual([]);
    const { code: written, input: writing } = program("start: incl %fs:start\n ret\n");
    expect(earlyOffsets(writing, earlyCode(writing.program, [written.symbols.get("start")!]))).toEqual([]);
  });

  test("entries outside the code are ignored", () => {
    const { input } = program("f: cli\n ret\n");
    expect(earlyOffsets(input, earlyCode(input.program, [0, 0x10_0000]))).toEqual([]);
  });
});

describe("stack guard", () => {
  const check = (guard: string) => `mov %fs:${guard}, %eax\n sub %fs:${guard}, %eax\n jne 1f\n ret\n1: call fail\n`;

  test("is what all checks compare", () => {
    const { code, input } = program(`f: ${check("guard")} g: ${check("guard")} fail: ret\n guard: .long 0\n`);
    expect(stackGuardOf(input.program, code.symbols.get("fail")!)).toBe(code.symbols.get("guard"));
  });

  test("is unknown where they differ, and where there are none", () => {
    const { code, input } = program(`f: ${check("guard")} g: ${check("fail")} fail: ret\n guard: .long 0\n`);
    expect(stackGuardOf(input.program, code.symbols.get("fail")!)).toBeUndefined();
    expect(stackGuardOf(input.program, code.symbols.get("f")!)).toBeUndefined();
  });
});

test("copied code: up to the next symbol, and spans whose ends are both known", () => {
  const table = new Map([
    ["relocate_kernel", 0x100],
    ["identity_mapped", 0x140],
    ["other", 0x180],
    ["ftrace_caller", 0x200],
    ["ftrace_epilogue", 0x280],
    ["ftrace_regs_caller", 0x300],
  ]);
  const address = Uint32Array.from(table.values());
  const below = (va: number) => address.findLastIndex((start) => start <= va);
  expect(copiedCode({ count: table.size, address, lookup: (name) => table.get(name), below })).toEqual({
    start: Uint32Array.of(0x100, 0x140, 0x200),
    end: Uint32Array.of(0x140, 0x180, 0x280),
  });
  expect(
    copiedCode({ count: 0, address: new Uint32Array(0), lookup: () => undefined, below: () => -1 }).start.length,
  ).toBe(0);
});

test("compared addresses: spans whose ends are both known, ascending", () => {
  const table = new Map([
    ["repeat_nmi", 0x500],
    ["end_repeat_nmi", 0x540],
    ["entry_SYSENTER_compat", 0x200],
    ["__end_entry_SYSENTER_compat", 0x280],
    ["__begin_SYSENTER_singlestep_region", 0x900],
  ]);
  expect(comparedAddresses({ lookup: (name) => table.get(name) })).toEqual({
    start: Uint32Array.of(0x200, 0x500),
    end: Uint32Array.of(0x280, 0x540),
  });
  const none = { start: new Uint32Array(0), end: new Uint32Array(0) };
  expect(steppedCode({ lookup: (name) => table.get(name) })).toEqual(none);
  table.set("__end_SYSENTER_singlestep_region", 0x980);
  expect(steppedCode({ lookup: (name) => table.get(name) })).toEqual({
    start: Uint32Array.of(0x900),
    end: Uint32Array.of(0x980),
  });
});
