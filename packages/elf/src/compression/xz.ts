/**
 * The .xz container, as far as kernels use it: one stream, blocks of LZMA2 with or without the x86 filter before it,
 * and every check that the format has (header CRCs, index, block check by CRC32, CRC64 or SHA-256).
 *
 * Source: The .xz File Format 1.1.0, section numbers in the comments.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { fail } from "../diagnostic.js";
import { viewOf } from "../layout.js";
import { crc64 } from "./crc64.js";
import { LzmaDecoder, lzmaProperties } from "./lzma.js";
import type { LzmaProperties } from "./lzma.js";
import { undoX86Filter } from "./x86-filter.js";

const FILTER_X86 = 4;
const FILTER_LZMA2 = 0x21;

/** Bytes of a block's check by its id (2.1.1.2). */
const CHECK_SIZES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const CHECK_CRC32 = 1;
const CHECK_CRC64 = 4;
const CHECK_SHA256 = 10;

/** Decodes the stream at the start of `input` into `output`, which it must fill exactly. */
export function decodeXz(input: Uint8Array, output: Uint8Array): void {
  const view = viewOf(input);
  if (input.length < 12) fail("PV1008", "the xz stream header is cut off", input.length);
  if (input[6] !== 0 || input[7] > 15) fail("PV1008", "the xz stream has unknown flags", 6);
  if (crc32(input.subarray(6, 8)) !== view.getUint32(8, true))
    fail("PV1008", "the xz stream header has a wrong CRC", 6);
  const check = input[7];
  const decoder = new LzmaDecoder(input, output);
  const sizes: { unpadded: number; uncompressed: number }[] = [];
  let at = 12;
  while (at < input.length && input[at] !== 0) {
    const start = at;
    const header = blockHeader(input, view, at);
    const from = decoder.outputAt;
    decoder.inputAt = header.end;
    decodeLzma2(decoder, input, output.length);
    const packedEnd = decoder.inputAt;
    const block = output.subarray(from, decoder.outputAt);
    if (header.x86) undoX86Filter(block);
    at = packedEnd;
    while ((at - header.end) % 4 !== 0)
      if (input[at++] !== 0) fail("PV1008", "the xz block padding is not zero", at - 1);
    checkBlock(check, block, input.subarray(at, at + CHECK_SIZES[check]), at);
    at += CHECK_SIZES[check];
    sizes.push({ unpadded: packedEnd - start + CHECK_SIZES[check], uncompressed: block.length });
    const { compressed, uncompressed } = header;
    if (compressed !== undefined && compressed !== packedEnd - header.end)
      fail("PV1008", "an xz block has a wrong size", start);
    if (uncompressed !== undefined && uncompressed !== block.length)
      fail("PV1008", "an xz block has a wrong size", start);
  }
  if (decoder.outputAt !== output.length) {
    fail("PV1008", `the xz stream holds ${decoder.outputAt} bytes instead of ${output.length}`, at);
  }
  checkIndexAndFooter(input, view, at, sizes, check);
}

interface BlockHeader {
  /** Behind the header. */
  readonly end: number;
  readonly x86: boolean;
  readonly compressed: number | undefined;
  readonly uncompressed: number | undefined;
}

/** 3.1 */
function blockHeader(input: Uint8Array, view: DataView, start: number): BlockHeader {
  const end = start + (input[start] + 1) * 4;
  if (end > input.length) fail("PV1008", "an xz block header is cut off", start);
  if (crc32(input.subarray(start, end - 4)) !== view.getUint32(end - 4, true)) {
    fail("PV1008", "an xz block header has a wrong CRC", start);
  }
  const fields = new Fields(input, start + 2, end - 4);
  const flags = input[start + 1];
  if (flags & 0x3c) fail("PV1008", "an xz block header has reserved flags", start + 1);
  const compressed = flags & 0x40 ? fields.integer() : undefined;
  const uncompressed = flags & 0x80 ? fields.integer() : undefined;
  const filters: number[] = [];
  for (let i = 0; i <= (flags & 3); i++) {
    const id = fields.integer();
    filters.push(id);
    const size = fields.integer();
    // The x86 filter has no properties, or a start offset that no kernel uses; LZMA2 has its dictionary size, which
    // does not matter here: the output is the dictionary.
    if (size !== (id === FILTER_LZMA2 ? 1 : 0))
      fail("PV1007", `xz filter ${id} with ${size} bytes of properties is not known`, start);
    fields.skip(size);
  }
  const x86 = filters.length === 2 && filters[0] === FILTER_X86;
  if (filters.at(-1) !== FILTER_LZMA2 || (filters.length > 1 && !x86)) {
    const hint = "Kernels are packed with LZMA2, with or without the x86 filter.";
    fail("PV1007", `the xz filters ${filters.join(", ")} are not known`, start, hint);
  }
  return { end, x86, compressed, uncompressed };
}

