/** Every format: written and read it is the same; cut off, changed or nonsensical it is a clear error. */
import { assembleElf } from "@pv/assembler";
import type { Result } from "@pv/elf";
import { bareProfile } from "@pv/stubgen";
import {
  buildContainer,
  buildLoaderImage,
  checkAnnotations,
  crc32,
  emptyAnnotations,
  parseContainer,
  readAnnotations,
  readResident,
  readResidentState,
  readTemplates,
  templatesOf,
  writeAnnotations,
  writeTemplates,
} from "@pv/runtime-loader";
import { unwrap } from "@pv/elf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { damage, damaged, kernels } from "./arbitraries.js";
import { fakeKernel, fakeResident, GOLDEN_WINDOWS } from "./fake-kernel.js";

const golden = fakeKernel(GOLDEN_WINDOWS, ["iret"]);
const goldenBytes = writeAnnotations(golden.annotations);
const templates = bareProfile();
const templateBytes = writeTemplates(templates);

const codeOf = (result: Result<unknown>) => (result.ok ? "ok" : result.error.code);
/** Bits 0..7 of every byte of a table, apart from ranges that readers ignore. */
function everyBit(
  bytes: Uint8Array,
  ignored: (offset: number) => boolean,
  visit: (changed: Uint8Array, offset: number) => void,
): void {
  for (let offset = 0; offset < bytes.length; offset++) {
    if (ignored(offset)) continue;
    const changed = bytes.slice();
    changed[offset] ^= 1 << (offset % 8);
    visit(changed, offset);
  }
}

test("CRC-32 is zlib's, and goes on where it stopped", () => {
  const text = new TextEncoder().encode("123456789");
  expect(crc32(text)).toBe(0xcbf4_3926);
  expect(crc32(text.subarray(4), crc32(text.subarray(0, 4)))).toBe(0xcbf4_3926);
});

