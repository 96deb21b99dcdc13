/**
 * Random programs, judged by a second, slower notion of what a window may be: every window of every plan obeys it, and
 * every site that is left in place has no window at all that would.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { findSites } from "@pv/sensitive";
import { buildProgram, NO_FACTS } from "@pv/x86-ir";
import { ItemOp, NO_PATCH, planPatches, printPlans, RULES, siteExplainer, type PlanInput } from "@pv/stubgen";

const BASE = 0xc100_0000;

interface Word {
  readonly bytes: readonly number[];
  readonly site?: true;
  /** May not be displaced. */
  readonly stays?: true;
  /** Last of its window. */
  readonly last?: true;
  /** The last `branch` bytes are a displacement. */
  readonly branch?: 1 | 4;
}

const WORDS: readonly Word[] = [
  { bytes: [0xfa], site: true }, // cli
  { bytes: [0xfb], site: true }, // sti
  { bytes: [0x9c], site: true }, // pushf
  { bytes: [0x9d], site: true }, // popf
  { bytes: [0xe6, 0x80], site: true }, // out %al, $0x80
  { bytes: [0x0f, 0x01, 0x38], site: true }, // invlpg (%eax)
  { bytes: [0xcf], site: true, stays: true }, // iret
  { bytes: [0x43] }, // inc %ebx
  { bytes: [0x89, 0xd8] }, // mov %ebx, %eax
  { bytes: [0x8b, 0x45, 0xf0] }, // mov -16(%ebp), %eax
  { bytes: [0xb8, 1, 0, 0, 0] }, // mov $1, %eax
  { bytes: [0xc7, 0x05, 0, 0x10, 0, 0, 1, 0, 0, 0] }, // movl $1, 0x1000
  { bytes: [0x58] }, // pop %eax
  { bytes: [0xf6, 0xc4, 0x02] }, // test $2, %ah
  { bytes: [0xc3], last: true }, // ret
  { bytes: [0xff, 0xd0], stays: true }, // call *%eax
  { bytes: [0x0f, 0x0b], stays: true }, // ud2
  { bytes: [0x74, 0], branch: 1 }, // je
  { bytes: [0x0f, 0x85, 0, 0, 0, 0], branch: 4 }, // jne
  { bytes: [0xeb, 0], branch: 1, last: true }, // jmp
  { bytes: [0xe9, 0, 0, 0, 0], branch: 4, last: true, stays: true }, // jmp, without a table of jump labels
  { bytes: [0xe8, 0, 0, 0, 0], branch: 4, last: true }, // call
  { bytes: [0xe2, 0], branch: 1, stays: true }, // loop
];

interface Model {
  readonly input: PlanInput;
  readonly words: readonly Word[];
  /** Address of each word, and of the end. */
  readonly at: readonly number[];
  readonly targets: ReadonlySet<number>;
}

/** Words with branches to random bytes of the program, and random taken addresses. */
const models = fc
  .record({
    picks: fc.array(fc.tuple(fc.nat(WORDS.length - 1), fc.nat(), fc.boolean()), { minLength: 1, maxLength: 60 }),
    taken: fc.array(fc.nat(), { maxLength: 3 }),
  })
  .map(({ picks, taken }): Model => {
    const words = picks.map(([pick]) => WORDS[pick]);
    const at = [BASE];
    for (const word of words) at.push(at[at.length - 1] + word.bytes.length);
    const size = at[words.length] - BASE;
    const bytes = new Uint8Array(size),
      view = new DataView(bytes.buffer);
    const targets = new Set<number>([BASE, ...taken.map((random) => BASE + (random % size))]);
    words.forEach((word, row) => {
      bytes.set(word.bytes, at[row] - BASE);
      if (word.branch === undefined) return;
      const [, random, aligned] = picks[row];
      // Mostly whole instructions, sometimes the middle of one; as near as a short displacement reaches.
      let target = aligned ? at[random % words.length] : BASE + (random % size);
      const distance = target - at[row + 1];
      if (word.branch === 1 && (distance < -128 || distance > 127)) target = at[row + 1];
      if (word.branch === 1) view.setInt8(at[row + 1] - BASE - 1, target - at[row + 1]);
      else view.setInt32(at[row + 1] - BASE - 4, target - at[row + 1], true);
      targets.add(target);
    });
    const facts = {
      ...NO_FACTS,
      addressTaken: Uint32Array.from(targets)
        .sort()
        .filter((va) => taken.some((random) => va === BASE + (random % size))),
    };
    const program = buildProgram({ regions: [{ name: ".text", start: BASE, bytes }], bits: 32, addressHigh: 0, facts });
    return { input: { program, sites: findSites(program.instructions), protection: {} }, words, at, targets };
  });

