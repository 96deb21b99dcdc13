/**
 * Where the fields of ELF's three kinds of header sit, for both classes (System V ABI, gABI chapters 4 and 5; elf.h).
 * Numbers are byte offsets into one header.
 */
export interface Layout {
  /** Bytes of the ELF header. */
  readonly headerSize: number;
  /** Bytes of an address or offset field. */
  readonly word: 4 | 8;
  readonly header: {
    readonly entry: number;
    readonly phoff: number;
    readonly shoff: number;
    readonly ehsize: number;
    readonly phentsize: number;
    readonly phnum: number;
    readonly shentsize: number;
    readonly shnum: number;
    readonly shstrndx: number;
  };
  readonly segmentSize: number;
  readonly segment: Readonly<
    Record<"type" | "flags" | "offset" | "vaddr" | "paddr" | "filesz" | "memsz" | "align", number>
  >;
  readonly sectionSize: number;
  readonly section: Readonly<
    Record<"name" | "type" | "flags" | "addr" | "offset" | "size" | "link" | "info" | "addralign" | "entsize", number>
  >;
}

const ELF32: Layout = {
  headerSize: 52,
  word: 4,
  header: {
    entry: 24,
    phoff: 28,
    shoff: 32,
    ehsize: 40,
    phentsize: 42,
    phnum: 44,
    shentsize: 46,
    shnum: 48,
    shstrndx: 50,
  },
  segmentSize: 32,
  segment: { type: 0, offset: 4, vaddr: 8, paddr: 12, filesz: 16, memsz: 20, flags: 24, align: 28 },
  sectionSize: 40,
  section: {
    name: 0,
    type: 4,
    flags: 8,
    addr: 12,
    offset: 16,
    size: 20,
    link: 24,
    info: 28,
    addralign: 32,
    entsize: 36,
  },
};

const ELF64: Layout = {
  headerSize: 64,
  word: 8,
  header: {
    entry: 24,
    phoff: 32,
    shoff: 40,
    ehsize: 52,
    phentsize: 54,
    phnum: 56,
    shentsize: 58,
    shnum: 60,
    shstrndx: 62,
  },
  segmentSize: 56,
  segment: { type: 0, flags: 4, offset: 8, vaddr: 16, paddr: 24, filesz: 32, memsz: 40, align: 48 },
  sectionSize: 64,
  section: {
    name: 0,
    type: 4,
    flags: 8,
    addr: 16,
    offset: 24,
    size: 32,
    link: 40,
    info: 44,
    addralign: 48,
    entsize: 56,
  },
};

export function layoutOf(bits: 32 | 64): Layout {
  return bits === 32 ? ELF32 : ELF64;
}

export const PT_LOAD = 1;
export const SHT_NULL = 0;
export const SHT_PROGBITS = 1;
export const SHT_SYMTAB = 2;
export const SHT_STRTAB = 3;
export const SHT_NOBITS = 8;
export const SHF_ALLOC = 2;
export const SHF_EXECINSTR = 4;

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** An offset or size field. A 64-bit one above 2^53 loses low bits, but stays far beyond every file. */
export function readWord(view: DataView, at: number, word: 4 | 8): number {
  const low = view.getUint32(at, true);
  return word === 4 ? low : view.getUint32(at + 4, true) * 2 ** 32 + low;
}

/** Upper half of an address field: 0 for ELF32. */
export function readHigh(view: DataView, at: number, word: 4 | 8): number {
  return word === 4 ? 0 : view.getUint32(at + 4, true);
}

/** Writes an offset or size below 2^53. */
export function writeWord(view: DataView, at: number, word: 4 | 8, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  if (word === 8) view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}
