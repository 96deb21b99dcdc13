/**
 * Direct calls: who calls a function, where it returns, and which registers it may write, for analyses that follow single demands.
 *
 * Callers are rows over all functions, made in one pass over the calls; the rest is looked up per function, over its blocks and those that it jumps
 * to, up to a bound.
 */
import { EdgeKind, Flow, registersIn, type Program } from "@pv/x86-ir";

export class DirectCalls {
  /** 1 for each function that a direct call names. */
  readonly called: Uint8Array;
  readonly #start: Uint32Array;
  readonly #calls: Uint32Array;
  readonly #writes = new Map<number, number>();

  constructor(readonly program: Program) {
    const { instructions, functions } = program;
    const { count, flow, target } = instructions;
    const call = Flow.call;
    // 1 + the function that begins at each instruction, 0 elsewhere.
    const beginning = new Uint32Array(count);
    for (let f = 0; f < functions.count; f++) beginning[functions.entryInstruction[f]] = f + 1;
    let calls = 0;
    for (let i = 0; i < count; i++) if (flow[i] === call) calls++;
    const rows = new Uint32Array(calls),
      callees = new Uint32Array(calls);
    const start = new Uint32Array(functions.count + 1);
    let c = 0;
    for (let i = 0; i < count; i++) {
      if (flow[i] !== call) continue;
      const entry = instructions.at(target[i]);
      const f = entry < 0 ? 0 : beginning[entry];
      if (f === 0) continue;
      rows[c] = i;
      callees[c++] = f - 1;
      start[f]++;
    }
    this.called = new Uint8Array(functions.count);
    for (let f = 0; f < functions.count; f++) {
      if (start[f + 1] > 0) this.called[f] = 1;
      start[f + 1] += start[f];
    }
    const cursor = start.slice();
    this.#calls = new Uint32Array(c);
    for (let k = 0; k < c; k++) this.#calls[cursor[callees[k]]++] = rows[k];
    this.#start = start;
  }

  /** Rows of the direct calls of a function, ascending. */
  of(f: number): Uint32Array {
    return this.#calls.subarray(this.#start[f], this.#start[f + 1]);
  }

  /** The function that begins at an address, or -1. */
  functionAt(va: number): number {
    const { instructions, functions } = this.program;
    const row = instructions.at(va);
    const f = row < 0 ? -1 : functions.containing(row);
    return f >= 0 && functions.entryInstruction[f] === row ? f : -1;
  }

  /**
   * Rows of the instructions at which compiled function `f` and what it jumps to return; undefined where control may leave otherwise, or where more than
   * `most` blocks would have to be looked at.
   */
  returnsOf(
    f: number,
    most: number,
    returnThunks: ReadonlySet<number>,
    unseen: ReadonlySet<number>,
  ): number[] | undefined {
    const { blocks, functions, instructions } = this.program;
    const { flow, target } = instructions;
    const first = blocks.ofInstruction[functions.entryInstruction[f]];
    const seen = new Set([first]),
      work = [first];
    const returns: number[] = [];
    for (let b = work.pop(); b !== undefined; b = work.pop()) {
      if (seen.size > most) return undefined;
      const g = functions.containing(blocks.first[b]);
      const last = blocks.end[b] - 1;
      // Assembly may return elsewhere than to its caller.
      const isAssembly = g >= 0 && functions.traced[g] === 0 && this.called[g] === 1;
      if (isAssembly || unseen.has(instructions.address[blocks.first[b]])) return undefined;
      const isJump = flow[last] === Flow.jump || flow[last] === Flow.conditional;
      const viaThunk = isJump && returnThunks.has(target[last]);
      if (flow[last] === Flow.return || viaThunk) returns.push(last);
      if (flow[last] === Flow.interruptReturn || (blocks.escapes[b] === 1 && !viaThunk)) return undefined;
      for (let e = blocks.successorStart[b]; e < blocks.successorStart[b + 1]; e++) {
        const to = blocks.successors[e];
        if (seen.has(to) || returnThunks.has(instructions.address[blocks.first[to]])) continue;
        seen.add(to);
        work.push(to);
      }
    }
    return returns.sort((a, b) => a - b);
  }

  /** Registers (bit r) that a call to function `f` may write, itself or in what it calls; all where that is not plain to see. `unseen`: addresses whose visible code is not what runs. */
  mayWrite(f: number, unseen: ReadonlySet<number>): number {
    let written = this.#writes.get(f);
    if (written === undefined) this.#writes.set(f, (written = this.#mayWrite(f, unseen)));
    return written;
  }

  #mayWrite(f: number, unseen: ReadonlySet<number>): number {
    const { blocks, functions, instructions } = this.program;
    const { effect, effects, flow, target } = instructions;
    const first = blocks.ofInstruction[functions.entryInstruction[f]];
    const seen = new Set([first]),
      work = [first];
    let written = 0;
    const visit = (block: number): void => {
      if (seen.has(block)) return;
      seen.add(block);
      work.push(block);
    };
    for (let b = work.pop(); b !== undefined; b = work.pop()) {
      if (seen.size > LARGEST_LEAF || blocks.escapes[b] === 1 || unseen.has(instructions.address[blocks.first[b]]))
        return -1;
      for (let i = blocks.first[b]; i < blocks.end[b]; i++) {
        switch (flow[i]) {
          case Flow.call: {
            const entry = instructions.at(target[i]);
            if (entry < 0) return -1;
            visit(blocks.ofInstruction[entry]);
            break;
          }
          case Flow.indirectCall:
          case Flow.interrupt:
          case Flow.interruptReturn:
          case Flow.invalid:
            return -1;
          default: {
            const e = effect[i];
            written |= registersIn(effects.writeParts[e], effects.writeRest[e]);
          }
        }
      }
      for (let e = blocks.successorStart[b]; e < blocks.successorStart[b + 1]; e++) {
        // A handler writes what it likes.
        if (blocks.edgeKind[e] === EdgeKind.exceptionFixup) return -1;
        visit(blocks.successors[e]);
      }
    }
    return written & 0xffff;
  }
}

/** Blocks of helper routines that are looked through for what they write. */
const LARGEST_LEAF = 16;
