/**
 * zstd by fzstd, with what it leaves out: the frame is walked first, so that nothing outside of it is read, and
 * the content's checksum is compared (of 60 copies of a kernel with three flipped bits each, fzstd takes 29 as whole).
 *
 * Source: RFC 8878, section numbers in the comments.
 */
import { decompress } from "fzstd";
import { fail } from "../diagnostic.js";
import { viewOf } from "../layout.js";
import { xxhash64Low } from "./xxhash64.js";

/** Decodes the frame at the start of `input` into `output`, which it must fill exactly. */
export function decodeZstd(input: Uint8Array, output: Uint8Array): void {
  const frame = walkFrame(input);
  if (frame.contentSize !== undefined && frame.contentSize !== output.length) {
    fail("PV1008", `the zstd frame holds ${frame.contentSize} bytes instead of ${output.length}`, 5);
  }
  decompress(input.subarray(0, frame.end), output);
  if (!frame.checksum) return;
  if (viewOf(input).getUint32(frame.end - 4, true) !== xxhash64Low(output)) {
    fail("PV1008", "the decompressed kernel does not have the checksum that the zstd frame names", frame.end - 4);
  }
}

interface Frame {
  readonly end: number;
  readonly checksum: boolean;
  readonly contentSize: number | undefined;
}

function walkFrame(input: Uint8Array): Frame {
  const cut = (at: number): never => fail("PV1008", "the zstd data is cut off", at);
  // 3.1.1.1: descriptor, window, dictionary, content size
  const descriptor = input[4];
  const single = (descriptor & 0x20) !== 0;
  const checksum = (descriptor & 4) !== 0;
  if (descriptor & 8) fail("PV1008", "the zstd frame has a reserved flag", 4);
  if (descriptor & 3) fail("PV1007", "the zstd frame needs a dictionary", 4);
  let at = single ? 5 : 6;
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6];
  if (at + sizeBytes > input.length) cut(at);
  const size = input.subarray(at, at + sizeBytes).reduceRight((sum, byte) => sum * 256 + byte, 0);
  const contentSize = sizeBytes === 0 ? undefined : size + (sizeBytes === 2 ? 256 : 0);
  at += sizeBytes;
  // 3.1.1.2: each block's header has a last flag, a type and a size; a run (type 1) has one byte of content
  for (let last = false; !last; ) {
    if (at + 3 > input.length) cut(at);
    const header = input[at] | (input[at + 1] << 8) | (input[at + 2] << 16);
    const type = (header >> 1) & 3;
    if (type === 3) fail("PV1008", "the zstd data has a block of unknown type", at);
    at += 3 + (type === 1 ? 1 : header >> 3);
    if (at > input.length) cut(input.length);
    last = (header & 1) !== 0;
  }
  if (checksum) at += 4;
  if (at > input.length) cut(input.length);
  return { end: at, checksum, contentSize };
}
