/** Templates, executed: arguments arrive, what is live survives, and nothing is saved that need not be. */
import fc from "fast-check";
import { Code } from "iced-x86";
import { CATALOGUE, codeExistsIn, entryOf, formatForm, kindName, kindNumber, resultsOf } from "@pv/sensitive";
import { ALL_FLAGS, ARITHMETIC_FLAGS, EFLAGS_BIT, FLAG_SHIFT, registersIn } from "@pv/x86-ir";
import {
  bareProfile,
  deadFlags,
  findGroup,
  flagsGarbage,
  poisonedRegisters,
  POISON_COUNT,
  POISON_FLAGS,
  printTemplates,
  registersOf,
  Routine,
  variantAt,
  variantCount,
  variantOf,
  type TemplateGroup,
} from "@pv/stubgen";
import { describe, expect, test } from "vitest";
import { KNOWN_VALUE, makeMachine, run, type Machine } from "./templates-machine.js";

const table = bareProfile();
const word = fc.integer({ min: 0, max: 0xffff_ffff });
const registers = fc.array(word, { minLength: 8, maxLength: 8 });
const ARITHMETIC = EFLAGS_BIT.slice(0, 6).reduce<number>((mask, bit) => mask | (1 << bit), 0);

const named = (group: TemplateGroup) => {
  const entry = entryOf(group.kind)!;
  return `${entry.kind} ${group.form === 0xffff ? "any" : formatForm(entry, group.form, 32)}`;
};
const isInline = (group: TemplateGroup) => group.variants[0].insertAt !== undefined;

/** What the ABI allows every routine to do. */
function garble(machine: Machine): void {
  for (const r of [0, 1, 2]) machine.registers[r] ^= 0x1357_9bdf;
  machine.flags ^= ARITHMETIC;
}

/** Results that no routine would leave by chance. */
const RESULTS = [0xa0a0_a0a0, 0xc1c1_c1c1, 0xd2d2_d2d2, 0xb3b3_b3b3];

interface Expectation {
  readonly routine: number;
  /** Argument registers with the values that they must have, given the registers at the site. */
  readonly arguments: (before: readonly number[], known: boolean) => Partial<Record<0 | 1 | 2, number>>;
  /** Results by register. */
  readonly results: Readonly<Record<number, number>>;
}

function expected(group: TemplateGroup): Expectation {
  const kind = kindName(group.kind);
  const port = (before: readonly number[], known: boolean) => (known || group.form & 4 ? KNOWN_VALUE : before[2]);
  switch (kind) {
    case "in":
      return {
        routine: Routine.in8 + (group.form & 3),
        arguments: (before, known) => ({ 0: before[0], 2: port(before, known) }),
        results: { 0: RESULTS[0] },
      };
    case "out":
      return {
        routine: Routine.out8 + (group.form & 3),
        arguments: (before, known) => ({ 0: before[0], 2: port(before, known) }),
        results: {},
      };
    case "rdmsr":
      return {
        routine: Routine.rdmsr,
        arguments: (before, known) => ({ 1: known ? KNOWN_VALUE : before[1] }),
        results: { 0: RESULTS[0], 2: RESULTS[2] },
      };
    case "wrmsr":
      return {
        routine: Routine.wrmsr,
        arguments: (before, known) => ({ 0: before[0], 1: known ? KNOWN_VALUE : before[1], 2: before[2] }),
        results: {},
      };
    case "cpuid":
      return {
        routine: Routine.cpuid,
        arguments: () => ({}),
        results: { 0: RESULTS[0], 1: RESULTS[1], 2: RESULTS[2], 3: RESULTS[3] },
      };
    case "rdtsc":
      return { routine: Routine.rdtsc, arguments: () => ({}), results: { 0: RESULTS[0], 2: RESULTS[2] } };
    case "mov-to-cr":
      return {
        routine: Routine.writeControl,
        arguments: (before) => ({ 0: before[group.form & 31], 2: group.form >>> 5 }),
        results: {},
      };
    case "mov-from-cr":
      return {
        routine: Routine.readControl,
        arguments: () => ({ 0: group.form >>> 5 }),
        results: { [group.form & 31]: RESULTS[0] },
      };
    default:
      throw new Error(kind);
  }
}

