/**
 * Proves that a rewritten image is its original and a table beside it: what the machine sees is equal, what the file says besides is
 * equal, and the table is what an analysis of the original says today.
 *
 * Section header table, section names and the table itself move when a section is added; nothing else may differ. The fresh table is
 * compared byte by byte, so nothing in the rewritten file is believed that was not worked out again.
 */
import { sectionBytes, sectionNamed, type Diagnostic, type ElfFile, type ElfSection } from "@pv/elf";
import {
  ANNOTATION_SECTION,
  annotationsOf,
  readAnnotations,
  writeAnnotations,
  type Annotations,
} from "@pv/runtime-loader";
import { kindName } from "@pv/sensitive";
import { formatAddress } from "./image-model.js";

export interface Check {
  readonly name: "headers" | "loaded bytes" | "sections" | "appended bytes" | "table" | "facts and plans";
  /** What was compared, in a few words. */
  readonly about: string;
  /** Empty where the check holds; the first `MOST_DIFFERENCES`. */
  readonly differences: readonly string[];
}

export interface Verification {
  readonly schemaVersion: 1;
  readonly verified: boolean;
  readonly checks: readonly Check[];
}

/** More than that of one check tell nobody anything. */
const MOST_DIFFERENCES = 20;
const PT_LOAD = 1;
const SHT_NULL = 0;
const SHF_ALLOC = 2;

/** `fresh` is the annotation table of `original` as it is worked out now. */
export function verifyRewritten(original: ElfFile, rewritten: ElfFile, fresh: Annotations): Verification {
  const checks = [
    checkHeaders(original, rewritten),
    checkLoadedBytes(original, rewritten),
    checkSections(original, rewritten),
    checkAppendedBytes(original, rewritten),
    checkTable(rewritten),
    checkFacts(rewritten, fresh),
  ];
  return { schemaVersion: 1, verified: checks.every(({ differences }) => differences.length === 0), checks };
}

function check(name: Check["name"], about: string, differences: readonly string[]): Check {
  const more = differences.length - MOST_DIFFERENCES;
  return {
    name,
    about,
    differences: more > 0 ? [...differences.slice(0, MOST_DIFFERENCES), `and ${more} more`] : differences,
  };
}

function checkHeaders(a: ElfFile, b: ElfFile): Check {
  const differences: string[] = [];
  for (const field of ["arch", "type", "entry", "addressHigh"] as const) {
    if (a[field] !== b[field]) differences.push(`${field}: ${a[field]} became ${b[field]}`);
  }
  if (a.segments.length !== b.segments.length)
    differences.push(`${a.segments.length} segments became ${b.segments.length}`);
  a.segments.forEach((segment, index) => {
    const other = b.segments[index];
    if (other !== undefined)
      differences.push(...fieldsThatDiffer(segment, other).map((text) => `segment ${index}: ${text}`));
  });
  return check("headers", `entry point and ${a.segments.length} program headers`, differences);
}

function checkLoadedBytes(a: ElfFile, b: ElfFile): Check {
  const differences: string[] = [];
  let total = 0;
  a.segments.forEach((segment, index) => {
    const other = b.segments[index];
    if (segment.type !== PT_LOAD || other === undefined) return;
    total += segment.fileSize;
    const x = a.bytes.subarray(segment.offset, segment.offset + segment.fileSize);
    const y = b.bytes.subarray(other.offset, other.offset + other.fileSize);
    const at = firstDifference(x, y);
    if (at >= 0)
      differences.push(
        `segment ${index}: first at ${formatAddress(segment.virtualAddress + at, a.addressHigh, a.bits)}`,
      );
  });
  return check("loaded bytes", `${total} bytes`, differences);
}

function checkSections(a: ElfFile, b: ElfFile): Check {
  const differences: string[] = [];
  let compared = 0;
  for (let index = 0; index < Math.max(a.sections.length, b.sections.length); index++) {
    const x = kept(a.sections[index]),
      y = kept(b.sections[index]);
    if (x === undefined && y === undefined) continue;
    // A file without section names gets them together with the table.
    if (x === undefined && namesIndex(a) === 0 && index === namesIndex(b)) continue;
    compared++;
    if (x === undefined || y === undefined)
      differences.push(`section ${index} ${x?.name ?? y!.name} is in one of them only`);
    else differences.push(...sectionDifferences(a, x, b, y).map((text) => `section ${index} ${x.name}: ${text}`));
  }
  return check("sections", `${compared} sections besides ${ANNOTATION_SECTION}`, differences);
}

function kept(section: ElfSection | undefined): ElfSection | undefined {
  return section === undefined || section.type === SHT_NULL || section.name === ANNOTATION_SECTION
    ? undefined
    : section;
}

/** Index of the section that holds the sections' names (`e_shstrndx`), 0 for none. */
function namesIndex({ bytes, bits }: ElfFile): number {
  return bytes[bits === 32 ? 50 : 62]! | (bytes[bits === 32 ? 51 : 63]! << 8);
}

