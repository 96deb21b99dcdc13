/** Opening kernels: bzImages of every compression, plain ELF files, and things that are neither. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openImage, readBootHeader, unwrap } from "@pv/elf";
import type { DiagnosticCode } from "@pv/elf";
import { buildBzImage, buildElf, text, withSize } from "./build-elf.js";
import { PACKED, sample } from "./packed-sample.js";

const KERNEL = buildElf({
  sections: [
    { name: ".text", bytes: text("\xfa\xfb\xc3"), address: 0xc1000000 },
    { name: ".rodata", bytes: text("\0Linux version 6.1.0-banner (somebody)\0"), address: 0xc1001000, flags: 2 },
  ],
  appended: [0, 0xc1001001],
});

/** Streams that store the kernel as it is: no packing tool needed. */
function stored(): Record<string, Uint8Array> {
  const size = KERNEL.length;
  const lz4 = new Uint8Array(4 + 4 + 3 + size);
  const view = new DataView(lz4.buffer);
  view.setUint32(0, 0x184c2102, true);
  view.setUint32(4, lz4.length - 8, true);
  // One sequence of literals: 15 in the token, 255, and the rest.
  lz4.set([0xf0, 255, size - 15 - 255], 8);
  lz4.set(KERNEL, 11);
  const zstd = Uint8Array.from([
    0x28,
    0xb5,
    0x2f,
    0xfd,
    0x60,
    (size - 256) & 0xff,
    (size - 256) >> 8,
    0,
    0,
    0,
    ...KERNEL,
  ]);
  const block = (size << 3) | 1;
  zstd.set([block & 0xff, (block >> 8) & 0xff, block >> 16], 7);
  return { gzip: gzipSync(KERNEL), lz4: withSize(lz4, size), zstd: withSize(zstd, size) };
}

async function errorOf(bytes: Uint8Array): Promise<DiagnosticCode | undefined> {
  const result = await openImage(bytes);
  return result.ok ? undefined : result.error.code;
}

describe("a bzImage", () => {
  test("is packed with something that the test knows how to store", () => {
    expect(KERNEL.length).toBeGreaterThan(270);
    expect(KERNEL.length).toBeLessThan(15 + 255 + 255);
  });

  test.each(Object.entries(stored()))("packed with %s opens", async (compression, payload) => {
    const image = unwrap(await openImage(buildBzImage({ payload })));
    expect(image).toMatchObject({ format: "bzImage", compression, arch: "i386", release: "6.1.0-test" });
    expect(image.sha256).toBe(createHash("sha256").update(KERNEL).digest("hex"));
    expect(image.memory.u8(0xc1000001)).toBe(0xfb);
    expect([...image.relocations!.absolute32]).toEqual([0xc1001001]);
  });

  test.each(Object.keys(PACKED))("packed with %s is unpacked, and must hold a kernel", async (name) => {
    const stream = new Uint8Array(Buffer.from(PACKED[name], "base64"));
    const payload = name === "gzip" ? stream : withSize(stream, sample().length);
    expect(await errorOf(buildBzImage({ payload }))).toBe("PV1003");
  });

  test("has a boot header", () => {
    const payload = stored()["gzip"];
    const header = unwrap(readBootHeader(buildBzImage({ payload })));
    expect(header).toEqual({
      version: 0x20f,
      setupSize: 1024,
      kernelVersion: "6.1.0-test (nobody) #1 SMP",
      payloadOffset: 1024 + 0x40,
      payloadLength: payload.length,
      kernelAlignment: 0x1000,
      relocatable: true,
      loadFlags64: 0,
      commandLineSize: 2047,
      preferredAddress: 0x1000000,
      initSize: 0x2000000,
    });
  });
});

test("a version text that is no text is ignored", async () => {
  const payload = stored()["gzip"];
  const file = buildBzImage({ payload, version: "6.1\x1b[31m evil" });
  expect(unwrap(readBootHeader(file)).kernelVersion).toBeUndefined();
  expect(unwrap(await openImage(file)).release).toBe("6.1.0-banner");
});

describe("an ELF file", () => {
  test("opens, and its release is in the banner", async () => {
    const image = unwrap(await openImage(KERNEL));
    expect(image).toMatchObject({ format: "elf", compression: "none", release: "6.1.0-banner" });
    expect(image.symbols).toBeUndefined();
    expect(image.tables.problems.map(({ code }) => code)).toContain("PV2003");
  });

  test("that is no Linux has no release, and need not have symbols", async () => {
    const image = unwrap(await openImage(buildElf()));
    expect([image.release, image.relocations, image.symbols]).toEqual([undefined, undefined, undefined]);
    expect(image.tables.problems).toEqual([]);
  });
});

describe("something else", () => {
  const good = buildBzImage({ payload: stored()["gzip"] });
  const poke = (at: number, value: number): Uint8Array => {
    const bytes = good.slice();
    new DataView(bytes.buffer).setUint32(at, value, true);
    return bytes;
  };

  test.each<[string, DiagnosticCode, Uint8Array]>([
    ["nothing", "PV1002", new Uint8Array(0)],
    ["text", "PV1003", text("This is a README, not a kernel.\n".repeat(40))],
    ["a boot sector", "PV1003", poke(0x202, 0)],
    ["a boot sector and nothing else", "PV1001", good.slice(0, 512)],
    ["an ancient kernel", "PV1003", buildBzImage({ payload: stored()["gzip"], protocol: 0x206 })],
    ["a payload behind the end", "PV1001", poke(0x248, 0x100000)],
    ["a payload of 4 GiB", "PV1001", poke(0x24c, 0xffffffff)],
    ["no payload", "PV1007", poke(0x24c, 0)],
    ["LZO", "PV1007", buildBzImage({ payload: text("\x89LZO\0\r\n\x1a\n") })],
    ["a damaged payload", "PV1008", poke(1024 + 0x40 + 30, 0x12345678)],
  ])("such as %s", async (_, expected, bytes) => {
    expect(await errorOf(bytes)).toBe(expected);
  });

  test("such as a bzImage cut off at every 50th part", async () => {
    const end = unwrap(readBootHeader(good)).payloadOffset + unwrap(readBootHeader(good)).payloadLength;
    for (let part = 1; part < 50; part++) {
      const code = await errorOf(good.slice(0, Math.floor((end * part) / 50)));
      expect(["PV1001", "PV1003"], `${part}/50`).toContain(code);
    }
  });

  test("names places in the whole file", async () => {
    const payload = withSize(Uint8Array.from([0x02, 0x21, 0x4c, 0x18, 99, 0, 0, 0]), 100);
    const result = await openImage(buildBzImage({ payload }));
    expect(result).toMatchObject({ ok: false, error: { code: "PV1008", address: 1024 + 0x40 + 4 } });
  });

  test("never makes anything else than a result", async () => {
    const images = Object.values(stored()).map((payload) => buildBzImage({ payload }));
    const change = fc.tuple(fc.oneof(fc.integer({ min: 0x1f0, max: 0x270 }), fc.nat(good.length - 1)), fc.nat(255));
    const changes = fc.array(change, { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...images), changes, async (file, list) => {
        const bytes = file.slice();
        for (const [at, value] of list) bytes[at % bytes.length] = value;
        const result = await openImage(bytes);
        if (!result.ok) return;
        const { value } = result;
        expect(value.sha256).toMatch(/^[\da-f]{64}$/);
        expect([value.release, value.relocations, value.symbols, value.tables.problems].length).toBe(4);
      }),
      { numRuns: 500 },
    );
  });
});
