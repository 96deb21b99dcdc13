/** Code that the kernel copies and runs elsewhere, by the names of its symbols. */
import type { Protection } from "./protection.js";

/** The part of a symbol table that is needed (`SymbolTable` of `@pv/elf` fits). */
export interface SymbolLookup {
  readonly count: number;
  readonly address: Uint32Array;
  lookup(name: string): number | undefined;
  below(address: number): number;
}

/**
 * First symbol of each stretch that is copied, and the symbol at its end; without one, everything up to the next symbol
 * and at least `COPIED_BYTES`.
 *
 *   relocate_kernel      kexec's control page (arch/x86/kernel/relocate_kernel_*.S)
 *   core_restore_code    hibernation (arch/x86/power/hibernate_asm_*.S)
 *   ftrace_*caller       trampolines for single functions (arch/x86/kernel/ftrace.c), x86-64
 *   optprobe_template_*  kprobes turned into jumps (arch/x86/kernel/kprobes/opt.c)
 *   __enc_copy           memory encryption (arch/x86/mm/mem_encrypt_boot.S), x86-64
 */
export const COPIED_SYMBOLS: readonly (readonly [first: string, end?: string])[] = [
  ["relocate_kernel"],
  ["core_restore_code"],
  ["ftrace_caller", "ftrace_epilogue"],
  ["ftrace_regs_caller", "ftrace_regs_caller_end"],
  ["optprobe_template_entry", "optprobe_template_end"],
  ["__enc_copy"],
];

/** What the kernel copies where it does not say how much: kexec's control code, which is the longest. */
const COPIED_BYTES = 2048;

/** The ranges for `Protection.copied`, ascending by start; symbols that the kernel lacks are left out. */
export function copiedCode(symbols: SymbolLookup): NonNullable<Protection["copied"]> {
  const ranges: [start: number, end: number][] = [];
  for (const [first, last] of COPIED_SYMBOLS) {
    const start = symbols.lookup(first);
    if (start === undefined) continue;
    const end = last === undefined ? undefined : symbols.lookup(last);
    ranges.push([start, end !== undefined && end > start ? end : Math.max(start + COPIED_BYTES, nextSymbol(symbols, start))]);
  }
  ranges.sort((a, b) => a[0] - b[0]);
  return { start: Uint32Array.from(ranges, ([start]) => start), end: Uint32Array.from(ranges, ([, end]) => end) };
}

function nextSymbol(symbols: SymbolLookup, address: number): number {
  const next = symbols.below(address) + 1;
  return next < symbols.count ? symbols.address[next] : address;
}
