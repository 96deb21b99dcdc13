import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CATALOGUE } from "@pv/sensitive";

test("the kind numbers that guest-side code knows are the catalogue's", () => {
  const header = readFileSync(new URL("../../../apps/runtime-loader/include/kinds.h", import.meta.url), "utf8");
  const kinds = [...header.matchAll(/^#define KIND_([A-Z_]+) (\d+)$/gm)].filter(([, name]) => name !== "COUNT");
  expect(kinds.length).toBeGreaterThan(5);
  for (const [, name, number] of kinds) {
    const entry = CATALOGUE.find(({ kind }) => kind === name!.toLowerCase().replaceAll("_", "-"));
    expect(entry?.number, name).toBe(Number(number));
  }
  expect(Math.max(...CATALOGUE.map(({ number }) => number))).toBeLessThan(256);
});