describe("annotations", () => {
  test("written and read are the same", () => {
    fc.assert(
      fc.property(kernels, fc.boolean(), ({ annotations }, wide) => {
        const given = wide ? { ...annotations, machine: 62 as const, addressHigh: 0xffff_ffff } : annotations;
        const bytes = writeAnnotations(given);
        expect(unwrap(readAnnotations(bytes))).toEqual(given);
        const longer = new Uint8Array(bytes.length + 9).fill(0xaa);
        longer.set(bytes);
        expect(unwrap(readAnnotations(longer))).toEqual(given);
      }),
    );
  });

  test("an empty table", () => {
    const empty = emptyAnnotations(3);
    expect(unwrap(readAnnotations(writeAnnotations(empty)))).toEqual(empty);
    expect(writeAnnotations(empty).length).toBe(96);
  });

  test("the bytes are where docs/formats.md says", () => {
    const view = new DataView(goldenBytes.buffer);
    expect(new TextDecoder().decode(goldenBytes.subarray(0, 4))).toBe("PVAN");
    const words = Array.from({ length: 23 }, (_, index) => view.getUint32(index * 4, true));
    expect(words[1]).toBe(0x0060_0001);
    expect(words.slice(2, 5)).toEqual([goldenBytes.length, 3, 0]);
    expect(words[5]).toBe(crc32(goldenBytes.subarray(24)));
    expect(words.slice(7, 13)).toEqual([10, 96, 6, 96 + 320, 17, 96 + 320 + 96]);
    // Row 3 of the sites: out dx, al.
    const site = 96 + 3 * 32;
    expect(view.getUint32(site, true)).toBe(0xc100_001e);
    expect([...goldenBytes.subarray(site + 4, site + 12)]).toEqual([33, 0, 0, 0, 1, 0xee, 3, 1]);
    expect(view.getUint32(site + 12, true)).toBe(0x3f8);
    expect([view.getUint32(site + 16, true), view.getUint32(site + 20, true)]).toEqual([0x00f8_00f8, 0xfa]);
    expect(view.getUint32(site + 24, true)).toBe(2);
    expect([...goldenBytes.subarray(site + 28, site + 32)]).toEqual([0, 0, 3, 0]);
    // Patch 2 and its last item.
    const patch = 96 + 320 + 2 * 16;
    expect(view.getUint32(patch, true)).toBe(0xc100_0019);
    expect([...goldenBytes.subarray(patch + 4, patch + 12)]).toEqual([8, 2, 3, 0, 7, 0, 0, 0]);
    const item = 96 + 320 + 96 + 9 * 12;
    expect([...goldenBytes.subarray(item, item + 12)]).toEqual([3, 2, 0, 6, 0, 0, 0, 0xc1, 0, 0, 0, 0]);
  });

  test("cut off anywhere", () => {
    for (let length = 0; length < goldenBytes.length; length++) {
      expect(codeOf(readAnnotations(goldenBytes.subarray(0, length)))).toBe(length < 8 ? "PV4001" : "PV4004");
    }
  });

  test("a changed bit anywhere but in reserved bytes", () => {
    everyBit(
      goldenBytes,
      (offset) => offset === 14 || offset === 15,
      (changed, offset) => {
        const expected = offset < 4 ? "PV4001" : offset < 6 ? "PV4002" : "PV4004";
        expect(codeOf(readAnnotations(changed)), `at ${offset}`).toBe(expected);
      },
    );
  });

  test("nonsense with a right checksum is read, or is an error", () => {
    fc.assert(
      fc.property(kernels, damage, ({ annotations }, changes) => {
        const read = readAnnotations(damaged(writeAnnotations(annotations), changes, 20, 24));
        if (read.ok) expect(unwrap(readAnnotations(writeAnnotations(read.value)))).toEqual(read.value);
        else expect(read.error.code).toBe("PV4004");
      }),
      { numRuns: 500 },
    );
  });

  test.each<[string, (copy: ReturnType<typeof edit>) => void]>([
    [
      "sites out of order",
      ({ sites }) => void ([sites.address[0], sites.address[1]] = [sites.address[1], sites.address[0]]),
    ],
    ["a site of no bytes", ({ sites }) => void (sites.length[9] = 0)],
    ["a site of 16 bytes", ({ sites }) => void (sites.length[9] = 16)],
    [
      "a site behind the end of the address space",
      ({ sites }) => {
        sites.address[9] = 0xffff_ffff;
        sites.length[9] = 2;
      },
    ],
    ["an unknown kind of knowledge", ({ sites }) => void (sites.known[0] = 4)],
    ["a site of a patch that is not there", ({ sites }) => void (sites.patch[0] = 6)],
    ["a patched site with a reason", ({ sites }) => void (sites.reason[0] = 1)],
    ["an unpatched site without a reason", ({ sites }) => void (sites.reason[9] = 0)],
    [
      "a site that is not in its patch",
      ({ sites }) => {
        sites.patch[9] = 0;
        sites.reason[9] = 0;
      },
    ],
    ["overlapping windows", ({ patches }) => void (patches.start[1] = 0xc100_0007)],
    ["a window of 4 bytes", ({ patches }) => void (patches.length[0] = 4)],
    ["a window of 65 bytes", ({ patches }) => void (patches.length[5] = 65)],
    ["tactic 0", ({ patches }) => void (patches.tactic[0] = 0)],
    ["tactic 5", ({ patches }) => void (patches.tactic[0] = 5)],
    ["a short jump in five bytes", ({ patches }) => void ((patches.tactic[0] = 4), (patches.length[0] = 5))],
    ["items that are not there", ({ patches }) => void (patches.firstItem[5] = 0xffff_fff0)],
    ["no items", ({ patches }) => void (patches.itemCount[0] = 0)],
    [
      "a window without a site",
      ({ items, sites }) => {
        items.op[0] = items.op[2] = 1;
        sites.patch[0] = sites.patch[1] = 0xffff_ffff;
        sites.reason[0] = sites.reason[1] = 1;
      },
    ],
    ["op 0", ({ items }) => void (items.op[1] = 0)],
    ["op 6", ({ items }) => void (items.op[1] = 6)],
    ["an item of no bytes", ({ items }) => void (items.length[1] = 0)],
    ["a gap between items", ({ items }) => void items.offset[1]++],
    ["items that end too early", ({ items }) => void items.length[3]--],
    ["items that end too late", ({ items }) => void items.length[3]++],
    ["a jump in the middle", ({ items }) => void (items.op[1] = 3)],
    ["a call in the middle", ({ items }) => void (items.op[1] = 5)],
    ["condition 16", ({ items }) => void (items.condition[5] = 16)],
    ["a copy with a condition", ({ items }) => void (items.condition[1] = 1)],
    ["a site that is not there", ({ items }) => void (items.target[0] = 10)],
    ["another window's site", ({ items }) => void (items.target[0] = 1)],
  ])("%s", (_, change) => {
    const copy = edit();
    expect(() => checkAnnotations(copy)).not.toThrow();
    change(copy);
    expect(codeOf(readAnnotations(writeAnnotations(copy)))).toBe("PV4004");
  });

  test("the module hook is where docs/formats.md says", () => {
    const { annotations } = fakeKernel(GOLDEN_WINDOWS, ["iret"], true);
    const { call, target } = annotations.moduleHook!;
    const bytes = writeAnnotations(annotations);
    const view = new DataView(bytes.buffer);
    expect([view.getUint32(52, true), view.getUint32(88, true), view.getUint32(92, true)]).toEqual([call, target, 0]);
    expect(unwrap(readAnnotations(bytes)).moduleHook).toEqual({ call, target });
  });

  const windows = golden.annotations.patches;
  test.each<[string, number, number]>([
    ["a module hook without a function", 0xc100_0800, 0],
    ["a module hook without a call", 0, 0xc100_0800],
    ["a module hook at the end of the address space", 0xffff_fffc, 0xc100_0800],
    ["a module hook that starts in a window", windows.start[0] + windows.length[0] - 1, 0xc100_0800],
    ["a module hook that ends in a window", windows.start[0] - 4, 0xc100_0800],
  ])("%s", (_, call, target) => {
    expect(codeOf(readAnnotations(writeAnnotations({ ...edit(), moduleHook: { call, target } })))).toBe("PV4004");
  });

  const edit = () => structuredClone(golden.annotations);
});

