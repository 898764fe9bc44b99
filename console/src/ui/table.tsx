/** A plain table for a few hundred rows, in a frame that scrolls by itself when it is too wide. */
import type { ComponentChildren, JSX } from "preact";

export interface Column<R> {
  key: string;
  title: string;
  cell: (row: R) => ComponentChildren;
  /** Right-aligned figures. */
  number?: boolean;
}

interface Props<R> {
  /** What the table holds, for those who don't see it. */
  label: string;
  columns: readonly Column<R>[];
  rows: readonly R[];
  rowKey: (row: R) => string | number;
}

export function Table<R>({ label, columns, rows, rowKey }: Props<R>): JSX.Element {
  return (
    <div class="table-frame" role="region" aria-label={label} tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" class={column.number ? "cell-number" : undefined}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((column) => (
                <td key={column.key} class={column.number ? "cell-number" : undefined}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
