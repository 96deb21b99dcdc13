/** What the monitor of the back end `ring3` counted, out of a machine's memory (docs/formats.md, "Monitor"). */
import { attempt, fail, type Result } from "@pv/elf";

/** Physical addresses of the monitor's header and of the first byte that is the guest's again. */
export const MONITOR_PHYSICAL = 0x02c0_0000;
export const MONITOR_END = 0x0480_0000;

const HEADER_OFFSET = 16;
const HEADER_SIZE = 16;
const MAGIC = 0x4e4d_5650; // "PVMN"
const TABLE_MAGIC = 0x534d_5650; // "PVMS"
const VERSION = 1;
const KINDS = 256;
const VECTORS = 256;
const FIXED = 8 + 4 * KINDS + 4 * VECTORS;
const ROW = 12;
/** Bit of a site row: its first byte was replaced by a one-byte trap. */
const TRAPPED = 1;
/** And of the next byte: it is in a kernel module. */
const MODULE = 1;

export interface MonitorCounts {
  /** Emulated instructions by kind number; 0 for those that are no sensitive ones. */
  readonly kinds: Uint32Array;
  /** Entries into the monitor by vector; host interrupts are 20h to 2Fh. */
  readonly vectors: Uint32Array;
  /** Sites ascending by address, as columns: those of the annotation table in its order, and those of kernel modules between. */
  readonly count: number;
  readonly address: Uint32Array;
  readonly kind: Uint8Array;
  /** Whether it is a module's. */
  readonly module: Uint8Array;
  /** Whether a one-byte trap stands there. */
  readonly trapped: Uint8Array;
  /** How often each site came into the monitor. */
  readonly traps: Uint32Array;
}

/** Reads the counts. Errors: PV5002 (no monitor in that memory, or nonsense in its table). */
export async function readMonitorCounts(
  memory: (physical: number, length: number) => Promise<Uint8Array>,
): Promise<Result<MonitorCounts>> {
  const header = viewOf(await memory(MONITOR_PHYSICAL + HEADER_OFFSET, HEADER_SIZE));
  const at = header.getUint32(8, true);
  const size = header.getUint32(12, true);
  const right =
    header.getUint32(0, true) === MAGIC &&
    header.getUint16(4, true) === VERSION &&
    at >= MONITOR_PHYSICAL &&
    size >= FIXED &&
    size <= MONITOR_END - at;
  const table = right ? await memory(at, size) : new Uint8Array();
  return attempt(() => {
    if (!right) fail("PV5002", "There is no monitor in the machine's memory.", MONITOR_PHYSICAL);
    return parseTable(viewOf(table), at);
  });
}

function parseTable(view: DataView, at: number): MonitorCounts {
  const count = view.getUint32(4, true);
  if (view.getUint32(0, true) !== TABLE_MAGIC || count > (view.byteLength - FIXED) / ROW)
    fail("PV5002", "The monitor's table of sites is damaged.", at);
  const row = (site: number): number => FIXED + site * ROW;
  return {
    kinds: Uint32Array.from({ length: KINDS }, (_, kind) => view.getUint32(8 + 4 * kind, true)),
    vectors: Uint32Array.from({ length: VECTORS }, (_, vector) => view.getUint32(8 + 4 * KINDS + 4 * vector, true)),
    count,
    address: Uint32Array.from({ length: count }, (_, site) => view.getUint32(row(site), true)),
    kind: Uint8Array.from({ length: count }, (_, site) => view.getUint8(row(site) + 5)),
    module: Uint8Array.from({ length: count }, (_, site) => view.getUint8(row(site) + 7) & MODULE),
    trapped: Uint8Array.from({ length: count }, (_, site) => view.getUint8(row(site) + 6) & TRAPPED),
    traps: Uint32Array.from({ length: count }, (_, site) => view.getUint32(row(site) + 8, true)),
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
