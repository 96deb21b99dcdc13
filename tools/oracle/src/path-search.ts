/**
 * The slow, obviously right liveness: a location is live at a place if walking on from there, along every way that control
 * may go, into calls and out of them again, meets somebody who reads it before somebody who surely writes it.
 *
 * It walks single instructions with a stack of the calls under way, and knows nothing of blocks, nodes, functions' summaries or
 * fixpoints; what it shares with the analysis is the instruction table alone (and a run on a machine checks that: garbling.ts).
 * All locations walk together: at each place only those go on that have not been there. A stack deeper than twice the number
 * of functions to call is not followed: where a function returns within itself, or ends the walk within itself, the turn between
 * can be left out.
 * What a convention says of code that is not visible is asked of the assumptions, as docs/analysis.md states them; `narrowReturn`
 * is no matter of paths and is left out.
 * Cost: for every starting point, places times stacks.
 */
import { ALL_FLAGS, allRegisters, EBP, ESP, Flow, partsOf, restOf, type Program } from "@pv/x86-ir";
import { conventionSets, type Assumptions, type ConventionSets, type Locations } from "@pv/dataflow";

/** A call under way: where it goes on, and whether its callee is compiled C under a convention. */
interface Frame {
  readonly behind: number;
  readonly convention: boolean;
  readonly below: Frame | undefined;
  readonly depth: number;
  /** Frames with the same call on top of the same stack are the same. */
  readonly above: Map<number, Frame>;
  readonly number: number;
}

/** Where a call goes on that should not return. */
const NOWHERE = -1;
const NOTHING: Locations = { parts: 0, rest: 0 };

export class PathSearch {
  private readonly sets: ConventionSets;
  private readonly all: Locations;
  private readonly entries: number[];
  private readonly compiled: ReadonlySet<number>;
  private readonly open: ReadonlySet<number>;
  /** Assembly that returns to its caller, with the stack as it was. */
  private readonly proper: Set<number>;
  private readonly callsOf = new Map<number, number[]>();
  private readonly jumpersOf = new Map<number, Set<number>>();
  /** Replacements of alternatives: rows from, up to; where their end leads; the function that they are part of. */
  private readonly replacements: { from: number; to: number; behind: number; site: number }[] = [];
  private readonly fixups = new Map<number, number[]>();
  private readonly labels = new Map<number, number[]>();

  constructor(
    private readonly program: Program,
    private readonly assumptions: Assumptions,
  ) {
    const { instructions, facts } = program;
    const { bits, count, address, flow, target } = instructions;
    this.sets = conventionSets(bits);
    const registers = allRegisters(bits);
    this.all = { parts: registers.parts, rest: registers.rest | ALL_FLAGS };
    const row = (va: number): number => instructions.at(va);
    facts.alternativeSite.forEach((site, a) => {
      const from = row(facts.alternativeReplacement[a]!),
        length = facts.alternativeReplacementLength[a]!;
      const behind = row(site + facts.alternativeSiteLength[a]!);
      let to = length === 0 ? -1 : from;
      while (length > 0 && to < count && address[to]! < facts.alternativeReplacement[a]! + length) to++;
      this.replacements.push({ from: length === 0 ? -1 : from, to, behind, site: row(site) });
    });
    facts.exceptionFrom.forEach((va, e) => add(this.fixups, row(va), row(facts.exceptionTo[e]!)));
    facts.jumpLabelFrom.forEach((va, j) => add(this.labels, row(va), row(facts.jumpLabelTo[j]!)));

    const starts = new Set(Array.from(facts.functionStarts, row));
    for (let i = 0; i < count; i++) if (flow[i] === Flow.call && row(target[i]!) >= 0) starts.add(row(target[i]!));
    this.entries = [...starts].sort((a, b) => a - b);
    this.compiled = new Set(this.entries.filter((i) => flow[i] === Flow.call && this.isTransparent(i)));

    const called = new Set<number>();
    for (let i = 0; i < count; i++) {
      if (flow[i] === Flow.call && this.isVisible(i)) {
        called.add(row(target[i]!));
        add(this.callsOf, row(target[i]!), i);
      }
      for (const to of [...this.waysBefore(i), ...this.waysBehind(i)]) {
        const [from, into] = [this.functionOf(i), this.functionOf(to)];
        if (from === into) continue;
        let jumpers = this.jumpersOf.get(into);
        if (jumpers === undefined) this.jumpersOf.set(into, (jumpers = new Set()));
        jumpers.add(from);
      }
    }
    const taken = new Set<number>();
    for (const list of [facts.addressTaken, facts.thunkAddress, facts.returnThunks, facts.replaceable])
      for (const va of list) taken.add(this.functionOf(row(va)));
    const isPiece = (f: number): boolean =>
      !taken.has(f) && !called.has(f) && this.jumpersOf.has(f) && !this.compiled.has(f);
    // Whoever calls what does not return properly does not either.
    this.proper = new Set([...called].filter((f) => !this.compiled.has(f)));
    for (let changed = true; changed;) {
      changed = false;
      for (const f of this.proper) if (!this.returnsProperly(f, isPiece)) changed = this.proper.delete(f);
    }
    // Entered from out of sight.
    const entered = new Set(this.entries.filter((f) => taken.has(f) || (!called.has(f) && !this.jumpersOf.has(f))));
    const improper = [...called].filter((f) => !this.compiled.has(f) && !this.proper.has(f));
    this.open = new Set([...entered, ...this.islands(entered), ...improper]);
  }

