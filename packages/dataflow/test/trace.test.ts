/** Traces retell liveness: what they say can be walked again, instruction by instruction. */
import fc from "fast-check";
import { randomCase } from "@pv/oracle";
import { ALL_FLAGS, allRegisters, buildProgram, ESP } from "@pv/x86-ir";
import { expect, test } from "vitest";
import { analyzeLiveness, traceLocation, type Location, type Trace } from "../src/index.js";

const READS = ["read", "unknown-place", "unseen-caller", "unseen-callee", "oops"];
const word = fc.constantFrom<Location["word"]>("parts", "rest");

test("a trace is live where liveness is, and its path can be walked without meeting a write", () => {
  fc.assert(
    fc.property(randomCase, fc.nat(), word, fc.nat(31), ({ input, assumptions }, pick, word, shift) => {
      const program = buildProgram(input);
      const { instructions } = program;
      const { effects, effect } = instructions;
      const { parts, rest } = allRegisters(instructions.bits);
      const location = { word, bit: 1 << shift };
      fc.pre(((word === "parts" ? parts : rest | ALL_FLAGS) & location.bit) !== 0);
      // The stack pointer is live by decree.
      fc.pre(shift !== ESP && !(word === "parts" && shift === 16 + ESP));

      const instruction = pick % instructions.count;
      const liveness = analyzeLiveness(program, assumptions);
      const trace = traceLocation(program, liveness, instruction, location);
      expect(trace.complete).toBe(true);
      expect(trace.live).toBe((liveness.after(instruction)[word] & location.bit) !== 0);
      if (!trace.live) {
        for (const { kind } of trace.ends) expect(READS).not.toContain(kind);
        return;
      }
      const [end] = trace.ends;
      expect(READS).toContain(end!.kind);
      const kills = word === "parts" ? effects.killParts : effects.killRest,
        uses = word === "parts" ? effects.useParts : effects.useRest;
      for (const { from, to } of runs(trace, instruction))
        for (let i = from; i < to; i++) expect(kills[effect[i]!]! & location.bit, `instruction ${i}`).toBe(0);
      if (end!.kind === "read") expect(uses[effect[end!.instruction]!]! & location.bit).not.toBe(0);
    }),
    { numRuns: 2000 },
  );
});

/** Every straight run of a path: from behind the start or where a turn leads, to the next turn or the end. */
function runs({ path, ends }: Trace, start: number): { from: number; to: number }[] {
  const list: { from: number; to: number }[] = [];
  let from = start + 1;
  for (const turn of path) {
    list.push({ from, to: turn.from });
    from = turn.to;
  }
  return [...list, { from, to: ends[0]!.instruction }];
}
