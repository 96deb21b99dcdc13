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
 * Cost: three passes over the rows, one row look-up per direct jump, a counting sort of the edges.
 */
import { EdgeKind, Flow, type Blocks, type CodeFacts, type Instructions } from "./types.js";

/** An edge that a table shows, between rows. */
interface TableEdge {
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
}

export function buildBlocks(instructions: Instructions, facts: CodeFacts): Blocks {
  const { count, address, flow, target } = instructions;
  const { leaders, tableEdges, unknown, ends } = readTables(instructions, facts);

  // Targets of branches and calls begin blocks, and so does what follows a branch.
  const noReturn = new Set(facts.noReturn);
  for (let i = 0; i < count; i++) {
    switch (flow[i]) {
      case Flow.next:
      case Flow.indirectCall:
      case Flow.interrupt:
        break;
      case Flow.jump:
      case Flow.conditional: {
        const to = instructions.at(target[i]);
        if (to >= 0) leaders[to] = 1;
        leaders[i + 1] = 1;
        break;
      }
      case Flow.call: {
        const to = instructions.at(target[i]);
        if (to >= 0) leaders[to] = 1;
        if (noReturn.has(target[i])) leaders[i + 1] = 1;
        break;
      }
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

  let blockCount = 0;
  for (let i = 0; i < count; i++) blockCount += leaders[i];
  const first = new Uint32Array(blockCount),
    end = new Uint32Array(blockCount),
    ofInstruction = new Uint32Array(count);
  for (let i = 0, b = -1; i < count; i++) {
    if (leaders[i] === 1) first[++b] = i;
    ofInstruction[i] = b;
  }
  for (let b = 0; b < blockCount; b++) end[b] = b + 1 < blockCount ? first[b + 1] : count;

  // Beyond this point no block changes. Edges out of the last instruction of each block, by ascending block.
  const thunks = new Set(facts.thunkAddress),
    warnings = new Set(facts.warnings);
  const escapes = new Uint8Array(blockCount);
  for (const row of unknown) escapes[ofInstruction[row]] = 1;
  const edges = new EdgeList(2 * blockCount + tableEdges.length);
  const add = (from: number, toRow: number, kind: EdgeKind): void => edges.add(from, ofInstruction[toRow], kind);
  for (let b = 0; b < blockCount; b++) {
    const last = end[b] - 1;
    let fallsThrough = false;
    switch (flow[last]) {
      case Flow.jump:
      case Flow.conditional: {
        fallsThrough = flow[last] === Flow.conditional;
        const sites = ends.sitesLeft(address[last], target[last]);
        const to = instructions.at(target[last]);
        if (sites !== undefined) for (const site of sites) add(b, site, EdgeKind.alternative);
        else if (to >= 0) add(b, to, EdgeKind.branch);
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
          if (isNext(instructions, last)) add(b, last + 1, EdgeKind.warn);
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
    if (!fallsThrough) continue;
    const sites = ends.sitesLeft(address[last], address[last] + instructions.length[last]);
    if (sites !== undefined) for (const site of sites) add(b, site, EdgeKind.alternative);
    else if (isNext(instructions, last)) add(b, last + 1, EdgeKind.fallThrough);
    else escapes[b] = 1;
  }
  for (const edge of tableEdges) add(ofInstruction[edge.from], edge.to, edge.kind);

  return { count: blockCount, first, end, ofInstruction, escapes, ...edges.compress(blockCount) };
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

/** Edges between blocks while they are found. */
class EdgeList {
  private count = 0;
  private from: Uint32Array;
  private to: Uint32Array;
  private kind: Uint8Array;

  constructor(capacity: number) {
    this.from = new Uint32Array(capacity + 16);
    this.to = new Uint32Array(capacity + 16);
    this.kind = new Uint8Array(capacity + 16);
  }

  add(from: number, to: number, kind: EdgeKind): void {
    if (this.count === this.from.length) {
      const grown = new EdgeList(this.count * 2);
      for (const key of ["from", "to", "kind"] as const) {
        grown[key].set(this[key]);
        (this[key] as Uint32Array | Uint8Array) = grown[key];
      }
    }
    this.from[this.count] = from;
    this.to[this.count] = to;
    this.kind[this.count++] = kind;
  }

  /** Compressed rows in both directions, by stable counting sorts. */
  compress(blockCount: number) {
    const { count, from, to, kind } = this;
    const successorStart = new Uint32Array(blockCount + 1),
      predecessorStart = new Uint32Array(blockCount + 1);
    for (let e = 0; e < count; e++) {
      successorStart[from[e] + 1]++;
      predecessorStart[to[e] + 1]++;
    }
    for (let b = 0; b < blockCount; b++) {
      successorStart[b + 1] += successorStart[b];
      predecessorStart[b + 1] += predecessorStart[b];
    }
    const successors = new Uint32Array(count),
      edgeKind = new Uint8Array(count),
      predecessors = new Uint32Array(count);
    const nextSuccessor = successorStart.slice(),
      nextPredecessor = predecessorStart.slice();
    for (let e = 0; e < count; e++) {
      const row = nextSuccessor[from[e]]++;
      successors[row] = to[e];
      edgeKind[row] = kind[e];
    }
    for (let b = 0; b < blockCount; b++) {
      for (let e = successorStart[b]; e < successorStart[b + 1]; e++)
        predecessors[nextPredecessor[successors[e]]++] = b;
    }
    return { successorStart, successors, edgeKind, predecessorStart, predecessors };
  }
}