describe("templates", () => {
  test("written and read are the same", () => {
    expect(unwrap(readTemplates(templateBytes))).toEqual(templates);
    expect(writeTemplates(unwrap(readTemplates(templateBytes)))).toEqual(templateBytes);
  });

  test("random tables, written and read", () => {
    const template = fc
      .tuple(
        fc.uint8Array({ maxLength: 24 }),
        fc.nat(24),
        fc.boolean(),
        fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 7 }), fc.nat(20))),
      )
      .map(([code, place, inserts, gaps]) => {
        const holes = [];
        let at = 0;
        for (const [gap, type, argument] of gaps) {
          at += gap;
          if (at + 4 > code.length) break;
          holes.push({ offset: at, type: type as 1, argument });
          at += 4;
        }
        const split = holes.some(({ offset }) => offset < place && place < offset + 4);
        return inserts && place <= code.length && !split ? { code, holes, insertAt: place } : { code, holes };
      });
    const many = (count: number) => fc.array(template, { minLength: count, maxLength: count });
    const group = fc.tuple(fc.nat(0xffff), fc.nat(0xffff), many(8)).map(([kind, form, variants]) => ({
      kind,
      form,
      clobbers: 2,
      clobbersFlags: true,
      known: 1,
      variants,
    }));
    const tables = fc.record({
      groups: fc.uniqueArray(group, { selector: ({ kind, form }) => `${kind}.${form}`, maxLength: 4 }),
      poison: many(57),
    });
    fc.assert(
      fc.property(tables, ({ groups, poison }) => {
        groups.sort((a, b) => a.kind - b.kind || a.form - b.form);
        const table = { profile: "sixteen-letters-", machine: 62 as const, groups, poison };
        expect(unwrap(readTemplates(writeTemplates(table)))).toEqual(table);
      }),
      { numRuns: 30 },
    );
  });

  test("equal rows are written once", () => {
    expect(templateBytes.length).toBeLessThan(40_000);
    const groups = templates.groups.filter(({ kind }) => kind < 32);
    const some = writeTemplates({ ...templates, groups });
    expect(writeTemplates({ ...templates, groups: groups.slice(0, 1) }).length).toBeLessThan(
      some.length - 12 * (groups.length - 2),
    );
  });

  test("cut off anywhere", () => {
    for (let length = 0; length < templateBytes.length; length += 1 + (length >> 6)) {
      expect(codeOf(readTemplates(templateBytes.subarray(0, length)))).toBe("PV1001");
    }
  });

  test("a changed bit anywhere but in reserved bytes", () => {
    const small = writeTemplates({ ...templates, groups: templates.groups.slice(0, 3) });
    everyBit(
      small,
      () => false,
      (changed, offset) =>
        expect(["PV1001", "PV4002", "PV4005"], `at ${offset}`).toContain(codeOf(readTemplates(changed))),
    );
  });

  test("nonsense with a right checksum is read, or is an error", () => {
    const small = writeTemplates({ ...templates, groups: templates.groups.slice(0, 8) });
    fc.assert(
      fc.property(damage, (changes) => {
        const read = readTemplates(damaged(small, changes, 12, 16));
        if (read.ok) expect(unwrap(readTemplates(writeTemplates(read.value)))).toEqual(read.value);
        else expect(["PV1001", "PV4002", "PV4005"]).toContain(read.error.code);
      }),
      { numRuns: 500 },
    );
  });
});

