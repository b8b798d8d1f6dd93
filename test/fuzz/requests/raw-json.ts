/** JSON as text: values that a JavaScript value cannot say, and the writer and the reader that keep each of them as it is. */

/** A JSON value by its text: `1e400`, members in an order that objects would change, a name twice. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** For `JSON.stringify`, which keeps only the numbers. */
  toJSON(): unknown {
    return /^[[{"]/.test(this.text) ? (JSON.parse(this.text) as unknown) : rawNumber(this.text);
  }
}

/** The types do not know it yet. */
const rawNumber = (JSON as unknown as { rawJSON: (text: string) => unknown }).rawJSON;

/** As `JSON.stringify`, with raw values as they are. Empty if the value has no JSON. */
export function jsonOf(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? '';
  if (Array.isArray(value)) return `[${value.map((item) => jsonOf(item) || 'null').join(',')}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => `${JSON.stringify(name)}:${jsonOf(member)}`);
  return `{${members.join(',')}}`;
}

/** A bracket, a comma or a colon; a string; another value. */
const TOKEN = /[\s]*(?:([{}[\],:])|("[^"\\]*(?:\\.[^"\\]*)*")|([^\s{}[\],:"]+))/y;

interface Open {
  /** Null: an array. */
  members: Map<string, string> | null;
  start: number;
  /** Of the member that is being read; null before its colon. */
  name: string | null;
}

/**
 * Calls for every object, the inner ones first, with the text of each member. It shares no code with the broker's reader.
 * @param text JSON that is right
 */
export function eachObject(text: string, visit: (members: ReadonlyMap<string, string>) => void): void {
  const open: Open[] = [];
  const note = (from: number, to: number): void => {
    const around = open.at(-1);
    if (!around?.members) return;
    if (around.name === null) around.name = JSON.parse(text.slice(from, to)) as string;
    else around.members.set(around.name, text.slice(from, to));
  };
  TOKEN.lastIndex = 0;
  for (let found = TOKEN.exec(text); found !== null; found = TOKEN.exec(text)) {
    const [, mark, quoted, plain] = found;
    const end = TOKEN.lastIndex;
    if (mark === '{' || mark === '[')
      open.push({ members: mark === '{' ? new Map() : null, start: end - 1, name: null });
    else if (mark === '}' || mark === ']') {
      const { members, start } = open.pop()!;
      if (members) visit(members);
      note(start, end);
    } else if (mark === ',') open.at(-1)!.name = null;
    else if (mark === undefined) note(end - (quoted ?? plain)!.length, end);
    // `visit` may have read another text meanwhile.
    TOKEN.lastIndex = end;
  }
}
