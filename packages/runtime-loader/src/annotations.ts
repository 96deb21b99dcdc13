/**
 * The annotation table: what may be done with a kernel's sensitive instructions, as columns and as the bytes of section
 * `.previrt` (docs/formats.md, "Annotation table, version 1").
 *
 * `Annotations` that came out of `readAnnotations` or `annotate` hold: sites strictly ascending; patches ascending without
 * overlap; the items of a patch cover its window exactly, jumps and calls only at the end; a site is in the patch that it
 * names, at its own address and with its own length, or it names a reason why it is in none. Whether the table fits a
 * kernel is another question: see previrtualized.ts.
 */
import { attempt, fail, type Result } from "@pv/elf";
import { ItemOp, NO_PATCH, Tactic, type ModuleHook } from "@pv/stubgen";
import { crc32 } from "./crc32.js";
import { makeColumns, readRows, writeRows, type Columns, type RowLayout } from "./rows.js";

/** The ELF section that holds the table. */
export const ANNOTATION_SECTION = ".previrt";

const MAGIC = 0x4e41_5650; // "PVAN"
const VERSION = 1;
const HEADER = 96;
const CRC_FROM = 24;

export { NO_PATCH };

/** Bits of the column `flags` of sites. */
export const SiteFlag = { replacement: 1, exceptionRow: 2, mayRunUnpaged: 4, stepped: 8 } as const;

const MIN_WINDOW = 5;
/** A short jump, and the one that it leads to. */
const MIN_SHORT_WINDOW = 7;
const MAX_WINDOW = 64;
const MAX_INSTRUCTION = 15;
const MAX_KNOWN = 3;

export const SITE_ROW = {
  size: 32,
  fields: {
    address: [0, 4],
    kind: [4, 2],
    form: [6, 2],
    length: [8, 1],
    firstByte: [9, 1],
    flags: [10, 1],
    known: [11, 1],
    knownValue: [12, 4],
    liveParts: [16, 4],
    liveRest: [20, 4],
    patch: [24, 4],
    reason: [28, 1],
    assumptions: [30, 2],
  },
} as const satisfies RowLayout;

export const PATCH_ROW = {
  size: 16,
  fields: { start: [0, 4], length: [4, 1], tactic: [5, 1], itemCount: [6, 2], firstItem: [8, 4], checksum: [12, 4] },
} as const satisfies RowLayout;

export const ITEM_ROW = {
  size: 12,
  fields: { op: [0, 1], length: [1, 1], condition: [2, 1], offset: [3, 1], target: [4, 4] },
} as const satisfies RowLayout;

/** Bytes of a call or jump with a displacement of 32 bits. */
export const CALL_SIZE = 5;

export type SiteColumns = Columns<typeof SITE_ROW>;
export type PatchColumns = Columns<typeof PATCH_ROW>;
export type ItemColumns = Columns<typeof ITEM_ROW>;

export interface Annotations {
  /** ELF machine: 3 (i386) or 62 (x86-64). */
  readonly machine: 3 | 62;
  /** Upper half of every address. */
  readonly addressHigh: number;
  /** CRC-32 over the file contents of every PT_LOAD segment, in program header order. */
  readonly kernelChecksum: number;
  /** SHA-256 of the ELF file before the section was added, lower-case hex. */
  readonly sha256: string;
  readonly sites: SiteColumns;
  readonly patches: PatchColumns;
  readonly items: ItemColumns;
  readonly moduleHook: ModuleHook | null;
}

/** A table without a site. */
export function emptyAnnotations(machine: 3 | 62): Annotations {
  return {
    machine,
    addressHigh: machine === 3 ? 0 : 0xffff_ffff,
    kernelChecksum: 0,
    sha256: "0".repeat(64),
    sites: makeColumns(SITE_ROW, 0),
    patches: makeColumns(PATCH_ROW, 0),
    items: makeColumns(ITEM_ROW, 0),
    moduleHook: null,
  };
}

