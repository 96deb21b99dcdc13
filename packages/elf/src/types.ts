/**
 * The shapes of an opened kernel image. Addresses are the low 32 bits of virtual addresses (`Va`); columns are typed
 * arrays wherever a table can have thousands of rows.
 */
import type { Diagnostic, Va } from "./diagnostic.js";

export type Arch = "i386" | "amd64";

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  /** SHT_* */
  readonly type: number;
  /** SHF_* (low 32 bits) */
  readonly flags: number;
  readonly address: Va;
  /** File offset, bytes. */
  readonly offset: number;
  /** Bytes (also of SHT_NOBITS, which has none in the file). */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entrySize: number;
}

export interface ElfSegment {
  readonly index: number;
  /** PT_* */
  readonly type: number;
  /** PF_* */
  readonly flags: number;
  readonly offset: number;
  readonly virtualAddress: Va;
  /** Physical address: below 4 GiB for every kernel. */
  readonly physicalAddress: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly align: number;
}

/** One ELF file. `bytes` is the whole file as read; nothing else is needed to write it back. */
export interface ElfFile {
  readonly bits: 32 | 64;
  readonly arch: Arch;
  /** ET_* */
  readonly type: number;
  readonly entry: Va;
  /** Upper half of virtual addresses: 0 or 0xffffffff. */
  readonly addressHigh: number;
  readonly sections: readonly ElfSection[];
  readonly segments: readonly ElfSegment[];
  readonly bytes: Uint8Array;
  /** Where the last byte that any header speaks of ends: what follows was appended (relocations). */
  readonly endOfElf: number;
}

/** Bytes of memory as the image would have it after loading: address ranges that have file contents. */
export interface ImageMemory {
  /** `length` bytes at `address` (a view). Fails with PV1009 where the range is not wholly backed by file contents. */
  read(address: Va, length: number): Uint8Array;
  readonly has: (address: Va, length: number) => boolean;
  u8(address: Va): number;
  u16(address: Va): number;
  u32(address: Va): number;
  i32(address: Va): number;
}

/**
 * Relocations that the kernel's build appends to the decompressed image (arch/x86/boot/compressed/relocs): addresses
 * of words that hold absolute addresses. Each list ascending.
 */
export interface Relocations {
  /** Words of 32 bits that hold an absolute address. */
  readonly absolute32: Uint32Array;
  /** Words of 32 bits that hold the negative of the image's displacement (per-cpu, x86-64 only). */
  readonly inverse32: Uint32Array;
  /** Words of 64 bits (x86-64 only). */
  readonly absolute64: Uint32Array;
}

/** What a symbol table is made of; survives a structured clone (`symbolTable`). A name is a row of token numbers. */
export interface SymbolColumns {
  /** Ascending. */
  readonly address: Uint32Array;
  readonly type: Uint8Array;
  /** Where the names are stored, and by symbol, where its first token is and how many tokens it has. */
  readonly bytes: Uint8Array;
  readonly offset: Uint32Array;
  readonly length: Uint16Array;
  /** The text that each of the 256 tokens stands for. */
  readonly tokens: readonly string[];
  /** How many characters precede the name itself. */
  readonly skipped: number;
}

/** Symbols sorted by address. */
export interface SymbolTable {
  readonly columns: SymbolColumns;
  readonly count: number;
  readonly address: Uint32Array;
  /** nm-style type letter as a character code ('T', 't', 'D', ...). */
  readonly type: Uint8Array;
  name(row: number): string;
  /** Address of the first symbol with that name. */
  lookup(name: string): Va | undefined;
  /** Rows of the symbols whose names begin with one of the prefixes, ascending. */
  startingWith(prefixes: readonly string[]): number[];
  /** Row of the last symbol at or below `address`, or -1. */
  below(address: Va): number;
}

export interface ExceptionTable {
  readonly insn: Uint32Array;
  readonly fixup: Uint32Array;
  /** The raw third word: handler type and data (arch/x86/include/asm/extable_fixup_types.h). */
  readonly type: Uint32Array;
}

export interface Alternatives {
  readonly site: Uint32Array;
  readonly siteLength: Uint8Array;
  readonly replacement: Uint32Array;
  readonly replacementLength: Uint8Array;
  /** CPU feature number as stored (may carry the ALT_NOT bit). */
  readonly feature: Uint32Array;
}

export interface ParavirtSites {
  readonly site: Uint32Array;
  readonly type: Uint8Array;
  readonly length: Uint8Array;
}

export interface JumpLabels {
  readonly code: Uint32Array;
  readonly target: Uint32Array;
  readonly key: Uint32Array;
}

export interface BugTable {
  /** Address of the ud2. */
  readonly site: Uint32Array;
  readonly flags: Uint16Array;
  /** 1 where the row is a WARN: execution goes on behind the ud2. */
  readonly warning: Uint8Array;
}

/** A table whose rows are single addresses. */
export interface AddressTable {
  readonly site: Uint32Array;
}

export interface StaticCallSites {
  readonly site: Uint32Array;
  readonly key: Uint32Array;
  /** 1 for a tail call (jmp). */
  readonly tail: Uint8Array;
}

/** Every kernel table of an image; a table that the image lacks is undefined, one that is damaged is in `problems`. */
export interface KernelTables {
  readonly exceptions?: ExceptionTable;
  readonly alternatives?: Alternatives;
  readonly paravirt?: ParavirtSites;
  readonly jumpLabels?: JumpLabels;
  readonly smpLocks?: AddressTable;
  readonly bugs?: BugTable;
  readonly staticCalls?: StaticCallSites;
  readonly mcount?: AddressTable;
  readonly retpolines?: AddressTable;
  readonly returns?: AddressTable;
  readonly kprobeBlacklist?: AddressTable;
  /** Ranges of vDSO images inside read-only data: user code. */
  readonly vdso?: { readonly start: Uint32Array; readonly end: Uint32Array };
  readonly problems: readonly Diagnostic[];
}

export type ImageFormat = "bzImage" | "elf";
export type Compression = "none" | "gzip" | "xz" | "lzma" | "bzip2" | "lz4" | "zstd";

export interface KernelImage {
  readonly arch: Arch;
  readonly format: ImageFormat;
  readonly compression: Compression;
  readonly elf: ElfFile;
  readonly memory: ImageMemory;
  readonly relocations?: Relocations;
  /** kallsyms, or the ELF symbol table where there is one. */
  readonly symbols?: SymbolTable;
  readonly tables: KernelTables;
  /** `tables.mcount`, read without the others: what decoding cannot wait for. */
  readonly mcount?: AddressTable;
  /** SHA-256 of the ELF file's bytes, lower-case hex. */
  readonly sha256: string;
  /** The release out of the "Linux version ..." banner or the boot header, such as `6.1.0-50-686`. */
  readonly release?: string;
}
