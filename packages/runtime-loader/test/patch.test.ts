/** The reference patcher on a fake kernel: what becomes of windows, what the stubs are, and what is refused. */
import { readElf, unwrap, type ElfFile, type Result } from "@pv/elf";
import { bareProfile, listing, Tactic } from "@pv/stubgen";
import {
  annotationsOf,
  crc32,
  NO_PATCH,
  patchKernel,
  previrtualize,
  printAnnotations,
  readPrevirtualized,
  readResident,
  SiteFlag,
  type Annotations,
  type PatchedKernel,
} from "@pv/runtime-loader";
import { describe, expect, test } from "vitest";
import { fakeElf, fakeKernel, fakeResident, GOLDEN_WINDOWS, PAGE_OFFSET, TEXT, type FakeItem } from "./fake-kernel.js";

const templates = bareProfile();
const resident = unwrap(readResident(fakeResident()));
const golden = fakeKernel(GOLDEN_WINDOWS, ["iret"]);

function patch(elf: ElfFile, annotations: Annotations, poison = false, more = {}): Result<PatchedKernel> {
  return patchKernel({ elf, annotations, templates, resident, poison, ...more });
}

/** Every window and its stub, disassembled. */
function printPatched(annotations: Annotations, patched: PatchedKernel): string {
  const { patches } = annotations;
  const lines: string[] = [];
  for (let row = 0; row < patches.count; row++) {
    const at = patches.start[row] - PAGE_OFFSET - patched.imageStart;
    const next = patched.stubs.slice(row + 1).find((address) => address !== 0);
    lines.push(
      `window ${row}\n${listing(patched.image.subarray(at, at + patches.length[row]), patches.start[row], 32)}`,
    );
    if (patched.stubs[row] === 0) lines.push("left out\n");
    else {
      const from = patched.stubs[row] - patched.arenaAddress;
      const to = next === undefined ? undefined : next - patched.arenaAddress;
      lines.push(`stub ${row}\n${listing(patched.arena.subarray(from, to), patched.stubs[row], 32)}`);
    }
  }
  return lines.join("\n");
}

const codeOf = (result: Result<unknown>) => (result.ok ? "ok" : result.error.code);

/** The file with one byte changed. */
function damage(elf: ElfFile, offset: number): ElfFile {
  const bytes = elf.bytes.slice();
  bytes[offset] ^= 1;
  return unwrap(readElf(bytes));
}

/** A deep copy whose columns can be changed. */
function editable(annotations: Annotations): Annotations {
  return structuredClone(annotations);
}

