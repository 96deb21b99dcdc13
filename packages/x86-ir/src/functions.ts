/**
 * Functions: known starts and targets of direct calls. A function's range goes on to the next entry or to the end of
 * its region; ranges are a way to name code, not a claim that control stays inside them.
 */
import { AddressSet } from "@pv/elf";
import { Code } from "iced-x86";
import {
  Flow,
  type CodeFacts,
  type FunctionColumns,
  type FunctionId,
  type Functions,
  type InstructionId,
  type Instructions,
} from "./types.js";

export function buildFunctions(instructions: Instructions, facts: CodeFacts): Functions {
  const { count, address, code, flow, target, transfers, transferTarget } = instructions;
  const isEntry = new Uint8Array(count);
  for (const va of facts.functionStarts) {
    const row = instructions.at(va);
    if (row >= 0) isEntry[row] = 1;
  }
  for (let t = 0; t < transfers.length; t++) {
    if (flow[transfers[t]] === Flow.call && transferTarget[t] >= 0) isEntry[transferTarget[t]] = 1;
  }
  const rows = new Uint32Array(count + 1);
  let functions = 0;
  for (let i = 0; i < count; i++) {
    rows[functions] = i;
    functions += isEntry[i];
  }
  const entryInstruction = rows.slice(0, functions),
    entry = entryInstruction.map((row) => address[row]),
    endInstruction = new Uint32Array(functions);
  const traced = new Uint8Array(functions);
  const transparent = new AddressSet(facts.transparent),
    tracedCalls = new AddressSet(facts.tracedCalls);
  const regionEnds = regionEndRows(instructions);
  for (let f = 0, region = 0; f < functions; f++) {
    const start = entryInstruction[f];
    while (regionEnds[region] <= start) region++;
    endInstruction[f] = Math.min(f + 1 < functions ? entryInstruction[f + 1] : count, regionEnds[region]);
    // An indirect branch may have to land on ENDBR; the call to the tracer follows it.
    const landing = code[start] === Code.Endbr32 || code[start] === Code.Endbr64;
    const call = landing && start + 1 < count ? start + 1 : start;
    if (
      tracedCalls.has(address[call]) ||
      tracedCalls.has(address[start]) ||
      (flow[call] === Flow.call && transparent.has(target[call]))
    )
      traced[f] = 1;
  }

  return new FunctionTable({ count: functions, entry, entryInstruction, endInstruction, traced });
}

export class FunctionTable implements Functions {
  readonly count: number;
  readonly entry: Uint32Array;
  readonly entryInstruction: Uint32Array;
  readonly endInstruction: Uint32Array;
  readonly traced: Uint8Array;

  constructor(columns: FunctionColumns) {
    this.count = columns.count;
    this.entry = columns.entry;
    this.entryInstruction = columns.entryInstruction;
    this.endInstruction = columns.endInstruction;
    this.traced = columns.traced;
  }

  containing(instruction: InstructionId): FunctionId {
    const { entryInstruction, endInstruction } = this;
    let low = 0,
      high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (entryInstruction[middle] <= instruction) low = middle + 1;
      else high = middle;
    }
    return low > 0 && instruction < endInstruction[low - 1] ? low - 1 : -1;
  }
}

/** One past the last row of each region; regions that touch count as one. */
function regionEndRows(instructions: Instructions): number[] {
  const { regions, count } = instructions;
  const ends: number[] = [];
  for (let r = 1; r < regions.length; r++) {
    const touches = regions[r - 1].start + regions[r - 1].bytes.length === regions[r].start;
    if (!touches) ends.push(instructions.at(regions[r].start));
  }
  ends.push(count);
  return ends;
}