function sectionDifferences(a: ElfFile, x: ElfSection, b: ElfFile, y: ElfSection): string[] {
  // The names may move, and grow at their end.
  const names = x.index === namesIndex(a) && x.index === namesIndex(b);
  const differences = fieldsThatDiffer(x, y, names ? ["offset", "size"] : []);
  // Loaded bytes have been compared.
  if ((x.flags & SHF_ALLOC) !== 0) return differences;
  const contents = sectionBytes(b, y);
  const at = firstDifference(sectionBytes(a, x), names ? contents.subarray(0, x.size) : contents);
  return at < 0 ? differences : [...differences, `contents differ from byte ${at} on`];
}

function fieldsThatDiffer<T extends object>(a: T, b: T, except: readonly (keyof T)[] = []): string[] {
  return (Object.keys(a) as (keyof T)[])
    .filter((field) => a[field] !== b[field] && !except.includes(field))
    .map((field) => `${String(field)} ${String(a[field])} became ${String(b[field])}`);
}

/** What the kernel's build appends to the file: relocations, which the kernel's boot code reads from its end. */
function checkAppendedBytes(a: ElfFile, b: ElfFile): Check {
  const x = a.bytes.subarray(a.endOfElf),
    y = b.bytes.subarray(b.endOfElf);
  const at = firstDifference(x, y);
  return check(
    "appended bytes",
    `${x.length} bytes behind the ELF file`,
    at < 0 ? [] : [`${x.length} bytes became ${y.length}, first difference at ${at}`],
  );
}

function checkTable(rewritten: ElfFile): Check {
  const table = annotationsOf(rewritten);
  const section = sectionNamed(rewritten, ANNOTATION_SECTION);
  const about = `${section?.size ?? 0} bytes of ${ANNOTATION_SECTION} read and fit the kernel`;
  return check("table", about, table.ok ? [] : [describe(table.error)]);
}

function describe({ code, message }: Diagnostic): string {
  return `${code}: ${message.replace(/\.$/, "")}`;
}

function checkFacts(rewritten: ElfFile, fresh: Annotations): Check {
  const about = `${fresh.sites.count} sites, ${fresh.patches.count} patches, ${fresh.items.count} items worked out again`;
  const section = sectionNamed(rewritten, ANNOTATION_SECTION);
  if (section === undefined) return check("facts and plans", about, [`there is no section ${ANNOTATION_SECTION}`]);
  const bytes = sectionBytes(rewritten, section);
  if (firstDifference(bytes, writeAnnotations(fresh)) < 0) return check("facts and plans", about, []);
  const table = readAnnotations(bytes);
  if (!table.ok) return check("facts and plans", about, ["the table cannot be read"]);
  const differences = tableDifferences(fresh, table.value);
  return check(
    "facts and plans",
    about,
    differences.length > 0 ? differences : ["the tables differ in bytes that have no meaning"],
  );
}

/** Rows that differ, sites by address, so that one that is missing does not make all behind it differ. */
function tableDifferences(fresh: Annotations, table: Annotations): string[] {
  const differences: string[] = [];
  for (const field of ["machine", "addressHigh", "kernelChecksum", "sha256"] as const) {
    if (fresh[field] !== table[field])
      differences.push(`header: ${field} is ${table[field]}, should be ${fresh[field]}`);
  }
  const address = (va: number): string => formatAddress(va, fresh.addressHigh, fresh.machine === 3 ? 32 : 64);
  for (const [noun, key, x, y] of [
    ["site", "address", fresh.sites, table.sites],
    ["patch", "start", fresh.patches, table.patches],
  ] as const) {
    const columns = x as unknown as Readonly<Record<string, ArrayLike<number>>>,
      others = y as unknown as typeof columns;
    const rowAt = new Map(Array.from(others[key]!, (va, row) => [va, row]));
    for (let row = 0; row < x.count; row++) {
      const va = columns[key]![row]!;
      const name = noun === "site" ? `${kindName(fresh.sites.kind[row])} at ${address(va)}` : `patch at ${address(va)}`;
      const other = rowAt.get(va);
      rowAt.delete(va);
      if (other === undefined) differences.push(`${name} is missing`);
      // Row numbers shift with every row that is missing.
      else
        for (const field of Object.keys(columns)) {
          if (field === "count" || field === "patch" || field === "firstItem") continue;
          const is = others[field]![other]!,
            should = columns[field]![row]!;
          if (is !== should) differences.push(`${name}: ${field} is ${is}, should be ${should}`);
        }
    }
    for (const va of rowAt.keys()) differences.push(`${noun} at ${address(va)} should not be there`);
  }
  if (differences.length === 0) differences.push("the items of some patches differ");
  return differences;
}

/** Offset of the first byte that differs, also where one is longer; -1 for none. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  if (Buffer.compare(a, b) === 0) return -1;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return at;
  return length;
}