describe("groups", () => {
  test("ascend, and have every variant", () => {
    const keys = table.groups.map((group) => group.kind * 0x1_0000 + group.form);
    expect(keys).toEqual([...new Set(keys)].sort((a, b) => a - b));
    for (const group of table.groups) expect(group.variants.length, named(group)).toBe(variantCount(group));
  });

  test("never clobber a result of the instruction", () => {
    for (const group of table.groups) {
      const entry = entryOf(group.kind)!;
      const results = resultsOf(entry, group.form === 0xffff ? 0 : group.form, 32);
      if (isInline(group)) continue;
      expect(registersIn(results.parts, results.rest) & group.clobbers, named(group)).toBe(0);
    }
  });

  test("what bare does not handle", () => {
    const missing = CATALOGUE.filter(
      (entry) =>
        entry.codes.some((code) => codeExistsIn(code, 32)) &&
        !table.groups.some((group) => group.kind === entry.number),
    );
    expect(missing.map((entry) => entry.kind)).toMatchInlineSnapshot(`
      [
        "call-far",
        "jmp-far",
        "ret-far",
        "int",
        "into",
        "sysenter",
        "sysexit",
        "syscall",
        "sysret",
        "rsm",
        "ins",
        "outs",
        "lss",
        "setssbsy",
        "clrssbsy",
        "wruss",
        "wrss",
        "rdssp",
        "incssp",
        "saveprevssp",
        "rstorssp",
        "enqcmd",
        "enqcmds",
        "vmcall",
        "vmfunc",
        "vmlaunch",
        "vmresume",
        "vmxon",
        "vmxoff",
        "vmptrld",
        "vmptrst",
        "vmclear",
        "vmread",
        "vmwrite",
        "invept",
        "invvpid",
        "vmmcall",
        "vmgexit",
        "vmrun",
        "vmload",
        "vmsave",
        "stgi",
        "clgi",
        "invlpga",
        "skinit",
        "pvalidate",
        "encls",
        "enclv",
        "getsec",
        "pconfig",
        "loadiwkey",
        "hreset",
        "tdcall",
      ]
    `);
  });

  test("not a load of SS, not CR8, not the stack pointer", () => {
    const found = (kind: Parameters<typeof kindNumber>[0], form: number) =>
      findGroup(table.groups, kindNumber(kind), form);
    expect(found("mov-to-sreg", 0 | (2 << 5))).toBeUndefined();
    expect(found("pop-sreg", 0x1f | (2 << 5))).toBeUndefined();
    expect(found("mov-to-cr", 0 | (8 << 5))).toBeUndefined();
    expect(found("mov-from-cr", 4 | (3 << 5))).toBeUndefined();
    expect(found("mov-to-sreg", 0x1f | (3 << 5))).toBeDefined();
    expect(found("cli", 0)).toBeDefined();
  });
});

describe("variants", () => {
  const live = fc.record({ liveParts: word, liveRest: word, known: fc.integer({ min: 0, max: 3 }) });

  test("a site gets the variant that saves what is live of what is clobbered", () => {
    fc.assert(
      fc.property(fc.constantFrom(...table.groups), live, (group, site) => {
        const number = variantOf(group, site);
        const variant = variantAt(group, number);
        const alive = registersIn(site.liveParts, site.liveRest);
        expect(variant.save).toEqual(registersOf(group.clobbers).filter((r) => (alive >>> r) & 1));
        expect(variant.saveFlags).toBe(group.clobbersFlags && (site.liveRest & ARITHMETIC_FLAGS) !== 0);
        expect(variant.known).toBe(group.known !== 0 && site.known === group.known);
        expect(group.variants[number]).toBeDefined();
      }),
    );
  });

  test("the bits of out dx, al", () => {
    const group = findGroup(table.groups, kindNumber("out"), 0)!;
    const bitsOf = (site: { liveParts?: number; liveRest?: number; known?: number }) =>
      variantOf(group, { liveParts: 0, liveRest: 0, known: 0, ...site });
    expect(bitsOf({})).toBe(0);
    expect(bitsOf({ liveParts: 1 << 16 })).toBe(1); // AH
    expect(bitsOf({ liveRest: 1 << 1 })).toBe(2); // the upper half of ECX
    expect(bitsOf({ liveParts: 1 << 2 })).toBe(4); // DL
    expect(bitsOf({ liveRest: 1 << FLAG_SHIFT })).toBe(8); // CF
    expect(bitsOf({ liveRest: 1 << (FLAG_SHIFT + 6) })).toBe(0); // DF is no arithmetic flag
    expect(bitsOf({ known: 1 })).toBe(16);
    expect(bitsOf({ known: 2 })).toBe(0);
  });
});

