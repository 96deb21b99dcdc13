/** A sample of the differential run of `npm run oracle`, and broken facts that must show in it. */
import { expect, test } from "vitest";
import type { Analysis } from "previrt";
import { garble, shrink, textOf } from "../src/garbling.js";
import { randomGroup, type Group, type Statement, type Style } from "../src/random-functions.js";

const seed = Math.trunc(Math.random() * 2 ** 31);
const groupsOf = (style: Style, count: number): Group[] =>
  Array.from({ length: count }, (_, g) => randomGroup(seed + g, style));

for (const style of ["visible", "convention"] as const) {
  test(`${style} functions compute the same with everything dead garbled`, async () => {
    const result = await garble(groupsOf(style, 200), style);
    expect(result, `seed ${seed}`).toMatchObject({ different: [], wrong: [] });
    expect(result.patched).toBeGreaterThan(result.sites * 0.9);
    expect(result.executed).toBeGreaterThan(result.patched);
    expect(result.known).toBeGreaterThan(50);
  });
}

/** Facts with location words masked at the sites of random functions; the guest's own sites are left alone. */
const masked =
  (parts: number, rest: number) =>
  (analysis: Analysis): Analysis => {
    const { facts, sites, program, image } = analysis;
    const symbols = image.symbols!;
    const random = (s: number): boolean =>
      /^(?:f|cold)_/.test(symbols.name(symbols.below(program.instructions.address[sites.instruction[s]!]!)));
    return {
      ...analysis,
      facts: {
        ...facts,
        liveParts: facts.liveParts.map((word, s) => (random(s) ? word & parts : word)),
        liveRest: facts.liveRest.map((word, s) => (random(s) ? word & rest : word)),
      },
    };
  };

const ONE_PART = [
  ["ebx called dead", masked(~0x0008_0008, ~0x8)],
  ["ah called dead", masked(~0x0001_0000, -1)],
  ["the upper half of esi called dead", masked(-1, ~0x40)],
  ["cf called dead", masked(-1, ~0x1_0000)],
  ["zf called dead", masked(-1, ~0x8_0000)],
] as const;

test.each(ONE_PART)("%s shows", async (_, change) => {
  const groups = groupsOf("visible", 150);
  const { different } = await garble(groups, "visible", change);
  expect(different.length, `seed ${seed}`).toBeGreaterThan(0);
});

test("a known value that is wrong shows, and so does one that the stub takes for granted", async () => {
  const groups = groupsOf("visible", 150);
  const { different, wrong } = await garble(groups, "visible", (analysis) => ({
    ...analysis,
    // Leaf 0 instead of 1, and so on.
    facts: {
      ...analysis.facts,
      knownValue: analysis.facts.knownValue.map((value, s) => (analysis.facts.known[s] === 3 ? value ^ 1 : value)),
    },
  }));
  expect(different.length, `seed ${seed}`).toBeGreaterThan(0);
  expect(wrong).toEqual([]);
});

test("a group that differs shrinks to what makes the difference", async () => {
  const body: Statement[] = ["inc %eax", "mov %ebx, mem+40", "cli", "mov $5, %edx", "mov %ebx, mem+44"].map((line) => ({
    kind: "lines",
    lines: [line],
  }));
  const group: Group = {
    style: "visible",
    functions: [{ traced: true, parameters: 0, wide: false, body, tail: undefined }],
    start: [1, 2, 3, 4, 5, 6, 7],
    observed: ["eax"],
  };
  const smallest = await shrink(group, masked(~0x0008_0008, ~0x8));
  expect(smallest.functions[0]!.body.length).toBeLessThan(4);
  expect(textOf(smallest)).toMatch(/cli\n(?:mov \$5, %edx\n)?mov %ebx, mem_0\+44/);
});
