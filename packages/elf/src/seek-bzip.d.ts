/** The part of the untyped package seek-bzip 2.0.0 that `compression/bzip2.ts` uses. */
declare module "seek-bzip" {
  interface Source {
    readByte(): number;
    read(buffer: Uint8Array, offset: number, length: number): number;
    seek(position: number): void;
  }
  interface Sink {
    writeByte(byte: number): void;
  }
  const bzip2: { decode(input: Source, output: Sink): void };
  export default bzip2;
}
