/**
 * Code that other code of the kernel knows by its address: where an exception came from there, it is handled in another way.
 * A stub runs elsewhere, and what happens in it would be taken for something else.
 *
 *   sysenter's entry   the processor enters the kernel with the program's trap flag still set, so each instruction up to the one
 *                      that clears it stops with a debug exception, which is expected there and warned about anywhere else
 *                      (arch/x86/kernel/traps.c, is_sysenter_singlestep)
 *   repeated NMI       an NMI that finds the kernel between these knows that it is nested (arch/x86/entry/entry_64.S, asm_exc_nmi)
 *
 * A hypervisor that emulates sysenter reports the first debug exception before the kernel has executed anything, and the kernel clears the
 * flag then: no stub sees it. So sysenter's entry on i386 may be patched for such hypervisors (`steppedCode`, docs/formats.md), and the rest
 * for none.
 */
import type { AddressRanges } from "./protection.js";
import type { SymbolLookup } from "./copied-code.js";

/** Pairs of symbols, the second one behind the end; only where both exist. */
type Span = readonly [first: string, last: string];
const COMPARED_SPANS: readonly Span[] = [
  ["entry_SYSENTER_compat", "__end_entry_SYSENTER_compat"],
  ["repeat_nmi", "end_repeat_nmi"],
];
const STEPPED_SPANS: readonly Span[] = [["__begin_SYSENTER_singlestep_region", "__end_SYSENTER_singlestep_region"]];

type Symbols = Pick<SymbolLookup, "lookup">;

/** The ranges for `Protection.compared`, ascending by start; symbols that the kernel lacks are left out. */
export const comparedAddresses = (symbols: Symbols): AddressRanges => rangesOf(COMPARED_SPANS, symbols);

/** Code that may run with the trap flag of a program, where the processor itself enters the kernel; as `comparedAddresses`. */
export const steppedCode = (symbols: Symbols): AddressRanges => rangesOf(STEPPED_SPANS, symbols);

function rangesOf(spans: readonly Span[], symbols: Symbols): AddressRanges {
  const ranges = spans
    .flatMap(([first, last]) => {
      const start = symbols.lookup(first),
        end = symbols.lookup(last);
      return start !== undefined && end !== undefined && end > start ? [{ start, end }] : [];
    })
    .toSorted((a, b) => a.start - b.start);
  return { start: Uint32Array.from(ranges, ({ start }) => start), end: Uint32Array.from(ranges, ({ end }) => end) };
}
