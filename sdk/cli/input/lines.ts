/** Lines of standard input, in groups, as bytes: one at a time would cost a million of them ten times as much. */

const NEWLINE = 10;
const RETURN = 13;

/** One group: the lines that a chunk completes. */
export interface LineGroup {
  /** The number of the first, from 1. */
  readonly first: number;
  readonly lines: readonly Uint8Array[];
}

/**
 * Splits what comes at line feeds. A carriage return before one belongs to it. A last line without a line feed counts.
 * The bytes of a line are a view that stays valid.
 */
export async function* lineGroups(stdin: AsyncIterable<Uint8Array | string>): AsyncGenerator<LineGroup> {
  let first = 1;
  const pieces: Uint8Array[] = [];
  for await (const given of stdin) {
    const chunk = typeof given === 'string' ? Buffer.from(given) : given;
    const lines: Uint8Array[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      let line = chunk.subarray(from, at);
      if (pieces.length > 0) line = Buffer.concat([...pieces.splice(0), line]);
      lines.push(withoutReturn(line));
      from = at + 1;
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from));
    if (lines.length === 0) continue;
    yield { first, lines };
    first += lines.length;
  }
  if (pieces.length > 0) yield { first, lines: [withoutReturn(Buffer.concat(pieces))] };
}

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line;
}
