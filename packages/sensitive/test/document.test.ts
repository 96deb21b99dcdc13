import { expect, test } from "vitest";
import { CATALOGUE, renderCatalogue } from "@pv/sensitive";

test("docs/catalogue.md is up to date", async () => {
  await expect(renderCatalogue()).toMatchFileSnapshot("../../../docs/catalogue.md");
});

test("the page has a section for every kind", () => {
  const page = renderCatalogue();
  for (const entry of CATALOGUE) expect(page).toContain(`### \`${entry.kind}\`\n`);
});
