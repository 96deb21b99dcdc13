/**
 * The front end of the monitor on this machine, with the sanitizers where the compiler has them, under a back end that attacks
 * it with random traps, page tables, descriptors and instructions (apps/runtime-loader/src/host/frontend.c).
 *
 * FRONTEND_STEPS=10000000 npx vitest run packages/runtime-loader/test/frontend-attacks.test.ts      (for longer)
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compilerIsThere } from "./host-devices.fixture.js";

const APP = fileURLToPath(new URL("../../../apps/runtime-loader", import.meta.url));
const SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=all";
const STEPS = process.env["FRONTEND_STEPS"] ?? "100000";

describe.skipIf(!compilerIsThere)("the front end under attack", () => {
  const directory = mkdtempSync(join(tmpdir(), "pv-front-end-"));
  const program = join(directory, "host-frontend");
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  beforeAll(() => {
    const probe = join(directory, "probe.c");
    writeFileSync(probe, "int main(void) { return 0; }\n");
    const sanitizers = spawnSync("gcc", [...SANITIZERS.split(" "), "-o", join(directory, "probe"), probe]).status === 0;
    const env = sanitizers ? { ...process.env, HOST_FLAGS: SANITIZERS } : process.env;
    const args = [join(APP, "build.mjs"), directory, "host-frontend"];
    const built = spawnSync(process.execPath, args, { encoding: "utf8", env });
    expect(built.status, built.stderr).toBe(0);
  });

  test.each([1, 2, 3, 4, 5, 6])("seed %i: shows nothing that is not the guest's, and goes on", (seed) => {
    const { status, stdout, stderr } = spawnSync(program, [`${seed}`, STEPS], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const counts = [...stdout.matchAll(/\d+/g)].map(Number);
    expect(counts.slice(0, 4).reduce((sum, count) => sum + count, 0)).toBe(Number(STEPS));
    expect(Math.min(...counts.slice(0, 6)), stdout).toBeGreaterThan(0);
    expect(Math.min(...counts.slice(7, 9)), stdout).toBeGreaterThan(50);
  });
});