  /** Functions that no way from one with callers out of sight leads to. */
  private islands(from: ReadonlySet<number>): number[] {
    const entered = new Set(from);
    for (let before = -1; before < entered.size;) {
      before = entered.size;
      for (const [f, calls] of this.callsOf) if (calls.some((i) => entered.has(this.functionOf(i)))) entered.add(f);
      for (const [f, jumpers] of this.jumpersOf) if ([...jumpers].some((jumper) => entered.has(jumper))) entered.add(f);
    }
    return this.entries.filter((f) => !entered.has(f));
  }

  /** Live directly before and directly behind an instruction; before the callee's first one where it is a call. */
  before(i: number): Locations {
    return this.search((walk) => walk.arrive(i, undefined, this.all));
  }

  behind(i: number): Locations {
    return this.search((walk) => this.leave(walk, i, undefined, this.all));
  }

  private search(start: (walk: Walk) => void): Locations {
    const walk = new Walk(this.program.instructions.count);
    start(walk);
    for (let next = walk.work.pop(); next !== undefined; next = walk.work.pop()) this.visit(walk, next);
    const { parts, rest } = walk.live;
    return { parts: (parts & this.all.parts) | partsOf(ESP), rest: (rest & this.all.rest) | restOf(ESP) };
  }

  private visit(walk: Walk, { row, stack, bits }: Step): void {
    const { effect, effects, flow } = this.program.instructions;
    for (const to of this.waysBefore(row)) walk.arrive(to, stack, bits);
    // A handler sees every register; bytes that do not decode could do anything.
    if (flow[row] === Flow.interrupt || flow[row] === Flow.invalid) return walk.read(bits);
    const e = effect[row]!;
    walk.read({ parts: bits.parts & effects.useParts[e]!, rest: bits.rest & effects.useRest[e]! });
    const parts = bits.parts & ~effects.killParts[e]!;
    let rest = bits.rest & ~effects.killRest[e]!;
    if (this.assumptions.undefinedFlags) rest &= ~effects.undefinedRest[e]!;
    this.leave(walk, row, stack, { parts, rest });
  }

  /** Where control goes behind an instruction. */
  private leave(walk: Walk, i: number, stack: Frame | undefined, bits: Locations): void {
    const { instructions, facts } = this.program;
    const { flow, target, address } = instructions;
    const to = target[i]!;
    switch (flow[i]) {
      case Flow.return:
        return this.goBack(walk, i, stack, bits);
      case Flow.indirectJump:
      case Flow.interruptReturn:
      case Flow.invalid:
        return walk.read(bits);
      case Flow.undefined:
        if (!facts.warnings.includes(address[i]!)) return this.die(walk, bits);
        break;
      case Flow.indirectCall:
        return this.callUnseen(walk, i, stack, bits, facts.preservingCalls.includes(address[i]!));
      case Flow.call: {
        if (this.isTransparent(i)) break;
        const noReturn = facts.noReturn.includes(to);
        if (facts.thunkAddress.includes(to) || facts.replaceable.includes(to))
          return this.callUnseen(walk, i, stack, bits, false);
        const callee = instructions.at(to);
        if (callee < 0) return walk.read(bits);
        if (stack !== undefined && stack.depth >= 2 * this.callsOf.size) return;
        const convention = this.assumptions.cReturn && this.compiled.has(callee);
        return walk.arrive(callee, walk.push(stack, noReturn ? NOWHERE : this.next(i), convention), bits);
      }
      case Flow.jump:
      case Flow.conditional:
        if (facts.returnThunks.includes(to)) this.goBack(walk, i, stack, bits);
        else if (facts.thunkAddress.includes(to) || facts.replaceable.includes(to)) walk.read(bits);
        break;
    }
    for (const way of this.waysBehind(i)) walk.arrive(way, stack, bits);
  }

  /** Rows that control may go to instead of the instruction. */
  private waysBefore(i: number): readonly number[] {
    const ways = [...(this.fixups.get(i) ?? [])];
    for (const { from, site, behind } of this.replacements) if (site === i) ways.push(from < 0 ? behind : from);
    return ways;
  }

