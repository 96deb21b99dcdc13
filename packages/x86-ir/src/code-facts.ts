/**
 * What a kernel image says about its own code: symbols, relocations and tables as the plain addresses of `CodeFacts`.
 *
 * The delicate part is `addressTaken`, the code that something may reach without a direct branch. It errs on the side of
 * too much: every relocated word that points into code, and (exported symbols and initcalls are stored that way) every
 * aligned word of data that, read as an offset from itself, hits a function's start. Left out are tables that name code
 * without ever jumping there: tracing, patching, unwinding.
 */
import {
  AddressSet,
  fail,
  type ElfSection,
  type KernelImage,
  sectionBytes,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHT_PROGBITS,
  type SymbolTable,
  type Va,
} from "@pv/elf";
import { type Bits, REGISTER_NAMES } from "./locations.js";
import { handlerWrites } from "./exception-handlers.js";
import { ascending, NO_FACTS } from "./program.js";
import type { CodeFacts, CodeRegion } from "./types.js";

/**
 * Functions that never return, by name, over the versions of Linux (tools/objtool's list of them, without those that
 * are weak or return in some version, such as arch_cpu_idle_dead). Behind a call to one, nothing is read.
 */
const NO_RETURN = [
  "__fortify_panic",
  "__invalid_creds",
  "__module_put_and_exit",
  "__module_put_and_kthread_exit",
  "__reiserfs_panic",
  "__stack_chk_fail",
  "complete_and_exit",
  "cpu_startup_entry",
  "do_exit",
  "do_group_exit",
  "do_task_dead",
  "fortify_panic",
  "hlt_play_dead",
  "kthread_complete_and_exit",
  "kthread_exit",
  "machine_real_restart",
  "make_task_dead",
  "nmi_panic_self_stop",
  "panic",
  "panic_smp_self_stop",
  "rest_init",
  "rewind_stack_and_make_dead",
  "rewind_stack_do_exit",
  "sev_es_terminate",
  "snp_abort",
  "start_kernel",
  "stop_this_cpu",
  "usercopy_abort",
  "x86_64_start_kernel",
  "x86_64_start_reservations",
] as const;

/** Tracers' entry points: they preserve every register and flag (arch/x86/kernel/ftrace_32.S, ftrace_64.S). */
const TRANSPARENT = ["__fentry__", "mcount"] as const;

/** `jmp *reg` and `call *reg` as functions (arch/x86/lib/retpoline.S). */
const THUNK = /^__x86_indirect_(?:its_|call_|jump_)?thunk_([a-z0-9]+)$/;
const RETURN_THUNK = /^(?:__x86|retbleed|zen|srso|srso_alias|its|call_depth)_return_thunk$/;
/** Static calls (include/linux/static_call.h) and BPF dispatchers (include/linux/bpf.h): their code is patched at run time. */
const REPLACEABLE = /^(?:__SCT__|bpf_dispatcher_.*_func$)/;
/** How all of these names begin. */
const NAMED_CODE = [
  "__x86_",
  "retbleed_",
  "zen_",
  "srso_",
  "its_",
  "call_depth_",
  "__SCT__",
  "bpf_dispatcher_",
] as const;
/** `ud1 %esp,%ecx` marks a static call's trampoline, behind a jump of five bytes (arch/x86/kernel/static_call.c). */
const TRAMPOLINE_MARK = [0x0f, 0xb9, 0xcc] as const;
/** What paravirt operations with the callee-save convention hold natively (PV_CALLEE_SAVE in arch/x86/kernel/paravirt.c). */
const PRESERVING =
  /^(?:__raw_callee_save_.*|_paravirt_ident_(?:32|64)|(?:pv_)?native_(?:save_fl|irq_disable|irq_enable|read_cr2))$/;

/** Sections whose words name code that nothing jumps to because of them. */
const SILENT_SECTION =
  /^(?:__ex_table|__bug_table|__mcount_loc|_kprobe_blacklist|__jump_table|\.altinstructions|\.parainstructions|\.smp_locks|\.retpoline_sites|\.return_sites|\.call_sites|\.ibt_endbr_seal|\.orc_.*|\.BTF.*)$/;
/** A run of words this long that is a permutation of a table's addresses is that table, and no coincidence. */
const LEAST_TABLE_ROWS = 16;

