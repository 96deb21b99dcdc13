/**
 * The reference patcher: what the boot image does to a kernel inside the guest, in TypeScript and byte for byte the
 * same (docs/formats.md, "What the patcher does"). It copies templates and fills holes; it knows neither instructions nor
 * liveness.
 *
 * Everything is checked before the first byte changes. Stubs grow upwards in the arena, in the order of the patches, so
 * equal input gives equal bytes. Cost: a copy of a few dozen bytes per site, and two checksums over the kernel.
 */
import { attempt, fail, type ElfFile, type Result } from "@pv/elf";
import {
  deadFlags,
  findGroup,
  flagsGarbage,
  HoleType,
  ItemOp,
  POISON_FLAGS,
  poisonedRegisters,
  STI_KIND,
  Tactic,
  variantOf,
  type Hole,
  type Template,
  type TemplateTable,
} from "@pv/stubgen";
import { checkAnnotations, hex, SiteFlag, type Annotations } from "./annotations.js";
import { crc32 } from "./crc32.js";
import { checkFits } from "./fit.js";
import { loadKernel, type LoadedKernel } from "./loaded-kernel.js";
import { RESIDENT_END, RESIDENT_PAGE_OFFSET, RESIDENT_PHYSICAL, type ResidentInfo } from "./resident.js";

const JUMP_SIZE = 5,
  SHORT_JUMP_SIZE = 2;
const STUB_ALIGN = 4;
const FILLER = 0xcc;

export interface PatchInput {
  readonly elf: ElfFile;
  readonly annotations: Annotations;
  readonly templates: TemplateTable;
  readonly resident: ResidentInfo;
  readonly poison: boolean;
}

/** A kernel in memory after patching. */
export interface PatchedKernel {
  /** Physical memory from `imageStart` on. */
  readonly image: Uint8Array;
  readonly imageStart: number;
  /** The used bytes of the arena, from `arenaAddress` (virtual) on. */
  readonly arena: Uint8Array;
  readonly arenaAddress: number;
  /** CRC-32 of `arena`. */
  readonly arenaChecksum: number;
  /** CRC-32 over the bytes that came from the kernel's file, as they are now. */
  readonly kernelChecksum: number;
  readonly applied: number;
  /** Patches for which the profile lacks a template. */
  readonly left: number;
  /** Virtual address of each patch's stub; 0 for those that were left out. */
  readonly stubs: Uint32Array;
}

/**
 * Patches a kernel. Errors: PV1004 and PV1006 (not a kernel for this loader), PV4003 (the table is another kernel's), PV4004 (the
 * table contradicts itself), PV4005 (templates and resident blob do not fit together), PV4006 (arena full).
 */
export function patchKernel({ elf, annotations, templates, resident, poison }: PatchInput): Result<PatchedKernel> {
  return attempt(() => {
    checkAnnotations(annotations);
    checkFits(elf, annotations);
    checkTemplates(templates, resident);
    const kernel = loadKernel(elf);
    checkPlace(elf, kernel);

    const { patches } = annotations;
    const stubs = new StubWriter(resident);
    const addresses = new Uint32Array(patches.count);
    const windows = Array.from({ length: patches.count }, (_, patch) => windowOf(kernel, annotations, patch));
    for (let patch = 0; patch < patches.count; patch++) {
      const chosen = templatesFor(annotations, patch, templates);
      if (chosen === undefined) continue;
      stubs.align();
      addresses[patch] = stubs.address;
      writeStub(stubs, annotations, patch, windows[patch], chosen, poison ? templates.poison : undefined);
    }
    for (let patch = 0; patch < patches.count; patch++) {
      if (addresses[patch] !== 0) divert(windows[patch], patches.tactic[patch], patches.start[patch], addresses[patch]);
    }

    const applied = addresses.reduce((count, address) => count + (address === 0 ? 0 : 1), 0);
    const arena = stubs.bytes();
    return {
      image: kernel.bytes,
      imageStart: kernel.start,
      arena,
      arenaAddress: resident.arenaAddress,
      arenaChecksum: crc32(arena),
      kernelChecksum: kernel.checksum(),
      applied,
      left: patches.count - applied,
      stubs: addresses,
    };
  });
}