  /** Rows that control may go to behind the instruction, calls and returns left out. */
  private waysBehind(i: number): readonly number[] {
    const { instructions, facts } = this.program;
    const { flow, target, address } = instructions;
    const ways: number[] = [...(this.labels.get(i) ?? [])];
    switch (flow[i]) {
      case Flow.return:
      case Flow.indirectJump:
      case Flow.interruptReturn:
      case Flow.invalid:
        return [];
      case Flow.undefined:
        return facts.warnings.includes(address[i]!) ? [this.next(i)] : [];
      case Flow.call:
        return facts.noReturn.includes(target[i]!) ? [] : [this.next(i)];
      case Flow.jump:
        if (this.labels.has(i)) ways.push(this.next(i));
        if (!this.leavesForHelper(target[i]!)) ways.push(this.destination(i));
        return ways;
      case Flow.conditional:
        ways.push(this.next(i));
        if (!this.leavesForHelper(target[i]!)) ways.push(this.destination(i));
        return ways;
      default:
        ways.push(this.next(i));
        return ways;
    }
  }

  private leavesForHelper(va: number): boolean {
    const { returnThunks, thunkAddress, replaceable } = this.program.facts;
    return returnThunks.includes(va) || thunkAddress.includes(va) || replaceable.includes(va);
  }

  private next(i: number): number {
    const within = this.replacements.find(({ from, to }) => i >= from && i < to);
    return within !== undefined && i + 1 === within.to ? within.behind : i + 1;
  }

  private destination(i: number): number {
    const { instructions } = this.program;
    const { address, length, target } = instructions;
    // A jump to the end of its own replacement leaves it like any other of its instructions.
    const within = this.replacements.find(({ from, to }) => i >= from && i < to);
    if (within !== undefined && target[i] === address[within.to - 1]! + length[within.to - 1]!) return within.behind;
    return instructions.at(target[i]!);
  }

  /**
   * Counts what is on the stack along all ways from the entry of assembly: nothing at each return, and never less than nothing; and the
   * frame pointer is left alone (no random program saves it).
   */
  private returnsProperly(f: number, isPiece: (f: number) => boolean): boolean {
    const { instructions, facts } = this.program;
    const { flow, target, effect, effects } = instructions;
    const { cReturn, indirectCall } = this.assumptions;
    const depthAt = new Map<number, number>([[f, 0]]);
    const lostAt = new Set<number>();
    const work = [f];
    for (let i = work.pop(); i !== undefined; i = work.pop()) {
      let depth = depthAt.get(i)!,
        lost = lostAt.has(i);
      const ways: [to: number, depth: number, lost: boolean][] = this.waysBefore(i).map((to) => [to, depth, lost]);
      if (flow[i] === Flow.next) {
        const [opcode] = instructions.bytesOf(i);
        const pushes = opcode === 0x9c || (opcode! >= 0x50 && opcode! < 0x58),
          pops = opcode === 0x9d || (opcode! >= 0x58 && opcode! < 0x60);
        // A push behind too many pops would be stored over the return address.
        if (pushes && depth < 0) return false;
        depth += pushes ? 1 : pops ? -1 : 0;
        lost ||= (effects.writeParts[effect[i]!]! & partsOf(EBP)) !== 0;
      }
      const returns = flow[i] === Flow.return || facts.returnThunks.includes(target[i]!);
      if (returns && (depth !== 0 || lost)) return false;
      const throughPointer =
        flow[i] === Flow.indirectCall ||
        (flow[i] === Flow.call && this.leavesForHelper(target[i]!) && !facts.returnThunks.includes(target[i]!));
      if (throughPointer && !indirectCall) return false;
      if (flow[i] === Flow.call && !this.isTransparent(i) && !throughPointer) {
        const callee = instructions.at(target[i]!);
        if (callee < 0 || !(this.compiled.has(callee) ? cReturn : this.proper.has(callee))) return false;
      }
      for (const to of this.waysBehind(i)) ways.push([to, depth, lost]);
      const jumps = flow[i] === Flow.jump || flow[i] === Flow.conditional;
      if (jumps && facts.thunkAddress.includes(target[i]!)) ways.push([instructions.at(target[i]!), depth, lost]);
      for (const [to, there, lostThere] of ways) {
        const g = this.functionOf(to);
        if (g !== f && !isPiece(g)) {
          if (there !== 0 || lostThere) return false;
          continue;
        }
        if (depthAt.has(to) && depthAt.get(to) !== there) return false;
        if (!depthAt.has(to) || (lostThere && !lostAt.has(to))) work.push(to);
        depthAt.set(to, there);
        if (lostThere) lostAt.add(to);
      }
    }
    return true;
  }

