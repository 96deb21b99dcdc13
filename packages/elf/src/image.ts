/**
 * Opens a kernel image: from the bytes that a distributor ships to everything the other packages ask about.
 *
 * Opening reads the container only. Checksum, release, relocations, symbols and kernel tables are worked out when they
 * are first asked for, and kept.
 */
import { createHash } from "node:crypto";
import { attempt, diagnostic, fail, InputError, unwrap } from "./diagnostic.js";
import type { Result } from "./diagnostic.js";
import { isBzImage, readBootHeader } from "./boot-header.js";
import { isElf, readElf } from "./elf.js";
import { readKallsyms } from "./kallsyms.js";
import { symbolTable } from "./kallsyms/symbol-table.js";
import { lazy } from "./lazy.js";
import { openMemory } from "./memory.js";
import { unpackPayload } from "./payload.js";
import { readRelocations } from "./relocations.js";
import { readSymtab } from "./symtab.js";
import { tableReader, type TableReader } from "./tables/kernel-tables.js";
import type {
  AddressTable,
  Arch,
  Compression,
  ElfFile,
  ImageFormat,
  ImageMemory,
  KernelImage,
  KernelTables,
  Relocations,
  SymbolColumns,
  SymbolTable,
} from "./types.js";

/**
 * Opens a bzImage or an ELF kernel. Errors: PV1001 (cut off), PV1002 (empty), PV1003 (neither of them), PV1004 to PV1006
 * (what `readElf` says), PV1007 (unknown compression), PV1008 (damaged payload).
 */
export async function openImage(file: Uint8Array): Promise<Result<KernelImage>> {
  return attempt(() => {
    // A plain view, so that nothing behaves differently for Node's Buffers.
    const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
    if (bytes.length === 0) fail("PV1002", "the file is empty");
    if (isElf(bytes)) return new OpenedImage("elf", "none", unwrap(readElf(bytes))) as KernelImage;
    if (!isBzImage(bytes)) fail("PV1003", "the file is neither an ELF file nor a bzImage");
    const header = unwrap(readBootHeader(bytes));
    const payload = bytes.subarray(header.payloadOffset, header.payloadOffset + header.payloadLength);
    const { compression, bytes: unpacked } = inFile(header.payloadOffset, () => unpackPayload(payload));
    if (!isElf(unpacked)) fail("PV1003", "the kernel inside the bzImage is not an ELF file");
    const elf = unwrap(readElf(unpacked));
    return new OpenedImage("bzImage", compression, elf, releaseIn(header.kernelVersion ?? "")) as KernelImage;
  });
}

/** Runs `work` on a part of the file that starts at `offset`, and makes the error's offset one in the whole file. */
function inFile<T>(offset: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof InputError) || error.diagnostic.address === undefined) throw error;
    throw new InputError({ ...error.diagnostic, address: offset + error.diagnostic.address });
  }
}

/** What may be known about an image already, say from opening it in another thread; survives a structured clone. */
export interface KnownImage extends Pick<KernelImage, "format" | "compression"> {
  readonly release?: string | undefined;
  readonly symbols?: SymbolColumns | undefined;
  readonly mcount?: AddressTable | undefined;
}

/** Opens an ELF kernel that has been taken out of its container already. Errors: those of `readElf`. */
export function openUnpacked(bytes: Uint8Array, known: KnownImage): KernelImage {
  return new OpenedImage(known.format, known.compression, unwrap(readElf(bytes)), known.release, known) as KernelImage;
}

/** The same image with tables that have been read already, say by another thread. */
export function withTables(image: KernelImage, tables: KernelTables): KernelImage {
  const { arch, format, compression, elf, memory } = image;
  return {
    arch,
    format,
    compression,
    elf,
    memory,
    tables,
    mcount: tables.mcount,
    get relocations() {
      return image.relocations;
    },
    get symbols() {
      return image.symbols;
    },
    get sha256() {
      return image.sha256;
    },
    get release() {
      return image.release;
    },
  } as KernelImage;
}

class OpenedImage {
  readonly arch: Arch;
  readonly memory: ImageMemory;
  readonly #relocations: () => Relocations | undefined;
  readonly #symbols: () => SymbolTable | undefined;
  readonly #reader: () => TableReader;
  readonly #tables: () => KernelTables;
  readonly #sha256: () => string;
  readonly #release: () => string | undefined;

  constructor(
    readonly format: ImageFormat,
    readonly compression: Compression,
    readonly elf: ElfFile,
    release?: string,
    { symbols: columns, mcount }: Pick<KnownImage, "symbols" | "mcount"> = {},
  ) {
    this.arch = elf.arch;
    this.memory = openMemory(elf);
    this.#relocations = lazy(() => readRelocations(elf));
    this.#symbols = lazy(() =>
      columns === undefined ? (readSymtab(elf) ?? readKallsyms(elf, this.memory)) : symbolTable(columns),
    );
    this.#reader = lazy(() => tableReader(elf, this.memory, this.#symbols(), mcount && { mcount }));
    this.#tables = lazy(() => {
      const symbols = this.#symbols();
      const tables = this.#reader().all();
      // Test images are no Linux and need no symbols.
      if (symbols !== undefined || this.release === undefined) return tables;
      return {
        ...tables,
        problems: [...tables.problems, diagnostic("PV2003", "the kernel's symbol table was not found")],
      };
    });
    this.#sha256 = lazy(() => createHash("sha256").update(elf.bytes).digest("hex"));
    this.#release = lazy(() => release ?? releaseFromBanner(elf.bytes));
  }

  get relocations(): Relocations | undefined {
    return this.#relocations();
  }
  get symbols(): SymbolTable | undefined {
    return this.#symbols();
  }
  get tables(): KernelTables {
    return this.#tables();
  }
  get mcount(): AddressTable | undefined {
    return this.#reader().table("mcount");
  }
  get sha256(): string {
    return this.#sha256();
  }
  get release(): string | undefined {
    return this.#release();
  }
}

const BANNER = "Linux version ";

/** The release at the start of a text: a word that may go to a terminal or into a file name. */
function releaseIn(text: string): string | undefined {
  return /^\d[\w.+~-]*(?= |$)/.exec(text)?.[0];
}

/** The word behind the banner (init/version.c, linux_banner) in an uncompressed kernel. */
function releaseFromBanner(bytes: Uint8Array): string | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = file.indexOf(BANNER); at >= 0; at = file.indexOf(BANNER, at + 1)) {
    const start = at + BANNER.length;
    const release = releaseIn(file.toString("latin1", start, start + 128));
    if (release !== undefined) return release;
  }
  return undefined;
}
