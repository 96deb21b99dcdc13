/**
 * Images for the tests of tables: assembled fake kernels (test-images/fake-kernels), and images put together from bytes
 * without any file around them.
 */
import { readFileSync } from "node:fs";
import { assembleElf, type Filetest } from "@pv/assembler";
import { fail, openMemory, readElf, readSymtab, unwrap } from "@pv/elf";
import type { ElfFile, ImageMemory, SymbolTable } from "@pv/elf";

export const FAKE_KERNELS = new URL("../../../test-images/fake-kernels/", import.meta.url);
const PROGBITS = 1;
const ALLOC = 2;
const EXECINSTR = 4;
const LINKER_SCRIPT = readFileSync(new URL("kernel.ld", FAKE_KERNELS), "utf8");

export interface FakeKernel {
  readonly bytes: Uint8Array;
  readonly elf: ElfFile;
  readonly memory: ImageMemory;
  /** Of .symtab. */
  readonly symbols: SymbolTable;
}

export function fakeKernel({ source, bits }: Pick<Filetest, "source" | "bits">, strip = false): FakeKernel {
  const linkerScript = LINKER_SCRIPT.replaceAll("@BASE@", bits === 32 ? "0xc1000000" : "0xffffffff81000000");
  return openFake(assembleElf(source, { bits, linkerScript, strip }));
}

export function openFake(bytes: Uint8Array): FakeKernel {
  const elf = unwrap(readElf(bytes));
  return { bytes, elf, memory: openMemory(elf), symbols: readSymtab(elf) as SymbolTable };
}

/** The text of a fake kernel file: its source and its word size. */
export function fakeSource(name: string): Pick<Filetest, "source" | "bits"> {
  const source = readFileSync(new URL(`${name}.s`, FAKE_KERNELS), "utf8");
  return { source, bits: source.includes("# bits: 64") ? 64 : 32 };
}

export interface Part {
  readonly name: string;
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly executable?: boolean;
}

/** The sections of a fake kernel that have contents. */
export function partsOf({ elf, memory }: FakeKernel): Part[] {
  return elf.sections
    .filter(({ type, flags, size }) => type === PROGBITS && (flags & ALLOC) !== 0 && size > 0)
    .map(({ name, address, size, flags }) => {
      const executable = (flags & EXECINSTR) !== 0;
      return { name, address, executable, bytes: memory.read(address, size).slice() };
    });
}

/** An image of the given sections, in ascending order of address and apart from each other. */
export function imageOfParts(bits: 32 | 64, parts: readonly Part[]): { elf: ElfFile; memory: ImageMemory } {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.bytes.length, 0));
  let offset = 0;
  const sections = parts.map((part, index) => {
    bytes.set(part.bytes, offset);
    const { name, address } = part;
    const flags = part.executable === true ? ALLOC | EXECINSTR : ALLOC;
    const rest = { link: 0, info: 0, align: 1, entrySize: 0 };
    const section = { index, name, type: PROGBITS, flags, address, offset, size: part.bytes.length, ...rest };
    offset += part.bytes.length;
    return section;
  });
  const elf: ElfFile = {
    bits,
    arch: bits === 32 ? "i386" : "amd64",
    type: 2,
    entry: 0,
    addressHigh: bits === 32 ? 0 : 0xffff_ffff,
    sections,
    segments: [],
    bytes,
    endOfElf: bytes.length,
  };
  const place = (address: number, length: number) => {
    const section = sections.find((s) => address >= s.address && address + length <= s.address + s.size);
    return section === undefined || length < 0 ? -1 : section.offset + address - section.address;
  };
  const view = new DataView(bytes.buffer);
  const need = (address: number, length: number) => {
    const at = place(address, length);
    return at >= 0 ? at : fail("PV1009", `nothing at ${address.toString(16)}`, address);
  };
  const memory: ImageMemory = {
    read: (address, length) => bytes.subarray(need(address, length), need(address, length) + length),
    has: (address, length) => place(address, length) >= 0,
    u8: (address) => bytes[need(address, 1)],
    u16: (address) => view.getUint16(need(address, 2), true),
    u32: (address) => view.getUint32(need(address, 4), true),
    i32: (address) => view.getInt32(need(address, 4), true),
  };
  return { elf, memory };
}