/** The loader works for i386 kernels at the usual page offset that leave the resident area alone. */
function checkPlace(elf: ElfFile, { pageOffset, start, bytes }: LoadedKernel): void {
  if (elf.arch !== "i386")
    fail("PV1004", "Only i386 kernels can be patched in memory.", undefined, "Use a kernel for i386.");
  if (pageOffset !== RESIDENT_PAGE_OFFSET) {
    const message = `The kernel is linked for page offset ${hex(pageOffset)}, the resident area for ${hex(RESIDENT_PAGE_OFFSET)}.`;
    fail("PV1004", message, undefined, "Use a kernel that is configured with the usual split of 3 to 1 GB.");
  }
  if (start < RESIDENT_END && start + bytes.length > RESIDENT_PHYSICAL)
    fail("PV1006", "The kernel and the resident area overlap.", start);
}

/** Every routine and counter that a template asks for exists. */
function checkTemplates({ machine, groups, poison }: TemplateTable, { counterCount, routines }: ResidentInfo): void {
  const other = "Build the loader image again.";
  if (machine !== 3)
    fail("PV1004", `The stub templates are for ELF machine ${machine}, not for i386.`, undefined, other);
  const check = (template: Template) => {
    for (const { type, argument } of template.holes) {
      if (type === HoleType.routine && argument >= routines.length) {
        fail("PV4005", `A template calls routine ${argument} of ${routines.length}.`, undefined, other);
      }
    }
  };
  for (const { kind, variants } of groups) {
    if (kind >= counterCount) fail("PV4005", `There is no counter for kind ${kind}.`, undefined, other);
    variants.forEach(check);
  }
  poison.forEach(check);
}

function windowOf(kernel: LoadedKernel, { patches }: Annotations, patch: number): Uint8Array {
  const start = patches.start[patch];
  return (
    kernel.at(start, patches.length[patch]) ??
    fail("PV4003", `The window at ${hex(start)} is not in the kernel.`, start)
  );
}

/** The template of each site item of a patch, in order; undefined if the profile lacks one. */
function templatesFor(
  { sites, patches, items }: Annotations,
  patch: number,
  table: TemplateTable,
): Template[] | undefined {
  const chosen: Template[] = [];
  const first = patches.firstItem[patch];
  for (let item = first; item < first + patches.itemCount[patch]; item++) {
    if (items.op[item] !== ItemOp.site) continue;
    const site = items.target[item];
    const group = findGroup(table.groups, sites.kind[site], sites.form[site]);
    const stepped = (sites.flags[site] & SiteFlag.stepped) !== 0;
    if (group === undefined || (stepped && table.unstepped !== true)) return undefined;
    const facts = { liveParts: sites.liveParts[site], liveRest: sites.liveRest[site], known: sites.known[site] };
    chosen.push(group.variants[variantOf(group, facts)]);
  }
  return chosen;
}

function writeStub(
  stubs: StubWriter,
  { sites, patches, items }: Annotations,
  patch: number,
  window: Uint8Array,
  chosen: readonly Template[],
  poison: readonly Template[] | undefined,
): void {
  const first = patches.firstItem[patch];
  const end = first + patches.itemCount[patch];
  const behind = patches.start[patch] + window.length;
  let nextTemplate = 0;
  for (let item = first; item < end; item++) {
    const original = window.subarray(items.offset[item], items.offset[item] + items.length[item]);
    const target = items.target[item];
    switch (items.op[item]) {
      case ItemOp.copy:
        stubs.put(original);
        break;
      case ItemOp.site: {
        const site = siteAt(sites, target, original);
        stubs.fill(chosen[nextTemplate++], site);
        // Nothing may come between an sti and the site that its interrupt shadow covers.
        const shadow = sites.kind[target] === STI_KIND && item + 1 < end && items.op[item + 1] === ItemOp.site;
        if (poison !== undefined && !shadow)
          stubs.poison(poison, site, sites.liveParts[target], sites.liveRest[target]);
        break;
      }
      case ItemOp.conditional:
        stubs.put([0x0f, 0x80 | items.condition[item]]).displacement(target);
        break;
      case ItemOp.call:
        stubs.put([0x68]).word(behind).jump(target);
        return;
      default:
        stubs.jump(target);
        return;
    }
  }
  stubs.jump(behind);
}

