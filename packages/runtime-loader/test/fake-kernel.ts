/**
 * Fake kernels for tests: an i386 ELF file made by hand around a text of windows, the annotation table that belongs
 * to it, and a fake resident blob. Windows are given as the instructions that they consist of.
 */
import { readElf, unwrap, type ElfFile } from "@pv/elf";
import { kindNumber, type Kind } from "@pv/sensitive";
import { ItemOp, type PatchPlans, Tactic } from "@pv/stubgen";
import { annotate, NO_PATCH, SiteFlag, type Annotations } from "@pv/runtime-loader";

export const TEXT = 0xc100_0000;
export const PAGE_OFFSET = 0xc000_0000;

export interface Facts {
  readonly liveParts?: number;
  readonly liveRest?: number;
  readonly known?: number;
  readonly knownValue?: number;
}

export type FakeItem =
  | { readonly op: "copy"; readonly bytes: readonly number[] }
  | ({ readonly op: "site"; readonly kind: Kind; readonly form?: number; readonly bytes: readonly number[] } & Facts)
  | { readonly op: "jump" | "call"; readonly length: number; readonly target: number }
  | { readonly op: "conditional"; readonly condition: number; readonly length: number; readonly target: number };

export interface FakeWindow {
  /** Bytes of other code in front. */
  readonly gap: number;
  readonly items: readonly FakeItem[];
}

export interface FakeKernel {
  readonly elf: ElfFile;
  readonly annotations: Annotations;
}

/** What branches of a window consist of does not matter: the patcher makes them anew out of the table. */
const BRANCH_BYTE = 0x0b;

/** `hooked`: with a call of a function that loads modules. */
export function fakeKernel(
  windows: readonly FakeWindow[],
  unpatched: readonly Kind[] = [],
  hooked = false,
): FakeKernel {
  const text: number[] = [];
  const site = {
    address: [] as number[],
    kind: [] as number[],
    form: [] as number[],
    length: [] as number[],
    patch: [] as number[],
  };
  const facts: Required<Facts>[] = [];
  const addSite = (address: number, kind: Kind, form: number, length: number, patch: number, given: Facts) => {
    site.address.push(address);
    site.kind.push(kindNumber(kind));
    site.form.push(form);
    site.length.push(length);
    site.patch.push(patch);
    facts.push({ liveParts: 0, liveRest: 0, known: 0, knownValue: 0, ...given });
  };
  const plan = { start: [] as number[], length: [] as number[], firstItem: [] as number[], itemCount: [] as number[] };
  const item = {
    op: [] as number[],
    length: [] as number[],
    condition: [] as number[],
    offset: [] as number[],
    target: [] as number[],
  };

  windows.forEach((window, patch) => {
    for (let byte = 0; byte < window.gap; byte++) text.push(0x90);
    const start = text.length;
    plan.start.push(TEXT + start);
    plan.firstItem.push(item.op.length);
    plan.itemCount.push(window.items.length);
    for (const given of window.items) {
      const length = "bytes" in given ? given.bytes.length : given.length;
      item.op.push(ItemOp[given.op]);
      item.length.push(length);
      item.offset.push(text.length - start);
      item.condition.push(given.op === "conditional" ? given.condition : 0);
      item.target.push("target" in given ? given.target : given.op === "site" ? site.address.length : 0);
      if (given.op === "site") {
        const { liveParts = 0, liveRest = 0, known = 0, knownValue = 0 } = given;
        addSite(TEXT + text.length, given.kind, given.form ?? 0, length, patch, {
          liveParts,
          liveRest,
          known,
          knownValue,
        });
      }
      text.push(...("bytes" in given ? given.bytes : Array.from({ length }, () => BRANCH_BYTE)));
    }
    plan.length.push(text.length - start);
  });
  for (const kind of unpatched) {
    addSite(TEXT + text.length, kind, 0, 1, NO_PATCH, {});
    text.push(0xcf);
  }
  text.push(0xc3);
  const call = TEXT + text.length;
  if (hooked) text.push(0xe8, 1, 0, 0, 0, 0xc3, 0xc3);

  const elf = unwrap(readElf(fakeElf(Uint8Array.from(text))));
  const plans: PatchPlans = {
    count: windows.length,
    start: Uint32Array.from(plan.start),
    length: Uint8Array.from(plan.length),
    tactic: Uint8Array.from(plan.length, (length, patch) =>
      length >= 10 && patch % 2 === 1 ? Tactic.short : Tactic.forward,
    ),
    firstItem: Uint32Array.from(plan.firstItem),
    itemCount: Uint16Array.from(plan.itemCount),
    items: {
      count: item.op.length,
      op: Uint8Array.from(item.op),
      length: Uint8Array.from(item.length),
      condition: Uint8Array.from(item.condition),
      offset: Uint8Array.from(item.offset),
      target: Uint32Array.from(item.target),
    },
    sitePatch: Uint32Array.from(site.patch),
    siteReason: Uint8Array.from(site.patch, (patch) => (patch === NO_PATCH ? 7 : 0)),
  };
  const sites = {
    count: site.address.length,
    address: site.address,
    kind: site.kind,
    form: site.form,
    length: site.length,
    flags: site.address.map((_, row) => (row % 11 === 10 ? SiteFlag.stepped : row % 8)),
    liveParts: facts.map((fact) => fact.liveParts),
    liveRest: facts.map((fact) => fact.liveRest),
    known: facts.map((fact) => fact.known),
    knownValue: facts.map((fact) => fact.knownValue),
    assumptions: site.address.map((_, row) => row % 4),
  };
  return {
    elf,
    annotations: unwrap(annotate({ elf, sites, plans, moduleHook: hooked ? { call, target: call + 6 } : null })),
  };
}

