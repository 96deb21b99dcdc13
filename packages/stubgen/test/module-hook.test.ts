/** Where a kernel loads modules: found by the symbol of the function, at its one call. */
import { expect, test } from "vitest";
import { assembleCode } from "@pv/assembler";
import { findModuleHook, planPatches } from "@pv/stubgen";
import { planInput } from "./plan-input.js";

/** What is found in code whose label `module_finalize` is that symbol; addresses as labels. */
function hookOf(source: string, symbol = "module_finalize") {
  const code = assembleCode(source, { bits: 32 });
  const input = planInput(
    code,
    32,
    new Map([["functions", [...code.symbols.keys()].filter((n) => !n.startsWith("at_")).join(" ")]]),
  );
  const found = findModuleHook(
    input.program,
    { lookup: (name) => (name === symbol ? code.symbols.get(name) : undefined) },
    planPatches(input),
  );
  if (typeof found === "string") return found;
  const labelOf = (va: number) => [...code.symbols].filter(([, at]) => at === va).map(([name]) => name);
  return [labelOf(found.call), labelOf(found.target)];
}

const FINALIZE = "module_finalize:\n xor %eax, %eax\n ret\n";

test("the one call", () => {
  expect(hookOf(`load: mov %edi, %ecx\nat_call: call module_finalize\n ret\n${FINALIZE}`)).toEqual([
    ["at_call"],
    ["module_finalize"],
  ]);
});

test("a tail call", () => {
  const jump = "load: mov %edi, %ecx\nat_jump: .byte 0xe9\n .long module_finalize - . - 4\n";
  expect(hookOf(`${jump}${FINALIZE}`)).toEqual([["at_jump"], ["module_finalize"]]);
});

test("without the symbol", () => {
  expect(hookOf(`load: call module_finalize\n ret\n${FINALIZE}`, "another")).toBe("no-function");
});

test("called through a register only, or from two places", () => {
  expect(hookOf(`load: call *%eax\n ret\n${FINALIZE}`)).toBe("no-call");
  expect(hookOf(`load: call module_finalize\n call module_finalize\n ret\n${FINALIZE}`)).toBe("no-call");
});

test("a jump of two bytes, or a conditional one", () => {
  expect(hookOf(`load: jmp module_finalize\n${FINALIZE}`)).toBe("no-call");
  expect(hookOf(`load: .byte 0x0f, 0x84\n .long module_finalize - . - 4\n ret\n${FINALIZE}`)).toBe("no-call");
});

test("where a patch takes the call along", () => {
  expect(hookOf(`load: nop\n cli\n call module_finalize\n ret\n${FINALIZE}`)).toBe("in-window");
});
