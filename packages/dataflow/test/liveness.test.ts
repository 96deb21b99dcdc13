/** Properties of liveness; that it is right on random programs is tested in tools/oracle. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { randomProgram as randomInput } from "@pv/oracle";
import { buildProgram, type Program } from "@pv/x86-ir";
import { analyzeLiveness, conventionSets, DEFAULT_ASSUMPTIONS, NO_ASSUMPTIONS } from "../src/index.js";

/** All, none, and all but one. */
const SETS_OF_ASSUMPTIONS = [
  DEFAULT_ASSUMPTIONS,
  NO_ASSUMPTIONS,
  ...Object.keys(DEFAULT_ASSUMPTIONS).map((name) => ({ ...DEFAULT_ASSUMPTIONS, [name]: false })),
];

const randomProgram = randomInput.map(buildProgram);

test("assumptions only ever make less live", () => {
  fc.assert(
    fc.property(randomProgram, (program) => {
      const without = analyzeLiveness(program, NO_ASSUMPTIONS),
        assumed = analyzeLiveness(program, DEFAULT_ASSUMPTIONS);
      for (let i = 0; i < program.instructions.count; i++) {
        const more = without.after(i),
          less = assumed.after(i);
        expect(less.parts & ~more.parts).toBe(0);
        expect(less.rest & ~more.rest).toBe(0);
      }
    }),
    { numRuns: 100 },
  );
});

test("liveness of some locations at some points is liveness of all of them everywhere, looked at there", () => {
  fc.assert(
    fc.property(
      randomProgram,
      fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      fc.option(fc.record({ parts: fc.integer(), rest: fc.integer() })),
      fc.constantFrom(...SETS_OF_ASSUMPTIONS),
      (program, picks, some, made) => {
        const points = picks.map((pick) => pick % program.instructions.count);
        const { all } = conventionSets(program.instructions.bits);
        const { parts, rest } = some ?? all;
        const everywhere = analyzeLiveness(program, made),
          there = analyzeLiveness(program, made, points, some ?? undefined);
        for (const point of points) {
          for (const facts of ["after", "worthKeeping"] as const) {
            const whole = everywhere[facts](point);
            // What nobody asked about is live.
            expect(there[facts](point)).toEqual({
              parts: whole.parts | (all.parts & ~parts),
              rest: whole.rest | (all.rest & ~rest),
            });
          }
        }
      },
    ),
    { numRuns: 1000 },
  );
});

/** The program with effects of its own: what an instruction reads and surely writes changed row by row. */
function withEffects(
  program: Program,
  change: Readonly<Record<Column, (word: number, row: number) => number>>,
): Program {
  const { effects } = program.instructions;
  const changed = { ...effects };
  for (const column of COLUMNS) changed[column] = effects[column].map(change[column]);
  return { ...program, instructions: Object.create(program.instructions, { effects: { value: changed } }) };
}

const COLUMNS = ["useParts", "useRest", "killParts", "killRest"] as const;
type Column = (typeof COLUMNS)[number];
const assumptions = fc.constantFrom(NO_ASSUMPTIONS, { ...DEFAULT_ASSUMPTIONS, narrowReturn: false });

test("liveness is monotone: who reads more or writes less leaves no less live", () => {
  fc.assert(
    fc.property(
      randomProgram,
      assumptions,
      fc.array(fc.integer(), { minLength: 4, maxLength: 8 }),
      (program, made, words) => {
        const word = (row: number, salt: number): number =>
          words[(row + salt) % words.length]! & words[(row + salt + 1) % words.length]!;
        const more = withEffects(program, {
          useParts: (use, row) => use | word(row, 0),
          useRest: (use, row) => use | (word(row, 1) & 0x007f_ffff),
          killParts: (kill, row) => kill & ~word(row, 2),
          killRest: (kill, row) => kill & ~word(row, 3),
        });
        const [few, many] = [analyzeLiveness(program, made), analyzeLiveness(more, made)];
        for (let i = 0; i < program.instructions.count; i++) {
          expect(few.after(i).parts & ~many.after(i).parts).toBe(0);
          expect(few.after(i).rest & ~many.after(i).rest).toBe(0);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("locations do not meddle with each other: what is live of some depends on who reads and writes those alone", () => {
  fc.assert(
    fc.property(randomProgram, fc.integer(), fc.integer(), (program, parts, rest) => {
      const only = (mask: number) => (word: number) => word & mask;
      const masked = withEffects(program, {
        useParts: only(parts),
        useRest: only(rest),
        killParts: only(parts),
        killRest: only(rest),
      });
      const [whole, some] = [analyzeLiveness(program, NO_ASSUMPTIONS), analyzeLiveness(masked, NO_ASSUMPTIONS)];
      for (let i = 0; i < program.instructions.count; i++) {
        expect(some.after(i).parts & parts).toBe(whole.after(i).parts & parts);
        expect(some.after(i).rest & rest).toBe(whole.after(i).rest & rest);
      }
    }),
    { numRuns: 200 },
  );
});

test("liveness distributes over joins: reading what either reads leaves live what either leaves live", () => {
  fc.assert(
    fc.property(
      randomProgram,
      assumptions,
      fc.array(fc.integer(), { minLength: 2, maxLength: 6 }),
      (program, made, words) => {
        const reading = (salts: readonly number[]) => {
          const more = (use: number, row: number): number =>
            salts.reduce((all, salt) => all | words[(row + salt) % words.length]!, use);
          const same = (word: number): number => word;
          return analyzeLiveness(
            withEffects(program, {
              useParts: more,
              useRest: (use, row) => use | (more(0, row) & 0x007f_ffff),
              killParts: same,
              killRest: same,
            }),
            made,
          );
        };
        const [one, other, both] = [reading([0]), reading([1]), reading([0, 1])];
        for (let i = 0; i < program.instructions.count; i++) {
          expect(both.after(i).parts).toBe(one.after(i).parts | other.after(i).parts);
          expect(both.after(i).rest).toBe(one.after(i).rest | other.after(i).rest);
        }
      },
    ),
    { numRuns: 200 },
  );
});
