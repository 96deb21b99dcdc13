/**
 * `__ex_table`: an instruction that may fault and where to go on if it does. The rows are edges of the control flow.
 *
 * Layouts (arch/x86/include/asm/extable.h): 4.6 and later have 12 bytes, distances to instruction and fix-up and a word
 * with the handler's type (until 5.15 the distance to the handler itself); 3.5 to 4.5 have the two distances only, with
 * a handler class coded as a displacement of the fix-up, which is not read here.
 */
import type { ExceptionTable } from "../types.js";
import { ascendingRows, chooseLayout, codeOrComplaint, relative, sectionTable, type Image } from "./source.js";

export function readExceptions(image: Image): ExceptionTable | undefined {
  const table = sectionTable(image, "__ex_table");
  if (table === undefined) return undefined;
  const layouts = [12, 8].map((rowSize) => ({
    rowSize,
    check: (_: unknown, at: number) =>
      codeOrComplaint(image, "an instruction", relative(table, at)) ??
      codeOrComplaint(image, "a fix-up", relative(table, at + 4)),
  }));
  const { rowSize } = chooseLayout(table, layouts);

  const count = table.bytes.length / rowSize;
  const at = ascendingRows(Uint32Array.from({ length: count }, (_, row) => relative(table, row * rowSize))).map(
    (row) => row * rowSize,
  );
  return {
    insn: at.map((row) => relative(table, row)),
    fixup: at.map((row) => relative(table, row + 4)),
    type: at.map((row) => (rowSize === 12 ? table.view.getUint32(row + 8, true) : 0)),
  };
}
