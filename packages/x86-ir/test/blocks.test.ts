import { type CodeFacts, EdgeKind, Flow, NO_FACTS, type Program, buildProgram } from "@pv/x86-ir";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomBits, randomBytes } from "./random-code.js";

const START = 0x0010_0000;

/** Random code with random tables over it; most rows make no sense, as in a damaged image. */
const programs: fc.Arbitrary<Program> = fc
  .record({
    parts: fc.array(randomBytes, { minLength: 1, maxLength: 3 }),
    bits: randomBits,
    offsets: fc.array(fc.nat(600), { minLength: 12, maxLength: 40 }),
  })
  .map(({ parts, bits, offsets }) => {
    let start = START;
    const regions = parts.map((bytes, i) => {
      const region = { name: `part ${i}`, start, bytes };
      start += bytes.length + (i === 0 ? 0 : 9);
      return region;
    });
    const addresses = Uint32Array.from(offsets, (offset) => START + offset),
      half = addresses.length >> 1;
    const sorted = addresses.slice(0, half).sort();
    const facts: CodeFacts = {
      ...NO_FACTS,
      functionStarts: sorted.slice(0, 3),
      addressTaken: sorted.slice(3, 6),
      exceptionFrom: addresses.slice(0, half),
      exceptionTo: addresses.slice(half, 2 * half),
      jumpLabelFrom: addresses.slice(0, 3),
      jumpLabelTo: addresses.slice(3, 6),
      alternativeSite: addresses.slice(0, 4),
      alternativeSiteLength: Uint8Array.from(offsets.slice(4, 8), (offset) => offset % 9),
      alternativeReplacement: addresses.slice(8, 12),
      alternativeReplacementLength: Uint8Array.from(offsets.slice(2, 6), (offset) => offset % 7),
      noReturn: sorted.slice(1, 2),
    };
    return buildProgram({ regions, bits, addressHigh: 0, facts });
  });

