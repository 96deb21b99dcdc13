/**
 * The rules made ready for questions: one byte for each byte of code and each kind of mark.
 *
 * Everything that a table or a branch names near a site is written down once, as the number of the rule that forbids
 * it, so that the planner asks about a byte with one load; rules about instructions are asked one after the other. What
 * is far from every site is left out: a kernel has 600,000 branches and 5,000 sites.
 *
 * Invariant: answers are right for the bytes within `NEAR_BYTES` of a site, and there only. Cost: one pass over all
 * branch targets; two bytes per byte of code, of which untouched pages are never made.
 */
import type { CodeRegion, InstructionId, Instructions } from "@pv/x86-ir";
import type { PlanInput, Ranges, Rule } from "./rule.js";
import { RULES } from "./table.js";

/** More than the longest window (64 by the format) and the longest instruction on either side of a site. */
export const NEAR_BYTES = 128;

/** Rules about instructions in the order of the table. */
const DISPLACEMENT_RULES = (RULES as readonly Rule[]).filter((rule) => rule.displaces !== undefined);

export class Judge {
  private readonly touched: Marks;
  private readonly inside: Marks;
  private readonly instructions: Instructions;
  private readonly isBoundary = (va: number): boolean => this.boundary(va) !== 0;

  constructor(private readonly input: PlanInput) {
    const { instructions } = input.program;
    this.instructions = instructions;
    const near = new Nearness(input);
    this.touched = new Marks(instructions, near);
    this.inside = new Marks(instructions, near);
    for (const rule of RULES as readonly Rule[]) {
      for (const ranges of rule.touched?.(input) ?? []) this.touched.markRanges(ranges, rule.number);
      for (const addresses of rule.inside?.(input) ?? []) this.inside.markEach(addresses, rule.number);
    }
  }

  /** The rule by which no window may have `va` strictly inside, or 0. */
  boundary(va: number): number {
    return this.inside.at(va);
  }

  /** The rule by which the instruction may be in no window at all, or 0. */
  instruction(instruction: InstructionId): number {
    const { address, length } = this.instructions;
    const start = address[instruction],
      bytes = length[instruction];
    const mark = this.touched.first(start, bytes) || this.inside.first(start + 1, bytes - 1);
    if (mark !== 0) return mark;
    for (const rule of DISPLACEMENT_RULES)
      if (rule.displaces!(this.input, instruction, this.isBoundary)) return rule.number;
    return 0;
  }

  /** The first byte of the instruction that a rule about bytes forbids, or its start: where to point in a report. */
  obstacle(instruction: InstructionId): number {
    const { address, length } = this.instructions;
    const start = address[instruction],
      end = start + length[instruction];
    for (let va = start; va < end; va++) if (this.touched.at(va) !== 0) return va;
    for (let va = start + 1; va < end; va++) if (this.inside.at(va) !== 0) return va;
    return start;
  }
}

/** Which stretches of code are near a site: one byte for every `1 << GRAIN` bytes of code. */
class Nearness {
  readonly regions: readonly CodeRegion[];
  readonly near: readonly Uint8Array[];
  private latest = 0;

  constructor({ program: { instructions }, sites }: PlanInput) {
    this.regions = instructions.regions;
    this.near = this.regions.map((region) => new Uint8Array((region.bytes.length >>> GRAIN) + 1));
    for (const row of sites.instruction) {
      const region = this.regionOf(instructions.address[row]);
      const offset = instructions.address[row] - this.regions[region].start;
      this.near[region].fill(1, Math.max(0, offset - NEAR_BYTES) >>> GRAIN, ((offset + NEAR_BYTES) >>> GRAIN) + 1);
    }
  }

  /** Index of the region that holds `va`, or -1. */
  regionOf(va: number): number {
    const { regions, latest } = this;
    if (
      latest < regions.length &&
      va >= regions[latest].start &&
      va - regions[latest].start < regions[latest].bytes.length
    )
      return latest;
    for (let region = 0; region < regions.length; region++) {
      if (va >= regions[region].start && va - regions[region].start < regions[region].bytes.length)
        return (this.latest = region);
    }
    return -1;
  }
}

const GRAIN = 6;

/** One rule number per byte of code; what is marked first stays. */
class Marks {
  private readonly marks: Uint8Array[];

  constructor(
    { regions }: Instructions,
    private readonly nearness: Nearness,
  ) {
    this.marks = regions.map((region) => new Uint8Array(region.bytes.length));
  }

  at(va: number): number {
    const region = this.nearness.regionOf(va);
    return region < 0 ? 0 : this.marks[region][va - this.nearness.regions[region].start];
  }

  /** The first mark among `length` bytes at `va`, or 0. */
  first(va: number, length: number): number {
    const region = this.nearness.regionOf(va);
    if (region < 0) return 0;
    const marks = this.marks[region],
      from = va - this.nearness.regions[region].start;
    for (let at = from; at < from + length; at++) if (marks[at] > 0) return marks[at];
    return 0;
  }

  /** Marks ranges; bytes outside the code are left out. */
  markRanges({ start, length }: Ranges, rule: number): void {
    const { regions } = this.nearness;
    for (let row = 0; row < start.length; row++) {
      const from = start[row],
        end = from + (typeof length === "number" ? length : length[row]);
      for (let region = 0; region < regions.length; region++) {
        const base = regions[region].start,
          marks = this.marks[region],
          near = this.nearness.near[region];
        if (end <= base || from >= base + marks.length) continue;
        const last = Math.min(end - base, marks.length);
        for (let at = Math.max(from - base, 0); at < last; at++)
          if (near[at >>> GRAIN] === 1 && marks[at] === 0) marks[at] = rule;
      }
    }
  }

  /** Marks single bytes; 0 is no address. */
  markEach(addresses: Uint32Array, rule: number): void {
    const { nearness } = this;
    const count = addresses.length;
    let base = 0,
      size = 0,
      near = NOTHING,
      marks = NOTHING;
    for (let row = 0; row < count; row++) {
      const va = addresses[row];
      if (va === 0) continue;
      if (va < base || va - base >= size) {
        const region = nearness.regionOf(va);
        if (region < 0) continue;
        base = nearness.regions[region].start;
        near = nearness.near[region];
        marks = this.marks[region];
        size = marks.length;
      }
      const at = va - base;
      if (near[at >>> GRAIN] === 1 && marks[at] === 0) marks[at] = rule;
    }
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);
