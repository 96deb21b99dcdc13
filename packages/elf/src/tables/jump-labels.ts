/**
 * `__jump_table`: static keys. Each row is a NOP or a JMP that the running kernel turns into the other: an edge from
 * `code` to `target`, whatever the bytes say now.
 *
 * Row (struct jump_entry, include/linux/jump_label.h, 4.20 and later): 32-bit distances to the instruction and to its
 * target, then a word-sized distance to the key, whose two lowest bits are flags (the branch is taken when the key is
 * off; the code is init code). 12 bytes on i386, 16 on x86-64.
 *
 * The table lies inside .rodata or .data. Where no symbol says so, it is the longest run of rows whose code is a NOP or
 * a JMP to the target.
 */
import type { Va } from "../diagnostic.js";
import type { JumpLabels } from "../types.js";
import { regionBytes } from "./regions.js";
import { longestRun } from "./rows.js";
import {
  ascendingRows,
  chooseLayout,
  codeOrComplaint,
  relative,
  sectionTable,
  tableBetween,
  type Image,
  type TableBytes,
} from "./source.js";

const NAME = "__jump_table";
const KEY_FLAGS = 3;
/** Rows that count as a table when nothing else says so; a chance run of 4 has a probability below 2^-100. */
const FEWEST_ROWS = 4;

export function readJumpLabels(image: Image): JumpLabels | undefined {
  const table = sectionTable(image, NAME) ?? tableBetween(image, NAME) ?? search(image);
  if (table === undefined) return undefined;
  const rowSize = 8 + image.wordSize;
  const check = (_: unknown, at: number) =>
    codeOrComplaint(image, "an instruction", relative(table, at)) ??
    codeOrComplaint(image, "a target", relative(table, at + 4));
  chooseLayout(table, [{ rowSize, check }]);

  const count = table.bytes.length / rowSize;
  const codes = Uint32Array.from({ length: count }, (_, row) => relative(table, row * rowSize));
  const at = ascendingRows(codes).map((row) => row * rowSize);
  return {
    code: at.map((row) => relative(table, row)),
    target: at.map((row) => relative(table, row + 4)),
    key: at.map((row) => (relative(table, row + 8) & ~KEY_FLAGS) >>> 0),
  };
}

function search(image: Image): TableBytes | undefined {
  const run = longestRun(image, {
    name: NAME,
    rowSize: 8 + image.wordSize,
    align: 4,
    fewest: FEWEST_ROWS,
    accepts: ({ start, view }, at) => {
      const code = (start + at + view.getInt32(at, true)) >>> 0;
      if (!image.code.holds(code, 5)) return false;
      const target = (start + at + 4 + view.getInt32(at + 4, true)) >>> 0;
      return image.code.holds(target) && isNopOrJump(image, code, target);
    },
  });
  return run && { name: NAME, ...regionBytes(image.memory, run) };
}

/** Whether the bytes at `code` are a NOP that GCC or the kernel uses here, or a jump to `target`. */
function isNopOrJump({ memory }: Image, code: Va, target: Va): boolean {
  switch (memory.u8(code)) {
    case 0x0f: // nopl 0(%eax,%eax)
      return memory.u32(code + 1) === 0x0000441f;
    case 0x3e: // lea %ds:0(%esi), %esi
      return memory.u32(code + 1) === 0x0026748d;
    case 0x66: // xchg %ax, %ax
      return memory.u8(code + 1) === 0x90;
    case 0xe9:
      return (code + 5 + memory.i32(code + 1)) >>> 0 === target;
    case 0xeb:
      return (code + 2 + ((memory.u8(code + 1) << 24) >> 24)) >>> 0 === target;
    default:
      return false;
  }
}
