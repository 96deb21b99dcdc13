/**
 * Basic blocks, and every way that control goes between them, the ones included that only kernel tables show.
 *
 * Holds afterwards:
 *   - blocks are runs of neighbouring rows, ascending, and cover every instruction exactly once;
 *   - functions begin blocks;
 *   - a call ends a block only where its callee never returns; a block that falls through has its successor in the list;
 *   - an instruction that may fault (exception table) is alone in its block, and an `exceptionFixup` edge leaves from the
 *     block's *start*: the fix-up sees the state before the instruction;
 *   - an `alternative` edge out of a block that begins at a site leaves from its *start* (the replacement runs instead of
 *     the site's bytes); one out of the block that ends a replacement leaves from its end and leads behind the site.
 *     Bytes behind a replacement belong to the next one: nothing falls into them;
 *   - every other edge leaves from the block's end.
 *
 * Cost: one pass over the rows, one row look-up per branch, a counting sort of the edges.
 */
import { AddressSet } from "@pv/elf";
import { byteColumn, cutWords, wordColumn } from "./columns.js";
import { EdgeKind, Flow, type Blocks, type CodeFacts, type Instructions } from "./types.js";

/** An edge that a table shows, between rows. */
interface TableEdge {
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
}

export function buildBlocks(instructions: Instructions, facts: CodeFacts): Blocks {
  const { leaders, tableEdges, unknown, ends } = readTables(instructions, facts);
  markLeaders(instructions, facts, leaders);
  const runs = cutAtLeaders(leaders, instructions.count);
  return { ...runs, ...connect(instructions, facts, { runs, tableEdges, unknown, ends }) };
}

function markLeaders(instructions: Instructions, facts: CodeFacts, leaders: Uint8Array): void {
  const { count, flow, target, transfers, transferTarget } = instructions;
  const noReturn = new AddressSet(facts.noReturn);
  // Targets of branches and calls begin blocks, and so does what follows a branch.
  for (let t = 0; t < transfers.length; t++) {
    const i = transfers[t],
      to = transferTarget[t];
    if (to >= 0) leaders[to] = 1;
    switch (flow[i]) {
      case Flow.indirectCall:
      case Flow.interrupt:
        break;
      case Flow.jump:
      case Flow.conditional:
        leaders[i + 1] = 1;
        break;
      case Flow.call:
        if (noReturn.has(target[i])) leaders[i + 1] = 1;
        break;
      case Flow.invalid:
        if (i + 1 < count && flow[i + 1] !== Flow.invalid) leaders[i + 1] = 1;
        break;
      default:
        leaders[i + 1] = 1;
    }
  }
  // Regions need not touch: what follows a gap begins a block.
  for (const region of instructions.regions) {
    const row = instructions.at(region.start);
    if (row >= 0) leaders[row] = 1;
  }
}

type Runs = Pick<Blocks, "count" | "first" | "end" | "ofInstruction">;

function cutAtLeaders(leaders: Uint8Array, count: number): Runs {
  const starts = new Uint32Array(count + 1),
    ofInstruction = wordColumn(count);
  let blocks = 0;
  for (let i = 0; i < count; i++) {
    // Without a branch: which rows are leaders, no predictor knows.
    starts[blocks] = i;
    blocks += leaders[i];
    ofInstruction[i] = blocks - 1;
  }
  starts[blocks] = count;
  // A block ends where the next one begins.
  const bounds = cutWords(starts, blocks + 1);
  return { count: blocks, first: bounds.subarray(0, blocks), end: bounds.subarray(1), ofInstruction };
}

interface Connections extends Omit<ReturnType<typeof readTables>, "leaders"> {
  readonly runs: Runs;
}

