/**
 * A kernel as the boot image loads it: the range of physical memory that its PT_LOAD segments span. Bytes that no
 * segment gives are zero.
 */
import { fail, type ElfFile, type ElfSegment } from "@pv/elf";
import { crc32 } from "./crc32.js";

const PT_LOAD = 1;

/** Bytes. Debian's kernels span 20 to 70 MB; a hostile header must not make us allocate 4 GB. */
const MAX_SPAN = 256 << 20;

export interface LoadedKernel {
  /** Physical address of the first byte. */
  readonly start: number;
  readonly bytes: Uint8Array;
  /** Virtual minus physical address of the first loaded segment, modulo 2^32. */
  readonly pageOffset: number;
  /** The loaded bytes at a virtual address (a view), undefined where a segment's file contents do not hold all of them. */
  at(address: number, length: number): Uint8Array | undefined;
  /** CRC-32 over the bytes that came from the file, in program header order, as they are now. */
  checksum(): number;
}

function loadSegments(elf: ElfFile): ElfSegment[] {
  return elf.segments.filter((segment) => segment.type === PT_LOAD && segment.memorySize > 0);
}

/** CRC-32 over the file contents of every loaded segment, in program header order. */
export function kernelChecksum(elf: ElfFile): number {
  return loadSegments(elf).reduce(
    (sum, { offset, fileSize }) => crc32(elf.bytes.subarray(offset, offset + fileSize), sum),
    0,
  );
}

/** Lays a kernel out in memory. Fails with PV1006 where its segments make no sense there. */
export function loadKernel(elf: ElfFile): LoadedKernel {
  const segments = loadSegments(elf);
  if (segments.length === 0) fail("PV1006", "The kernel has no segment to load.");
  const start = Math.min(...segments.map((segment) => segment.physicalAddress));
  const end = Math.max(...segments.map((segment) => segment.physicalAddress + segment.memorySize));
  if (end - start > MAX_SPAN)
    fail("PV1006", `The kernel's segments span ${end - start} bytes of physical memory.`, start);
  const inOrder = segments.toSorted((a, b) => a.physicalAddress - b.physicalAddress);
  inOrder.slice(1).forEach((segment, index) => {
    const before = inOrder[index];
    if (before.physicalAddress + before.memorySize > segment.physicalAddress) {
      fail("PV1006", "Two segments overlap in physical memory.", segment.physicalAddress);
    }
  });

  const bytes = new Uint8Array(end - start);
  const loaded = segments.map(({ offset, fileSize, memorySize, physicalAddress, virtualAddress }) => {
    if (fileSize > memorySize || offset + fileSize > elf.bytes.length)
      fail("PV1006", "A segment is not in the file.", virtualAddress);
    const at = physicalAddress - start;
    bytes.set(elf.bytes.subarray(offset, offset + fileSize), at);
    return { virtualAddress, contents: bytes.subarray(at, at + fileSize) };
  });
  return {
    start,
    bytes,
    pageOffset: (segments[0].virtualAddress - segments[0].physicalAddress) >>> 0,
    at(address, length) {
      for (const { virtualAddress, contents } of loaded) {
        const from = address - virtualAddress;
        if (from >= 0 && from + length <= contents.length) return contents.subarray(from, from + length);
      }
      return undefined;
    },
    checksum: () => loaded.reduce((sum, { contents }) => crc32(contents, sum), 0),
  };
}
