/**
 * LZ4's legacy frame, the one that kernels are packed with (`lz4 -l`): a magic number, then blocks, each with its packed
 * size in 4 bytes and up to 8 MiB of content. No checksums.
 *
 * The block decoder is our own because lz4js's checks nothing: a match before the start of the output reads as zeros,
 * one behind its end is dropped, and a damaged kernel comes out as if it were whole.
 *
 * Source: lz4's doc/lz4_Frame_format.md (Legacy frame) and doc/lz4_Block_format.md.
 */
import { fail } from "../diagnostic.js";
import { viewOf } from "../layout.js";

export const LZ4_LEGACY_MAGIC = 0x184c2102;

/** Bytes: blocks are independent, and no larger than this. */
const BLOCK_SIZE = 8 << 20;

/** Bytes from which on a native copy is faster than a loop. */
const LONG_COPY = 32;

/** Decodes the frame at the start of `input` into `output`, which it must fill exactly. */
export function decodeLz4(input: Uint8Array, output: Uint8Array): void {
  const view = viewOf(input);
  let at = 4;
  let outputAt = 0;
  while (outputAt < output.length) {
    if (at + 4 > input.length) fail("PV1008", "the LZ4 data is cut off", at);
    const size = view.getUint32(at, true);
    at += 4;
    // Frames may follow one another.
    if (size === LZ4_LEGACY_MAGIC) continue;
    if (size === 0 || size > input.length - at) fail("PV1008", `an LZ4 block claims ${size} bytes`, at - 4);
    const limit = Math.min(output.length, outputAt + BLOCK_SIZE);
    outputAt = decodeBlock(input, at, at + size, output, outputAt, limit);
    at += size;
  }
  if (at !== input.length) fail("PV1008", "data follows the last LZ4 block", at);
}

/** Decodes one block; gives the new end of the output. */
function decodeBlock(
  input: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  outputStart: number,
  limit: number,
): number {
  let at = start;
  let to = outputStart;
  while (at < end) {
    const token = input[at++];
    let literals = token >> 4;
    if (literals === 15) {
      let more;
      do {
        if (at >= end) fail("PV1008", "an LZ4 block ends within a length", at);
        more = input[at++];
        literals += more;
      } while (more === 255);
    }
    if (literals > end - at || literals > limit - to) fail("PV1008", "an LZ4 block's literals do not fit", at);
    if (literals < LONG_COPY) for (let stop = to + literals; to < stop;) output[to++] = input[at++];
    else {
      output.set(input.subarray(at, at + literals), to);
      to += literals;
      at += literals;
    }
    // The last sequence has no match.
    if (at === end) return to;

    if (at + 2 > end) fail("PV1008", "an LZ4 block ends within a match", at);
    const offset = input[at] | (input[at + 1] << 8);
    at += 2;
    let length = (token & 15) + 4;
    if (length === 19) {
      let more;
      do {
        if (at >= end) fail("PV1008", "an LZ4 block ends within a length", at);
        more = input[at++];
        length += more;
      } while (more === 255);
    }
    if (offset === 0 || offset > to - outputStart) fail("PV1008", "an LZ4 match points before its block", at);
    if (length > limit - to) fail("PV1008", "an LZ4 block holds more than it may", at);
    if (length >= LONG_COPY && offset >= length) {
      output.copyWithin(to, to - offset, to - offset + length);
      to += length;
    } else for (let stop = to + length, from = to - offset; to < stop;) output[to++] = output[from++];
  }
  return fail("PV1008", "an LZ4 block ends with a match", at);
}