/** The executable sections with contents, ascending. Fails with PV3001 when there is none. */
export function kernelRegions(image: KernelImage): CodeRegion[] {
  const regions = image.elf.sections
    .filter((section) => isLoaded(section) && (section.flags & SHF_EXECINSTR) !== 0)
    .map((section) => ({ name: section.name, start: section.address, bytes: sectionBytes(image.elf, section) }))
    .filter((region) => region.bytes.length > 0);
  if (regions.length === 0) fail("PV3001", "no section of the image is executable");
  return regions.sort((a, b) => a.start - b.start);
}

const isLoaded = (section: ElfSection): boolean => section.type === SHT_PROGBITS && (section.flags & SHF_ALLOC) !== 0;

/**
 * Everything that symbols, relocations and tables say; `functionStarts` are the image's {@link knownStarts}. Fails with PV3001 as
 * `kernelRegions` does.
 */
export function codeFacts(image: KernelImage, functionStarts: Uint32Array = knownStarts(image)): CodeFacts {
  const regions = kernelRegions(image),
    code = new CodeRange(regions);
  const { tables, symbols } = image;
  const named = symbols === undefined ? NO_FACTS : readNames(symbols, image.elf.bits, code);
  const entries = entryIn(image, code);
  const empty = new Uint32Array(0),
    emptyBytes = new Uint8Array(0);
  return {
    functionStarts,
    addressTaken: ascending([...entries, ...relocatedWords(image, code), ...relativeWords(image, functionStarts)]),
    exceptionFrom: tables.exceptions?.insn ?? empty,
    exceptionTo: tables.exceptions?.fixup ?? empty,
    exceptionWrites: handlerWrites(tables.exceptions?.type ?? empty),
    jumpLabelFrom: tables.jumpLabels?.code ?? empty,
    jumpLabelTo: tables.jumpLabels?.target ?? empty,
    alternativeSite: tables.alternatives?.site ?? empty,
    alternativeSiteLength: tables.alternatives?.siteLength ?? emptyBytes,
    alternativeReplacement: tables.alternatives?.replacement ?? empty,
    alternativeReplacementLength: tables.alternatives?.replacementLength ?? emptyBytes,
    warnings: ascending(tables.bugs?.site.filter((_, row) => tables.bugs?.warning[row] === 1) ?? empty),
    tracedCalls: ascending(tables.mcount?.site ?? empty),
    transparent: named.transparent,
    thunkAddress: named.thunkAddress,
    thunkRegister: named.thunkRegister,
    noReturn: named.noReturn,
    returnThunks: named.returnThunks,
    replaceable: ascending([...named.replaceable, ...trampolines(regions)]),
    preservingCalls: preservingCalls(image),
  };
}

/** Where functions surely start, ascending: what a linear sweep needs to begin with (`CodeFacts.functionStarts`). Fails as `kernelRegions`. */
export function knownStarts(image: KernelImage): Uint32Array {
  const code = new CodeRange(kernelRegions(image)),
    { symbols } = image;
  const known = [...entryIn(image, code), ...tracedEntries(image)];
  const starts = new Uint32Array(known.length + (symbols?.count ?? 0));
  starts.set(known);
  let count = known.length;
  for (let row = 0; row < (symbols?.count ?? 0); row++) {
    const { address, type } = symbols!;
    if (isCodeLetter(type[row]) && code.holds(address[row])) starts[count++] = address[row];
  }
  return ascending(starts.subarray(0, count));
}

/** nm letters of code: t, T, w, W. */
const isCodeLetter = (letter: number): boolean => (letter & ~0x20) === 0x54 || (letter & ~0x20) === 0x57;

/** Which addresses are code; neighbouring questions mostly hit the same region. */
class CodeRange {
  private latest: CodeRegion;

  constructor(private readonly regions: readonly CodeRegion[]) {
    this.latest = regions[0];
  }

  holds(va: Va): boolean {
    const offset = va - this.latest.start;
    if (offset >= 0 && offset < this.latest.bytes.length) return true;
    for (const region of this.regions) {
      if (va < region.start || va - region.start >= region.bytes.length) continue;
      this.latest = region;
      return true;
    }
    return false;
  }
}

type Names = Pick<
  CodeFacts,
  "transparent" | "thunkAddress" | "thunkRegister" | "noReturn" | "returnThunks" | "replaceable"
>;