  private isTransparent(i: number): boolean {
    const { instructions, facts } = this.program;
    return facts.transparent.includes(instructions.target[i]!) || facts.tracedCalls.includes(instructions.address[i]!);
  }

  /** A call of code that can be walked. */
  private isVisible(i: number): boolean {
    const { instructions, facts } = this.program;
    const to = instructions.target[i]!;
    const hidden = facts.thunkAddress.includes(to) || facts.replaceable.includes(to);
    return !this.isTransparent(i) && !hidden && instructions.at(to) >= 0;
  }

  private functionOf(i: number): number {
    const own = this.replacements.find(({ from, to }) => i >= from && i < to);
    const row = own === undefined ? i : own.site;
    return this.entries.findLast((entry) => entry <= row)!;
  }

  private callUnseen(walk: Walk, i: number, stack: Frame | undefined, bits: Locations, preserving: boolean): void {
    if (!this.assumptions.indirectCall) return walk.read(bits);
    const { callReads, callKills } = this.sets;
    walk.read(both(bits, callReads));
    const kept = preserving ? bits : { parts: bits.parts & ~callKills.parts, rest: bits.rest & ~callKills.rest };
    walk.arrive(this.next(i), stack, kept);
  }

  private die(walk: Walk, bits: Locations): void {
    if (!this.assumptions.oopsRegisters) walk.read(bits);
  }

  private goBack(walk: Walk, i: number, stack: Frame | undefined, bits: Locations): void {
    if (stack === undefined) return this.goBackToAnyCaller(walk, this.functionOf(i), bits);
    const handed = stack.convention ? both(bits, this.sets.returnReads) : bits;
    if (stack.behind === NOWHERE) this.die(walk, handed);
    else walk.arrive(stack.behind, stack.below, handed);
  }

  /** The return of a call that began before the walk: to the callers of the function, and of all that may jump into it. */
  private goBackToAnyCaller(walk: Walk, f: number, bits: Locations): void {
    const handed = this.assumptions.cReturn && this.compiled.has(f) ? both(bits, this.sets.returnReads) : bits;
    const fresh = walk.comeBack(f, handed);
    if (fresh.parts === 0 && fresh.rest === 0) return;
    if (this.open.has(f)) return walk.read(fresh);
    const { facts, instructions } = this.program;
    for (const call of this.callsOf.get(f) ?? []) {
      if (facts.noReturn.includes(instructions.target[call]!)) this.die(walk, fresh);
      else walk.arrive(this.next(call), undefined, fresh);
    }
    for (const jumper of this.jumpersOf.get(f) ?? []) this.goBackToAnyCaller(walk, jumper, fresh);
  }
}

interface Step {
  readonly row: number;
  readonly stack: Frame | undefined;
  readonly bits: Locations;
}

/** One search: which locations have been where, what is left to do, and what was read. */
class Walk {
  readonly work: Step[] = [];
  live: Locations = NOTHING;
  private readonly seen = new Map<number, Locations>();
  private readonly back = new Map<number, Locations>();
  private readonly bottom = new Map<number, Frame>();
  private frames = 0;

  constructor(private readonly rows: number) {}

  read({ parts, rest }: Locations): void {
    this.live = { parts: this.live.parts | parts, rest: this.live.rest | rest };
  }

  arrive(row: number, stack: Frame | undefined, bits: Locations): void {
    if (row < 0 || row >= this.rows) throw new Error("a path leaves the program");
    const fresh = unseen(this.seen, (stack?.number ?? 0) * this.rows + row, bits);
    if (fresh.parts !== 0 || fresh.rest !== 0) this.work.push({ row, stack, bits: fresh });
  }

  /** The part of `bits` that has not yet returned from a function without a known caller. */
  comeBack(f: number, bits: Locations): Locations {
    return unseen(this.back, f, bits);
  }

  push(below: Frame | undefined, behind: number, convention: boolean): Frame {
    const level = below?.above ?? this.bottom;
    const key = behind * 2 + (convention ? 1 : 0);
    let frame = level.get(key);
    if (frame === undefined) {
      const depth = (below?.depth ?? 0) + 1;
      frame = { behind, convention, below, depth, above: new Map(), number: ++this.frames };
      level.set(key, frame);
    }
    return frame;
  }
}

function unseen(seen: Map<number, Locations>, key: number, bits: Locations): Locations {
  const before = seen.get(key) ?? NOTHING;
  const parts = bits.parts & ~before.parts,
    rest = bits.rest & ~before.rest;
  if (parts !== 0 || rest !== 0) seen.set(key, { parts: before.parts | parts, rest: before.rest | rest });
  return { parts, rest };
}

function both(a: Locations, b: Locations): Locations {
  return { parts: a.parts & b.parts, rest: a.rest & b.rest };
}

function add(lists: Map<number, number[]>, key: number, value: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
