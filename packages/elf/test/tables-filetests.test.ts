/** Every fake kernel: the tables (and symbols, and relocations) that are read from it, pinned in the file itself. */
import { runFiletests } from "@pv/assembler";
import { printKernelTables, readKallsyms, readKernelTables, readRelocations } from "@pv/elf";
import { expect } from "vitest";
import { FAKE_KERNELS, fakeKernel, openFake } from "./fake-kernel.js";

runFiletests(FAKE_KERNELS, {
  "kernel-tables": (input) => {
    const { elf, memory, symbols } = fakeKernel(input);
    const text = printKernelTables(readKernelTables(elf, memory, symbols));
    // Kernels without CONFIG_KALLSYMS_ALL know symbols of code only: then tables are found by content.
    const codeOnly = {
      ...symbols,
      lookup: (name: string) => (/^__st(art|op)_/.test(name) ? undefined : symbols.lookup(name)),
    };
    expect(printKernelTables(readKernelTables(elf, memory, codeOnly))).toBe(text);
    return text;
  },

  kallsyms: (input) => {
    const { elf, memory } = fakeKernel(input, true);
    const symbols = readKallsyms(elf, memory);
    if (symbols === undefined) return "none";
    let text = "";
    symbols.address.forEach((address, row) => {
      text += `${address.toString(16)} ${String.fromCharCode(symbols.type[row])} ${symbols.name(row)}\n`;
    });
    return text;
  },

  relocations: (input) => {
    const { bytes, symbols } = fakeKernel(input);
    const words: number[] = [];
    for (let row = 0; row < symbols.count; row++) {
      if (symbols.name(row).startsWith("word_")) words.push(symbols.address[row]);
    }
    // A terminating zero, then the addresses, last to first in the way the boot code reads them.
    const appended = new Uint8Array(bytes.length + 4 * (words.length + 1));
    appended.set(bytes);
    const view = new DataView(appended.buffer);
    words.forEach((word, row) => view.setUint32(bytes.length + 4 * (row + 1), word, true));
    const relocations = readRelocations(openFake(appended).elf);
    const list = (kind: Uint32Array | undefined) => [...(kind ?? [])].map((word) => word.toString(16)).join(" ");
    return `absolute32: ${list(relocations?.absolute32)}\n`;
  },
});
