/**
 * Template tables as bytes and back: docs/formats.md, "Stub templates, version 1".
 *
 * Many templates are the same (variants that differ only in what need not be saved), and many groups are (every
 * instruction that runs as it is): equal code, equal hole lists and equal template rows are written once, in the order
 * in which they first occur, so the bytes depend on nothing but the table.
 */
import { attempt, fail, type Result } from "@pv/elf";
import {
  HoleType,
  POISON_COUNT,
  variantCount,
  type Hole,
  type Template,
  type TemplateGroup,
  type TemplateTable,
} from "@pv/stubgen";
import { crc32 } from "./crc32.js";

const MAGIC = "PVTT";
const VERSION = 1;
/** Header flag: see `TemplateTable.unstepped`. */
const UNSTEPPED = 1;
const HEADER = 72;
const GROUP = 12;
const TEMPLATE = 16;
const HOLE = 8;
const CRC_FROM = 16;
const NAME_BYTES = 16;
const NOWHERE = 0xffff;

/** Far above what any profile needs (`bare`: 34 KiB), and small enough that no hostile table can cost much memory. */
const MAX_SIZE = 1 << 20;
const MAX_GROUPS = 4096;
const MAX_VARIANTS = 256;

const DAMAGED = "Build the loader image again.";

/** The bytes of a table. Throws a `RangeError` on a table that the format cannot hold: that would be a profile's bug. */
export function writeTemplates(table: TemplateTable): Uint8Array {
  const rows = new TemplateRows();
  if (table.poison.length !== POISON_COUNT) throw new RangeError(`${table.poison.length} poison templates`);
  const poison = rows.add(table.poison);
  const firsts = table.groups.map((group) => rows.add(group.variants));

  const groupsAt = HEADER;
  const templatesAt = groupsAt + table.groups.length * GROUP;
  const holesAt = templatesAt + rows.templates.length * TEMPLATE;
  const codeAt = holesAt + rows.holes.length * HOLE;
  const total = codeAt + rows.code.length;
  if (total > MAX_SIZE || table.groups.length > MAX_GROUPS) throw new RangeError(`a template table of ${total} bytes`);

  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  const name = new TextEncoder().encode(table.profile);
  if (name.length > NAME_BYTES || !/^[\x20-\x7e]*$/.test(table.profile))
    throw new RangeError(`profile name "${table.profile}"`);
  bytes.set(new TextEncoder().encode(MAGIC), 0);
  view.setUint16(4, VERSION, true);
  view.setUint16(6, HEADER, true);
  view.setUint32(8, total, true);
  bytes.set(name, 16);
  [
    table.groups.length,
    groupsAt,
    rows.templates.length,
    templatesAt,
    rows.holes.length,
    holesAt,
    codeAt,
    rows.code.length,
    poison,
  ].forEach((value, index) => view.setUint32(32 + index * 4, value, true));
  view.setUint16(68, table.machine, true);
  view.setUint16(70, table.unstepped === true ? UNSTEPPED : 0, true);

  let before = -1;
  table.groups.forEach((group, index) => {
    const at = groupsAt + index * GROUP;
    const key = group.kind * 0x1_0000 + group.form;
    if (key <= before) throw new RangeError(`group of kind ${group.kind}, form ${group.form} is out of order`);
    if (group.variants.length !== variantCount(group) || group.variants.length > MAX_VARIANTS) {
      throw new RangeError(`group of kind ${group.kind}, form ${group.form} has ${group.variants.length} variants`);
    }
    before = key;
    view.setUint16(at, group.kind, true);
    view.setUint16(at + 2, group.form, true);
    view.setUint16(at + 4, group.clobbers, true);
    bytes[at + 6] = group.clobbersFlags ? 1 : 0;
    bytes[at + 7] = group.known;
    view.setUint32(at + 8, firsts[index], true);
  });
  rows.templates.forEach((row, index) => {
    const at = templatesAt + index * TEMPLATE;
    view.setUint32(at, row.codeAt, true);
    view.setUint16(at + 4, row.length, true);
    view.setUint16(at + 6, row.insertAt, true);
    view.setUint32(at + 8, row.firstHole, true);
    view.setUint16(at + 12, row.holeCount, true);
  });
  rows.holes.forEach((hole, index) => {
    const at = holesAt + index * HOLE;
    view.setUint16(at, hole.offset, true);
    bytes[at + 2] = hole.type;
    view.setUint32(at + 4, hole.argument, true);
  });
  bytes.set(rows.code, codeAt);
  view.setUint32(12, crc32(bytes.subarray(CRC_FROM)), true);
  return bytes;
}