/** The bytes of a table. */
export function writeAnnotations(annotations: Annotations): Uint8Array {
  const { sites, patches, items } = annotations;
  const sitesAt = HEADER;
  const patchesAt = sitesAt + sites.count * SITE_ROW.size;
  const itemsAt = patchesAt + patches.count * PATCH_ROW.size;
  const bytes = new Uint8Array(itemsAt + items.count * ITEM_ROW.size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, VERSION, true);
  view.setUint16(6, HEADER, true);
  view.setUint32(8, bytes.length, true);
  view.setUint16(12, annotations.machine, true);
  view.setUint32(16, annotations.addressHigh, true);
  [annotations.kernelChecksum, sites.count, sitesAt, patches.count, patchesAt, items.count, itemsAt].forEach(
    (value, index) => view.setUint32(24 + index * 4, value, true),
  );
  view.setUint32(52, annotations.moduleHook?.call ?? 0, true);
  bytes.set(Buffer.from(annotations.sha256, "hex"), 56);
  view.setUint32(88, annotations.moduleHook?.target ?? 0, true);
  writeRows(SITE_ROW, sites, view, sitesAt);
  writeRows(PATCH_ROW, patches, view, patchesAt);
  writeRows(ITEM_ROW, items, view, itemsAt);
  view.setUint32(20, crc32(bytes.subarray(CRC_FROM)), true);
  return bytes;
}

/**
 * Reads a table; bytes behind its end are ignored. Errors: PV4001 (not a table), PV4002 (unknown version), PV4004
 * (truncated, damaged or contradictory).
 */
export function readAnnotations(bytes: Uint8Array): Result<Annotations> {
  return attempt(() => {
    const annotations = parse(bytes);
    checkAnnotations(annotations);
    return annotations;
  });
}

