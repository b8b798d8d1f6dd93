/** Tables and lists of fields, as wide as the terminal lets them be. */

import { harmless, type Style } from './style.ts';

const GAP = 2;
const COLUMN_MIN = 6;
const CELL_MAX = 60;

/** Returns the lines of a table of objects: its columns are their scalar members, in order, unless they are named. */
export function tableOf(
  rows: readonly Readonly<Record<string, unknown>>[],
  columns: readonly string[],
  width: number,
  style: Style,
): string[] {
  const cells = rows.map((row) => columns.map((column) => cellOf(memberOf(row, column))));
  const heads = columns.map((column) => column.replaceAll('_', ' '));
  const widths = heads.map((head, index) =>
    Math.min(CELL_MAX, Math.max(head.length, ...cells.map((row) => row[index]!.length))),
  );
  const fitting = fit(widths, width);
  if (fitting === null) return rows.flatMap((row) => [...fieldsOfObject(row, width, style), '']).slice(0, -1);
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) => cut(cell, fitting[index]!).padEnd(fitting[index]!))
      .join(' '.repeat(GAP))
      .trimEnd();
  return [style.bold(line(heads)), ...cells.map(line)];
}

/** Returns `name  value` for each member; those of inner objects have dots in their names. */
export function fieldsOfObject(object: object, width: number, style: Style): string[] {
  const flat = [...flatten(object)];
  const nameWidth = Math.min(
    Math.max(0, ...flat.map(([name]) => name.length)),
    width === Infinity ? Infinity : Math.floor(width / 2),
  );
  return flat.map(([name, value]) => {
    const text = cut(
      cellOf(value),
      width === Infinity ? Infinity : Math.max(COLUMN_MIN, width - nameWidth - GAP),
    );
    return `${style.dim(cut(name, nameWidth).padEnd(nameWidth))}${' '.repeat(GAP)}${text}`.trimEnd();
  });
}

/** The columns of objects that nobody has chosen columns for. */
export function scalarColumns(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  const first = rows[0] ?? {};
  return Object.keys(first).filter((name) => rows.every((row) => !isInner(row[name])));
}

/** Narrows the widest columns until all fit; null if there is no room for that. */
function fit(widths: readonly number[], width: number): number[] | null {
  const fitted = [...widths];
  let over = fitted.reduce((sum, each) => sum + each + GAP, -GAP) - width;
  while (over > 0) {
    const widest = fitted.indexOf(Math.max(...fitted));
    if (fitted[widest]! <= COLUMN_MIN) return null;
    fitted[widest]!--;
    over--;
  }
  return fitted;
}

function memberOf(row: Readonly<Record<string, unknown>>, column: string): unknown {
  return column
    .split('.')
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | null)?.[name], row);
}

const isInner = (value: unknown): value is object => typeof value === 'object' && value !== null;

function* flatten(object: object, prefix = ''): Generator<[string, unknown]> {
  for (const [name, value] of Object.entries(object)) {
    if (isInner(value) && !Array.isArray(value) && Object.keys(value).length > 0) {
      yield* flatten(value, `${prefix}${name}.`);
    } else yield [prefix + name, value];
  }
}

function cellOf(value: unknown): string {
  if (value === undefined || value === null) return '-';
  return harmless(typeof value === 'string' ? value : JSON.stringify(value));
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
