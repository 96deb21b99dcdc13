import { filetestCode, runFiletests } from "@pv/assembler";
import { findSites, printSites } from "@pv/sensitive";
import { decode } from "@pv/x86-ir";

runFiletests(new URL("./filetests/", import.meta.url), {
  /** Every site of .text. Symbols `replacement` and `replacement_end` bound the replacements of alternatives. */
  sites: (filetest) => {
    const { bytes, base, symbols } = filetestCode(filetest);
    const start = symbols.get("replacement"),
      end = symbols.get("replacement_end");
    const program = decode(
      [{ name: ".text", start: base, bytes }],
      filetest.bits,
      filetest.bits === 64 ? 0xffff_ffff : 0,
      new Uint32Array(),
    );
    const alternativeRanges = {
      start: Uint32Array.of(...(start === undefined ? [] : [start])),
      end: Uint32Array.of(...(end === undefined ? [] : [end])),
    };
    const sites = findSites(program, { alternativeRanges });
    return sites.count === 0 ? "no sites" : printSites(sites, program);
  },
});