/** Edges out of the last instruction of each block, by ascending block; behind them, those that tables show. */
function connect(
  instructions: Instructions,
  facts: CodeFacts,
  { runs, tableEdges, unknown, ends }: Connections,
): Omit<Blocks, keyof Runs> {
  const { address, length, flow, target, transfers, transferTarget } = instructions;
  const { count, end, ofInstruction } = runs;
  const thunks = new AddressSet(facts.thunkAddress),
    warnings = new AddressSet(facts.warnings),
    noReturn = new AddressSet(facts.noReturn);
  const escapes = byteColumn(count);
  for (const row of unknown) escapes[ofInstruction[row]] = 1;
  const shown = tableEdges.toSorted((a, b) => ofInstruction[a.from] - ofInstruction[b.from]);
  const edges = new EdgeList(2 * count + shown.length);
  const successorStart = wordColumn(count + 1);
  const add = (toRow: number, kind: EdgeKind): void => edges.add(ofInstruction[toRow], kind);
  for (let b = 0, t = 0, next = 0; b < count; b++) {
    const last = end[b] - 1,
      how = flow[last];
    let fallsThrough = false;
    switch (how) {
      case Flow.jump:
      case Flow.conditional: {
        fallsThrough = how === Flow.conditional;
        while (transfers[t] < last) t++;
        const sites = ends.sitesLeft(address[last], target[last]);
        if (sites !== undefined) for (const site of sites) add(site, EdgeKind.alternative);
        else if (transferTarget[t] >= 0) add(transferTarget[t], EdgeKind.branch);
        else escapes[b] = 1;
        if (thunks.has(target[last])) escapes[b] = 1;
        break;
      }
      case Flow.indirectJump:
      case Flow.invalid:
        escapes[b] = 1;
        break;
      case Flow.return:
      case Flow.interruptReturn:
        break;
      case Flow.undefined:
        if (warnings.has(address[last])) {
          if (isNext(instructions, last)) add(last + 1, EdgeKind.warn);
          else escapes[b] = 1;
        } else if (isXenPrefix(instructions, last)) {
          escapes[b] = 1;
        }
        break;
      case Flow.call:
        fallsThrough = !noReturn.has(target[last]);
        break;
      default:
        fallsThrough = true;
    }
    if (fallsThrough) {
      const sites = ends.sitesLeft(address[last], address[last] + length[last]);
      if (sites !== undefined) for (const site of sites) add(site, EdgeKind.alternative);
      else if (isNext(instructions, last)) edges.add(b + 1, EdgeKind.fallThrough);
      else escapes[b] = 1;
    }
    for (; next < shown.length && shown[next].from < end[b]; next++) add(shown[next].to, shown[next].kind);
    successorStart[b + 1] = edges.count;
  }
  const { successors, edgeKind } = edges.columns();
  return { successorStart, successors, edgeKind, escapes, ...invert(count, successorStart, successors) };
}

/** Whether row + 1 lies right behind `row`. */
function isNext(instructions: Instructions, row: number): boolean {
  return (
    row + 1 < instructions.count &&
    instructions.address[row] + instructions.length[row] === instructions.address[row + 1]
  );
}

/**
 * `ud2` and the letters "xen" ask Xen to emulate the instruction behind them (XEN_EMULATE_PREFIX in
 * arch/x86/include/asm/emulate_prefix.h): not an end, and what the sweep shows of the letters is not code.
 */
function isXenPrefix(instructions: Instructions, row: number): boolean {
  const end = instructions.address[row] + instructions.length[row];
  const region = instructions.regions.find(({ start, bytes }) => end >= start && end - start + 3 <= bytes.length);
  return region !== undefined && XEN.every((letter, i) => region.bytes[end - region.start + i] === letter);
}
const XEN = [0x78, 0x65, 0x6e];

/** What the kernel's tables say: block starts, edges, and rows out of which control goes nobody knows where. */
function readTables(instructions: Instructions, facts: CodeFacts) {
  const { count, address, length, flow, target } = instructions;
  const leaders = new Uint8Array(count + 1);
  const edges: TableEdge[] = [];
  const known = new Set<string>();
  const unknown: number[] = [];
  const add = (from: number, to: number, kind: EdgeKind): void => {
    const key = `${from} ${to} ${kind}`;
    if (known.has(key)) return;
    known.add(key);
    edges.push({ from, to, kind });
    leaders[to] = 1;
  };
  /** The row at or around `va`; in the middle of an instruction, where that leads is unknown. -1 outside the code. */
  const rowNear = (va: number): number => {
    const row = instructions.at(va);
    if (row >= 0) return row;
    const around = instructions.covering(va);
    if (around >= 0) {
      leaders[around] = leaders[around + 1] = 1;
      unknown.push(around);
    }
    return around;
  };

  for (const va of facts.functionStarts) markAt(va);
  for (const va of facts.addressTaken) markAt(va);
  function markAt(va: number): void {
    const row = instructions.at(va);
    if (row >= 0) leaders[row] = 1;
  }

  const ends = new ReplacementEnds();
  const alternatives = new SitesByAddress(facts);
  const { alternativeSite, alternativeSiteLength, alternativeReplacement, alternativeReplacementLength } = facts;
  for (let a = 0; a < alternativeSite.length; a++) {
    const site = rowNear(alternativeSite[a]);
    if (site < 0) continue;
    leaders[site] = 1;
    const behind = instructions.at(alternativeSite[a] + alternativeSiteLength[a]);
    if (behind >= 0) leaders[behind] = 1;
    if (alternativeReplacementLength[a] === 0) {
      if (behind >= 0) add(site, behind, EdgeKind.alternative);
      else unknown.push(site);
      continue;
    }
    const start = alternativeReplacement[a],
      end = start + alternativeReplacementLength[a];
    const replacement = instructions.at(start),
      last = instructions.covering(end - 1);
    if (replacement < 0 || last < 0 || address[last] + length[last] !== end) {
      unknown.push(site);
      continue;
    }
    add(site, replacement, EdgeKind.alternative);
    leaders[last + 1] = 1;
    if (behind >= 0) ends.add(start, end, behind);
    else unknown.push(last);
  }

  const { exceptionFrom, exceptionTo } = facts;
  for (let e = 0; e < exceptionFrom.length; e++) {
    const to = instructions.at(exceptionTo[e]);
    const mayFault = (row: number): void => {
      leaders[row] = leaders[row + 1] = 1;
      if (to >= 0) add(row, to, EdgeKind.exceptionFixup);
      else unknown.push(row);
    };
    // At the site of an alternative, the instruction may be one of the replacement's.
    let inReplacement = false;
    for (const va of alternatives.inReplacements(exceptionFrom[e])) {
      const row = instructions.at(va);
      if (row < 0) continue;
      inReplacement = true;
      mayFault(row);
    }
    const row = inReplacement ? instructions.at(exceptionFrom[e]) : rowNear(exceptionFrom[e]);
    if (row >= 0) mayFault(row);
  }

  const { jumpLabelFrom, jumpLabelTo } = facts;
  for (let j = 0; j < jumpLabelFrom.length; j++) {
    const row = rowNear(jumpLabelFrom[j]);
    if (row < 0) continue;
    leaders[row + 1] = 1;
    const to = instructions.at(jumpLabelTo[j]);
    if (flow[row] === Flow.jump && isNext(instructions, row)) add(row, row + 1, EdgeKind.jumpLabel);
    if (to < 0) unknown.push(row);
    else if (flow[row] !== Flow.jump || target[row] !== jumpLabelTo[j]) add(row, to, EdgeKind.jumpLabel);
  }
  return { leaders, tableEdges: edges, unknown, ends };
}