describe("windows and stubs", () => {
  test("the table, printed", async () => {
    await expect(printAnnotations(golden.annotations)).toMatchFileSnapshot("golden-annotations.txt");
  });

  test.each([
    ["plain", false],
    ["poison", true],
  ])("%s", async (name, poison) => {
    const patched = unwrap(patch(golden.elf, golden.annotations, poison));
    expect(patched.applied).toBe(5);
    expect(patched.left).toBe(1);
    expect(patched.arenaChecksum).toBe(crc32(patched.arena));
    expect(patched.stubs.every((address) => address % 4 === 0)).toBe(true);
    await expect(printPatched(golden.annotations, patched)).toMatchFileSnapshot(`golden-${name}.txt`);
  });

  test("a short jump to the last five bytes, and what is between stays", () => {
    const cli: FakeItem = { op: "site", kind: "cli", bytes: [0xfa] };
    const rest: FakeItem = { op: "copy", bytes: [0x5b, 0x5e, 0xc3, 0x8d, 0xb4, 0x26, 0, 0, 0, 0] };
    const { elf, annotations } = fakeKernel([
      { gap: 0, items: [cli, { op: "copy", bytes: [1, 2, 3, 4] }] },
      { gap: 2, items: [cli, rest] },
    ]);
    expect(annotations.patches.tactic[1]).toBe(Tactic.short);
    const patched = unwrap(patch(elf, annotations));
    const start = annotations.patches.start[1] - TEXT;
    expect([...patched.image.subarray(start, start + 7)]).toEqual([0xeb, 4, 0x5e, 0xc3, 0x8d, 0xb4, 0xe9]);
    const jump = new DataView(patched.image.buffer, patched.image.byteOffset).getInt32(start + 7, true);
    expect(TEXT + start + 11 + jump).toBe(patched.stubs[1]);
  });

  test("where a program's trap flag reaches, only profiles whose stubs it does not", () => {
    const { elf, annotations } = fakeKernel([
      {
        gap: 0,
        items: [
          { op: "site", kind: "cli", bytes: [0xfa] },
          { op: "copy", bytes: [1, 2, 3, 4] },
        ],
      },
    ]);
    const stepped = editable(annotations);
    stepped.sites.flags[0] = SiteFlag.stepped;
    expect(unwrap(patch(elf, stepped))).toMatchObject({ applied: 0, left: 1 });
    const unstepped = { templates: { ...templates, unstepped: true } };
    expect(unwrap(patch(elf, stepped, false, unstepped))).toMatchObject({ applied: 1, left: 0 });
  });

  test("outside of windows nothing changes", () => {
    const patched = unwrap(patch(golden.elf, golden.annotations));
    const text = golden.elf.segments[0];
    const before = golden.elf.bytes.subarray(text.offset, text.offset + text.fileSize);
    expect(patched.imageStart).toBe(TEXT - PAGE_OFFSET);
    let changed = 0;
    before.forEach((byte, offset) => {
      const address = TEXT + offset;
      const row = golden.annotations.patches.start.findIndex(
        (start, index) => address >= start && address < start + golden.annotations.patches.length[index],
      );
      if (row < 0 || patched.stubs[row] === 0) expect(patched.image[offset], `at ${address.toString(16)}`).toBe(byte);
      else if (patched.image[offset] !== byte) changed++;
    });
    expect(changed).toBeGreaterThan(20);
    // The part of the data segment that the file does not give is zero.
    expect(patched.image.subarray(-100).every((byte) => byte === 0)).toBe(true);
  });

  test("the checksum behind patching is that of the patched bytes", () => {
    const patched = unwrap(patch(golden.elf, golden.annotations));
    const loads = golden.elf.segments.filter((segment) => segment.type === 1);
    const sum = loads.reduce((crc, { physicalAddress, fileSize }) => {
      const at = physicalAddress - patched.imageStart;
      return crc32(patched.image.subarray(at, at + fileSize), crc);
    }, 0);
    expect(patched.kernelChecksum).toBe(sum);
    expect(sum).not.toBe(golden.annotations.kernelChecksum);
  });

  test("a kernel without patches stays as it is", () => {
    const bare = fakeKernel([], ["iret"]);
    const patched = unwrap(patch(bare.elf, bare.annotations));
    expect(patched.arena.length).toBe(0);
    expect(patched.kernelChecksum).toBe(bare.annotations.kernelChecksum);
  });
});

