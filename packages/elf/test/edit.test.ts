/** Changing ELF files: what must stay does, and what was added can be taken away without a trace. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addSection,
  openMemory,
  patchAll,
  patchBytes,
  readElf,
  readRelocations,
  removeSection,
  sectionBytes,
  sectionNamed,
  unwrap,
  writeElf,
} from "@pv/elf";
import type { ElfFile } from "@pv/elf";
import { buildElf, text } from "./build-elf.js";

const SHT_PROGBITS = 1;

const bytesOf = (length: number) => fc.uint8Array({ minLength: 1, maxLength: length });
const anyElf = fc
  .record({
    bits: fc.constantFrom<32 | 64>(32, 64),
    code: bytesOf(60),
    data: bytesOf(60),
    comment: fc.option(bytesOf(20), { nil: undefined }),
    relocations: fc.uniqueArray(fc.integer({ min: 1, max: 0xffffffff }), { maxLength: 5 }),
  })
  .map(({ bits, code, data, comment, relocations }) =>
    buildElf({
      bits,
      sections: [
        { name: ".text", bytes: code, address: 0xc1000000 },
        { name: ".data", bytes: data, address: 0xc1001000, flags: 3 },
        ...(comment === undefined ? [] : [{ name: ".comment", bytes: comment }]),
      ],
      appended:
        relocations.length === 0 ? [] : [...(bits === 64 ? [0] : []), 0, ...relocations.toSorted((a, b) => a - b)],
    }),
  );
const anySection = fc.record({
  name: fc.constantFrom(".pv.sites", ".pv.facts", ".x", ".comment"),
  type: fc.constant(SHT_PROGBITS),
  flags: fc.constant(0),
  align: fc.constantFrom(1, 4, 16, 4096),
  bytes: fc.uint8Array({ maxLength: 100 }),
});

const open = (bytes: Uint8Array): ElfFile => unwrap(readElf(bytes));

/** What an edit must not change: the loaded part, and what is behind the ELF file. */
function essence(elf: ElfFile): unknown {
  const appended = elf.bytes.slice(elf.endOfElf);
  return {
    segments: elf.segments,
    loaded: elf.segments.map(({ offset, fileSize }) => elf.bytes.slice(offset, offset + fileSize)),
    appended,
    relocations: readRelocations(elf),
    last: elf.bytes.slice(elf.bytes.length - appended.length),
  };
}

test("a file that is not changed is written as it was read", () => {
  fc.assert(
    fc.property(anyElf, (bytes) => {
      expect(writeElf(open(bytes))).toEqual(bytes);
    }),
  );
});

test("adding sections keeps everything else, and the section can be read back", () => {
  fc.assert(
    fc.property(anyElf, fc.array(anySection, { maxLength: 6 }), (bytes, sections) => {
      const before = open(bytes);
      let elf = before;
      for (const section of sections) {
        elf = addSection(elf, section);
        const added = sectionNamed(elf, section.name)!;
        expect(sectionBytes(elf, added)).toEqual(section.bytes);
        expect(added).toMatchObject({ type: section.type, align: section.align, address: 0 });
        expect(added.offset % section.align).toBe(0);
      }
      expect(essence(elf)).toEqual(essence(before));
      const latest = new Map(sections.map((section) => [section.name, section.bytes]));
      for (const [name, content] of latest) expect(sectionBytes(elf, sectionNamed(elf, name)!)).toEqual(content);
      const names = elf.sections.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      for (const old of before.sections) {
        if (latest.has(old.name) || old.name === ".shstrtab") continue;
        expect(elf.sections[old.index]).toEqual(old);
      }
      expect(open(writeElf(elf))).toEqual(elf);
    }),
  );
});

test("what was added can be removed without a trace, in any order", () => {
  const names = [".pv.sites", ".pv.facts", ".x"];
  fc.assert(
    fc.property(
      anyElf,
      fc.array(
        anySection.filter(({ name }) => names.includes(name)),
        { minLength: 1, maxLength: 5 },
      ),
      fc.shuffledSubarray(names, { minLength: 3 }),
      (bytes, sections, order) => {
        let elf = open(bytes);
        for (const section of sections) elf = addSection(elf, section);
        for (const name of order) elf = removeSection(elf, name);
        expect(elf.bytes).toEqual(bytes);
      },
    ),
  );
});

