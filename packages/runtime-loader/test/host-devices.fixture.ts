/**
 * The devices of the virtual PC as a program of this machine (apps/runtime-loader/src/host/devices.c): built once for a
 * test file, with the sanitizers where the compiler has them, and fed with scripts.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

const APP = fileURLToPath(new URL("../../../apps/runtime-loader", import.meta.url));
const SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=all";

export const compilerIsThere = spawnSync("gcc", ["--version"]).status === 0;

/** Options of the machine that a script runs on: seconds since 1970 at the start, and KiB of memory. */
export interface Setup {
  readonly epoch?: number;
  readonly memory?: number;
}

export interface HostDevices {
  /** Folder with `host-devices` and `devices.o`. */
  readonly directory: string;
  /** Runs a script of one command a line; what each command printed. */
  run(commands: readonly string[], setup?: Setup): string[];
  remove(): void;
}

export function buildHostDevices(): HostDevices {
  const directory = mkdtempSync(join(tmpdir(), "pv-host-devices-"));
  const probe = join(directory, "probe.c");
  writeFileSync(probe, "int main(void) { return 0; }\n");
  const flags = [...SANITIZERS.split(" "), "-o", join(directory, "probe"), probe];
  const sanitizers = spawnSync("gcc", flags).status === 0 && spawnSync(join(directory, "probe")).status === 0;
  const args = [join(APP, "build.mjs"), directory, "devices.o", "host-devices"];
  const env = sanitizers ? { ...process.env, HOST_FLAGS: SANITIZERS } : process.env;
  const built = spawnSync(process.execPath, args, { encoding: "utf8", env });
  expect(built.status, built.stderr).toBe(0);

  return {
    directory,
    run(commands, { epoch = 0, memory = 65536 } = {}) {
      const input = `${commands.join("\n")}\n`;
      const options = { input, encoding: "utf8", maxBuffer: 1 << 28 } as const;
      const { status, stdout, stderr } = spawnSync(join(directory, "host-devices"), [`${epoch}`, `${memory}`], options);
      expect(status, stderr).toBe(0);
      const lines = stdout.split("\n").slice(0, commands.length);
      return lines.map((line) => line.trimEnd());
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
