import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { findMembers, type Member } from "../src/archive.js";

const folder = mkdtempSync(join(tmpdir(), "previrt-tar-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A tar file as dpkg-deb writes it, with an unwanted file of `before` bytes in front of the wanted one of `size`. */
function tarOf(before: number, size: number): Buffer {
  mkdirSync(join(folder, "boot"), { recursive: true });
  writeFileSync(join(folder, "boot", "config"), Buffer.alloc(before, 1));
  writeFileSync(join(folder, "boot", "vmlinuz-1.2"), Buffer.alloc(size, 2));
  return execFileSync("tar", ["-c", "--format=gnu", "-C", folder, "./boot/", "--sort=name"], { maxBuffer: 2 ** 24 });
}

/** The first file whose name starts so. */
async function firstMember(tar: AsyncIterable<Buffer>, prefix: string): Promise<Member | undefined> {
  const wanted = { is: (name: string) => name.startsWith(prefix), count: 1, description: prefix };
  return (await findMembers(tar, wanted))[0];
}

async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length]!;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

describe("findMembers", () => {
  test("finds the file, however the stream is cut", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1100 }),
        fc.integer({ min: 1, max: 1100 }),
        sizes,
        async (before, size, pieces) => {
          const found = await firstMember(cut(tarOf(before, size), pieces), "boot/vmlinuz-");
          expect(found?.name).toBe("boot/vmlinuz-1.2");
          expect(found?.bytes.equals(Buffer.alloc(size, 2))).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("finds several files, and those that there are", async () => {
    const tar = tarOf(700, 900);
    const wanted = { is: (name: string) => /config|vmlinuz/.test(name), count: 2, description: "" };
    const found = await findMembers(cut(tar, [300]), wanted);
    expect(found.map(({ name, bytes }) => [name, bytes.length])).toEqual([
      ["boot/config", 700],
      ["boot/vmlinuz-1.2", 900],
    ]);
    expect((await findMembers(cut(tar, [300]), { ...wanted, count: 3 })).length).toBe(2);
  });

  test("finds nothing in an archive without it, or cut off in it", async () => {
    const tar = tarOf(600, 600);
    expect(await firstMember(cut(tar, [512]), "boot/vmlinux-")).toBeUndefined();
    const start = tar.indexOf("./boot/vmlinuz-1.2");
    expect(await firstMember(cut(tar.subarray(0, start + 512 + 599), [512]), "boot/vmlinuz-")).toBeUndefined();
  });

  test("refuses sizes that cannot be", async () => {
    const tar = tarOf(10, 10);
    const start = tar.indexOf("./boot/vmlinuz-1.2");
    tar.write("77777777777", start + 124, "latin1");
    await expect(firstMember(cut(tar, [512]), "boot/vmlinuz-")).rejects.toThrow("PV1001");
    tar.write("zzzzzzzzzzz", start + 124, "latin1");
    await expect(firstMember(cut(tar, [512]), "boot/vmlinuz-")).rejects.toThrow("PV1001");
  });
});
