/**
 * What the catalogue says about one kind of virtualization-sensitive instruction.
 *
 * An instruction is *sensitive* ("Formal requirements for virtualizable third generation architectures", CACM 17(7),
 * 1974) when it reads or changes something that belongs to the monitor once the kernel runs outside ring 0: the
 * privilege level, the interrupt flag, a system register or descriptor table, an I/O port, the clock, the processor's
 * identity, the TLB and caches of the whole machine. Three classes of it:
 *
 *   privileged   faults outside ring 0 (or above IOPL): a monitor can trap it, slowly
 *   silent       does not fault, and gives another result or another effect than in ring 0: must be rewritten. The
 *                seventeen of "Analysis of the Intel Pentium's Ability to Support a Secure Virtual Machine Monitor"
 *                (USENIX Security 2000), and what processors have gained since then
 *   port-io      faults above IOPL unless the I/O bitmap of the TSS permits the port
 *
 * Texts about registers are `parseLocations` texts of the 32-bit names (a 64-bit `rax` is meant by `eax`), and these
 * words, which stand for what the instruction's form says:
 *
 *   value     AL, AX or EAX by the width in the form        port     DX, unless the port is an immediate
 *   general   the general register in the form              second   the general register in the form's special field
 *   count     ECX, with a REP prefix
 *
 * The stack pointer is left out everywhere (a stub keeps it right in any case), and so are memory operands'
 * addresses and every flag other than the six arithmetic ones and DF.
 */
import type { Code } from "iced-x86";
import type { Bits } from "@pv/x86-ir";

export type SensitiveClass = "privileged" | "silent" | "port-io";

/**
 * What a deprivileged kernel (CPL 3, IOPL 0, no port permitted) meets when it executes the instruction unpatched.
 *
 *   always    a fault (#GP or #UD), whatever the operands
 *   gate      no fault of its own, but it enters ring 0 through a table or an MSR that is the monitor's
 *   setting   a fault if the monitor sets a control bit that not every processor has (`why` names it)
 *   partly    a fault for some operands or states only
 *   never     no fault
 */
export type Trap = "always" | "gate" | "setting" | "partly" | "never";

/** How the u16 `form` of a site is made out of the instruction's bytes: see form.ts. */
export type FormKind =
  | "none"
  | "port"
  | "string"
  | "special"
  | "stack-special"
  | "far-pointer"
  | "rm"
  | "rm-word"
  | "rm-reg"
  | "size"
  | "size16"
  | "vector";

/** What an emulation routine in the instruction's place may destroy beyond the instruction's own results. */
export type EmulationClobbers =
  /** A `mov` or a push in line: nothing at all. */
  | "nothing"
  /** In line, with a test or a bit operation: the arithmetic flags. */
  | "flags"
  /** A call by the C convention: every caller-saved register and the arithmetic flags. */
  | "call";

/** A text about locations: one for both architectures, or one each. */
export type LocationText = string | Readonly<Record<Bits, string>>;

/** One row as the catalogue's files write it; `CatalogueEntry` has the defaults filled in. */
export interface CatalogueRow {
  /** Stable number of the kind in file formats: never renumbered, never reused. 0 means "not sensitive". */
  readonly number: number;
  /** Stable short name. */
  readonly kind: string;
  readonly class: SensitiveClass;
  /** iced-x86 `Code` values. Whether one exists in 32-bit or 64-bit mode is asked of iced: `codeExistsIn`. */
  readonly codes: readonly Code[];
  /** Where it is described: volume of the Intel SDM (or another manual's name) and the title of its page there. */
  readonly manual: { readonly volume: string; readonly instruction: string };
  /** One sentence: why it is sensitive. */
  readonly why: string;
  readonly trap: Trap;
  /** Operands in words: the implicit ones, and what the explicit ones mean. Default: none. */
  readonly operands?: string;
  /** Registers and flags that it reads, besides those that address memory. Default "-". */
  readonly reads?: LocationText;
  /** Registers and flags that it defines (also those that it defines on some outcomes only). Default "-". */
  readonly results?: LocationText;
  /** Default "none": the form is 0. */
  readonly form?: FormKind;
  /** Default "call". */
  readonly emulationClobbers?: EmulationClobbers;
  /** Whether user programs contain it as well, with a meaning of its own there. Default false. */
  readonly inUserCode?: boolean;
  /** One of the paper's seventeen. Default false. */
  readonly seventeen?: boolean;
}

export interface CatalogueEntry extends Required<CatalogueRow> {
  /** Whether the monitor surely gets control at CPL 3 (`trap` is `always` or `gate`): it may leave the site alone. */
  readonly canTrap: boolean;
  /** Title of the catalogue group that holds it. */
  readonly group: string;
}

/** Fills in the defaults. */
export function completeRow(row: CatalogueRow, group: string): CatalogueEntry {
  return {
    operands: "none",
    reads: "-",
    results: "-",
    form: "none",
    emulationClobbers: "call",
    inUserCode: false,
    seventeen: false,
    ...row,
    canTrap: row.trap === "always" || row.trap === "gate",
    group,
  };
}
