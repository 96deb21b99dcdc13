import { runFiletests } from "@pv/assembler";
import { printBlocks, printFunctions, printInstructions } from "@pv/x86-ir";
import { programOf } from "./program-of.js";

runFiletests(new URL("./filetests/", import.meta.url), {
  effects: (filetest) => printInstructions(programOf(filetest).instructions),
  blocks: (filetest) => {
    const program = programOf(filetest);
    return `${printInstructions(program.instructions)
      .replaceAll(/ {2}(?:use|kill|write):.*$/gm, "")
      .replaceAll(/ +$/gm, "")}\n\n${printBlocks(program)}`;
  },
  functions: (filetest) => printFunctions(programOf(filetest)),
});