test("replacing a section again and again does not make the file grow", () => {
  const section = { name: ".pv", type: SHT_PROGBITS, flags: 0, align: 16, bytes: new Uint8Array(100).fill(1) };
  let elf = open(buildElf({ sections: [{ name: ".text", bytes: text("code"), address: 0xc1000000 }] }));
  elf = addSection(elf, section);
  const size = elf.bytes.length;
  for (let i = 0; i < 5; i++) elf = addSection(elf, { ...section, bytes: new Uint8Array(100).fill(i) });
  expect(elf.bytes.length).toBe(size);
});

test("removing what is not there gives the file back", () => {
  const elf = open(buildElf());
  expect(removeSection(elf, ".nothing")).toBe(elf);
});

test("a file without section headers gets some", () => {
  const bytes = buildElf({ sections: [{ name: ".text", bytes: text("code"), address: 0xc1000000 }], appended: [0, 1] });
  const view = new DataView(bytes.buffer);
  view.setUint32(32, 0, true);
  view.setUint32(48, 0, true);
  const elf = open(bytes.slice(0, -8));
  const more = addSection(elf, { name: ".pv", type: SHT_PROGBITS, flags: 0, align: 1, bytes: text("here") });
  expect(more.sections.map(({ name }) => name)).toEqual(["", ".shstrtab", ".pv"]);
  expect(Buffer.from(sectionBytes(more, sectionNamed(more, ".pv")!)).toString()).toBe("here");
});

test("a file whose sections have no names gets a name for the new one", () => {
  const bytes = buildElf({ sections: [{ name: ".text", bytes: text("code"), address: 0xc1000000 }] });
  new DataView(bytes.buffer).setUint16(50, 0, true);
  const more = addSection(open(bytes), { name: ".pv", type: SHT_PROGBITS, flags: 0, align: 1, bytes: text("here") });
  expect(more.sections.map(({ name }) => name)).toEqual(["", "", "", ".shstrtab", ".pv"]);
});

describe("patches", () => {
  const elf = open(buildElf({ sections: [{ name: ".text", bytes: text("0123456789"), address: 0xc1000000 }] }));

  test("change their bytes and nothing else", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 6 }), fc.uint8Array({ maxLength: 4 }), (at, bytes) => {
        const patched = patchBytes(elf, 0xc1000000 + at, bytes);
        const expected = text("0123456789");
        expected.set(bytes, at);
        expect(openMemory(patched).read(0xc1000000, 10)).toEqual(expected);
        const back = patchBytes(patched, 0xc1000000, text("0123456789"));
        expect(back.bytes).toEqual(elf.bytes);
      }),
    );
  });

  test("leave the file that they are made of alone", () => {
    // Also where it came as a Node Buffer, whose slice() shares memory.
    const file = Buffer.from(elf.bytes);
    const copy = Uint8Array.from(file);
    patchAll(open(file), [{ address: 0xc1000000, bytes: text("abc") }]);
    expect(Uint8Array.from(file)).toEqual(copy);
  });

  test("fail outside of the file's contents", () => {
    expect(() => patchBytes(elf, 0xc1000008, text("abc"))).toThrow("PV1009");
    expect(() => patchBytes(elf, 0, text("abc"))).toThrow("PV1009");
  });
});

test.each([
  ["an empty name", { name: "" }],
  ["memory", { flags: 2 }],
  ["no contents", { type: 8 }],
  ["an odd alignment", { align: 3 }],
])("a new section with %s is our own mistake", (_, wrong) => {
  const section = { name: ".pv", type: SHT_PROGBITS, flags: 0, align: 1, bytes: text("x"), ...wrong };
  expect(() => addSection(open(buildElf()), section)).toThrow(RangeError);
});
