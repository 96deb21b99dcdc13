import fc from "fast-check";
import { expect, test } from "vitest";
import { ALL_FLAGS, allRegisters, ESP, Flow, formatLocations, partsOf, restOf } from "@pv/x86-ir";
import { analyzeLiveness, DEFAULT_ASSUMPTIONS, NO_ASSUMPTIONS } from "../src/index.js";
import { liveBehind } from "./oracle.js";
import { randomProgram } from "./random-program.js";

const RUNS = Number(process.env["PREVIRT_ORACLE_RUNS"] ?? 400);

test("liveness across calls equals a path search over random programs", () => {
  fc.assert(
    fc.property(randomProgram, (program) => {
      const { instructions } = program;
      const { bits } = instructions;
      const all = allRegisters(bits);
      const liveness = analyzeLiveness(program, NO_ASSUMPTIONS);
      for (let i = 0; i < instructions.count; i++) {
        const oracle = liveBehind(program, i);
        const expected = formatLocations(
          (oracle.parts & all.parts) | partsOf(ESP),
          (oracle.rest & (all.rest | ALL_FLAGS)) | restOf(ESP),
          bits,
        );
        const { parts, rest } = liveness.after(i);
        // A call's "behind" is its callee's entry for the path search, and the return for us.
        if (instructions.flow[i] === Flow.call) continue;
        expect(formatLocations(parts, rest, bits), `behind instruction ${i}`).toBe(expected);
      }
    }),
    { numRuns: RUNS },
  );
});

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

test("the state before an instruction follows from the one behind it", () => {
  fc.assert(
    fc.property(randomProgram, (program) => {
      const { effect, effects, flow, count } = program.instructions;
      const liveness = analyzeLiveness(program, NO_ASSUMPTIONS);
      for (let i = 0; i < count; i++) {
        if (flow[i] === Flow.call || flow[i] === Flow.interrupt || flow[i] === Flow.invalid) continue;
        const before = liveness.before(i),
          after = liveness.after(i);
        expect(before.parts).toBe(
          (after.parts & ~effects.killParts[effect[i]]) | effects.useParts[effect[i]] | partsOf(ESP),
        );
        expect(before.rest).toBe(
          (after.rest & ~effects.killRest[effect[i]]) | effects.useRest[effect[i]] | restOf(ESP),
        );
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
          expect(there.needed(point)).toEqual(everywhere.needed(point));
        }
      }
    }),
    { numRuns: 200 },
  );
});
