/** Text tables: one row a case, cells apart by `|`, the first line the names of the columns. */

export type TableRow<Column extends string> = Record<Column, string>;

/** Reads a table. Every row has all cells, because a row that is short has most likely lost a bar. */
export function rowsOf<Column extends string>(text: string): TableRow<Column>[] {
  const [names = [], ...rows] = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.split('|').map((cell) => cell.trim()));
  return rows.map((cells) => {
    if (cells.length !== names.length)
      throw new Error(`the row has not ${names.length} cells: ${cells.join(' | ')}`);
    return Object.fromEntries(names.map((name, at) => [name, cells[at]!])) as TableRow<Column>;
  });
}

/** The words of a cell: `ack 0 as=B` is the verb `ack`, the argument `0` and the option `as`. */
export interface Words {
  verb: string;
  args: string[];
  options: Record<string, string>;
}

export function wordsOf(text: string): Words {
  const [verb = '', ...rest] = text.split(/\s+/);
  const args: string[] = [];
  const options: Record<string, string> = {};
  for (const word of rest) {
    const [, name, value] = /^(\w+)=(.*)$/.exec(word) ?? [];
    if (name === undefined) args.push(word);
    else options[name] = value!;
  }
  return { verb, args, options };
}
