/**
 * The resident area: emulation routines, counters and stubs in guest memory (docs/formats.md, "Resident area"). The
 * reference patcher reads where things are from the built blob; the machines read what came of it from a guest's memory.
 */
import { attempt, fail, type Result } from "@pv/elf";

const MAGIC = 0x5352_5650; // "PVRS"
const VERSION = 1;
const HEADER = 64;
const PAGE = 4096;

/** Physical address of the resident area, and the first one behind it. */
export const RESIDENT_PHYSICAL = 0x00f0_0000;
export const RESIDENT_END = 0x0100_0000;
/** Virtual minus physical address that the blob is linked for. */
export const RESIDENT_PAGE_OFFSET = 0xc000_0000;

const BASE = RESIDENT_PHYSICAL + RESIDENT_PAGE_OFFSET;
const END = RESIDENT_END + RESIDENT_PAGE_OFFSET;

const BUILD_AGAIN = "Build the loader image again.";

/** Where the resident blob has what; addresses are virtual. */
export interface ResidentInfo {
  /** Bytes of the blob in memory. */
  readonly size: number;
  readonly arenaAddress: number;
  readonly arenaSize: number;
  readonly countersAddress: number;
  /** Counters: one 32-bit word per kind number. */
  readonly counterCount: number;
  readonly routines: Uint32Array;
}

/** What a guest's resident area says. */
export interface ResidentState {
  /** 0 nothing done yet, 1 patched, 2 started without patching, otherwise the number of the error (4003 for PV4003). */
  readonly status: number;
  readonly arenaAddress: number;
  readonly arenaUsed: number;
  readonly applied: number;
  readonly left: number;
  readonly poison: boolean;
  readonly arenaChecksum: number;
  /** Of the patched kernel, where the boot stage was to stop behind patching; else 0. */
  readonly kernelChecksum: number;
  /** Executions by kind number. */
  readonly counters: Uint32Array;
}

/**
 * Reads the blob as it was built (its header comes first). Errors: PV1001 (truncated), PV4005 (not a resident blob, or
 * nonsense in its header).
 */
export function readResident(blob: Uint8Array): Result<ResidentInfo> {
  return attempt(() => {
    if (blob.length < HEADER) fail("PV1001", `${blob.length} bytes are too few for a resident blob.`, 0, BUILD_AGAIN);
    const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
    const layout = parse(view);
    const table = layout.routineTable - BASE;
    if (table + layout.routineCount * 4 > blob.length) damaged("The table of routines is behind the blob's bytes.");
    const routines = Uint32Array.from({ length: layout.routineCount }, (_, row) =>
      view.getUint32(table + row * 4, true),
    );
    routines.forEach((address, row) => {
      if (address < BASE || address >= BASE + layout.size) damaged(`Routine ${row} is outside the blob.`, address);
    });
    const { size, arenaAddress, arenaSize, countersAddress, counterCount } = layout;
    return { size, arenaAddress, arenaSize, countersAddress, counterCount, routines };
  });
}

/**
 * Reads the resident area of a guest; `memory` gives `length` bytes of physical memory. Error: PV5002 where the area is
 * not there (yet).
 */
export function readResidentState(memory: (physical: number, length: number) => Uint8Array): Result<ResidentState> {
  return attempt(() => {
    const header = memory(RESIDENT_PHYSICAL, HEADER);
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    if (header.length < HEADER || view.getUint32(0, true) !== MAGIC)
      fail("PV5002", "The guest has no resident area.", RESIDENT_PHYSICAL);
    const { arenaAddress, countersAddress, counterCount } = parse(view);
    const counters = memory(countersAddress - RESIDENT_PAGE_OFFSET, counterCount * 4);
    if (counters.length < counterCount * 4)
      fail("PV5002", "The guest's memory ends within the counters.", countersAddress);
    const words = new DataView(counters.buffer, counters.byteOffset, counters.byteLength);
    return {
      status: view.getUint32(40, true),
      arenaAddress,
      arenaUsed: view.getUint32(20, true),
      applied: view.getUint32(44, true),
      left: view.getUint32(48, true),
      poison: (view.getUint32(52, true) & 1) !== 0,
      arenaChecksum: view.getUint32(56, true),
      kernelChecksum: view.getUint32(60, true),
      counters: Uint32Array.from({ length: counterCount }, (_, kind) => words.getUint32(kind * 4, true)),
    };
  });
}

function parse(view: DataView) {
  const word = (offset: number) => view.getUint32(offset, true);
  if (word(0) !== MAGIC) damaged("The bytes do not start with PVRS.");
  if (view.getUint16(4, true) !== VERSION || view.getUint16(6, true) !== HEADER) {
    damaged(
      `Resident version ${view.getUint16(4, true)} with a header of ${view.getUint16(6, true)} bytes is not known here.`,
    );
  }
  const [size, arenaAddress, arenaSize] = [word(8), word(12), word(16)];
  const [countersAddress, counterCount, routineCount, routineTable] = [word(24), word(28), word(32), word(36)];
  if (size < HEADER || size > END - BASE) damaged(`The header says that the blob has ${size} bytes.`);
  if (arenaAddress !== BASE + Math.ceil(size / PAGE) * PAGE || arenaSize > END - arenaAddress) {
    damaged(`The stub area of ${arenaSize} bytes is not behind the blob.`, arenaAddress);
  }
  const inside = (name: string, address: number, count: number) => {
    if (address < BASE + HEADER || address > BASE + size || count > (BASE + size - address) / 4) {
      damaged(`${count} ${name} are not inside the blob.`, address);
    }
  };
  inside("counters", countersAddress, counterCount);
  inside("routines", routineTable, routineCount);
  return { size, arenaAddress, arenaSize, countersAddress, counterCount, routineCount, routineTable };
}

function damaged(message: string, address?: number): never {
  fail("PV4005", message, address, BUILD_AGAIN);
}
