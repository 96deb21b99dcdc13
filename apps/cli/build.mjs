/**
 * Bundles the command line and what its second thread runs into a few files, `bin/`: loading 150 modules one by one takes
 * as long as the analysis of a small kernel.
 *
 * The disassembler stays a package of its own, and is loaded as the CommonJS module that it is: importing one makes Node
 * read its 900 KB twice to find out what it exports.
 */
import { createRequire } from "node:module";
import { build } from "rolldown";

const DISASSEMBLER = "iced-x86";
const names = Object.keys(createRequire(import.meta.url)(DISASSEMBLER)).filter((name) => /^[A-Z]\w*$/.test(name));

await build({
  input: { main: "dist/main.js", worker: "dist/threads/worker.js" },
  platform: "node",
  external: ["v86"],
  plugins: [
    {
      name: "disassembler",
      resolveId: (id) => (id === DISASSEMBLER ? `\0${DISASSEMBLER}` : undefined),
      load: (id) =>
        id === `\0${DISASSEMBLER}`
          ? `import { createRequire } from "node:module";
export const { ${names.join(", ")} } = createRequire(import.meta.url)("${DISASSEMBLER}");`
          : undefined,
    },
  ],
  // All in one folder, as deep as `dist`: paths to other files stay what they are.
  output: {
    dir: "bin",
    cleanDir: true,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js",
  },
});
