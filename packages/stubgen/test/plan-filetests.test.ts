/** Plans of small programs, one per rule and idiom: `# test: plan`, and `# test: explain` for the ladder's outcomes. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { filetestCode, runFiletests, type Filetest } from "@pv/assembler";
import { describeSite, planPatches, printPlans, RULES, siteExplainer } from "@pv/stubgen";
import { planInput } from "./plan-input.js";

const directory = new URL("./filetests/", import.meta.url);

const inputOf = (filetest: Filetest) => planInput(filetestCode(filetest), filetest.bits, filetest.options);

describe("filetests", () => {
  runFiletests(directory, {
    plan: (filetest) => {
      const input = inputOf(filetest);
      return printPlans(input, planPatches(input));
    },
    explain: (filetest) => {
      const input = inputOf(filetest);
      const explain = siteExplainer(input, planPatches(input));
      const { instructions } = input.program;
      return Array.from(input.sites.instruction, (row, site) => {
        return `${instructions.address[row].toString(16)}: ${describeSite(explain(site))}`;
      }).join("");
    },
  });

  test("show every rule at work", () => {
    const files = readdirSync(directory).map((file) => readFileSync(new URL(file, directory), "utf8"));
    const expected = files.map((text) => text.slice(text.indexOf("# ---- expected"))).join("\n");
    expect(RULES.map((rule) => rule.name).filter((name) => !expected.includes(`in place: ${name}\n`))).toEqual([]);
  });
});
