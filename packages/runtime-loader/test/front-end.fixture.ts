/** The front end of the monitor as programs of this machine (apps/runtime-loader/src/host), with the sanitizers where the compiler has them. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

const APP = fileURLToPath(new URL("../../../apps/runtime-loader", import.meta.url));
const SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=all";

export interface HostProgram {
  readonly path: string;
  remove(): void;
}

export function buildHostProgram(name: "host-frontend" | "host-traps"): HostProgram {
  const directory = mkdtempSync(join(tmpdir(), "pv-front-end-"));
  const probe = join(directory, "probe.c");
  writeFileSync(probe, "int main(void) { return 0; }\n");
  const sanitizers = spawnSync("gcc", [...SANITIZERS.split(" "), "-o", join(directory, "probe"), probe]).status === 0;
  const env = sanitizers ? { ...process.env, HOST_FLAGS: SANITIZERS } : process.env;
  const built = spawnSync(process.execPath, [join(APP, "build.mjs"), directory, name], { encoding: "utf8", env });
  expect(built.status, built.stderr).toBe(0);
  return { path: join(directory, name), remove: () => rmSync(directory, { recursive: true, force: true }) };
}
