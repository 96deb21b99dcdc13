/** Small ELF files and bzImages, put together field by field: independent of the writer under test. */

export interface TestSection {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** SHT_*; SHT_PROGBITS if left out. */
  readonly type?: number;
  readonly flags?: number;
  /** With an address, the section gets a segment of its own. */
  readonly address?: number;
  /** Upper half of the address; all ones for ELF64 if left out. */
  readonly high?: number;
  readonly physical?: number;
  readonly link?: number;
  /** Memory behind the contents. */
  readonly extra?: number;
}

export interface TestElf {
  readonly bits?: 32 | 64;
  readonly machine?: number;
  readonly bigEndian?: boolean;
  readonly sections?: readonly TestSection[];
  /** Words behind the file. */
  readonly appended?: readonly number[];
}

export const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, "latin1"));

export function buildElf({
  bits = 32,
  machine,
  bigEndian = false,
  sections = [],
  appended = [],
}: TestElf = {}): Uint8Array {
  const wide = bits === 64;
  const [headerSize, segmentSize, sectionSize] = wide ? [64, 56, 64] : [52, 32, 40];
  const loaded = sections.filter((section) => section.address !== undefined);
  const names = text(`\0${[...sections.map(({ name }) => name), ".shstrtab"].join("\0")}\0`);
  const all: TestSection[] = [...sections, { name: ".shstrtab", bytes: names, type: 3 }];
  const chunks: { at: number; bytes: Uint8Array }[] = [];
  let end = headerSize + loaded.length * segmentSize;
  const offsets = all.map(({ bytes }) => {
    const at = Math.ceil(end / 4) * 4;
    chunks.push({ at, bytes });
    end = at + bytes.length;
    return at;
  });
  const tableAt = Math.ceil(end / (wide ? 8 : 4)) * (wide ? 8 : 4);
  const total = tableAt + (all.length + 1) * sectionSize;
  const bytes = new Uint8Array(total + appended.length * 4);
  const view = new DataView(bytes.buffer);
  const little = !bigEndian;
  for (const chunk of chunks) bytes.set(chunk.bytes, chunk.at);
  appended.forEach((word, i) => view.setUint32(total + i * 4, word, true));
  const u16 = (at: number, value: number) => view.setUint16(at, value, little);
  const u32 = (at: number, value: number) => view.setUint32(at, value, little);
  const word = (at: number, value: number, high = 0) => {
    u32(at, value);
    if (wide) u32(at + 4, high);
  };
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, bigEndian ? 2 : 1, 1]);
  u16(16, 2);
  u16(18, machine ?? (wide ? 62 : 3));
  u32(20, 1);
  word(24, 0x1000000);
  const tail = wide ? 52 : 40;
  word(wide ? 32 : 28, loaded.length > 0 ? headerSize : 0);
  word(wide ? 40 : 32, tableAt);
  [headerSize, segmentSize, loaded.length, sectionSize, all.length + 1, all.length].forEach((v, i) =>
    u16(tail + i * 2, v),
  );
  loaded.forEach((section, i) => {
    const at = headerSize + i * segmentSize;
    const { address = 0, bytes: content, extra = 0, high = wide ? 0xffffffff : 0 } = section;
    const physical = section.physical ?? address & 0x0fffffff;
    const offset = offsets[sections.indexOf(section)];
    const flags = (section.flags ?? 6) & 4 ? 5 : 6;
    u32(at, 1);
    u32(at + (wide ? 4 : 24), flags);
    const fields = wide ? [8, 16, 24, 32, 40, 48] : [4, 8, 12, 16, 20, 28];
    word(at + fields[0], offset);
    word(at + fields[1], address, high);
    word(at + fields[2], physical);
    word(at + fields[3], content.length);
    word(at + fields[4], content.length + extra);
    word(at + fields[5], 4);
  });
  let name = 1;
  all.forEach((section, i) => {
    const at = tableAt + (i + 1) * sectionSize;
    const { type = 1, address, flags = address === undefined ? 0 : 6, high = wide ? 0xffffffff : 0 } = section;
    u32(at, name);
    name += section.name.length + 1;
    u32(at + 4, type);
    const fields = wide ? [8, 16, 24, 32, 40, 48] : [8, 12, 16, 20, 24, 32];
    word(at + fields[0], flags);
    word(at + fields[1], address ?? 0, address === undefined ? 0 : high);
    word(at + fields[2], offsets[i]);
    word(at + fields[3], section.bytes.length);
    u32(at + fields[4], section.link ?? 0);
    word(at + fields[5], 4);
  });
  return bytes;
}

export interface TestBzImage {
  readonly payload: Uint8Array;
  readonly version?: string;
  readonly protocol?: number;
}

/** Two setup sectors and the payload, some way into the protected-mode code. */
export function buildBzImage({
  payload,
  version = "6.1.0-test (nobody) #1 SMP",
  protocol = 0x20f,
}: TestBzImage): Uint8Array {
  const setup = 2 * 512;
  const offset = 0x40;
  const bytes = new Uint8Array(setup + offset + payload.length + 0x20);
  const view = new DataView(bytes.buffer);
  bytes[0x1f1] = 1;
  view.setUint16(0x1fe, 0xaa55, true);
  bytes.set(text("HdrS"), 0x202);
  view.setUint16(0x206, protocol, true);
  view.setUint16(0x20e, 0x300 - 0x200, true);
  bytes.set(text(version), 0x300);
  view.setUint32(0x230, 0x1000, true);
  bytes[0x234] = 1;
  view.setUint32(0x238, 2047, true);
  view.setUint32(0x248, offset, true);
  view.setUint32(0x24c, payload.length, true);
  view.setUint32(0x258, 0x1000000, true);
  view.setUint32(0x260, 0x2000000, true);
  bytes.set(payload, setup + offset);
  return bytes;
}

/** A stream followed by the size that it unpacks to, as the kernel's build makes payloads of everything but gzip. */
export function withSize(stream: Uint8Array, size: number): Uint8Array {
  const bytes = new Uint8Array(stream.length + 4);
  bytes.set(stream);
  new DataView(bytes.buffer).setUint32(stream.length, size, true);
  return bytes;
}
