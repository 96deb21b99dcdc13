/** Templates of profile ring3, executed: the guest's interrupt flag is a word, and whatever is live survives. */
import fc from "fast-check";
import { FORM_MEMORY, kindNumber, type Kind } from "@pv/sensitive";
import {
  findGroup,
  printTemplates,
  registersOf,
  ring3FullProfile,
  ring3Profile,
  Routine,
  SharedWord,
  variantAt,
  type TemplateGroup,
  type TemplateTable,
} from "@pv/stubgen";
import { describe, expect, test } from "vitest";
import { makeMachine, REAL_CS, REAL_SS, run, type Hooks, type Machine } from "./templates-machine.js";

const IF = 0x200;
const ARITHMETIC = 0x8d5;
const OTHERS = 0x0025_4500 & ~IF; // TF, DF, NT, RF, AC, ID: flags that no stub may touch
const word = fc.integer({ min: 0, max: 0xffff_ffff });
const state = fc.record({
  registers: fc.array(word, { minLength: 8, maxLength: 8 }),
  flags: word.map((flags) => ((flags & (ARITHMETIC | OTHERS)) | IF | 2) >>> 0),
  on: fc.boolean(),
  pending: fc.boolean(),
});

interface State {
  readonly registers: readonly number[];
  readonly flags: number;
  readonly on: boolean;
  readonly pending: boolean;
}

/** The routines of the resident area, as its C code has them, and everything destroyed that they may destroy. */
function hooksFor(traps: { count: number }): Hooks {
  const on = (machine: Machine): void => {
    machine.words.set(SharedWord.interruptFlag, IF);
    if (machine.words.get(SharedWord.pending) !== 0) traps.count++;
  };
  return {
    original: () => expect.unreachable("these templates do not execute the original"),
    sti: () => void traps.count++,
    routine: (number, machine) => {
      const [eax] = machine.registers;
      let result = 0x1234_5678;
      if (number === Routine.cli) machine.words.set(SharedWord.interruptFlag, 0);
      else if (number === Routine.sti) on(machine);
      else if (number === Routine.readFlags) result = (eax & ~IF) | machine.words.get(SharedWord.interruptFlag)!;
      else if (number === Routine.writeFlags) {
        if ((eax & IF) !== 0) on(machine);
        else machine.words.set(SharedWord.interruptFlag, 0);
      } else expect.unreachable(`routine ${number}`);
      machine.registers.set([result, 0xbad_0001, 0xbad_0002]);
      machine.flags ^= ARITHMETIC;
    },
  };
}

function start({ registers, flags, on, pending }: State): Machine {
  const machine = makeMachine(registers, flags);
  machine.words.set(SharedWord.interruptFlag, on ? IF : 0).set(SharedWord.pending, pending ? 1 : 0);
  for (const [n, address] of [SharedWord.cr0, SharedWord.cr2, SharedWord.cr3, SharedWord.cr4].entries())
    machine.words.set(address, 0xc0c0_0000 + n);
  return machine;
}

/** Runs every variant of a group and checks what has to survive: all but the variant's free registers and flags and `results`. */
function check(
  group: TemplateGroup,
  before: State,
  results: { readonly registers?: readonly number[]; readonly flags?: number; readonly stack: number },
  after: (machine: Machine, traps: number) => void,
  prepare: (machine: Machine) => void = () => {},
): void {
  group.variants.forEach((template, number) => {
    const { save, saveFlags } = variantAt(group, number);
    const machine = start(before);
    prepare(machine);
    const first = machine.registers.slice();
    const traps = { count: 0 };
    run(template, machine, hooksFor(traps));
    const free = [...registersOf(group.clobbers).filter((r) => !save.includes(r)), ...(results.registers ?? [])];
    for (let r = 0; r < 8; r++)
      if (r !== 4 && !free.includes(r)) expect(machine.registers[r], `register ${r}`).toBe(first[r]);
    expect(machine.registers[4] - first[4]).toBe(results.stack);
    const kept = saveFlags || !group.clobbersFlags ? ARITHMETIC | OTHERS : OTHERS;
    expect(machine.flags & kept).toBe((results.flags ?? before.flags) & kept);
    after(machine, traps.count);
  });
}

