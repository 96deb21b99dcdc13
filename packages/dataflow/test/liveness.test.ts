/** Properties of liveness; that it is right on random programs is tested in tools/oracle. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { randomProgram as randomInput } from "@pv/oracle";
import { buildProgram } from "@pv/x86-ir";
import { analyzeLiveness, DEFAULT_ASSUMPTIONS, NO_ASSUMPTIONS } from "../src/index.js";

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

test("liveness at some points is liveness everywhere, looked at there", () => {
  fc.assert(
    fc.property(randomProgram, fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), (program, picks) => {
      const points = picks.map((pick) => pick % program.instructions.count);
      for (const assumptions of [NO_ASSUMPTIONS, DEFAULT_ASSUMPTIONS]) {
        const everywhere = analyzeLiveness(program, assumptions),
          there = analyzeLiveness(program, assumptions, points);
        for (const point of points) {
          expect(there.after(point)).toEqual(everywhere.after(point));
          expect(there.worthKeeping(point)).toEqual(everywhere.worthKeeping(point));
        }
      }
    }),
    { numRuns: 200 },
  );
});
