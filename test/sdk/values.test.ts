/** What needs no broker: values, options, retries. */

import { build } from 'esbuild';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bytesOfText as ruleForText, bytesOfValue as ruleForValues } from '../../protocol/json/json-bytes.ts';
import { isName } from '../../protocol/schemas/names.ts';
import { retryAfterMsOf } from '../../sdk/client/http/reply-error.ts';
import { delayMs, RETRY_DEFAULTS, withRetries } from '../../sdk/client/http/retry.ts';
import { Posthorn, PosthornError } from '../../sdk/index.ts';
import { checkName } from '../../sdk/client/names.ts';
import { keyBytes, recordHeaders, timestampMs, valueBytes } from '../../sdk/values/record-input.ts';
import { bytesOfText } from '../../sdk/values/text.ts';
import { errorOf } from './harness.ts';

const TEXTS = ['', 'a', 'customer-7', 'ü', 'x'.repeat(31) + 'é', '日本'.repeat(40), 'y'.repeat(70_000), '😀'];

describe('values', () => {
  it.each([0, -1.5, true, '', 'text', [], [1, null], {}, { a: { b: 'ü' } }, null, { $base64: 'AAECAw==' }])(
    'become the bytes that the contract says: %j',
    (value) => {
      expect(valueBytes(value)).toEqual(ruleForValues(value));
    },
  );

  it.each(TEXTS)('and text is UTF-8 (%#)', (text) => {
    expect(new Uint8Array(bytesOfText(text))).toEqual(ruleForText(text));
  });

  it('and text with half of a surrogate pair, which UTF-8 cannot hold, is refused', () => {
    for (const text of ['\ud800', `${'x'.repeat(100)}\udc00`]) {
      expect(() => bytesOfText(text)).toThrow('surrogate');
      expect(() => recordHeaders({ [text]: 'a' })).toThrow('surrogate');
    }
    expect(valueBytes('\ud800')).toEqual(ruleForValues('\ud800'));
  });

  it('that JSON.stringify would write as null are refused, however deep', () => {
    for (const value of [NaN, [Infinity], { a: { b: -Infinity } }])
      expect(() => valueBytes(value)).toThrow('JSON');
    expect(valueBytes({ a: null, b: 'null' })).toEqual(ruleForValues({ a: null, b: 'null' }));
  });

  it('take bytes in any view', () => {
    const bytes = new Uint8Array([1, 2, 3, 4]);
    expect(valueBytes(bytes)).toBe(bytes);
    expect(valueBytes(bytes.buffer)).toEqual(bytes);
    expect(valueBytes(new DataView(bytes.buffer, 1, 2))).toEqual(new Uint8Array([2, 3]));
  });

  it.each([
    undefined,
    () => 1,
    Symbol('s'),
    10n,
    NaN,
    Infinity,
    { $base64: '?' },
    { $base64: 'AA==', more: 1 },
  ])('are refused early: %s', (value) => {
    expect(() => valueBytes(value)).toThrow(PosthornError);
  });

  it('have keys, headers and times that are checked', () => {
    expect(keyBytes('')).toEqual(new Uint8Array());
    expect(keyBytes(undefined)).toBeNull();
    expect(() => keyBytes(7 as never)).toThrow('a key is text');
    expect(recordHeaders({ a: ['1', null], b: new Uint8Array([7]) })).toEqual([
      { key: 'a', value: bytesOfText('1') },
      { key: 'a', value: null },
      { key: 'b', value: new Uint8Array([7]) },
    ]);
    expect(() => recordHeaders({ a: 1 as never })).toThrow('header "a"');
    expect(timestampMs(new Date(5), 0)).toBe(5);
    for (const wrong of [-1, 1.5, NaN, new Date(NaN), 3_600_001])
      expect(() => timestampMs(wrong, 0)).toThrow();
  });

  it.each(['orders', 'a.b_c-D', '.', '..', '', 'a/b', '...', 'ä', 'x'.repeat(249), 'x'.repeat(250)])(
    'names follow the contract: %j',
    (name) => {
      const isAllowed = (): string => checkName('topic', name);
      if (isName(name)) expect(isAllowed()).toBe(name);
      else expect(isAllowed).toThrow(PosthornError);
    },
  );
});