/** Reads multibyte integers (1.2) and bytes between two offsets. */
class Fields {
  constructor(
    readonly input: Uint8Array,
    public at: number,
    readonly end: number,
  ) {}

  integer(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      if (this.at >= this.end || factor > 2 ** 49)
        fail("PV1008", "a number in the xz headers is cut off or too large", this.at);
      const byte = this.input[this.at++];
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  skip(count: number): void {
    this.at += count;
  }
}

/** 5.3.1; the chunks are described in xz's lzma2_decoder.c and in XZ Embedded. Leaves `inputAt` behind the end marker. */
function decodeLzma2(decoder: LzmaDecoder, input: Uint8Array, limit: number): void {
  let properties: LzmaProperties | undefined;
  let needDictionary = true;
  let needState = true;
  for (;;) {
    const at = decoder.inputAt;
    const control = input[at];
    if (control === 0) {
      decoder.inputAt = at + 1;
      return;
    }
    if (at + 6 > input.length) fail("PV1008", "the LZMA2 data is cut off", at);
    if (control === 1 || control >= 0xe0) {
      needDictionary = false;
      decoder.dictionaryStart = decoder.outputAt;
    } else if (needDictionary) fail("PV1008", "the LZMA2 data does not start with a dictionary reset", at);
    const packed = control >= 0x80;
    const size = (packed ? (control & 0x1f) << 16 : 0) + (input[at + 1] << 8) + input[at + 2] + 1;
    const end = decoder.outputAt + size;
    if (end > limit) fail("PV1008", "the LZMA2 data is longer than the kernel is said to be", at);
    if (!packed) {
      if (control > 2) fail("PV1008", `the LZMA2 chunk type ${control} does not exist`, at);
      if (control === 1) needState = true;
      if (at + 3 + size > input.length) fail("PV1008", "the LZMA2 data is cut off", at);
      decoder.copy(at + 3, size);
      continue;
    }
    const packedSize = (input[at + 3] << 8) + input[at + 4] + 1;
    let body = at + 5;
    if (control >= 0xc0) {
      properties = lzmaProperties(input[body++]);
      if (properties === undefined || properties.lc + properties.lp > 4) fail("PV1008", "bad LZMA2 properties", at);
    }
    if (control >= 0xa0) {
      if (properties === undefined) fail("PV1008", "an LZMA2 chunk has no properties", at);
      decoder.reset(properties);
      needState = false;
    } else if (needState) fail("PV1008", "an LZMA2 chunk continues a state that was never set", at);
    if (body + packedSize > input.length) fail("PV1008", "the LZMA2 data is cut off", at);
    decoder.inputAt = body;
    decoder.startRange();
    decoder.decode(end);
    if (decoder.outputAt !== end || !decoder.endRange() || decoder.inputAt !== body + packedSize) {
      fail("PV1008", "an LZMA2 chunk does not end where it should", at);
    }
  }
}

function checkBlock(check: number, block: Uint8Array, expected: Uint8Array, at: number): void {
  if (expected.length !== CHECK_SIZES[check]) fail("PV1008", "the xz block's check is cut off", at);
  const wanted = Buffer.from(expected);
  const good =
    check === CHECK_CRC32
      ? wanted.readUInt32LE(0) === crc32(block)
      : check === CHECK_CRC64
        ? wanted.readBigUInt64LE(0) === crc64(block)
        : check === CHECK_SHA256
          ? wanted.equals(createHash("sha256").update(block).digest())
          : true;
  if (!good) fail("PV1008", "the decompressed kernel does not have the checksum that the xz stream names", at);
}

/** 4 and 2.1.2 */
function checkIndexAndFooter(
  input: Uint8Array,
  view: DataView,
  start: number,
  sizes: readonly { unpadded: number; uncompressed: number }[],
  check: number,
): void {
  const fields = new Fields(input, start + 1, input.length);
  const bad = (): never => fail("PV1008", "the xz index does not describe the blocks", start);
  if (fields.integer() !== sizes.length) bad();
  for (const size of sizes) if (fields.integer() !== size.unpadded || fields.integer() !== size.uncompressed) bad();
  while ((fields.at - start) % 4 !== 0) if (input[fields.at++] !== 0) bad();
  const end = fields.at;
  if (end + 16 > input.length) fail("PV1008", "the xz stream footer is cut off", end);
  if (view.getUint32(end, true) !== crc32(input.subarray(start, end)))
    fail("PV1008", "the xz index has a wrong CRC", end);
  const footer = end + 4;
  if (
    view.getUint32(footer, true) !== crc32(input.subarray(footer + 4, footer + 10)) ||
    view.getUint32(footer + 4, true) !== (footer - start) / 4 - 1 ||
    input[footer + 8] !== 0 ||
    input[footer + 9] !== check ||
    input[footer + 10] !== 0x59 ||
    input[footer + 11] !== 0x5a
  ) {
    fail("PV1008", "the xz stream footer is damaged", footer);
  }
}
