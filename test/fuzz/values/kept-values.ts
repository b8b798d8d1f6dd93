/**
 * What has been sent as values of users, found again in what is read: the same JSON text, the same headers. Each value is
 * marked by a header of its own, which goes with it through exchanges, queues, dead letters and groups.
 */

import { eachObject, jsonOf, RawJson } from '../requests/raw-json.ts';

export const MARK = 'fuzz-mark';

/** Older ones may still be read, and are not judged. */
const KEPT_MAX = 5_000;

type Members = Record<string, unknown>;

interface Sent {
  value: unknown;
  headers: Members;
}

export class KeptValues {
  /** Values that were read and compared. */
  compared = 0;

  readonly #sent = new Map<number, Sent>();
  #last = 0;

  /** The same request, with a mark on each of its values. @param sent not written down yet */
  mark(operation: string, sent: unknown): unknown {
    if (!isObject(sent)) return sent;
    if (operation === 'request') return this.#marked(sent, 'body');
    const marked: Members = { ...sent };
    const { records, messages, message } = sent;
    if (Array.isArray(records))
      marked['records'] = records.map((record: unknown) => this.#marked(record, 'value'));
    if (Array.isArray(messages))
      marked['messages'] = messages.map((item: unknown) => this.#marked(item, 'body'));
    if (message !== undefined) marked['message'] = this.#marked(message, 'body');
    return marked;
  }

  /** The marks of what was sent, in order; null for what has none. */
  marksOf(items: readonly unknown[]): (number | null)[] {
    return items.map((item) => {
      const mark = isObject(item) && isObject(item['headers']) ? item['headers'][MARK] : undefined;
      return mark === undefined ? null : Number(mark);
    });
  }

  /** @returns the marks of an answer's values, and a sentence for each that is not what was sent */
  check(text: string): { marks: Set<number>; wrong: string[] } {
    const marks = new Set<number>();
    const wrong: string[] = [];
    if (!text.includes(MARK)) return { marks, wrong };
    eachObject(text, (members) => {
      const headersText = members.get('headers');
      const value = members.get('value') ?? members.get('body');
      if (headersText === undefined || value === undefined || !headersText.includes(MARK)) return;
      const headers = JSON.parse(headersText) as Members;
      const mark = Number(headers[MARK]);
      const sent = this.#sent.get(mark);
      if (!sent) return;
      marks.add(mark);
      this.compared += 1;
      if (!isSameValue(sent.value, value))
        wrong.push(`gave ${value.slice(0, 300)} for the value ${jsonOf(sent.value).slice(0, 300)}`);
      const name = Object.keys(sent.headers).find((key) => !isSameHeader(sent.headers[key], headers, key));
      if (name !== undefined)
        wrong.push(`gave the headers ${headersText.slice(0, 300)} for ${jsonOf(sent.headers).slice(0, 300)}`);
    });
    return { marks, wrong };
  }

  #marked(item: unknown, name: 'value' | 'body'): unknown {
    if (!isObject(item) || !Object.hasOwn(item, name)) return item;
    const { headers = {}, [name]: value } = item;
    if (!isObject(headers)) return item;
    const mark = ++this.#last;
    this.#sent.set(mark, { value, headers });
    if (this.#sent.size > KEPT_MAX) this.#sent.delete(mark - KEPT_MAX);
    return { ...item, headers: { ...headers, [MARK]: String(mark) } };
  }
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof RawJson);
}

/** What was sent as bytes may come back as the JSON that they are. */
function isSameValue(sent: unknown, got: string): boolean {
  if (!isBytes(sent)) return got === jsonOf(sent);
  // The last digit of base64 may have bits that are no bytes. A schedule shows them, because it keeps what was sent.
  if (got === jsonOf(sent)) return true;
  const bytes = Buffer.from(sent.$base64, 'base64');
  return got === jsonOf({ $base64: bytes.toString('base64') }) || got === bytes.toString();
}

function isSameHeader(sent: unknown, headers: Members, name: string): boolean {
  const list = Array.isArray(sent) ? (sent as unknown[]) : [sent];
  // The broker reads those, and gives them as properties.
  if (list.length === 0 || name === MARK || name.startsWith(':')) return true;
  if (!Object.hasOwn(headers, name)) return false;
  const found = headers[name];
  const got = Array.isArray(found) ? (found as unknown[]) : [found];
  return got.length === list.length && got.every((value, index) => bytesOf(value) === bytesOf(list[index]));
}

/** As a text that tells them apart. */
function bytesOf(value: unknown): string {
  if (value === null) return 'null';
  if (isBytes(value)) return Buffer.from(value.$base64, 'base64').toString('base64');
  return typeof value === 'string' ? Buffer.from(value).toString('base64') : 'none';
}

function isBytes(value: unknown): value is { $base64: string } {
  return isObject(value) && typeof value['$base64'] === 'string';
}
