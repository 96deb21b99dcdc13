/**
 * Sections and symbols of an ELF file that `ld` has just written. It trusts its input, so it is for this package's own
 * output only; images from outside go through `@pv/elf`.
 */

export interface Linked {
  readonly sections: ReadonlyMap<string, { readonly address: number; readonly bytes: Uint8Array }>;
  readonly symbols: ReadonlyMap<string, number>;
}

const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SHN_UNDEF = 0;
const STT_NOTYPE_TO_FUNC = 2;

interface Header {
  readonly name: number;
  readonly type: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

/** Sections by name (the first of each) and the defined data, code and plain symbols by name. */
export function readLinked(elf: Uint8Array): Linked {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  const wide = elf[4] === 2;
  const word = (at: number) => view.getUint32(at, true);

  const headers: Header[] = [];
  const table = word(wide ? 0x28 : 0x20);
  const entrySize = view.getUint16(wide ? 0x3a : 0x2e, true);
  const count = view.getUint16(wide ? 0x3c : 0x30, true);
  for (let index = 0; index < count; index++) {
    const at = table + index * entrySize;
    const [address, offset, size, link] = wide ? [0x10, 0x18, 0x20, 0x28] : [0x0c, 0x10, 0x14, 0x18];
    headers.push({
      name: word(at),
      type: word(at + 4),
      address: word(at + address),
      offset: word(at + offset),
      size: word(at + size),
      link: word(at + link),
    });
  }
  const text = (at: number) => new TextDecoder().decode(elf.subarray(at, elf.indexOf(0, at)));
  const names = headers[view.getUint16(wide ? 0x3e : 0x32, true)].offset;

  const sections = new Map<string, { address: number; bytes: Uint8Array }>();
  const symbols = new Map<string, number>();
  for (const header of headers) {
    const name = text(names + header.name);
    const end = header.type === SHT_NOBITS ? header.offset : header.offset + header.size;
    if (!sections.has(name)) sections.set(name, { address: header.address, bytes: elf.slice(header.offset, end) });
    if (header.type !== SHT_SYMTAB) continue;
    const rowSize = wide ? 24 : 16;
    for (let at = header.offset; at + rowSize <= header.offset + header.size; at += rowSize) {
      const info = elf[at + (wide ? 4 : 12)];
      const section = view.getUint16(at + (wide ? 6 : 14), true);
      const symbol = text(headers[header.link].offset + word(at));
      if (symbol === "" || section === SHN_UNDEF || (info & 15) > STT_NOTYPE_TO_FUNC) continue;
      symbols.set(symbol, word(at + (wide ? 8 : 4)));
    }
  }
  return { sections, symbols };
}
