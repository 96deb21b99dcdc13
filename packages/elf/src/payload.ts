/**
 * Unpacks the compressed kernel inside a bzImage: told apart by magic number, checked by whatever checksum its format has.
 *
 * The payload ends with 4 bytes that give the unpacked size (scripts/Makefile.lib, size_append); gzip's own last
 * 4 bytes happen to be the same. This size is the bound of everything that decoders may write.
 */
import { gunzipSync } from "node:zlib";
import { decodeBzip2 } from "./compression/bzip2.js";
import { decodeLz4 } from "./compression/lz4.js";
import { decodeLzma } from "./compression/lzma.js";
import { decodeXz } from "./compression/xz.js";
import { decodeZstd } from "./compression/zstd.js";
import { fail, InputError } from "./diagnostic.js";
import { isElf } from "./elf.js";
import { viewOf } from "./layout.js";
import type { Compression } from "./types.js";

type Decoder = (input: Uint8Array, output: Uint8Array) => void;

interface Format {
  readonly name: Compression;
  readonly magic: readonly number[];
  readonly decode: Decoder;
  /** True where the size at the payload's end belongs to the stream. */
  readonly ownsSize?: boolean;
}

const FORMATS: readonly Format[] = [
  { name: "gzip", magic: [0x1f, 0x8b], decode: decodeGzip, ownsSize: true },
  { name: "xz", magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], decode: decodeXz },
  { name: "lz4", magic: [0x02, 0x21, 0x4c, 0x18], decode: decodeLz4 },
  { name: "zstd", magic: [0x28, 0xb5, 0x2f, 0xfd], decode: decodeZstd },
  { name: "bzip2", magic: [0x42, 0x5a, 0x68], decode: decodeBzip2 },
  { name: "lzma", magic: [0x5d, 0x00, 0x00], decode: decodeLzma },
];

/** Bytes: x86-64 maps no more than 1 GiB for the kernel (KERNEL_IMAGE_SIZE), i386 half of it. */
const MAX_UNPACKED = 1 << 30;
/** Kernels shrink to a third (i386, xz: 2.9 times; x86-64, lz4: 3.8 times); the rest is for images of mostly zeros. */
const MAX_RATIO = 64;
/** Bytes that a payload may always grow to, however small it is: test images. */
const ALWAYS_ALLOWED = 64 << 20;

/** Errors: PV1007 (a format not known), PV1008 (damaged). */
export function unpackPayload(payload: Uint8Array): { compression: Compression; bytes: Uint8Array } {
  if (isElf(payload)) return { compression: "none", bytes: payload };
  const format = FORMATS.find(({ magic }) => magic.every((byte, i) => payload[i] === byte));
  if (format === undefined) {
    const start = Buffer.from(payload.subarray(0, 4)).toString("hex");
    return fail(
      "PV1007",
      start === "894c5a4f" ? "the kernel is packed with LZO" : `the compressed kernel starts with ${start}`,
    );
  }
  if (payload.length < 8) fail("PV1008", `the compressed kernel has only ${payload.length} bytes`);
  const size = viewOf(payload).getUint32(payload.length - 4, true);
  if (size === 0 || size > MAX_UNPACKED || size > Math.max(ALWAYS_ALLOWED, payload.length * MAX_RATIO)) {
    fail("PV1008", `the compressed kernel of ${payload.length} bytes claims to unpack to ${size}`, payload.length - 4);
  }
  const bytes = new Uint8Array(size);
  const stream = format.ownsSize === true ? payload : payload.subarray(0, -4);
  try {
    format.decode(stream, bytes);
  } catch (error) {
    if (error instanceof InputError) throw error;
    // Whatever a library throws here is about the data: these calls take nothing else.
    fail("PV1008", `the ${format.name} data is damaged: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { compression: format.name, bytes };
}

function decodeGzip(input: Uint8Array, output: Uint8Array): void {
  const unpacked = gunzipSync(input, { maxOutputLength: output.length });
  if (unpacked.length !== output.length) {
    fail("PV1008", `the gzip data holds ${unpacked.length} bytes instead of ${output.length}`);
  }
  output.set(unpacked);
}