/** Sorts code symbols by what their names mean. */
function readNames(symbols: SymbolTable, bits: Bits, code: CodeRange): Names {
  const returnThunks: number[] = [],
    replaceable: number[] = [];
  const thunks = new Map<number, number>();
  for (const row of symbols.startingWith(NAMED_CODE)) {
    const address = symbols.address[row];
    if (!isCodeLetter(symbols.type[row]) || !code.holds(address)) continue;
    const name = symbols.name(row);
    const register = THUNK.exec(name)?.[1];
    if (register !== undefined) {
      const number = REGISTER_NAMES[bits].indexOf(register);
      if (number >= 0) thunks.set(address, number);
    } else if (RETURN_THUNK.test(name)) returnThunks.push(address);
    else if (REPLACEABLE.test(name)) replaceable.push(address);
  }
  const find = (names: readonly string[]): Uint32Array =>
    ascending(
      names.map((name) => symbols.lookup(name)).filter((va): va is number => va !== undefined && code.holds(va)),
    );
  const sorted = [...thunks].sort(([a], [b]) => a - b);
  return {
    transparent: find(TRANSPARENT),
    thunkAddress: Uint32Array.from(sorted, ([address]) => address),
    thunkRegister: Uint8Array.from(sorted, ([, register]) => register),
    noReturn: find(NO_RETURN),
    returnThunks: ascending(returnThunks),
    replaceable: ascending(replaceable),
  };
}

/**
 * Entries of traced functions. Some have no symbol: definitions of weak functions that another one replaced. Where
 * indirect branches are checked, the call to the tracer comes behind an ENDBR (F3 0F 1E FA or FB).
 */
function tracedEntries(image: KernelImage): number[] {
  const { memory } = image;
  const behindLanding = (va: Va): boolean =>
    memory.has(va - 4, 4) && (memory.u32(va - 4) | 0x0100_0000) >>> 0 === 0xfb1e_0ff3;
  return Array.from((image.mcount ?? image.tables.mcount)?.site ?? [], (va) => (behindLanding(va) ? va - 4 : va));
}

function entryIn(image: KernelImage, code: CodeRange): Va[] {
  const entry = entryPoint(image);
  return entry !== undefined && code.holds(entry) ? [entry] : [];
}

/** The virtual address of the ELF entry point, which may be a physical one. */
function entryPoint(image: KernelImage): Va | undefined {
  const { entry, segments } = image.elf;
  for (const segment of segments) {
    if (entry >= segment.virtualAddress && entry - segment.virtualAddress < segment.memorySize) return entry;
  }
  for (const segment of segments) {
    const offset = entry - segment.physicalAddress;
    if (offset >= 0 && offset < segment.memorySize) return segment.virtualAddress + offset;
  }
  return undefined;
}

/**
 * Code addresses in words that the image's relocations name, those in silent tables left out. An image without relocations (a kernel
 * that is not built to be moved) may hold one in any word.
 */
function relocatedWords(image: KernelImage, code: CodeRange): number[] {
  const { elf, memory, tables } = image;
  const silent = elf.sections.filter((section) => SILENT_SECTION.test(section.name) && section.size > 0);
  // Early code of i386 runs at physical addresses and names itself by them.
  const displacement =
    elf.segments
      .map((segment) => segment.virtualAddress - segment.physicalAddress)
      .find((difference) => difference !== 0) ?? 0;
  const lists = image.relocations ?? {
    absolute32: wordsThatFit(image, (value) => code.holds(value) || code.holds((value + displacement) >>> 0)),
    absolute64: [],
  };

  const taken: number[] = [];
  for (const [list, stride] of [
    [lists.absolute32, 4],
    [lists.absolute64, 8],
  ] as const) {
    const places: number[] = [],
      values: number[] = [];
    let section = silent[0];
    for (const place of list) {
      if (section !== undefined && (place < section.address || place - section.address >= section.size)) {
        section = silent.find((other) => place >= other.address && place - other.address < other.size) ?? section;
      }
      if (section !== undefined && place >= section.address && place - section.address < section.size) continue;
      if (!memory.has(place, stride)) continue;
      if (stride === 8 && memory.u32(place + 4) !== elf.addressHigh) continue;
      const value = memory.u32(place);
      const va = code.holds(value) ? value : (value + displacement) >>> 0;
      if (va !== value && (elf.bits === 64 || !code.holds(va))) continue;
      if (!code.holds(va)) continue;
      places.push(place);
      values.push(va);
    }
    const drop = new Uint8Array(places.length);
    for (const table of [tables.mcount, tables.kprobeBlacklist])
      if (table !== undefined) markTable(places, values, stride, table.site, drop);
    values.forEach((va, i) => drop[i] === 0 && taken.push(va));
  }
  return taken;
}