describe("blocks", () => {
  test("cover every instruction once, in order", () => {
    fc.assert(
      fc.property(programs, ({ instructions, blocks }) => {
        let row = 0;
        for (let b = 0; b < blocks.count; b++) {
          expect(blocks.first[b]).toBe(row);
          expect(blocks.end[b]).toBeGreaterThan(row);
          for (; row < blocks.end[b]; row++) {
            expect(blocks.ofInstruction[row]).toBe(b);
            // Rows of one block are neighbours.
            if (row > blocks.first[b])
              expect(instructions.address[row]).toBe(instructions.address[row - 1] + instructions.length[row - 1]);
          }
        }
        expect(row).toBe(instructions.count);
      }),
      { numRuns: 150 },
    );
  });

  test("have predecessors that are the inverse of their successors", () => {
    fc.assert(
      fc.property(programs, ({ blocks }) => {
        const forwards: string[] = [],
          backwards: string[] = [];
        for (let b = 0; b < blocks.count; b++) {
          for (let e = blocks.successorStart[b]; e < blocks.successorStart[b + 1]; e++)
            forwards.push(`${b} ${blocks.successors[e]}`);
          for (let e = blocks.predecessorStart[b]; e < blocks.predecessorStart[b + 1]; e++)
            backwards.push(`${blocks.predecessors[e]} ${b}`);
        }
        expect(blocks.successorStart[blocks.count]).toBe(blocks.successors.length);
        expect(blocks.edgeKind.length).toBe(blocks.successors.length);
        expect(backwards.sort()).toEqual(forwards.sort());
      }),
      { numRuns: 150 },
    );
  });

  test("lose no way that control can go", () => {
    fc.assert(
      fc.property(programs, ({ instructions, blocks, facts }) => {
        const { flow, target, address, length } = instructions;
        const replacementEnds = new Set(
          Array.from(facts.alternativeReplacement, (va, a) => va + facts.alternativeReplacementLength[a]),
        );
        for (let row = 0; row < instructions.count; row++) {
          const block = blocks.ofInstruction[row],
            last = row === blocks.end[block] - 1;
          const kinds = new Map<number, number[]>();
          for (let e = blocks.successorStart[block]; e < blocks.successorStart[block + 1]; e++) {
            const first = blocks.first[blocks.successors[e]];
            kinds.set(first, [...(kinds.get(first) ?? []), blocks.edgeKind[e]]);
          }
          const behind = address[row] + length[row];
          const goesTo = (va: number): void => {
            // Where a replacement ends, control goes on behind its site.
            if (replacementEnds.has(va)) return;
            const to = instructions.at(va);
            if (to < 0) expect(blocks.escapes[block]).toBe(1);
            else
              expect(kinds.get(to) ?? "no edge").toContain(
                va === behind && flow[row] !== Flow.jump ? EdgeKind.fallThrough : EdgeKind.branch,
              );
          };
          switch (flow[row]) {
            case Flow.jump:
              expect(last).toBe(true);
              goesTo(target[row]);
              break;
            case Flow.conditional:
              expect(last).toBe(true);
              goesTo(behind);
              if (target[row] !== behind) goesTo(target[row]);
              break;
            case Flow.return:
            case Flow.interruptReturn:
            case Flow.undefined:
              expect(last).toBe(true);
              break;
            case Flow.indirectJump:
            case Flow.invalid:
              expect(blocks.escapes[block]).toBe(1);
              break;
            default:
              if (last && !(flow[row] === Flow.call && facts.noReturn.includes(target[row]))) goesTo(behind);
          }
        }
        facts.exceptionFrom.forEach((from, e) => {
          const row = instructions.at(from);
          // Inside an alternative's site, the entry may be meant for the replacement alone.
          if (row < 0) return;
          const block = blocks.ofInstruction[row],
            to = instructions.at(facts.exceptionTo[e]);
          expect([blocks.first[block], blocks.end[block]]).toEqual([row, row + 1]);
          if (to < 0) return void expect(blocks.escapes[block]).toBe(1);
          const edges = Array.from(
            blocks.successors.subarray(blocks.successorStart[block], blocks.successorStart[block + 1]),
            (successor, i) => [blocks.first[successor], blocks.edgeKind[blocks.successorStart[block] + i]],
          );
          expect(edges).toContainEqual([to, EdgeKind.exceptionFixup]);
        });
      }),
      { numRuns: 150 },
    );
  });
});

describe("functions", () => {
  test("begin at starts and call targets, and do not overlap", () => {
    fc.assert(
      fc.property(programs, ({ instructions, functions, blocks, facts }) => {
        const entries = new Set<number>();
        for (const va of facts.functionStarts) if (instructions.at(va) >= 0) entries.add(va);
        for (let row = 0; row < instructions.count; row++) {
          if (instructions.flow[row] === Flow.call && instructions.at(instructions.target[row]) >= 0)
            entries.add(instructions.target[row]);
        }
        expect([...functions.entry]).toEqual([...entries].sort((a, b) => a - b));
        for (let f = 0; f < functions.count; f++) {
          const first = functions.entryInstruction[f],
            end = functions.endInstruction[f];
          expect(instructions.address[first]).toBe(functions.entry[f]);
          expect(end).toBeGreaterThan(first);
          if (f + 1 < functions.count) expect(end).toBeLessThanOrEqual(functions.entryInstruction[f + 1]);
          expect([functions.containing(first), functions.containing(end - 1)]).toEqual([f, f]);
          // Where a function begins, a block does.
          expect(blocks.first[blocks.ofInstruction[first]]).toBe(first);
        }
        if (functions.count > 0 && functions.entryInstruction[0] > 0)
          expect(functions.containing(functions.entryInstruction[0] - 1)).toBe(-1);
      }),
      { numRuns: 100 },
    );
  });
});
