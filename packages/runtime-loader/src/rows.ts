/**
 * Tables of fixed-size rows as columns: one description of a row serves reader and writer.
 */

/** Bytes of a row, and where its fields are: `[offset, width in bytes]`. */
export interface RowLayout {
  readonly size: number;
  readonly fields: Readonly<Record<string, readonly [offset: number, width: 1 | 2 | 4]>>;
}

type Column<Field> = Field extends readonly [number, 4]
  ? Uint32Array
  : Field extends readonly [number, 2]
    ? Uint16Array
    : Uint8Array;

/** One typed array per field, `count` long. */
export type Columns<Layout extends RowLayout> = { readonly count: number } & {
  readonly [Name in keyof Layout["fields"]]: Column<Layout["fields"][Name]>;
};

/** Empty columns for `count` rows. */
export function makeColumns<Layout extends RowLayout>(layout: Layout, count: number): Columns<Layout> {
  const columns: Record<string, unknown> = { count };
  for (const [name, [, width]] of Object.entries(layout.fields)) {
    columns[name] = width === 4 ? new Uint32Array(count) : width === 2 ? new Uint16Array(count) : new Uint8Array(count);
  }
  return columns as Columns<Layout>;
}

/** Reads `count` rows at `at`; the caller has checked that they are there. */
export function readRows<Layout extends RowLayout>(
  layout: Layout,
  view: DataView,
  at: number,
  count: number,
): Columns<Layout> {
  const columns = makeColumns(layout, count);
  for (const [name, [offset, width]] of Object.entries(layout.fields)) {
    const column = arrayOf(columns, name);
    for (let row = 0, from = at + offset; row < count; row++, from += layout.size) {
      column[row] =
        width === 4 ? view.getUint32(from, true) : width === 2 ? view.getUint16(from, true) : view.getUint8(from);
    }
  }
  return columns;
}

/** Writes all rows at `at`, where there is room for them. */
export function writeRows<Layout extends RowLayout>(
  layout: Layout,
  columns: Columns<Layout>,
  view: DataView,
  at: number,
): void {
  for (const [name, [offset, width]] of Object.entries(layout.fields)) {
    const column = arrayOf(columns, name);
    for (let row = 0, to = at + offset; row < columns.count; row++, to += layout.size) {
      if (width === 4) view.setUint32(to, column[row], true);
      else if (width === 2) view.setUint16(to, column[row], true);
      else view.setUint8(to, column[row]);
    }
  }
}

function arrayOf(columns: object, name: string): Uint32Array | Uint16Array | Uint8Array {
  return (columns as Record<string, Uint32Array | Uint16Array | Uint8Array>)[name];
}