function parse(input: Uint8Array): Annotations {
  const head = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (input.length < 8 || head.getUint32(0, true) !== MAGIC) fail("PV4001", "The bytes do not start with PVAN.");
  const version = head.getUint16(4, true);
  if (version !== VERSION)
    fail("PV4002", `The annotation table has version ${version}, only ${VERSION} is known here.`);
  if (input.length < HEADER) damaged(`The header is cut off after ${input.length} bytes.`);
  const size = head.getUint32(8, true);
  if (head.getUint16(6, true) !== HEADER) damaged(`The header says that it has ${head.getUint16(6, true)} bytes.`);
  if (size < HEADER || size > input.length) damaged(`The table should have ${size} bytes, ${input.length} are there.`);
  const bytes = input.subarray(0, size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (crc32(bytes.subarray(CRC_FROM)) !== view.getUint32(20, true)) damaged("The table's checksum is wrong.");

  const machine = view.getUint16(12, true);
  const addressHigh = view.getUint32(16, true);
  if (machine !== 3 && machine !== 62) damaged(`ELF machine ${machine} is neither 3 nor 62.`);
  if (addressHigh !== 0 && (machine === 3 || addressHigh !== 0xffff_ffff)) {
    damaged(`${hex(addressHigh)} is not the upper half of an address of ELF machine ${machine}.`);
  }
  const table = (name: string, field: number, row: number): [at: number, count: number] => {
    const count = view.getUint32(field, true);
    const at = view.getUint32(field + 4, true);
    if (at < HEADER || at > size || count > Math.floor((size - at) / row)) {
      damaged(`${count} ${name} at offset ${at} do not fit into ${size} bytes.`);
    }
    return [at, count];
  };
  const sites = table("sites", 28, SITE_ROW.size);
  const patches = table("patches", 36, PATCH_ROW.size);
  const items = table("items", 44, ITEM_ROW.size);
  return {
    machine,
    addressHigh,
    kernelChecksum: view.getUint32(24, true),
    sha256: Buffer.from(bytes.subarray(56, 88)).toString("hex"),
    sites: readRows(SITE_ROW, view, ...sites),
    patches: readRows(PATCH_ROW, view, ...patches),
    items: readRows(ITEM_ROW, view, ...items),
    moduleHook: readModuleHook(view.getUint32(52, true), view.getUint32(88, true)),
  };
}

function readModuleHook(call: number, target: number): ModuleHook | null {
  if ((call === 0) !== (target === 0)) damaged(`Of the module hook only ${hex(call || target)} is there.`, call);
  return call === 0 ? null : { call, target };
}

/** Fails with PV4004 where a table contradicts itself. Cost: linear in its rows. */
export function checkAnnotations({ sites, patches, items, moduleHook }: Annotations): void {
  const call = moduleHook?.call ?? 0;
  if (call + CALL_SIZE > 2 ** 32) damaged(`The module hook at ${hex(call)} has ${CALL_SIZE} bytes.`, call);
  let before = -1;
  let patched = 0;
  for (let row = 0; row < sites.count; row++) {
    const address = sites.address[row];
    const length = sites.length[row];
    if (address <= before) damaged(`Site ${row} at ${hex(address)} is out of order.`, address);
    if (length === 0 || length > MAX_INSTRUCTION || address + length > 2 ** 32) {
      damaged(`The site at ${hex(address)} has ${length} bytes.`, address);
    }
    if (sites.known[row] > MAX_KNOWN)
      damaged(`The site at ${hex(address)} knows a thing of type ${sites.known[row]}.`, address);
    const patch = sites.patch[row];
    if (patch !== NO_PATCH && patch >= patches.count)
      damaged(`The site at ${hex(address)} names patch ${patch}.`, address);
    if ((patch === NO_PATCH) === (sites.reason[row] === 0)) {
      damaged(`The site at ${hex(address)} is either in a patch or has a reason why not.`, address);
    }
    if (patch !== NO_PATCH) patched++;
    before = address;
  }
  let end = 0;
  let found = 0;
  for (let patch = 0; patch < patches.count; patch++) {
    const start = patches.start[patch];
    const length = patches.length[patch];
    const tactic = patches.tactic[patch];
    if (start < end) damaged(`The window at ${hex(start)} overlaps the one before it.`, start);
    const least = tactic === Tactic.short ? MIN_SHORT_WINDOW : MIN_WINDOW;
    if (length < least || length > MAX_WINDOW || start + length > 2 ** 32) {
      damaged(`The window at ${hex(start)} has ${length} bytes.`, start);
    }
    if (tactic < Tactic.idiom || tactic > Tactic.short)
      damaged(`The window at ${hex(start)} has tactic ${tactic}.`, start);
    if (start < call + CALL_SIZE && call < start + length && call !== 0)
      damaged(`The module hook at ${hex(call)} is in a window.`, call);
    const first = patches.firstItem[patch];
    const count = patches.itemCount[patch];
    if (first > items.count || count > items.count - first)
      damaged(`The window at ${hex(start)} names items that are not there.`, start);
    found += checkItems(sites, items, patch, start, length, first, count);
    end = start + length;
  }
  if (found !== patched) damaged(`${patched} sites name a patch, ${found} are in one.`);
}

/** Items cover the window; returns how many of them are sites. */
function checkItems(
  sites: SiteColumns,
  items: ItemColumns,
  patch: number,
  start: number,
  length: number,
  first: number,
  count: number,
): number {
  let covered = 0;
  let found = 0;
  for (let item = first; item < first + count; item++) {
    const op = items.op[item];
    const bytes = items.length[item];
    if (op < ItemOp.copy || op > ItemOp.call)
      damaged(`Item ${item} of the window at ${hex(start)} has op ${op}.`, start);
    if (items.offset[item] !== covered || bytes === 0 || bytes > MAX_INSTRUCTION || covered + bytes > length) {
      damaged(`Item ${item} of the window at ${hex(start)} does not follow the one before it.`, start);
    }
    if (items.condition[item] > (op === ItemOp.conditional ? 15 : 0)) {
      damaged(`Item ${item} of the window at ${hex(start)} has condition ${items.condition[item]}.`, start);
    }
    if ((op === ItemOp.jump || op === ItemOp.call) && item !== first + count - 1) {
      damaged(`Item ${item} of the window at ${hex(start)} leaves it before its end.`, start);
    }
    if (op === ItemOp.site) {
      const site = items.target[item];
      if (site >= sites.count) damaged(`Item ${item} of the window at ${hex(start)} names site ${site}.`, start);
      if (sites.address[site] !== start + covered || sites.length[site] !== bytes || sites.patch[site] !== patch) {
        damaged(`Item ${item} of the window at ${hex(start)} and site ${site} contradict each other.`, start);
      }
      found++;
    }
    covered += bytes;
  }
  if (found === 0) damaged(`The window at ${hex(start)} holds no site.`, start);
  if (covered !== length)
    damaged(`The items of the window at ${hex(start)} cover ${covered} of ${length} bytes.`, start);
  return found;
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function damaged(message: string, address?: number): never {
  fail("PV4004", message, address);
}
