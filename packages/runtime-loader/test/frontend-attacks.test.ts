/**
 * The front end of the monitor on this machine, with the sanitizers where the compiler has them, under a back end that attacks
 * it with random traps, page tables, descriptors and instructions (apps/runtime-loader/src/host/frontend.c).
 *
 * FRONTEND_STEPS=10000000 npx vitest run packages/runtime-loader/test/frontend-attacks.test.ts      (for longer)
 */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildHostProgram, type HostProgram } from "./front-end.fixture.js";
import { compilerIsThere } from "./host-devices.fixture.js";

const STEPS = process.env["FRONTEND_STEPS"] ?? "100000";

describe.skipIf(!compilerIsThere)("the front end under attack", () => {
  let program: HostProgram;
  beforeAll(() => {
    program = buildHostProgram("host-frontend");
  });
  afterAll(() => program.remove());

  test.each([1, 2, 3, 4, 5, 6])("seed %i: shows nothing that is not the guest's, and goes on", (seed) => {
    const { status, stdout, stderr } = spawnSync(program.path, [`${seed}`, STEPS], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const counts = [...stdout.matchAll(/\d+/g)].map(Number);
    expect(counts.slice(0, 4).reduce((sum, count) => sum + count, 0)).toBe(Number(STEPS));
    expect(Math.min(...counts.slice(0, 6)), stdout).toBeGreaterThan(0);
    expect(Math.min(...counts.slice(7, 9)), stdout).toBeGreaterThan(50);
  });
});