/** What holes can ask for. */
interface Site {
  readonly kind: number;
  readonly address: number;
  readonly knownValue: number;
  readonly deadFlags: number;
  readonly original: Uint8Array;
}

function siteAt(sites: Annotations["sites"], row: number, original: Uint8Array): Site {
  return {
    kind: sites.kind[row],
    address: sites.address[row],
    knownValue: sites.knownValue[row],
    deadFlags: deadFlags(sites.liveRest[row]),
    original,
  };
}

/** The window becomes a jump to its stub; or a short jump to its end, where the jump is, and what lies between stays. */
function divert(window: Uint8Array, tactic: number, start: number, stub: number): void {
  const at = tactic === Tactic.short ? window.length - JUMP_SIZE : 0;
  if (tactic === Tactic.short) window.set([0xeb, at - SHORT_JUMP_SIZE]);
  else window.fill(FILLER);
  window[at] = 0xe9;
  new DataView(window.buffer, window.byteOffset).setUint32(at + 1, stub - (start + at + JUMP_SIZE), true);
}

/** The arena: bytes at a cursor. Fails with PV4006 where it is full. */
class StubWriter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #resident: ResidentInfo;
  #used = 0;

  constructor(resident: ResidentInfo) {
    this.#resident = resident;
    this.#bytes = new Uint8Array(resident.arenaSize);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Virtual address of the cursor. */
  get address(): number {
    return this.#resident.arenaAddress + this.#used;
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#used);
  }

  align(): void {
    while (this.#used % STUB_ALIGN !== 0) this.put([FILLER]);
  }

  put(bytes: ArrayLike<number>): this {
    if (bytes.length > this.#bytes.length - this.#used) {
      fail("PV4006", `The stub area of ${this.#bytes.length} bytes is full.`, this.#resident.arenaAddress);
    }
    this.#bytes.set(bytes, this.#used);
    this.#used += bytes.length;
    return this;
  }

  word(value: number): this {
    return this.put([value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]);
  }

  /** Four bytes that lead from behind themselves to `target`. */
  displacement(target: number): this {
    return this.word(target - (this.address + 4));
  }

  jump(target: number): this {
    return this.put([0xe9]).displacement(target);
  }

  fill({ code, holes, insertAt }: Template, site: Site): void {
    const start = this.#used;
    const split = insertAt ?? code.length;
    const inserted = insertAt === undefined ? 0 : site.original.length;
    this.put(code.subarray(0, split));
    if (inserted > 0) this.put(site.original);
    this.put(code.subarray(split));
    for (const hole of holes) {
      const at = start + hole.offset + (hole.offset >= split ? inserted : 0);
      this.#view.setUint32(at, this.#holeValue(hole, this.#resident.arenaAddress + at, site), true);
    }
  }

  poison(templates: readonly Template[], site: Site, liveParts: number, liveRest: number): void {
    for (const number of poisonedRegisters(liveParts, liveRest)) this.fill(templates[number], site);
    if (site.deadFlags !== 0) this.fill(templates[POISON_FLAGS], site);
  }

  #holeValue({ type, argument }: Hole, address: number, site: Site): number {
    switch (type) {
      case HoleType.routine:
        return this.#resident.routines[argument] - (address + 4);
      case HoleType.counter:
        return this.#resident.countersAddress + site.kind * 4;
      case HoleType.known:
        return site.knownValue;
      case HoleType.siteAddress:
        return site.address;
      case HoleType.nextAddress:
        return site.address + site.original.length;
      case HoleType.deadFlagsComplement:
        return ~site.deadFlags;
      case HoleType.deadFlagsGarbage:
        return flagsGarbage(site.address, site.deadFlags);
    }
  }
}