describe("container", () => {
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
  const packed = unwrap(
    buildContainer({ kernel: new Uint8Array(5000), initrd: new Uint8Array(10), commandLine: "quiet" }),
  );

  test("packed and unpacked are the same", () => {
    fc.assert(
      fc.property(
        bytes(6000),
        fc.option(bytes(5000)),
        fc.string({ maxLength: 60 }),
        fc.nat(15),
        (kernel, initrd, line, flags) => {
          fc.pre(!line.includes("\0"));
          const bit = (number: number) => (flags & number) !== 0;
          const container = {
            kernel,
            commandLine: line,
            poison: bit(1),
            stopBehindPatching: bit(2),
            unpatched: bit(4),
            trapOnly: bit(8),
            ...(initrd === null ? {} : { initrd }),
          };
          const packedBytes = unwrap(buildContainer(container));
          const view = new DataView(packedBytes.buffer);
          expect([view.getUint32(20, true) % 4096, view.getUint32(28, true) % 4096]).toEqual([0, 0]);
          expect(view.getUint32(16, true)).toBe(flags);
          expect(unwrap(parseContainer(packedBytes))).toEqual(container);
        },
      ),
    );
  });

  test("a command line of 2047 bytes fits, one more does not, nor does a NUL", () => {
    const line = (commandLine: string) => codeOf(buildContainer({ kernel: new Uint8Array(1), commandLine }));
    expect(line("x".repeat(2047))).toBe("ok");
    expect(line("x".repeat(2048))).toBe("PV9001");
    expect(line("ü".repeat(1024))).toBe("PV9001");
    expect(line("a\0b")).toBe("PV9001");
  });

  test("cut off anywhere, or with a changed header", () => {
    for (const length of [0, 1, 63, 64, 4095, 4096, packed.length - 1]) {
      expect(codeOf(parseContainer(packed.subarray(0, length)))).toBe("PV1001");
    }
    everyBit(
      packed.subarray(0, 64),
      () => false,
      (header, offset) => {
        const changed = packed.slice();
        changed.set(header);
        expect(["PV1001", "PV1003"], `at ${offset}`).toContain(codeOf(parseContainer(changed)));
      },
    );
  });

  test("nonsense with a right checksum is read, or is an error", () => {
    fc.assert(
      fc.property(damage, (changes) => {
        const header = damaged(packed.subarray(0, 64), changes, 12, 16, 64);
        const changed = packed.slice();
        changed.set(header);
        expect(["ok", "PV1001", "PV1003"]).toContain(codeOf(parseContainer(changed)));
      }),
    );
  });
});