const groupOf = (table: TemplateTable, kind: Kind, form = 0): TemplateGroup =>
  findGroup(table.groups, kindNumber(kind), form)!;

describe.each([
  ["lean", ring3Profile()],
  ["lean, counting", ring3Profile({ count: true })],
  ["full", ring3FullProfile()],
] as const)("%s", (_, table) => {
  const flag = (machine: Machine) => machine.words.get(SharedWord.interruptFlag);

  test("cli", () => {
    fc.assert(fc.property(state, (s) => check(groupOf(table, "cli"), s, { stack: 0 }, (m) => expect(flag(m)).toBe(0))));
  });

  test("sti fetches a waiting interrupt", () => {
    const right = (s: State) => (machine: Machine, traps: number) => {
      expect(flag(machine)).toBe(IF);
      expect(traps).toBe(s.pending ? 1 : 0);
    };
    fc.assert(fc.property(state, (s) => check(groupOf(table, "sti"), s, { stack: 0 }, right(s))));
  });

  test("pushf pushes the guest's flag with the real others", () => {
    const right = (s: State) => (machine: Machine) => {
      const pushed = machine.stack.getUint32(machine.registers[4], true);
      expect(pushed).toBe(((s.flags & ~IF) | (s.on ? IF : 0)) >>> 0);
      expect(flag(machine)).toBe(s.on ? IF : 0);
    };
    fc.assert(fc.property(state, (s) => check(groupOf(table, "pushf"), s, { stack: -4 }, right(s))));
  });

  test("popf", () => {
    fc.assert(
      fc.property(state, word, (s, popped) => {
        const on = (popped & IF) !== 0;
        const right = (machine: Machine, traps: number) => {
          expect(flag(machine)).toBe(on ? IF : 0);
          expect(traps).toBe(on && s.pending ? 1 : 0);
        };
        check(groupOf(table, "popf"), s, { stack: 4, flags: popped }, right, (machine) => {
          machine.registers[4] -= 4;
          machine.stack.setUint32(machine.registers[4], popped, true);
        });
      }),
    );
  });

  test("push of CS and SS hides the ring", () => {
    const right = (selector: number) => (machine: Machine) =>
      expect(machine.stack.getUint32(machine.registers[4], true)).toBe(selector & ~3);
    fc.assert(
      fc.property(state, (s) => {
        check(groupOf(table, "push-sreg", FORM_MEMORY | (1 << 5)), s, { stack: -4 }, right(REAL_CS));
        check(groupOf(table, "push-sreg", FORM_MEMORY | (2 << 5)), s, { stack: -4 }, right(REAL_SS));
      }),
    );
  });

  test("control registers are read from their copies", () => {
    fc.assert(
      fc.property(state, (s) => {
        for (const [n, control] of [0, 2, 3, 4].entries()) {
          for (const r of [0, 1, 2, 3, 5, 6, 7]) {
            const group = groupOf(table, "mov-from-cr", r | (control << 5));
            const right = (machine: Machine) => expect(machine.registers[r]).toBe(0xc0c0_0000 + n);
            check(group, s, { stack: 0, registers: [r] }, right);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  test("iret to itself finds the real CS, and leaves the flag in memory alone", () => {
    const BEHIND = 0xc102_82e0;
    fc.assert(
      fc.property(state, word, (s, popped) => {
        const right = (machine: Machine) => {
          expect(machine.returnedTo).toBe(BEHIND);
          expect(flag(machine)).toBe(s.on ? IF : 0);
        };
        check(groupOf(table, "iret"), s, { stack: 12, flags: popped }, right, (machine) => {
          machine.registers[4] -= 12;
          [BEHIND, REAL_CS & ~3, popped].forEach((value, i) =>
            machine.stack.setUint32(machine.registers[4] + i * 4, value, true),
          );
        });
      }),
    );
  });

  test("what leaves the kernel, and loads of segments, stay in place", () => {
    for (const kind of ["sysexit", "hlt", "mov-to-cr", "invlpg"] as const)
      expect(findGroup(table.groups, kindNumber(kind), 0), kind).toBeUndefined();
  });
});

test("the templates as code", async () => {
  await expect(printTemplates(ring3Profile())).toMatchFileSnapshot("templates-ring3.txt");
});