interface TemplateRow {
  readonly codeAt: number;
  readonly length: number;
  readonly insertAt: number;
  readonly firstHole: number;
  readonly holeCount: number;
}

/** Collects rows, each distinct run of templates, of holes and of code once. */
class TemplateRows {
  readonly templates: TemplateRow[] = [];
  readonly holes: Hole[] = [];
  readonly code: number[] = [];
  readonly #runs = new Map<string, number>();
  readonly #holeRuns = new Map<string, number>();
  readonly #codeRuns = new Map<string, number>();

  /** Row of the first of `templates`, which are consecutive. */
  add(templates: readonly Template[]): number {
    return once(this.#runs, templates.map(keyOf).join("|"), () => {
      const made = templates.map((template) => this.#row(template));
      return this.templates.push(...made) - made.length;
    });
  }

  #row({ code, holes, insertAt }: Template): TemplateRow {
    const codeAt = once(this.#codeRuns, code.join(), () => this.code.push(...code) - code.length);
    const firstHole = once(this.#holeRuns, holesKey(holes), () => this.holes.push(...holes) - holes.length);
    return { codeAt, length: code.length, insertAt: insertAt ?? NOWHERE, firstHole, holeCount: holes.length };
  }
}

function once(known: Map<string, number>, key: string, make: () => number): number {
  let value = known.get(key);
  if (value === undefined) known.set(key, (value = make()));
  return value;
}

function keyOf({ code, holes, insertAt }: Template): string {
  return `${code.join()};${insertAt ?? ""};${holesKey(holes)}`;
}

function holesKey(holes: readonly Hole[]): string {
  return holes.map(({ offset, type, argument }) => `${offset}:${type}:${argument}`).join();
}

/**
 * Reads a table. Bytes behind its end are ignored (the loader image's section is larger than the table). Errors:
 * PV1001 (truncated), PV4002 (unknown version), PV4005 (not a table, or damaged).
 */
export function readTemplates(bytes: Uint8Array): Result<TemplateTable> {
  return attempt(() => parse(bytes));
}

function parse(input: Uint8Array): TemplateTable {
  if (input.length < HEADER) fail("PV1001", `${input.length} bytes are too few for a template table.`, 0, DAMAGED);
  const head = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (new TextDecoder().decode(input.subarray(0, 4)) !== MAGIC) damaged("The bytes are no template table.");
  const version = head.getUint16(4, true);
  if (version !== VERSION)
    fail("PV4002", `The template table has version ${version}, only ${VERSION} is known here.`, undefined, DAMAGED);
  const size = head.getUint32(8, true);
  if (head.getUint16(6, true) !== HEADER || size < HEADER || size > MAX_SIZE) damaged(`The header says ${size} bytes.`);
  if (size > input.length)
    fail("PV1001", `The template table has ${size} bytes, ${input.length} are there.`, 0, DAMAGED);
  const bytes = input.subarray(0, size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (crc32(bytes.subarray(CRC_FROM)) !== view.getUint32(12, true)) damaged("The template table's checksum is wrong.");

  const field = (index: number) => view.getUint32(32 + index * 4, true);
  const table = (name: string, index: number, row: number): { count: number; at: number } => {
    const count = field(index);
    const at = field(index + 1);
    if (at < HEADER || at > size || count > (size - at) / row) damaged(`${count} ${name} at ${at} do not fit.`);
    return { count, at };
  };
  const groupTable = table("groups", 0, GROUP);
  const templateTable = table("templates", 2, TEMPLATE);
  const holeTable = table("holes", 4, HOLE);
  const [codeAt, codeSize, poisonAt] = [field(6), field(7), field(8)];
  if (codeAt < HEADER || codeAt > size || codeSize > size - codeAt) damaged(`${codeSize} bytes of code do not fit.`);
  if (groupTable.count > MAX_GROUPS) damaged(`${groupTable.count} groups are more than ${MAX_GROUPS}.`);
  const machine = view.getUint16(68, true);
  const flags = view.getUint16(70, true);
  if ((flags & ~UNSTEPPED) !== 0) damaged(`The flags ${flags} are unknown.`);
  if (machine !== 3 && machine !== 62) damaged(`ELF machine ${machine} is neither 3 nor 62.`);

  const holes = readHoles(view, holeTable.count, holeTable.at);
  const code = bytes.subarray(codeAt, codeAt + codeSize);
  const templates: Template[] = [];
  for (let row = 0; row < templateTable.count; row++) {
    templates.push(readTemplate(view, templateTable.at + row * TEMPLATE, code, holes));
  }
  const run = (first: number, count: number): Template[] => {
    if (first > templates.length || count > templates.length - first)
      damaged(`Templates ${first} to ${first + count} are not all there.`);
    return templates.slice(first, first + count);
  };

  const groups: TemplateGroup[] = [];
  let before = -1;
  for (let row = 0; row < groupTable.count; row++) {
    const at = groupTable.at + row * GROUP;
    const [kind, form, clobbers] = [
      view.getUint16(at, true),
      view.getUint16(at + 2, true),
      view.getUint16(at + 4, true),
    ];
    const traits = { kind, form, clobbers, clobbersFlags: bytes[at + 6] === 1, known: bytes[at + 7] };
    const key = kind * 0x1_0000 + form;
    if (key <= before) damaged(`The group of kind ${kind}, form ${form} is out of order.`);
    if (
      bytes[at + 6] > 1 ||
      traits.known > 3 ||
      clobbers > (machine === 3 ? 0xff : 0xffff) ||
      variantCount(traits) > MAX_VARIANTS
    ) {
      damaged(`The group of kind ${kind}, form ${form} makes no sense.`);
    }
    before = key;
    groups.push({ ...traits, variants: run(view.getUint32(at + 8, true), variantCount(traits)) });
  }
  const end = bytes.subarray(16, 16 + NAME_BYTES).indexOf(0);
  const profile = String.fromCharCode(...bytes.subarray(16, 16 + (end < 0 ? NAME_BYTES : end)));
  if (!/^[\x20-\x7e]*$/.test(profile)) damaged("The profile's name is not ASCII.");
  const read: TemplateTable = { profile, machine, groups, poison: run(poisonAt, POISON_COUNT) };
  return flags === 0 ? read : { ...read, unstepped: true };
}

function readHoles(view: DataView, count: number, at: number): Hole[] {
  const holes: Hole[] = [];
  for (let row = 0; row < count; row++, at += HOLE) {
    const type = view.getUint8(at + 2);
    if (type < HoleType.routine || type > HoleType.deadFlagsGarbage)
      damaged(`Hole ${row} has the unknown type ${type}.`);
    holes.push({ offset: view.getUint16(at, true), type: type as HoleType, argument: view.getUint32(at + 4, true) });
  }
  return holes;
}

function readTemplate(view: DataView, at: number, code: Uint8Array, holes: readonly Hole[]): Template {
  const [codeAt, length, insertAt] = [
    view.getUint32(at, true),
    view.getUint16(at + 4, true),
    view.getUint16(at + 6, true),
  ];
  const [firstHole, holeCount] = [view.getUint32(at + 8, true), view.getUint16(at + 12, true)];
  if (codeAt > code.length || length > code.length - codeAt) damaged(`A template's code at ${codeAt} does not fit.`);
  if (firstHole > holes.length || holeCount > holes.length - firstHole)
    damaged(`A template's holes at ${firstHole} do not fit.`);
  if (insertAt !== NOWHERE && insertAt > length)
    damaged(`A template inserts the original bytes at ${insertAt} of ${length}.`);
  if (holeCount > length / 4) damaged(`${holeCount} holes do not fit into ${length} bytes.`);
  const own = holes.slice(firstHole, firstHole + holeCount);
  let free = 0;
  for (const { offset } of own) {
    // The original bytes go between two instructions: they cannot split a hole.
    const split = insertAt !== NOWHERE && offset < insertAt && offset + 4 > insertAt;
    if (offset < free || offset + 4 > length || split) damaged(`A hole at ${offset} of ${length} makes no sense.`);
    free = offset + 4;
  }
  const template = { code: code.slice(codeAt, codeAt + length), holes: own };
  return insertAt === NOWHERE ? template : { ...template, insertAt };
}

function damaged(message: string): never {
  fail("PV4005", message, undefined, DAMAGED);
}
