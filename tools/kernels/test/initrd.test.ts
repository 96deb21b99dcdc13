import { describe, expect, test } from "vitest";
import { DONE_LINE, USERLAND_LINE, makeInitrd } from "../src/index.js";
import { packFolder } from "../src/initrd.js";

interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly device: readonly number[];
  readonly data: Uint8Array;
}

/** Reads an archive back, by the format's description and not by the writer. */
function readCpio(archive: Uint8Array): Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; ;) {
    expect(Buffer.from(archive.subarray(at, at + 6)).toString()).toBe("070701");
    const field = (index: number): number =>
      Number.parseInt(Buffer.from(archive.subarray(at + 6 + 8 * index, at + 14 + 8 * index)).toString(), 16);
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const name = Buffer.from(archive.subarray(at + 110, at + 110 + nameSize - 1)).toString();
    expect(archive[at + 110 + nameSize - 1]).toBe(0);
    const start = (at + 110 + nameSize + 3) & ~3;
    if (name === "TRAILER!!!") {
      expect(start).toBe(archive.length);
      return entries;
    }
    entries.push({ name, mode, device: [field(9), field(10)], data: archive.subarray(start, start + size) });
    at = (start + size + 3) & ~3;
  }
}

describe("makeInitrd", () => {
  const busybox = Uint8Array.from({ length: 1001 }, (_, index) => index & 0xff);
  const entries = new Map(readCpio(makeInitrd({ busybox })).map((entry) => [entry.name, entry]));

  test("holds a shell, its names, a console and an init", () => {
    expect(entries.get("bin/busybox")).toMatchObject({ mode: 0o100755, data: busybox });
    expect(entries.get("dev/console")).toMatchObject({ mode: 0o020600, device: [5, 1] });
    expect(entries.get("bin/sh")).toMatchObject({ mode: 0o120777 });
    expect(Buffer.from(entries.get("bin/sh")!.data).toString()).toBe("busybox");
    const init = entries.get("init")!;
    expect(init.mode).toBe(0o100755);
    const text = Buffer.from(init.data).toString();
    expect(text.startsWith("#!/bin/sh\n")).toBe(true);
    expect(text.indexOf(USERLAND_LINE)).toBeGreaterThan(0);
    expect(text.indexOf(DONE_LINE)).toBeGreaterThan(text.indexOf(USERLAND_LINE));
  });

  test("has every folder before what is in it", () => {
    const names = [...entries.keys()];
    for (const name of names) {
      const folder = name.includes("/") ? name.slice(0, name.lastIndexOf("/")) : undefined;
      if (folder !== undefined) expect(names.indexOf(folder)).toBeLessThan(names.indexOf(name));
      if (folder !== undefined) expect(names).toContain(folder);
    }
  });

  test("holds the workload where it is asked for, and runs it", () => {
    const workload = Uint8Array.of(1, 2, 3);
    const holding = new Map(readCpio(makeInitrd({ busybox, workload })).map((entry) => [entry.name, entry]));
    expect(holding.get("bin/workload")).toMatchObject({ mode: 0o100755, data: workload });
    expect(Buffer.from(holding.get("init")!.data).toString()).toMatch(/^workload$/m);
    expect(entries.has("bin/workload")).toBe(false);
    expect(Buffer.from(entries.get("init")!.data).toString()).not.toContain("workload");
  });

  test("has other archives behind it", () => {
    const more = packFolder("modules", new Map([["a.ko", Uint8Array.of(1, 2, 3)]]));
    expect(readCpio(more).map(({ name, data }) => [name, [...data]])).toEqual([
      ["modules", []],
      ["modules/a.ko", [1, 2, 3]],
    ]);
    const own = makeInitrd({ busybox });
    const both = makeInitrd({ busybox, archives: [more, more] });
    expect(own.length % 4).toBe(0);
    expect(Buffer.compare(both, Buffer.concat([own, more, more]))).toBe(0);
  });

  test("is the same for the same input, and takes another script", () => {
    expect(makeInitrd({ busybox })).toEqual(makeInitrd({ busybox }));
    const other = readCpio(makeInitrd({ busybox, script: "echo something else" })).find(
      (entry) => entry.name === "init",
    )!;
    expect(Buffer.from(other.data).toString()).toContain(`${USERLAND_LINE}"\necho something else\necho "${DONE_LINE}`);
  });
});
