/**
 * The devices against their data sheets: scripts of port accesses and times, each command with what it must print behind
 * `=>`. The expectations are worked out by hand. A line `# epoch: SECONDS` or `# memory: KIB` is an option.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildHostDevices, compilerIsThere, type HostDevices } from "./host-devices.fixture.js";

const FOLDER = fileURLToPath(new URL("./filetests/devices/", import.meta.url));
let devices: HostDevices | undefined;

beforeAll(() => {
  if (compilerIsThere) devices = buildHostDevices();
});
afterAll(() => devices?.remove());

describe.skipIf(!compilerIsThere)("devices", () => {
  test.each(readdirSync(FOLDER))("%s", (name) => {
    const text = readFileSync(join(FOLDER, name), "utf8");
    const option = (key: string) => Number(new RegExp(`^# ${key}: (\\d+)$`, "m").exec(text)?.[1] ?? 0);
    const lines = text.split("\n");
    const commands = lines.filter((line) => line !== "" && !line.startsWith("#"));
    expect(commands.length).toBeGreaterThan(0);
    const bare = commands.map((line) => line.split("=>")[0].trim());
    const results = devices!.run(bare, { epoch: option("epoch"), memory: option("memory") });
    let next = 0;
    const printed = lines.map((line) => {
      if (line === "" || line.startsWith("#")) return line;
      const [command, result] = [bare[next], results[next++]];
      return result === "" ? command : `${command} => ${result}`;
    });
    expect(printed.join("\n")).toBe(text);
  });

  test("the guest's build needs memset of its surroundings and nothing else, no helper of the compiler's", () => {
    const { status, stdout } = spawnSync("nm", ["-u", join(devices!.directory, "devices.o")], { encoding: "utf8" });
    expect(status).toBe(0);
    expect(stdout.trim().split(/\s+/)).toEqual(["U", "memset"]);
  });
});
