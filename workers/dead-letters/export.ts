/**
 * Export of dead letters: a line of JSON each, and a last line `{"count": n}` with how many they are. An export without
 * that line is incomplete.
 */

import { type Failure, isFailure } from '../../protocol/errors.ts';
import { writeJson } from '../../protocol/json/json-text.ts';

/** Dead letters of one page, and where the next begins; null: there are no more. */
export interface Page<Place> {
  letters: readonly object[];
  next: Place | null;
}

/**
 * Reads the first page before it answers, so that a queue that cannot be read is a problem and not an empty export; and each
 * other page when the client has taken the one before.
 */
export async function exportPages<Place>(
  readPage: (after: Place | null) => Promise<Page<Place> | Failure>,
): Promise<ReadableStream<Uint8Array> | Failure> {
  const first = await readPage(null);
  if (isFailure(first)) return first;
  const encoder = new TextEncoder();
  let page: Page<Place> | null = first;
  let count = 0;
  return new ReadableStream({
    async pull(controller) {
      const { letters, next } = page!;
      count += letters.length;
      const lines = letters.map(lineOf);
      if (next === null) lines.push(lineOf({ count }));
      controller.enqueue(encoder.encode(lines.join('')));
      if (next === null) return controller.close();
      const read = await readPage(next);
      // An error breaks the connection: the reply has no end that a client could take for one.
      if (isFailure(read)) return controller.error(new Error(read.message));
      page = read;
    },
  });
}

/** A line end in JSON text stands between values only, where it means as much as a space. */
function lineOf(value: object): string {
  return `${writeJson(value).replace(/[\r\n]/g, ' ')}\n`;
}
