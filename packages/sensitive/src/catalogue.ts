/**
 * The catalogue of virtualization-sensitive instructions of IA-32 and x86-64: one table, out of which the classifier,
 * docs/catalogue.md and the tests are made. What belongs in it is said in entry.ts, what does not in
 * catalogue/exclusions.ts.
 */
import { Code, CodeExt } from "iced-x86";
import type { Bits } from "@pv/x86-ir";
import { completeRow, type CatalogueEntry, type CatalogueRow } from "./entry.js";
import { DESCRIPTOR_ROWS } from "./catalogue/descriptors.js";
import { FLAG_ROWS, TRANSFER_ROWS } from "./catalogue/flags.js";
import { QUEUE_ROWS, CACHE_ROWS, SHADOW_STACK_ROWS } from "./catalogue/memory.js";
import { PORT_ROWS } from "./catalogue/ports.js";
import { SEGMENT_ROWS } from "./catalogue/segments.js";
import { SYSTEM_REGISTER_ROWS, TIME_ROWS } from "./catalogue/system.js";
import { TRUST_ROWS } from "./catalogue/trust.js";
import { SVM_ROWS, VMX_ROWS } from "./catalogue/virtualization.js";

const GROUPS = {
  "Interrupt flag and supervisor access": FLAG_ROWS,
  "Transfers of control": TRANSFER_ROWS,
  "Port I/O": PORT_ROWS,
  "Segment registers": SEGMENT_ROWS,
  "Descriptor tables, selectors and segment bases": DESCRIPTOR_ROWS,
  "Control, debug and model-specific registers": SYSTEM_REGISTER_ROWS,
  "Time, identity and waiting": TIME_ROWS,
  "Caches and TLB": CACHE_ROWS,
  "Shadow stacks": SHADOW_STACK_ROWS,
  "Device work queues": QUEUE_ROWS,
  "Virtualization: Intel": VMX_ROWS,
  "Virtualization: AMD": SVM_ROWS,
  "Enclaves, trusted execution and keys": TRUST_ROWS,
} as const;

/** Short names of every kind of sensitive instruction. */
export type Kind = (typeof GROUPS)[keyof typeof GROUPS][number]["kind"];

/** Every kind, by ascending number. */
export const CATALOGUE: readonly CatalogueEntry[] = Object.entries(GROUPS).flatMap(
  ([group, rows]: [string, readonly CatalogueRow[]]) => rows.map((row) => completeRow(row, group)),
);

const byNumber: CatalogueEntry[] = [];
const byKind = new Map<string, CatalogueEntry>();
for (const entry of CATALOGUE) {
  byNumber[entry.number] = entry;
  byKind.set(entry.kind, entry);
}

/** The entry with a number as it stands in `Sites.kind` and in files; undefined where there is none. */
export function entryOf(number: number): CatalogueEntry | undefined {
  return byNumber[number];
}

/** The entry of a kind. */
export function entryNamed(kind: Kind): CatalogueEntry {
  return byKind.get(kind)!;
}

/** The number of a kind. */
export const kindNumber = (kind: Kind): number => entryNamed(kind).number;

/** The short name of a number, `unknown-N` where there is none. */
export const kindName = (number: number): string => byNumber[number]?.kind ?? `unknown-${number}`;

/** iced `Code` -> kind number; 0 for what is not sensitive. As long as a `code` column can hold values. */
export const KIND_OF_CODE: Uint16Array = buildKindTable();

function buildKindTable(): Uint16Array {
  const table = new Uint16Array(0x10000);
  for (const entry of CATALOGUE) for (const code of entry.codes) table[code] = entry.number;
  return table;
}

/** Kind number of an iced `Code`, 0 if it is not sensitive. */
export const kindOfCode = (code: Code): number => KIND_OF_CODE[code];

/** Whether a code exists in 32-bit or 64-bit mode. */
export function codeExistsIn(code: Code, bits: Bits): boolean {
  const info = CodeExt.opCode(code);
  const exists = bits === 32 ? info.mode32 : info.mode64;
  info.free();
  return exists;
}