describe("execution", () => {
  const selfReturn = findGroup(table.groups, kindNumber("iret"), 0)!;
  const routines = table.groups.filter((group) => !isInline(group) && group !== selfReturn);
  const inline = table.groups.filter(isInline);

  test("iret to itself", () => {
    const machine = makeMachine([1, 2, 3, 4, 5, 6, 7, 8], 2);
    const before = [...machine.registers];
    machine.registers[4] -= 12;
    [0xc102_82e0, 0, 0x246].forEach((value, i) => machine.stack.setUint32(machine.registers[4] + i * 4, value, true));
    run(selfReturn.variants[0], machine, {
      original: () => expect.unreachable("it is made anew"),
      routine: () => expect.unreachable("no routine has to do with it"),
    });
    expect([...machine.registers]).toEqual(before);
    expect(machine).toMatchObject({ returnedTo: 0xc102_82e0, flags: 0x246, counter: 42 });
  });

  test.each(routines.map((group) => [named(group), group] as const))("%s", (_, group) => {
    const { routine, arguments: argumentsOf, results } = expected(group);
    fc.assert(
      fc.property(registers, word, (values, flags) => {
        group.variants.forEach((template, number) => {
          const { save, saveFlags, known } = variantAt(group, number);
          const machine = makeMachine(values, flags);
          const before = [...machine.registers];
          let calls = 0;
          run(template, machine, {
            original: () => expect.unreachable("a routine stands for the original"),
            step: (code) => {
              if (!saveFlags) expect(code).not.toBe(Code.Pushfd);
            },
            routine: (called, inside) => {
              calls++;
              expect(called).toBe(routine);
              for (const [r, value] of Object.entries(argumentsOf(before, known))) {
                expect(inside.registers[Number(r)], `argument ${r}`).toBe(value);
              }
              const frame = inside.registers[0];
              garble(inside);
              if (called === Routine.cpuid) {
                const leaf = known ? KNOWN_VALUE : before[0];
                const passed = [0, 4, 8, 12].map((offset) => inside.stack.getUint32(frame + offset, true));
                expect(passed).toEqual([leaf, before[3], before[1], before[2]]);
                [RESULTS[0], RESULTS[3], RESULTS[1], RESULTS[2]].forEach((value, row) =>
                  inside.stack.setUint32(frame + row * 4, value, true),
                );
              } else if (called === Routine.readControl) inside.registers[0] = RESULTS[0];
              else for (const r of [0, 2]) if (r in results) inside.registers[r] = results[r];
            },
          });
          expect(calls).toBe(1);
          for (let r = 0; r < 8; r++) {
            if (r in results) expect(machine.registers[r], `result ${r}`).toBe(results[r]);
            else if (save.includes(r) || ((group.clobbers >>> r) & 1) === 0)
              expect(machine.registers[r], `register ${r}`).toBe(before[r]);
          }
          if (saveFlags) expect(machine.flags).toBe(flags);
          else expect(machine.flags & ~ARITHMETIC).toBe(flags & ~ARITHMETIC);
        });
      }),
      { numRuns: 10 },
    );
  });

  test.each(inline.map((group) => [named(group), group] as const))("%s", (_, group) => {
    fc.assert(
      fc.property(registers, word, (values, flags) => {
        group.variants.forEach((template, number) => {
          const { save, saveFlags } = variantAt(group, number);
          const machine = makeMachine(values, flags);
          let atOriginal: number[] | undefined;
          let counted = machine.counter;
          run(template, machine, {
            routine: () => expect.unreachable("it runs in line"),
            original: (inside) => {
              atOriginal = [...inside.registers];
              counted = inside.counter;
            },
          });
          expect(atOriginal?.[4]).toBe(makeMachine(values, 0).registers[4]);
          expect(machine.counter).toBe(42);
          expect(counted).toBe(kindName(group.kind) === "sti" ? 42 : 41);
          for (let r = 0; r < 8; r++) {
            if (save.includes(r) || r !== 1) expect(machine.registers[r]).toBe(atOriginal?.[r]);
          }
          if (saveFlags) expect(machine.flags).toBe(flags);
          // An original that reads or moves the stack pointer needs the stack as it was.
          if (kindName(group.kind) !== "sti") expect(template.insertAt).toBe(0);
          else expect(template.insertAt).toBe(template.code.length);
        });
      }),
      { numRuns: 3 },
    );
  });
});

