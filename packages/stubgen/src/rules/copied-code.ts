/** Code that the kernel copies and runs elsewhere, by the names of its symbols. */
import type { Protection } from "./protection.js";

/** The part of a symbol table that is needed (`SymbolTable` of `@pv/elf` fits). */
export interface SymbolLookup {
  readonly count: number;
  /** Ascending. */
  readonly address: Uint32Array;
  lookup(name: string): number | undefined;
  /** Row of the last symbol at or below `address`, or -1. */
  below(address: number): number;
}

/**
 * Symbols each of which is copied up to the next symbol.
 *
 *   relocate_kernel and its parts    kexec's control page (arch/x86/kernel/relocate_kernel_*.S)
 *   core_restore_code                hibernation (arch/x86/power/hibernate_asm_*.S)
 *   __enc_copy                       memory encryption (arch/x86/mm/mem_encrypt_boot.S)
 */
export const COPIED_SYMBOLS = [
  "relocate_kernel",
  "identity_mapped",
  "virtual_mapped",
  "swap_pages",
  "core_restore_code",
  "__enc_copy",
] as const;

/**
 * Pairs of symbols between which code is copied; only where both exist.
 *
 *   ftrace    trampolines for single functions, x86-64 (arch/x86/kernel/ftrace.c, create_trampoline)
 *   optprobe  kprobes turned into jumps (arch/x86/kernel/kprobes/opt.c)
 */
export const COPIED_SPANS = [
  ["ftrace_caller", "ftrace_epilogue"],
  ["ftrace_regs_caller", "ftrace_regs_caller_end"],
  ["optprobe_template_entry", "optprobe_template_end"],
] as const;

/** The ranges for `Protection.copied`, ascending by start; symbols that the kernel lacks are left out. */
export function copiedCode(symbols: SymbolLookup): NonNullable<Protection["copied"]> {
  const ranges: [start: number, end: number][] = [];
  for (const name of COPIED_SYMBOLS) {
    const start = symbols.lookup(name);
    if (start !== undefined) ranges.push([start, nextSymbol(symbols, start)]);
  }
  for (const [first, last] of COPIED_SPANS) {
    const start = symbols.lookup(first),
      end = symbols.lookup(last);
    if (start !== undefined && end !== undefined && end > start) ranges.push([start, end]);
  }
  ranges.sort((a, b) => a[0] - b[0]);
  return { start: Uint32Array.from(ranges, ([start]) => start), end: Uint32Array.from(ranges, ([, end]) => end) };
}

/** Address of the next symbol, or one page further where there is none. */
function nextSymbol(symbols: SymbolLookup, address: number): number {
  const next = symbols.below(address) + 1;
  return next < symbols.count ? symbols.address[next] : address + 4096;
}
