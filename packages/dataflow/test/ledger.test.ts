/** The ledger against the analysis with fewer assumptions: whose absence changes a fact must be named by it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { randomProgram } from "@pv/oracle";
import { ARITHMETIC_FLAGS, buildProgram } from "@pv/x86-ir";
import {
  analyzeLiveness,
  ASSUMPTIONS,
  CONVENTIONS,
  DEFAULT_ASSUMPTIONS,
  NO_ASSUMPTIONS,
  openLedger,
  setOf,
  type Assumptions,
  type Liveness,
} from "../src/index.js";

const names = Object.keys(ASSUMPTIONS) as (keyof Assumptions)[];

/** Points behind which something else is worth keeping. */
function changed(points: readonly number[], one: Liveness, other: Liveness): number[] {
  return points.filter((point) => {
    const [a, b] = [one.worthKeeping(point), other.worthKeeping(point)];
    return a.parts !== b.parts || a.rest !== b.rest;
  });
}

test("the ledger names each assumption without which a fact would be another", () => {
  let named = 0,
    silent = 0;
  fc.assert(
    fc.property(randomProgram.map(buildProgram), fc.boolean(), (program, some) => {
      const { count, bits } = program.instructions;
      const { parts, rest } = setOf(CONVENTIONS[bits].callerSaved);
      const locations = some ? { parts, rest: rest | ARITHMETIC_FLAGS } : undefined;
      const points = Array.from({ length: count }, (_, i) => i);
      const analyze = (assumptions: Assumptions) => analyzeLiveness(program, assumptions, points, locations);
      const liveness = analyze(DEFAULT_ASSUMPTIONS);
      const ledger = openLedger(program, liveness);
      const words = points.map((point) => ledger.behind(point));
      for (const name of names) {
        const without = analyze({ ...DEFAULT_ASSUMPTIONS, [name]: false });
        for (const point of changed(points, liveness, without)) {
          expect((words[point]! >> ASSUMPTIONS[name][0]) & 1, `${name} at ${point}`).toBe(1);
          named++;
        }
      }
      for (const point of changed(points, liveness, analyze(NO_ASSUMPTIONS)))
        expect(words[point], `all of them at ${point}`).not.toBe(0);
      silent += words.filter((word) => word === 0).length;
    }),
    { numRuns: 150 },
  );
  expect(named).toBeGreaterThan(0);
  expect(silent).toBeGreaterThan(0);
});