describe('options', () => {
  it('that cannot be are refused', () => {
    const url = 'http://localhost';
    for (const wrong of ['', 'localhost:8787', 'ftp://x'])
      expect(() => new Posthorn({ url: wrong })).toThrow('url');
    expect(() => new Posthorn({ url, namespace: 'a/b' })).toThrow('namespace');
    const posthorn = new Posthorn({ url });
    expect(() => posthorn.producer({ lingerMs: -1 })).toThrow('lingerMs');
    expect(() => posthorn.producer({ batchBytes: 2 ** 21 })).toThrow('batchBytes');
    expect(() => posthorn.reader('t', { from: -1 })).toThrow('from');
    expect(() => posthorn.reader('t', { from: 'first' as never })).toThrow('from');
    expect(() => posthorn.reader('t', { from: new Date(NaN) })).toThrow('from');
    expect(() => posthorn.reader('t', { partitions: [-1] })).toThrow('partition');
  });

  it('may have a path and a slash at the end in the address', async () => {
    let asked = '';
    const fetch = async (url: string): Promise<Response> => ((asked = url), Response.json({ topics: [] }));
    await new Posthorn({ url: 'http://localhost/broker/', fetch }).topics.list();
    expect(asked).toBe('http://localhost/broker/v1/default/topics');
  });
});

describe('retries', () => {
  afterEach(() => vi.useRealTimers());
  const unavailable = new PosthornError('partition_unavailable', '', { retryable: true });

  it('wait longer each time, at random, up to a limit, and as long as the broker asks', () => {
    for (const [attempt, most] of [
      [1, 100],
      [2, 200],
      [4, 800],
      [20, 5_000],
    ] as const) {
      const delay = delayMs(RETRY_DEFAULTS, attempt, unavailable);
      expect(delay).toBeGreaterThanOrEqual(most / 2);
      expect(delay).toBeLessThanOrEqual(most);
    }
    const asked = new PosthornError('partition_overloaded', '', { retryable: true, retryAfterMs: 7_000 });
    expect(delayMs(RETRY_DEFAULTS, 1, asked)).toBe(7_000);
  });

  it('read Retry-After in seconds and as a date', () => {
    vi.useFakeTimers({ now: 1_000_000 });
    expect(retryAfterMsOf('2')).toBe(2_000);
    expect(retryAfterMsOf(new Date(1_005_000).toUTCString())).toBe(5_000);
    expect(retryAfterMsOf(null)).toBeUndefined();
    expect(retryAfterMsOf('soon')).toBeUndefined();
  });

  it('end with the last failure once their time is over', async () => {
    vi.useFakeTimers();
    let attempts = 0;
    const run = withRetries(RETRY_DEFAULTS, { withinMs: 60_000 }, async () => {
      attempts++;
      throw unavailable;
    });
    const failed = errorOf(run);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(await failed).toBe(unavailable);
    expect(attempts).toBeGreaterThan(12);
    expect(attempts).toBeLessThan(40);
  });
});

// 64 KB held publishing and polling. Streams, settlement frames, request-reply, loops over messages and transactions came on
// top with 20 KB, and the consumers of groups with 21 KB: membership, fetching, ordered handlers, commits, dead letters.
// Sequences of queues took 2 KB, and the levels of consumers 3; ending waits in time, and text that stays exact, 2 together.
// Batches that need no timer took 1, and `node:http` beside `fetch` 2. Sockets for requests took 10, half of them the WebSocket of Node.
// Seeing all at once and steering took 2, and CloudEvents less than 1.
// Large bodies took 8.
it('bundles to less than 160 KB: nothing of the schema library', async () => {
  const result = await build({
    entryPoints: ['sdk/index.ts'],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'browser',
    metafile: true,
  });
  expect(result.outputFiles[0]!.contents.length).toBeLessThan(160 * 1024);
  const inputs = Object.keys(result.metafile.inputs);
  expect(inputs.filter((path) => !/^(sdk|protocol)\//.test(path))).toEqual([]);
});
