/** A sample of what `npm run oracle` runs by the hundred thousand, and broken analyses that must not get through. */
import fc from "fast-check";
import {
  analyzeLiveness,
  CallKind,
  type Assumptions,
  type Liveness,
  type Nodes,
  type Returns,
  type Summaries,
} from "@pv/dataflow";
import { buildProgram, CF, EdgeKind, type CodeFacts, type Effects, type Program } from "@pv/x86-ir";
import { describe, expect, test, vi } from "vitest";
import { compare, randomCase, report, type Case } from "../src/index.js";

/** What the analysis gets in place of its own steps' results, while a test breaks it. */
const broken = vi.hoisted(() => ({
  nodes: (nodes: Nodes): Nodes => nodes,
  returns: (returns: Returns): Returns => returns,
  summaries: (summaries: Summaries): Summaries => summaries,
}));
const SOUND = { ...broken };
vi.mock(import("../../../packages/dataflow/src/nodes.js"), async (original) => {
  const actual = await original();
  return { ...actual, buildNodes: (...args) => broken.nodes(actual.buildNodes(...args)) };
});
vi.mock(import("../../../packages/dataflow/src/returns.js"), async (original) => {
  const actual = await original();
  return { ...actual, findReturns: (...args) => broken.returns(actual.findReturns(...args)) };
});
vi.mock(import("../../../packages/dataflow/src/summaries.js"), async (original) => {
  const actual = await original();
  return { ...actual, summarize: (...args) => broken.summaries(actual.summarize(...args)) };
});

test("liveness is what a path search finds, at every instruction of random programs", () => {
  fc.assert(
    fc.property(randomCase, (each) => {
      const comparison = compare(each);
      if (comparison.differences.length > 0) throw new Error(report(each, comparison));
    }),
    { numRuns: 2000 },
  );
});

type Analyze = (program: Program, assumptions: Assumptions) => Liveness;

/** The analysis of a program whose effects somebody got wrong. */
const withEffects =
  (change: (effects: Effects, row: number) => Partial<Record<keyof Effects, number>>): Analyze =>
  (program, assumptions) => {
    const { effects } = program.instructions;
    const changed = { ...effects };
    for (const column of ["useParts", "useRest", "killParts", "killRest"] as const)
      changed[column] = effects[column].map((word, row) => change(effects, row)[column] ?? word);
    const instructions = Object.create(program.instructions, { effects: { value: changed } });
    return analyzeLiveness({ ...program, instructions }, assumptions);
  };

/** The analysis of a program about which some table says something else. */
const withFacts =
  (change: (facts: CodeFacts) => Partial<CodeFacts>): Analyze =>
  ({ instructions: { regions, bits, addressHigh }, facts }, assumptions) =>
    analyzeLiveness(buildProgram({ regions, bits, addressHigh, facts: { ...facts, ...change(facts) } }), assumptions);

/** The analysis with one of its steps broken. */
const withStep =
  (step: Partial<typeof broken>): Analyze =>
  (program, assumptions) => {
    Object.assign(broken, SOUND, step);
    try {
      return analyzeLiveness(program, assumptions);
    } finally {
      Object.assign(broken, SOUND);
    }
  };

/** Bit r of ECX in both halves of word `parts`. */
const ECX_PARTS = 0x0002_0002;
const LOW_PARTS = 0x0000_ffff;
const none = new Uint32Array(0);

const MUTANTS: Readonly<Record<string, Analyze>> = {
  "a read of ECX forgotten": withEffects((e, row) => ({ useParts: e.useParts[row]! & ~ECX_PARTS })),
  "a read of CF forgotten": withEffects((e, row) => ({ useRest: e.useRest[row]! & ~CF })),
  "a write of the low byte taken for the whole register": withEffects((e, row) => ({
    killParts: e.killParts[row]! | (e.killParts[row]! << 16),
    killRest: e.killRest[row]! | (e.killParts[row]! & LOW_PARTS),
  })),
  "what may be written taken for surely written": withEffects((e, row) => ({
    killParts: e.killParts[row]! | (e.writeParts[row]! & ~e.useParts[row]!),
    killRest: (e.writeRest[row]! & ~e.useRest[row]! & ~0xffff) | e.killRest[row]!,
  })),
  "a call that reads nothing": withStep({
    summaries: (s) => ({
      ...s,
      readsParts: new Int32Array(s.readsParts.length),
      readsRest: new Int32Array(s.readsRest.length),
    }),
  }),
  "a call that overwrites what one of its paths does": withStep({
    summaries: (s) => ({ ...s, writesParts: s.writesParts.map(() => -1) }),
  }),
  "a caller forgotten when returns are fed": withStep({
    nodes: (nodes) => {
      for (let k = 0; k < nodes.count; k++) nodes.settle(k);
      const last = nodes.callee.findLastIndex((callee) => callee >= 0);
      // At the call itself, everything counts as read: only the callee's returns miss it.
      if (last >= 0) [nodes.callee[last], nodes.call[last]] = [-1, CallKind.opaque];
      return nodes;
    },
  }),
  "a function whose address is taken believed closed": withFacts(() => ({ addressTaken: none })),
  "assembly believed to return to its callers": withStep({
    returns: (returns) => ({ ...returns, open: new Uint8Array(returns.count) }),
  }),
  "a tail call's return forgotten": withStep({
    returns: (returns) => ({ ...returns, jumpStart: new Uint32Array(returns.count + 1) }),
  }),
  "exception fix-ups forgotten": withFacts(() => ({ exceptionFrom: none, exceptionTo: none })),
  "exception fix-ups entered behind the instruction": (program, assumptions) => {
    const edgeKind = program.blocks.edgeKind.map((kind) => (kind === EdgeKind.exceptionFixup ? EdgeKind.branch : kind));
    return analyzeLiveness({ ...program, blocks: { ...program.blocks, edgeKind } }, assumptions);
  },
  "jump labels as they stand": withFacts(() => ({ jumpLabelFrom: none, jumpLabelTo: none })),
  "replacements of alternatives forgotten": withFacts(() => ({
    alternativeSite: none,
    alternativeSiteLength: new Uint8Array(0),
    alternativeReplacement: none,
    alternativeReplacementLength: new Uint8Array(0),
  })),
  "a WARN taken for a BUG": withFacts(() => ({ warnings: none })),
  "return thunks taken for jumps": withFacts(() => ({ returnThunks: none })),
  "everything taken for compiled C": withFacts(({ functionStarts }) => ({ tracedCalls: functionStarts })),
  "a convention where none may be assumed": (program, assumptions) =>
    analyzeLiveness(program, { ...assumptions, indirectCall: true }),
};

/** Programs after which a broken analysis has got through. */
const PATIENCE = 20_000;

describe("a broken analysis is caught", () => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  for (const [name, analyze] of Object.entries(MUTANTS)) {
    test(name, () => {
      let programs = 0;
      const sound = (each: Case): boolean => {
        programs++;
        // Only what is called dead and is not: that is what would corrupt a kernel.
        return compare(each, analyze).differences.every(({ missed }) => missed === "-");
      };
      const { failed } = fc.check(fc.property(randomCase, sound), { numRuns: PATIENCE, seed, endOnFailure: true });
      expect(failed, `seed ${seed}`).toBe(true);
      process.stdout.write(`caught after ${programs} programs: ${name}\n`);
    });
  }
});