/** Places of 32-bit words that fit: at every byte of code, at every fourth of data. */
export function wordsThatFit(image: KernelImage, fits: (value: number) => boolean): number[] {
  const places: number[] = [];
  for (const section of image.elf.sections.filter(isLoaded)) {
    const bytes = sectionBytes(image.elf, section),
      view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const isCode = (section.flags & SHF_EXECINSTR) !== 0;
    const first = isCode ? 0 : -section.address & 3;
    for (let at = first; at + 4 <= bytes.length; at += isCode ? 1 : 4)
      if (fits(view.getUint32(at, true))) places.push(section.address + at);
  }
  return places.sort((a, b) => a - b);
}

/**
 * Marks the words of a table that has no section of its own: the run of neighbouring words whose values are exactly the
 * table's addresses, each once. One word more on either side would repeat a value, so nothing else is marked.
 */
function markTable(
  places: readonly number[],
  values: readonly number[],
  stride: number,
  addresses: Uint32Array,
  mark: Uint8Array,
): void {
  const wanted = new AddressSet(addresses),
    { size } = wanted;
  if (size < LEAST_TABLE_ROWS) return;
  // Where each wanted value was last seen; `first` is the start of the run of distinct wanted values.
  const seen = new Int32Array(wanted.capacity).fill(-1);
  let first = 0;
  for (let i = 0; i < values.length; i++) {
    const index = wanted.indexOf(values[i]);
    if (index < 0) {
      first = i + 1;
      continue;
    }
    if (i > first && places[i] - places[i - 1] !== stride) first = i;
    if (seen[index] >= first) first = seen[index] + 1;
    seen[index] = i;
    if (i - first + 1 === size) {
      mark.fill(1, first, i + 1);
      return;
    }
  }
}

/** Function starts that some aligned word of data names as an offset from itself (PREL32). */
function relativeWords(image: KernelImage, functionStarts: Uint32Array): number[] {
  const starts = new AddressSet(functionStarts),
    found: number[] = [];
  // Nearly every word is ruled out by the first comparison.
  const lowest = functionStarts[0] ?? 0,
    span = (functionStarts.at(-1) ?? 0) - lowest;
  for (const section of image.elf.sections) {
    if (
      !isLoaded(section) ||
      (section.flags & SHF_EXECINSTR) !== 0 ||
      SILENT_SECTION.test(section.name) ||
      section.address % 4 !== 0
    )
      continue;
    const bytes = sectionBytes(image.elf, section),
      view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + 4 <= bytes.length; at += 4) {
      const offset = view.getInt32(at, true);
      if (offset === 0) continue;
      const va = (section.address + at + offset) >>> 0;
      if (va >= lowest && va - lowest <= span && starts.has(va)) found.push(va);
    }
  }
  return found;
}

function trampolines(regions: readonly CodeRegion[]): number[] {
  const found: number[] = [],
    mark = Buffer.from(TRAMPOLINE_MARK);
  for (const { start, bytes } of regions) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = buffer.indexOf(mark); at >= 0; at = buffer.indexOf(mark, at + 1))
      if (at >= 5) found.push(start + at - 5);
  }
  return found;
}

/** Paravirt call sites (`call *operation`) whose operation, as the image holds it, has the callee-save convention. */
function preservingCalls(image: KernelImage): Uint32Array {
  const { tables, memory, symbols, elf } = image;
  const sites = tables.paravirt?.site;
  if (sites === undefined || symbols === undefined) return new Uint32Array(0);
  const names = new Map<number, boolean>();
  const preserves = (operation: Va): boolean => {
    let answer = names.get(operation);
    if (answer !== undefined) return answer;
    answer = false;
    const value = memory.has(operation, 4) ? memory.u32(operation) : 0;
    for (let row = symbols.below(value); row >= 0 && symbols.address[row] === value; row--)
      answer ||= PRESERVING.test(symbols.name(row));
    names.set(operation, answer);
    return answer;
  };
  return ascending(
    sites.filter((site) => {
      // FF /2 with a 32-bit displacement: absolute on i386, relative to the next instruction on x86-64.
      if (!memory.has(site, 6) || memory.u16(site) !== 0x15ff) return false;
      const displacement = memory.u32(site + 2);
      return preserves(elf.bits === 64 ? (site + 6 + displacement) >>> 0 : displacement);
    }),
  );
}