describe("refused", () => {
  test("another kernel", () => {
    const other = fakeKernel([{ gap: 8, items: GOLDEN_WINDOWS[0].items }]);
    expect(codeOf(patch(other.elf, golden.annotations))).toBe("PV4003");
    expect(codeOf(previrtualize(other.elf, golden.annotations))).toBe("PV4003");
  });

  test("a changed byte anywhere in the loaded file contents", () => {
    for (const segment of golden.elf.segments.filter(({ type }) => type === 1)) {
      for (let offset = segment.offset; offset < segment.offset + segment.fileSize; offset += 7) {
        expect(codeOf(patch(damage(golden.elf, offset), golden.annotations))).toBe("PV4003");
      }
    }
  });

  test("a wrong window checksum, a wrong first byte, a window outside", () => {
    const window = editable(golden.annotations);
    window.patches.checksum[2] ^= 1;
    expect(patch(golden.elf, window)).toMatchObject({ error: { code: "PV4003", address: window.patches.start[2] } });
    const first = editable(golden.annotations);
    first.sites.firstByte[1]++;
    expect(patch(golden.elf, first)).toMatchObject({ error: { code: "PV4003", address: first.sites.address[1] } });
    const outside = editable(golden.annotations);
    outside.patches.start[5] += 0x1_0000;
    for (const row of [7, 8]) outside.sites.address[row] += 0x1_0000;
    outside.sites.address[9] += 0x1_0100;
    expect(codeOf(patch(golden.elf, outside))).toBe("PV4003");
  });

  test("a site that is in no patch may start with anything: nobody touches it", () => {
    const edited = editable(golden.annotations);
    const row = edited.sites.patch.indexOf(NO_PATCH);
    edited.sites.firstByte[row]++;
    expect(codeOf(patch(golden.elf, edited))).toBe("ok");
  });

  test("another machine", () => {
    expect(codeOf(patch(golden.elf, { ...golden.annotations, machine: 62 }))).toBe("PV4003");
    expect(codeOf(patch(golden.elf, golden.annotations, false, { templates: { ...templates, machine: 62 } }))).toBe(
      "PV1004",
    );
  });

  test("another page offset, and a kernel on top of the resident area", () => {
    const text = new Uint8Array(64);
    const at = (virtual: number, physical: number) => {
      const elf = unwrap(readElf(fakeElf(text, virtual, physical)));
      const empty = fakeKernel([]).annotations;
      return patch(elf, { ...empty, kernelChecksum: crc32(elf.bytes.subarray(148)) });
    };
    expect(codeOf(at(0xc100_0000, 0x0100_0000))).toBe("ok");
    expect(codeOf(at(0x8100_0000, 0x0100_0000))).toBe("PV1004");
    expect(codeOf(at(0xc0ef_f000, 0x00ef_f000))).toBe("PV1006");
  });

  test("a full arena, a missing routine, a missing counter", () => {
    const needed = unwrap(patch(golden.elf, golden.annotations)).arena.length;
    const room = (arenaSize: number) =>
      patch(golden.elf, golden.annotations, false, { resident: { ...resident, arenaSize } });
    expect(codeOf(room(needed))).toBe("ok");
    for (const size of [0, 1, needed - 1]) expect(codeOf(room(size))).toBe("PV4006");
    const few = unwrap(readResident(fakeResident(11)));
    expect(codeOf(patch(golden.elf, golden.annotations, false, { resident: few }))).toBe("PV4005");
    expect(codeOf(patch(golden.elf, golden.annotations, false, { resident: { ...resident, counterCount: 100 } }))).toBe(
      "PV4005",
    );
  });

  test("refusing leaves the input alone", () => {
    const before = golden.elf.bytes.slice();
    expect(codeOf(patch(golden.elf, golden.annotations, true, { resident: { ...resident, arenaSize: 60 } }))).toBe(
      "PV4006",
    );
    expect(codeOf(patch(golden.elf, golden.annotations, true))).toBe("ok");
    expect(golden.elf.bytes).toEqual(before);
  });
});

describe("the pre-virtualized image", () => {
  test("gives its table back, and its loaded bytes are the same", () => {
    const image = unwrap(previrtualize(golden.elf, golden.annotations));
    const { elf, annotations } = unwrap(readPrevirtualized(image));
    expect(annotations).toEqual(golden.annotations);
    expect(unwrap(patch(elf, annotations)).image).toEqual(unwrap(patch(golden.elf, golden.annotations)).image);
    expect(unwrap(previrtualize(elf, annotations))).toEqual(image);
  });

  test("annotating it again gives the checksum of the file as it was", () => {
    const source = fakeKernel([]);
    const image = unwrap(previrtualize(source.elf, source.annotations));
    expect(unwrap(readPrevirtualized(image)).annotations.sha256).toBe(source.annotations.sha256);
  });

  test("without a table, with a damaged one, with another kernel's", () => {
    expect(codeOf(annotationsOf(golden.elf))).toBe("PV4001");
    const image = unwrap(previrtualize(golden.elf, golden.annotations));
    const section = unwrap(readElf(image)).sections.find(({ name }) => name === ".previrt")!;
    const damaged = image.slice();
    damaged[section.offset + 150] ^= 0x10;
    expect(codeOf(readPrevirtualized(damaged))).toBe("PV4004");
    const text = image.slice();
    text[golden.elf.segments[0].offset + 5] ^= 0x10;
    expect(codeOf(readPrevirtualized(text))).toBe("PV4003");
    expect(codeOf(readPrevirtualized(image.subarray(0, image.length - 1)))).toBe("PV1001");
  });
});
