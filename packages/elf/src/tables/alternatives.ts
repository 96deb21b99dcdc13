/**
 * `.altinstructions`: code that the kernel overwrites at boot with a replacement, by CPU feature.
 *
 * Layouts (struct alt_instr, arch/x86/include/asm/alternative.h): distances to the site and to the replacement, then
 *
 *     6.3-       14 bytes   u32 feature and flags (bit 16: NOT)   u8 site length   u8 replacement length
 *     5.13-6.2   12 bytes   u16 feature (bit 15: NOT)             u8 site length   u8 replacement length
 *     4.0-5.12   13 bytes   the same and a u8 with how much of the site is padding
 *     3.x        12 bytes
 *
 * The size alone does not tell them apart; lengths, feature numbers and addresses of all rows together do.
 */
import type { Alternatives } from "../types.js";
import {
  ascendingRows,
  chooseLayout,
  codeOrComplaint,
  relative,
  sectionTable,
  type Image,
  type Layout,
  type TableBytes,
} from "./source.js";

interface AlternativeLayout extends Layout {
  /** Bytes of the feature number. */
  readonly featureSize: 2 | 4;
}

const NOT_FLAG_OF_2 = 0x8000;
/** Numbers of CPU features and bugs are below: 32 times the words of them, of which 6.12 has 24. */
const MOST_FEATURES = 32 * 48;
/** Flags that layouts of 14 bytes put above the feature number; two are known. */
const MOST_FLAGS = 1 << 8;

export function readAlternatives(image: Image): Alternatives | undefined {
  const table = sectionTable(image, ".altinstructions");
  if (table === undefined) return undefined;
  const layout = (rowSize: number, featureSize: 2 | 4): AlternativeLayout => ({
    rowSize,
    featureSize,
    check: (_, at) => check(image, table, at, featureSize),
  });
  const { rowSize, featureSize } = chooseLayout(table, [layout(14, 4), layout(12, 2), layout(13, 2)]);

  const count = table.bytes.length / rowSize;
  const sites = Uint32Array.from({ length: count }, (_, row) => relative(table, row * rowSize));
  const at = ascendingRows(sites).map((row) => row * rowSize);
  const lengths = (behind: number) => Uint8Array.from(at, (row) => table.bytes[row + 8 + featureSize + behind]);
  return {
    site: at.map((row) => relative(table, row)),
    siteLength: lengths(0),
    replacement: at.map((row) => relative(table, row + 4)),
    replacementLength: lengths(1),
    feature: at.map((row) => featureAt(table, row, featureSize)),
  };
}

function featureAt({ view }: TableBytes, at: number, featureSize: 2 | 4): number {
  return featureSize === 4 ? view.getUint32(at + 8, true) : view.getUint16(at + 8, true);
}

function check(image: Image, table: TableBytes, at: number, featureSize: 2 | 4): string | undefined {
  const siteLength = table.bytes[at + 8 + featureSize];
  const replacementLength = table.bytes[at + 8 + featureSize + 1];
  if (siteLength === 0) return "replaces 0 bytes";
  if (replacementLength > siteLength) return `puts ${replacementLength} bytes into ${siteLength}`;
  const stored = featureAt(table, at, featureSize);
  const feature = featureSize === 4 ? stored & 0xffff : stored & ~NOT_FLAG_OF_2;
  if (feature >= MOST_FEATURES || stored >>> 16 >= MOST_FLAGS) return `asks for CPU feature ${stored}`;
  const wrongSite = codeOrComplaint(image, "a site", relative(table, at), siteLength);
  if (wrongSite !== undefined || replacementLength === 0) return wrongSite;
  return codeOrComplaint(image, "a replacement", relative(table, at + 4), replacementLength);
}