describe("resident area", () => {
  const blob = fakeResident();

  test("the built blob", () => {
    const info = unwrap(readResident(blob));
    expect(info).toMatchObject({
      size: blob.length,
      arenaAddress: 0xc0f0_1000,
      arenaSize: 0xff000,
      countersAddress: 0xc0f0_00a0,
      counterCount: 256,
    });
    expect([...info.routines.subarray(0, 3)]).toEqual([0xc0f0_0070, 0xc0f0_0074, 0xc0f0_0078]);
  });

  test("cut off, or nonsense", () => {
    for (const length of [0, 63, 64, 111])
      expect(["PV1001", "PV4005"]).toContain(codeOf(readResident(blob.subarray(0, length))));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(127), fc.nat(255)), { maxLength: 4 }), (changes) => {
        const changed = blob.slice();
        for (const [at, value] of changes) changed[at] = value;
        expect(["ok", "PV4005"]).toContain(codeOf(readResident(changed)));
      }),
      { numRuns: 500 },
    );
    for (const [at, value] of [
      [8, 0xffff_ffff],
      [12, 0xc0f0_2000],
      [16, 0xff001],
      [24, 0xc0f0_0000],
      [24, 0xc0ef_0000],
      [28, 0xffff_ffff],
      [32, 1 << 20],
      [36, 0xc0f0_0500],
      [64, 0xc0e0_0000],
    ]) {
      const changed = blob.slice();
      new DataView(changed.buffer).setUint32(at, value, true);
      expect(codeOf(readResident(changed)), `${value.toString(16)} at ${at}`).toBe("PV4005");
    }
  });

  test("the state of a guest", () => {
    const memory = new Uint8Array(0x100_0000);
    const read = (physical: number, length: number) => memory.subarray(physical, physical + length);
    expect(codeOf(readResidentState(read))).toBe("PV5002");
    memory.set(blob, 0xf0_0000);
    const view = new DataView(memory.buffer);
    [0xff000, 1234].forEach((value, index) => view.setUint32(0xf0_0010 + index * 4, value, true));
    [1, 7, 2, 1, 0xdead_beef, 0x1234_5678].forEach((value, index) =>
      view.setUint32(0xf0_0028 + index * 4, value, true),
    );
    view.setUint32(0xf0_00a0 + 3 * 4, 154_763, true);
    const state = unwrap(readResidentState(read));
    expect(state).toMatchObject({
      status: 1,
      applied: 7,
      left: 2,
      poison: true,
      arenaUsed: 1234,
      arenaAddress: 0xc0f0_1000,
    });
    expect(state).toMatchObject({ arenaChecksum: 0xdead_beef, kernelChecksum: 0x1234_5678 });
    expect(state.counters[3]).toBe(154_763);
    expect(state.counters.length).toBe(256);
    expect(codeOf(readResidentState((physical, length) => read(physical, Math.min(length, 64))))).toBe("PV5002");
  });
});

describe("loader image", () => {
  const boot = (section: string) =>
    assembleElf(`.globl _start\n_start: hlt\n${section}`, { bits: 32, base: 0x280_0000 });
  const room = boot('.section .previrt.templates,"a"\n.fill 40000, 1, 0x55\n');

  test("has the templates in its section, and nothing else changes", () => {
    const image = unwrap(buildLoaderImage(room, templateBytes));
    expect(unwrap(templatesOf(image))).toEqual(templates);
    expect(image.length).toBe(room.length);
    const differing = room.reduce((count, byte, offset) => count + (byte === image[offset] ? 0 : 1), 0);
    expect(differing).toBeLessThanOrEqual(40_000);
    expect(unwrap(buildLoaderImage(image, templateBytes))).toEqual(image);
  });

  test("no section, one without contents, one too small, a damaged table", () => {
    expect(codeOf(buildLoaderImage(boot(""), templateBytes))).toBe("PV1006");
    expect(
      codeOf(buildLoaderImage(boot('.section .previrt.templates,"aw",@nobits\n.skip 40000\n'), templateBytes)),
    ).toBe("PV1006");
    expect(codeOf(buildLoaderImage(boot('.section .previrt.templates,"a"\n.skip 1000\n'), templateBytes))).toBe(
      "PV4006",
    );
    expect(codeOf(buildLoaderImage(room, templateBytes.subarray(1)))).toBe("PV4005");
    expect(codeOf(buildLoaderImage(room.subarray(0, 40), templateBytes))).toBe("PV1001");
  });
});
