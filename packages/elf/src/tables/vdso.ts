/**
 * vDSO images inside read-only data: user code that the kernel maps into processes and never runs itself.
 *
 * arch/x86/entry/vdso/vdso2c.h embeds each as a page-aligned array of whole pages that holds an ELF shared object, so
 * they are found by that: ELF magic, ET_DYN and an x86 machine at the start of a page of data.
 */
import type { KernelTables } from "../types.js";
import { regionBytes, type RegionBytes } from "./regions.js";
import type { Image } from "./source.js";

const PAGE = 4096;
const MAGIC = 0x464c457f;
const ET_DYN = 3;
const EM_386 = 3;
const EM_X86_64 = 62;

export function readVdso({ memory, data }: Image): KernelTables["vdso"] {
  const start: number[] = [];
  const end: number[] = [];
  for (const place of data) {
    const region = regionBytes(memory, place);
    for (let at = (PAGE - (place.start % PAGE)) % PAGE; at + PAGE <= region.bytes.length; at += PAGE) {
      const size = sizeOfShared(region, at);
      if (size === undefined) continue;
      start.push(place.start + at);
      end.push(place.start + at + size);
      at += size - PAGE;
    }
  }
  return start.length === 0 ? undefined : { start: Uint32Array.from(start), end: Uint32Array.from(end) };
}

/** Whole pages that the shared object at `at` takes; undefined where there is none that ends within the region. */
function sizeOfShared({ bytes, view }: RegionBytes, at: number): number | undefined {
  if (view.getUint32(at, true) !== MAGIC || view.getUint16(at + 16, true) !== ET_DYN) return undefined;
  const machine = view.getUint16(at + 18, true);
  if (machine !== EM_386 && machine !== EM_X86_64) return undefined;
  const wide = bytes[at + 4] === 2;
  // The section headers stand last in these files; program headers say how much of them is mapped.
  const word = (offset: number) => view.getUint32(at + offset, true);
  const half = (offset: number) => view.getUint16(at + offset, true);
  let size = wide ? word(0x28) + half(0x3a) * half(0x3c) : word(0x20) + half(0x2e) * half(0x30);
  const [table, entry, count] = wide ? [word(0x20), half(0x36), half(0x38)] : [word(0x1c), half(0x2a), half(0x2c)];
  const fields = wide ? { offset: 8, fileSize: 32, bytes: 56 } : { offset: 4, fileSize: 16, bytes: 32 };
  if (entry < fields.bytes || at + table + entry * count > bytes.length) return undefined;
  for (let row = table; row < table + entry * count; row += entry) {
    size = Math.max(size, word(row + fields.offset) + word(row + fields.fileSize));
  }
  const pages = Math.ceil(size / PAGE) * PAGE;
  return pages > 0 && at + pages <= bytes.length ? pages : undefined;
}
