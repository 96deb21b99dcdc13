/**
 * The shapes that stubgen hands on: what to patch (plans, hypervisor-neutral) and with what (templates, one table per
 * hypervisor profile). docs/formats.md gives their bytes.
 */

export const Tactic = { none: 0, idiom: 1, forward: 2, backward: 3, short: 4 } as const;
export type Tactic = (typeof Tactic)[keyof typeof Tactic];

export const ItemOp = { copy: 1, site: 2, jump: 3, conditional: 4, call: 5 } as const;
export type ItemOp = (typeof ItemOp)[keyof typeof ItemOp];

/** Patches ascending by start, never overlapping; items in address order. Columns. */
export interface PatchPlans {
  readonly count: number;
  readonly start: Uint32Array;
  readonly length: Uint8Array;
  readonly tactic: Uint8Array;
  readonly firstItem: Uint32Array;
  readonly itemCount: Uint16Array;
  readonly items: {
    readonly count: number;
    readonly op: Uint8Array;
    readonly length: Uint8Array;
    readonly condition: Uint8Array;
    /** Offset of the instruction in its window. */
    readonly offset: Uint8Array;
    /** Op site: row of the site; ops jump, conditional, call: target address. */
    readonly target: Uint32Array;
  };
  /** Patch row of each site, or 0xffffffff. */
  readonly sitePatch: Uint32Array;
  /** Number in the reason table of each site that is in no patch, 0 for the others. */
  readonly siteReason: Uint8Array;
}

/** How to emulate a site, as data: a group of variants (docs/formats.md). */
export interface TemplateGroup {
  readonly kind: number;
  /** 0xffff: every form without a group of its own. */
  readonly form: number;
  /** Registers clobbered beyond the instruction's own results: bit r = register r. */
  readonly clobbers: number;
  readonly clobbersFlags: boolean;
  /** 0 nothing, 1 port, 2 MSR, 3 CPUID leaf. */
  readonly known: number;
  /** `2 ** (bits in clobbers + clobbersFlags + (known ? 1 : 0))` templates, by variant number. */
  readonly variants: readonly Template[];
}

export const HoleType = {
  routine: 1,
  counter: 2,
  known: 3,
  siteAddress: 4,
  nextAddress: 5,
  deadFlagsComplement: 6,
  deadFlagsGarbage: 7,
} as const;
export type HoleType = (typeof HoleType)[keyof typeof HoleType];

export interface Hole {
  readonly offset: number;
  readonly type: HoleType;
  readonly argument: number;
}

export interface Template {
  readonly code: Uint8Array;
  /** Offset where the site's original bytes go; undefined for nowhere. */
  readonly insertAt?: number;
  readonly holes: readonly Hole[];
}

export interface TemplateTable {
  readonly profile: string;
  readonly machine: 3 | 62;
  readonly groups: readonly TemplateGroup[];
  /** No stub is ever single-stepped by a program's trap flag: sites with that flag may have stubs, too. Default false. */
  readonly unstepped?: boolean;
  /** 57 templates, as docs/formats.md numbers them. */
  readonly poison: readonly Template[];
}
