import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// Tests run against the sources, so that coverage names the files people read.
export default defineConfig({
  resolve: {
    alias: [
      {
        find: /^@pv\/(elf|x86-ir|sensitive|dataflow|stubgen|runtime-loader)$/,
        replacement: source("packages/$1/src/index.ts"),
      },
      { find: /^@pv\/(assembler|kernels|oracle)$/, replacement: source("tools/$1/src/index.ts") },
      { find: /^previrt$/, replacement: source("apps/cli/src/index.ts") },
    ],
  },
  test: {
    include: ["{packages,apps,tools}/*/test/**/*.test.ts", "test-images/test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 300_000,
    coverage: { provider: "v8", include: ["packages/*/src/**"], reporter: ["text-summary", "json-summary"] },
  },
});