/** The second notion: whether the words `[first, end)` may be one window. */
function isWindow({ words, at, targets }: Model, first: number, end: number): boolean {
  const length = at[end] - at[first];
  if (length < 5 || length > 24) return false;
  for (let va = at[first] + 1; va < at[end]; va++) if (targets.has(va)) return false;
  return words.slice(first, end).every((word, row) => !word.stays && (!word.last || first + row === end - 1));
}

const OPS: Readonly<Record<number, number>> = {
  0x74: ItemOp.conditional,
  0x0f: ItemOp.conditional,
  0xeb: ItemOp.jump,
  0xe8: ItemOp.call,
};

test("plans obey the rules and leave nothing out", () => {
  fc.assert(
    fc.property(models, (model) => {
      const { input, words, at } = model;
      // Interrupt shadows do not occur but with iret, which the model below would have to know.
      fc.pre(!words.some((word, row) => word.bytes[0] === 0xfb && words[row + 1]?.bytes[0] === 0xcf));
      fc.pre(input.program.instructions.count === words.length);
      const plans = planPatches(input);
      const { sites } = input;

      let behind = 0,
        item = 0;
      const inWindow = new Set<number>();
      for (let patch = 0; patch < plans.count; patch++) {
        const first = at.indexOf(plans.start[patch]),
          end = at.indexOf(plans.start[patch] + plans.length[patch]);
        expect(first).toBeGreaterThanOrEqual(behind);
        expect(isWindow(model, first, end)).toBe(true);
        expect([plans.firstItem[patch], plans.itemCount[patch]]).toEqual([item, end - first]);
        behind = end;
        for (let row = first; row < end; row++, item++) {
          const { op, length, offset, target } = plans.items;
          expect([length[item], offset[item]]).toEqual([words[row].bytes.length, at[row] - at[first]]);
          if (words[row].site) {
            expect([op[item], sites.instruction[target[item]]]).toEqual([ItemOp.site, row]);
            inWindow.add(target[item]);
          } else {
            expect(op[item]).toBe(words[row].branch ? OPS[words[row].bytes[0]] : ItemOp.copy);
            expect(target[item]).toBe(words[row].branch ? input.program.instructions.target[row] : 0);
          }
        }
      }
      expect([item, item]).toEqual([plans.items.count, plans.items.op.length]);

      for (let site = 0; site < sites.count; site++) {
        const patched = plans.sitePatch[site] !== NO_PATCH;
        expect(patched).toBe(inWindow.has(site));
        expect(patched).toBe(plans.siteReason[site] === 0);
        if (patched) continue;
        expect(RULES.some((rule) => rule.number === plans.siteReason[site])).toBe(true);
        const row = sites.instruction[site];
        for (let first = Math.max(0, row - 24); first <= row; first++) {
          for (let end = row + 1; end <= words.length; end++) expect(isWindow(model, first, end)).toBe(false);
        }
      }
    }),
    { numRuns: 400 },
  );
});

test("every outcome of the ladder agrees with the plan, and texts are the same each time", () => {
  fc.assert(
    fc.property(models, ({ input }) => {
      const plans = planPatches(input);
      const explain = siteExplainer(input, plans);
      for (let site = 0; site < input.sites.count; site++) {
        const { rungs, patch } = explain(site);
        expect(rungs.filter((rung) => rung.outcome === "taken").length).toBe(patch === NO_PATCH ? 0 : 1);
        expect(rungs.map((rung) => rung.rung)).toEqual(["idiom", "forward", "backward", "short"]);
        for (const rung of rungs) expect(rung.outcome === "blocked").toBe(rung.rule !== 0);
      }
      expect(printPlans(input, plans)).toBe(printPlans(input, planPatches(input)));
    }),
    { numRuns: 100 },
  );
});
