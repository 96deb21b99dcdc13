/**
 * kallsyms as scripts/kallsyms.c writes it, for tests: any list of symbols, in each of the layouts over the years. It
 * compresses with given tokens instead of the most profitable ones.
 */
import type { Part } from "./fake-kernel.js";

export interface EncodedSymbol {
  readonly address: number;
  /** Type letter and name. */
  readonly text: string;
}

export interface KallsymsLayout {
  readonly bits: 32 | 64;
  /** `6.1`: addresses first. `6.2`: the same, with sequence numbers. `6.4`: addresses last. */
  readonly order: "6.1" | "6.2" | "6.4";
  /** `absolutePercpu`: symbols below 2 GiB are absolute (64 bits only). */
  readonly addresses: "absolute" | "relative" | "absolutePercpu";
}

const CODE = 0xc100_0000;
const CODE_SIZE = 2 * 4096;

/** Strings that stand for one byte: numbers 0 and up are free, printable characters stand for themselves. */
export function tokenTable(strings: readonly string[]): string[] {
  const free = [...Array(32).keys(), ...Array.from({ length: 129 }, (_, index) => 127 + index)];
  const tokens = Array.from({ length: 256 }, (_, code) => (code >= 32 && code < 127 ? String.fromCharCode(code) : ""));
  strings.slice(0, free.length).forEach((text, index) => (tokens[free[index]] = text));
  return tokens;
}

/** An image with one code section at c1000000 and kallsyms in the middle of read-only data. */
export function kallsymsParts(
  symbols: readonly EncodedSymbol[],
  tokens: readonly string[],
  layout: KallsymsLayout,
): Part[] {
  const wordSize = layout.bits / 8;
  const out: number[] = Array.from({ length: 3 * wordSize }, (_, index) => (index * 37) & 0xff);
  const align = () => {
    while (out.length % wordSize !== 0) out.push(0);
  };
  const number = (value: number, size: number) => {
    for (let byte = 0; byte < size; byte++)
      out.push(Math.floor((value < 0 ? value + 2 ** 32 : value) / 256 ** byte) & 0xff);
  };
  const address = (value: number) => {
    number(value, 4);
    if (wordSize === 8) number(value >= 2 ** 31 ? 0xffff_ffff : 0, 4);
  };

  const base = symbols.find((symbol) => symbol.address >= 2 ** 31)?.address ?? CODE;
  const writeAddresses = () => {
    for (const symbol of symbols) {
      if (layout.addresses === "absolute") address(symbol.address);
      else if (layout.addresses === "relative") number(symbol.address - base, 4);
      else number(symbol.address < 2 ** 31 ? symbol.address : base - 1 - symbol.address, 4);
    }
    align();
    if (layout.addresses !== "absolute") address(base);
  };

  if (layout.order !== "6.4") writeAddresses();
  number(symbols.length, 4);
  align();
  const names = out.length;
  const markers: number[] = [];
  symbols.forEach(({ text }, row) => {
    if (row % 256 === 0) markers.push(out.length - names);
    const codes = compress(text, tokens);
    if (codes.length < 128) out.push(codes.length);
    else out.push((codes.length & 0x7f) | 0x80, codes.length >> 7);
    out.push(...codes);
  });
  align();
  for (const marker of markers) number(marker, 4);
  align();
  if (layout.order === "6.2") {
    // Big-endian, the only numbers that are.
    for (const row of inOrderOfNames(symbols)) out.push(row >>> 16, (row >>> 8) & 0xff, row & 0xff);
    align();
  }
  const offsets: number[] = [];
  const table = out.length;
  for (const token of tokens) {
    offsets.push(out.length - table);
    for (const character of token) out.push(character.charCodeAt(0));
    out.push(0);
  }
  align();
  for (const offset of offsets) number(offset, 2);
  if (layout.order === "6.4") writeAddresses();
  for (let index = 0; index < 16; index++) out.push(0xa5);
  return [
    { name: ".text", address: CODE, bytes: new Uint8Array(CODE_SIZE).fill(0xc3), executable: true },
    { name: ".rodata", address: CODE + CODE_SIZE, bytes: Uint8Array.from(out) },
  ];
}

function inOrderOfNames(symbols: readonly EncodedSymbol[]): number[] {
  const names = symbols.map(({ text }) => text.slice(1));
  return [...names.keys()].sort((a, b) => (names[a] < names[b] ? -1 : names[a] > names[b] ? 1 : a - b));
}

function compress(text: string, tokens: readonly string[]): number[] {
  const codes: number[] = [];
  for (let at = 0; at < text.length;) {
    let best = text.charCodeAt(at);
    tokens.forEach((token, code) => {
      if (token.length > tokens[best].length && text.startsWith(token, at)) best = code;
    });
    codes.push(best);
    at += tokens[best].length;
  }
  return codes;
}