const ELF_HEADER = 52;
const PROGRAM_HEADER = 32;

/** Two loaded segments (text, and data with a part that is zeroed) and a note, which is not loaded; no sections. */
export function fakeElf(text: Uint8Array, virtual = TEXT, physical = TEXT - PAGE_OFFSET): Uint8Array {
  const headers = ELF_HEADER + 3 * PROGRAM_HEADER;
  const data = Uint8Array.from({ length: 48 }, (_, index) => index * 5);
  const gap = Math.ceil(text.length / 4096 + 1) * 4096;
  const bytes = new Uint8Array(headers + text.length + data.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  [2, 3].forEach((value, index) => view.setUint16(16 + index * 2, value, true));
  [1, physical, ELF_HEADER, 0, 0].forEach((value, index) => view.setUint32(20 + index * 4, value, true));
  [ELF_HEADER, PROGRAM_HEADER, 3, 40, 0, 0].forEach((value, index) => view.setUint16(40 + index * 2, value, true));
  const segments = [
    [1, headers, virtual, physical, text.length, text.length, 5, 4096],
    [4, headers, 0, 0, 8, 8, 4, 4],
    [1, headers + text.length, virtual + gap, physical + gap, data.length, data.length + 100, 6, 4096],
  ];
  segments.flat().forEach((value, index) => view.setUint32(ELF_HEADER + index * 4, value, true));
  bytes.set(text, headers);
  bytes.set(data, headers + text.length);
  return bytes;
}

/** A resident blob: header, `routines` routines of four bytes each, 256 counters. */
export function fakeResident(routines = 12): Uint8Array {
  const base = 0xc0f0_0000;
  const tableAt = 64;
  const codeAt = tableAt + routines * 4;
  const countersAt = codeAt + routines * 4;
  const size = countersAt + 256 * 4;
  const blob = new Uint8Array(size);
  const view = new DataView(blob.buffer);
  blob.set(new TextEncoder().encode("PVRS"));
  [1, 64].forEach((value, index) => view.setUint16(4 + index * 2, value, true));
  const arena = base + Math.ceil(size / 4096) * 4096;
  [size, arena, 0xc100_0000 - arena, 0, base + countersAt, 256, routines, base + tableAt].forEach((value, index) =>
    view.setUint32(8 + index * 4, value, true),
  );
  for (let row = 0; row < routines; row++) view.setUint32(tableAt + row * 4, base + codeAt + row * 4, true);
  return blob;
}

/** The smallest golden kernel: one window of each sort. */
export const GOLDEN_WINDOWS: readonly FakeWindow[] = [
  {
    // pushf; pop %eax; cli; mov %eax, %ebx
    gap: 3,
    items: [
      { op: "site", kind: "pushf", bytes: [0x9c], liveParts: 0x00ff_00fe, liveRest: 0xfe },
      { op: "copy", bytes: [0x58] },
      { op: "site", kind: "cli", bytes: [0xfa], liveParts: 0x00ff_00fd, liveRest: 0xfd },
      { op: "copy", bytes: [0x89, 0xc3] },
    ],
  },
  {
    // test $2, %ah; je; sti
    gap: 2,
    items: [
      { op: "copy", bytes: [0xf6, 0xc4, 0x02] },
      { op: "conditional", condition: 4, length: 2, target: TEXT + 0x40 },
      { op: "site", kind: "sti", bytes: [0xfb], liveParts: 0x00f0_00f0, liveRest: 0xf0 },
    ],
  },
  {
    // mov $0x3f8, %edx; out %al, %dx; jmp
    gap: 9,
    items: [
      { op: "copy", bytes: [0xba, 0xf8, 0x03, 0x00, 0x00] },
      { op: "site", kind: "out", bytes: [0xee], liveParts: 0x00f8_00f8, liveRest: 0xfa, known: 1, knownValue: 0x3f8 },
      { op: "jump", length: 2, target: TEXT },
    ],
  },
  {
    // sti; hlt; call
    gap: 0,
    items: [
      { op: "site", kind: "sti", bytes: [0xfb], liveParts: 0x00ff_00ff, liveRest: 0x41_00ff },
      { op: "site", kind: "hlt", bytes: [0xf4], liveParts: 0x00ff_00ff, liveRest: 0x41_00ff },
      { op: "call", length: 5, target: TEXT + 4 },
    ],
  },
  {
    // No template in profile bare: left out.
    gap: 1,
    items: [
      { op: "site", kind: "ret-far", bytes: [0xcb] },
      { op: "copy", bytes: [0x90, 0x90, 0x90, 0x90] },
    ],
  },
  {
    // mov %cr3, %eax; mov %eax, %cr3
    gap: 1,
    items: [
      {
        op: "site",
        kind: "mov-from-cr",
        form: 3 << 5,
        bytes: [0x0f, 0x20, 0xd8],
        liveParts: 0x00f7_00f7,
        liveRest: 0xf7,
      },
      {
        op: "site",
        kind: "mov-to-cr",
        form: 3 << 5,
        bytes: [0x0f, 0x22, 0xd8],
        liveParts: 0x00f2_00f2,
        liveRest: 0x3f_00f2,
      },
    ],
  },
];
