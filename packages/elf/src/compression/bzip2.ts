/**
 * bzip2 by seek-bzip, which checks both of the format's CRCs. It is given streams of our own, because its buffers grow
 * with the data and its reader knows no end of input.
 */
import bzip2 from "seek-bzip";
import { fail } from "../diagnostic.js";

/** Decodes the stream at the start of `input` into `output`, which it must fill exactly. */
export function decodeBzip2(input: Uint8Array, output: Uint8Array): void {
  let at = 0;
  let to = 0;
  const readByte = (): number => {
    if (at >= input.length) fail("PV1008", "the bzip2 data is cut off", at);
    return input[at++];
  };
  const source = {
    readByte,
    read(buffer: Uint8Array, offset: number, length: number): number {
      for (let i = 0; i < length; i++) buffer[offset + i] = readByte();
      return length;
    },
    seek(position: number): void {
      at = position;
    },
  };
  const sink = {
    writeByte(byte: number): void {
      if (to >= output.length) fail("PV1008", `the bzip2 data holds more than ${output.length} bytes`, at);
      output[to++] = byte;
    },
  };
  bzip2.decode(source, sink);
  if (to !== output.length) fail("PV1008", `the bzip2 data holds ${to} bytes instead of ${output.length}`, at);
}
