/** Tables in text. */

/** Columns of text, the first left-aligned, the others right-aligned, or as `align` says (one letter each: l or r). */
export function table(rows: readonly (readonly string[])[], align = ""): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const left = (column: number): boolean => (align === "" ? column === 0 : align[column] === "l");
  const pad = (cell: string, column: number): string =>
    left(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}
