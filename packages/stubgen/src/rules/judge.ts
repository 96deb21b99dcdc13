/**
 * The rules made ready for questions: one byte for each byte of code and each kind of mark.
 *
 * Everything that a table or a branch names is written down once, as the number of the rule that forbids it, so that
 * the planner asks about a byte with one load; rules about instructions are asked one after the other.
 *
 * Cost: two bytes per byte of code (untouched pages are never made), one pass over all branch targets.
 */
import type { InstructionId, Instructions } from "@pv/x86-ir";
import type { PlanInput, Rule } from "./rule.js";
import { RULES } from "./table.js";

/** Rules about instructions in the order of the table. */
const DISPLACEMENT_RULES = (RULES as readonly Rule[]).filter((rule) => rule.displaces !== undefined);

export class Judge {
  private readonly touched: Marks;
  private readonly inside: Marks;
  private readonly instructions: Instructions;

  constructor(private readonly input: PlanInput) {
    const { instructions } = input.program;
    this.instructions = instructions;
    this.touched = new Marks(instructions);
    this.inside = new Marks(instructions);
    for (const rule of RULES as readonly Rule[]) {
      for (const { start, length } of rule.touched?.(input) ?? []) {
        for (let row = 0; row < start.length; row++) {
          this.touched.mark(start[row], typeof length === "number" ? length : length[row], rule.number);
        }
      }
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
    const start = address[instruction], bytes = length[instruction];
    const mark = this.touched.first(start, bytes) || this.inside.first(start + 1, bytes - 1);
    if (mark !== 0) return mark;
    for (const rule of DISPLACEMENT_RULES) if (rule.displaces!(this.input, instruction)) return rule.number;
    return 0;
  }

  /** The first byte of the instruction that a rule about bytes forbids, or its start: where to point in a report. */
  obstacle(instruction: InstructionId): number {
    const { address, length } = this.instructions;
    const start = address[instruction], end = start + length[instruction];
    for (let va = start; va < end; va++) if (this.touched.at(va) !== 0) return va;
    for (let va = start + 1; va < end; va++) if (this.inside.at(va) !== 0) return va;
    return start;
  }
}

/** One rule number per byte of code; what is marked first stays. */
class Marks {
  private readonly start: number[];
  private readonly marks: Uint8Array[];
  private latest = 0;

  constructor({ regions }: Instructions) {
    this.start = regions.map((region) => region.start);
    this.marks = regions.map((region) => new Uint8Array(region.bytes.length));
  }

  at(va: number): number {
    const region = this.regionOf(va);
    return region < 0 ? 0 : this.marks[region][va - this.start[region]];
  }

  /** The first mark among `length` bytes at `va`, or 0. */
  first(va: number, length: number): number {
    const region = this.regionOf(va);
    if (region < 0) return 0;
    const marks = this.marks[region], from = va - this.start[region];
    for (let at = from; at < from + length; at++) if (marks[at] > 0) return marks[at];
    return 0;
  }

  /** Bytes outside the code are left out. */
  mark(va: number, length: number, rule: number): void {
    for (let region = 0; region < this.start.length; region++) {
      const marks = this.marks[region];
      const from = Math.max(va - this.start[region], 0), end = Math.min(va + length - this.start[region], marks.length);
      for (let at = from; at < end; at++) if (marks[at] === 0) marks[at] = rule;
    }
  }

  /** Marks single bytes; 0 is no address. */
  markEach(addresses: ArrayLike<number>, rule: number): void {
    for (let row = 0; row < addresses.length; row++) {
      const va = addresses[row];
      if (va === 0) continue;
      const region = this.regionOf(va);
      if (region < 0) continue;
      const marks = this.marks[region], at = va - this.start[region];
      if (marks[at] === 0) marks[at] = rule;
    }
  }

  private regionOf(va: number): number {
    const { start, marks, latest } = this;
    if (latest < start.length && va >= start[latest] && va - start[latest] < marks[latest].length) return latest;
    for (let region = 0; region < start.length; region++) {
      if (va >= start[region] && va - start[region] < marks[region].length) return (this.latest = region);
    }
    return -1;
  }
}