describe("poison", () => {
  const live = fc.tuple(word, word);

  test("has 57 templates", () => {
    expect(table.poison.length).toBe(POISON_COUNT);
  });

  test("changes what is dead and nothing else", () => {
    fc.assert(
      fc.property(registers, word, live, word, (values, flags, [liveParts, liveRest], address) => {
        const machine = makeMachine(values, flags);
        const before = [...machine.registers];
        const hooks = { routine: () => expect.unreachable(), original: () => expect.unreachable() };
        for (const number of poisonedRegisters(liveParts, liveRest)) run(table.poison[number], machine, hooks);
        expect(machine.flags).toBe(flags);
        const dead = deadFlags(liveRest);
        const garbage = flagsGarbage(address, dead);
        run(table.poison[POISON_FLAGS], machine, hooks, { complement: ~dead >>> 0, garbage: garbage >>> 0 });
        expect(machine.flags & ~dead).toBe(flags & ~dead);
        expect(machine.flags & dead).toBe(garbage);
        for (let r = 0; r < 8; r++) {
          const [low, high] = [(liveParts >>> r) & 1, (liveParts >>> (16 + r)) & 1];
          const word16 = r > 4 && (low || high);
          const mask =
            (low || word16 ? 0xff : 0) | (high || word16 ? 0xff00 : 0) | ((liveRest >>> r) & 1 ? 0xffff_0000 : 0);
          expect(machine.registers[r] & mask, `live parts of ${r}`).toBe(before[r] & mask);
          if (r === 4) expect(machine.registers[4]).toBe(before[4]);
          else if (mask === 0) expect(machine.registers[r] >>> 16).toBe(0xdead);
        }
      }),
    );
  });

  test("different garbage in each register, and odd", () => {
    const machine = makeMachine([1, 2, 3, 4, 5, 6, 7, 8], 0);
    for (const number of poisonedRegisters(0, 0))
      run(table.poison[number], machine, { routine: () => {}, original: () => {} });
    const garbage = [...machine.registers].filter((_, r) => r !== 4);
    expect(new Set(garbage).size).toBe(7);
    expect(garbage.every((value) => value % 2 === 1)).toBe(true);
  });

  test("the dead flags are in EFLAGS positions, without IF and IOPL", () => {
    expect(deadFlags(0)).toBe(0xcd5);
    expect(deadFlags(ALL_FLAGS)).toBe(0);
    expect(deadFlags(ALL_FLAGS & ~(1 << (FLAG_SHIFT + 6)))).toBe(0x400);
    expect(flagsGarbage(0xc100_0001, 0xcd5) & ~0xcd5).toBe(0);
  });
});

test("printed", async () => {
  // The other control registers differ by a constant.
  const moves = [kindNumber("mov-to-cr"), kindNumber("mov-from-cr")];
  const groups = table.groups.filter((group) => !moves.includes(group.kind) || group.form >>> 5 === 3);
  await expect(printTemplates({ ...table, groups })).toMatchFileSnapshot("templates-bare.txt");
});
