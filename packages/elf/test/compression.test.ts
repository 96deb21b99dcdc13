/** Every compression of kernels: whole samples come out right, damaged ones are refused. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "@pv/elf";
import { crc64 } from "../src/compression/crc64.js";
import { undoX86Filter } from "../src/compression/x86-filter.js";
import { xxhash64Low } from "../src/compression/xxhash64.js";
import { unpackPayload } from "../src/payload.js";
import { text, withSize } from "./build-elf.js";
import { PACKED, sample, XZ_ARM } from "./packed-sample.js";

const SAMPLE = sample();
const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The payload that a kernel's build would make of a packed sample. */
function payloadOf(name: string): Uint8Array {
  const stream = new Uint8Array(Buffer.from(PACKED[name], "base64"));
  return name === "gzip" ? stream : withSize(stream, SAMPLE.length);
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof InputError) return error.diagnostic.code;
    throw error;
  }
  return "none";
}

/** Formats that keep a checksum of the content, or where this sample was packed with one. */
const CHECKED = Object.keys(PACKED).filter(
  (name) => !["lzma", "lz4", "xz, no check", "zstd, no checksum"].includes(name),
);

describe.each(Object.keys(PACKED))("%s", (name) => {
  const payload = payloadOf(name);

  test("unpacks to the sample", () => {
    const { compression, bytes } = unpackPayload(payload);
    expect(compression).toBe(name.split(",")[0]);
    expect(hash(bytes)).toBe(hash(SAMPLE));
  });

  test("is refused at every shorter length", () => {
    for (let length = 8; length < payload.length - 4; length += 3) {
      const cut = withSize(payload.subarray(0, length), SAMPLE.length);
      expect(
        codeOf(() => unpackPayload(cut)),
        `cut at ${length}`,
      ).toBe("PV1008");
    }
  });

  test("is refused where the size is wrong", () => {
    for (const size of [0, 1, SAMPLE.length - 1, SAMPLE.length + 1, 0xffffffff]) {
      const wrong = payload.slice();
      new DataView(wrong.buffer).setUint32(wrong.length - 4, size, true);
      // A zstd frame without checksum or size of its content cannot know that it is too short.
      expect(
        codeOf(() => unpackPayload(wrong)),
        `size ${size}`,
      ).toBe("PV1008");
    }
  });

  test("never fails in another way than PV1007 or PV1008, whatever is damaged", () => {
    const damage = fc.array(fc.tuple(fc.nat(payload.length - 5), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(damage, (changes) => {
        const damaged = payload.slice();
        for (const [at, by] of changes) damaged[at] ^= by;
        expect(["none", "PV1007", "PV1008"]).toContain(codeOf(() => unpackPayload(damaged)));
      }),
    );
  });
});

test.each(CHECKED)("%s: one flipped bit is noticed or does no harm", (name) => {
  const payload = payloadOf(name);
  for (let at = 0; at < payload.length - 4; at++) {
    const damaged = payload.slice();
    damaged[at] ^= 1 << (at % 8);
    let bytes: Uint8Array | undefined;
    const code = codeOf(() => (bytes = unpackPayload(damaged).bytes));
    if (code === "none") expect(hash(bytes as Uint8Array), `flipped at ${at}`).toBe(hash(SAMPLE));
  }
});

test("unknown formats are named", () => {
  expect(codeOf(() => unpackPayload(withSize(text("\x89LZO\0\r\n"), 100)))).toBe("PV1007");
  expect(codeOf(() => unpackPayload(withSize(text("anything else"), 100)))).toBe("PV1007");
  expect(codeOf(() => unpackPayload(withSize(new Uint8Array(Buffer.from(XZ_ARM, "base64")), SAMPLE.length)))).toBe(
    "PV1007",
  );
  expect(codeOf(() => unpackPayload(new Uint8Array(0)))).toBe("PV1007");
});

test("a size beyond reason is refused before anything is allocated", () => {
  const stream = new Uint8Array(Buffer.from(PACKED["lz4"], "base64"));
  expect(codeOf(() => unpackPayload(withSize(stream, 0x7fffffff)))).toBe("PV1008");
});

test("checksums have their published values", () => {
  // The check value of CRC-64/XZ; XXH64 of nothing (ef46db3751d8e999) and of "abc" (44bc2cf5ad770999).
  expect(crc64(text("123456789"))).toBe(0x995dc9bbdf1939fan);
  expect(xxhash64Low(text(""))).toBe(0x51d8e999);
  expect(xxhash64Low(text("abc"))).toBe(0xad770999);
});

test("the x86 filter is undone on isolated calls as its definition says", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1000 }),
      fc.integer({ min: -0x1000000, max: 0xffffff }),
      (at, displacement) => {
        // Encoder's side: the displacement's lower 25 bits become the target's, sign-extended.
        const bytes = new Uint8Array(at + 16).fill(0x90);
        const view = new DataView(bytes.buffer);
        const target = ((displacement + at + 5) << 7) >> 7;
        bytes[at] = 0xe8;
        view.setInt32(at + 1, target, true);
        undoX86Filter(bytes);
        expect(view.getInt32(at + 1, true)).toBe(displacement);
      },
    ),
  );
});