/** Where the code of a replacement goes on: control that reaches its end is behind the site. */
class ReplacementEnds {
  private readonly byEnd = new Map<number, { start: number; behind: number[] }>();
  private lowest = Infinity;
  private highest = -1;

  add(start: number, end: number, behind: number): void {
    const entry = this.byEnd.get(end);
    if (entry === undefined) this.byEnd.set(end, { start, behind: [behind] });
    else {
      entry.start = Math.min(entry.start, start);
      if (!entry.behind.includes(behind)) entry.behind.push(behind);
    }
    this.lowest = Math.min(this.lowest, start);
    this.highest = Math.max(this.highest, end);
  }

  /** Rows behind the sites, where the step from `source` to `target` leaves a replacement by its end. */
  sitesLeft(source: number, target: number): readonly number[] | undefined {
    if (target > this.highest || source < this.lowest) return undefined;
    const entry = this.byEnd.get(target);
    return entry !== undefined && source >= entry.start && source < target ? entry.behind : undefined;
  }
}

/** Which alternatives' sites hold an address. */
class SitesByAddress {
  private readonly order: Uint32Array;

  constructor(private readonly facts: CodeFacts) {
    const { alternativeSite } = facts;
    this.order = Uint32Array.from(alternativeSite.keys()).sort(
      (a, b) => alternativeSite[a] - alternativeSite[b] || a - b,
    );
  }

  /** Addresses in replacements that stand for `va` when they are copied over their sites. */
  inReplacements(va: number): number[] {
    const { alternativeSite, alternativeReplacement, alternativeReplacementLength } = this.facts;
    const found: number[] = [];
    let low = 0,
      high = this.order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (alternativeSite[this.order[middle]] <= va) low = middle + 1;
      else high = middle;
    }
    // Lengths are bytes: a site that holds `va` starts at most 255 before it.
    for (let i = low - 1; i >= 0 && va - alternativeSite[this.order[i]] < 255; i--) {
      const a = this.order[i],
        offset = va - alternativeSite[a];
      if (offset < alternativeReplacementLength[a]) found.push(alternativeReplacement[a] + offset);
    }
    return found;
  }
}

/** Edges while they are found, by ascending source. */
class EdgeList {
  count = 0;
  private to: Uint32Array;
  private kind: Uint8Array;

  constructor(capacity: number) {
    this.to = wordColumn(capacity + 16);
    this.kind = byteColumn(capacity + 16);
  }

  add(to: number, kind: EdgeKind): void {
    if (this.count === this.to.length) this.grow();
    this.to[this.count] = to;
    this.kind[this.count++] = kind;
  }

  columns(): Pick<Blocks, "successors" | "edgeKind"> {
    return { successors: this.to.subarray(0, this.count), edgeKind: this.kind.subarray(0, this.count) };
  }

  private grow(): void {
    const { to, kind } = new EdgeList(this.count * 2);
    to.set(this.to);
    kind.set(this.kind);
    this.to = to;
    this.kind = kind;
  }
}

/** Predecessors from successors, by counting sort. */
function invert(
  count: number,
  successorStart: Uint32Array,
  successors: Uint32Array,
): Pick<Blocks, "predecessorStart" | "predecessors"> {
  const predecessorStart = wordColumn(count + 1),
    predecessors = wordColumn(successors.length);
  for (let e = 0; e < successors.length; e++) predecessorStart[successors[e] + 1]++;
  for (let b = 0; b < count; b++) predecessorStart[b + 1] += predecessorStart[b];
  const next = predecessorStart.slice();
  for (let b = 0; b < count; b++) {
    for (let e = successorStart[b]; e < successorStart[b + 1]; e++) predecessors[next[successors[e]]++] = b;
  }
  return { predecessorStart, predecessors };
}
