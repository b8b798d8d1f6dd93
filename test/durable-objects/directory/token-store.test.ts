/**
 * The tokens of a deployment that has many. `TOKENS=100000 npx vitest run <this file>` takes a hundred thousand.
 */

import { beforeAll, expect, it } from 'vitest';
import type { Token } from '../../../core/access/token.ts';
import { ChangeLog } from '../../../durable-objects/directory/change-log.ts';
import { TokenStore } from '../../../durable-objects/directory/token-store.ts';
import { randomFrom } from '../../crash/random.ts';
import { madeToken } from '../../support/counting-directory.ts';
import { NodeSql } from '../../support/broker/node-sql.ts';

const COUNT = Number(process.env['TOKENS'] ?? 20_000);
const NAMESPACES = ['blue', 'green'];

const sql = new NodeSql();
const store = new TokenStore(sql);
const idOf = (number: number): string => String((number * 7_919) % COUNT).padStart(16, '0');
let pattern: Token;

beforeAll(async () => {
  pattern = (await madeToken(randomFrom(1))).token;
  sql.transaction(() => {
    for (let number = 0; number < COUNT; number++)
      store.put({ ...pattern, id: idOf(number), namespace: NAMESPACES[number % 2]! });
  });
});

it('a token is one row, which costs as much to make and to find as the first', () => {
  const before = sql.meter.rowsWritten;
  store.put({ ...pattern, id: 'z'.repeat(16), namespace: 'zzz' });
  expect(sql.meter.rowsWritten - before).toBe(1);
  for (const statement of [
    "SELECT json, used FROM tokens WHERE id = 'x'",
    "SELECT json, used FROM tokens WHERE namespace = 'blue' AND id > 'x' ORDER BY namespace, id LIMIT 9",
    "SELECT json, used FROM tokens WHERE (namespace, id) > ('blue', 'x') ORDER BY namespace, id LIMIT 9",
  ]) {
    const plan = sql.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${statement}`).map(({ detail }) => detail);
    expect(plan).toEqual([expect.stringMatching(/^SEARCH tokens USING/)]);
  }
});

it('pages have each token once, in order', () => {
  const seen: string[] = [];
  let from = { namespace: '', id: '' };
  for (let isMore = true; isMore;) {
    const page = store.page({ only: null, ...from }, 1_000);
    expect(page.tokens.length).toBeLessThanOrEqual(1_000);
    seen.push(...page.tokens.map(({ namespace, id }) => `${namespace}/${id}`));
    from = page.tokens.at(-1)!;
    isMore = page.isMore;
  }
  expect(seen).toHaveLength(COUNT + 1);
  expect(seen).toEqual(seen.toSorted());
  expect(new Set(seen).size).toBe(seen.length);
});

it('a page of tokens with many scopes is shorter, and has one at least', () => {
  const scopes = Array.from({ length: 100 }, () => ({
    kind: 'queue' as const,
    name: 'q'.repeat(249),
    actions: ['read' as const],
  }));
  for (let number = 0; number < 100; number++)
    store.put({ ...pattern, id: idOf(number), namespace: 'fat', scopes });
  const { tokens, isMore } = store.page({ only: 'fat', namespace: 'fat', id: '' }, 1_000);
  expect(tokens.length).toBeGreaterThan(1);
  expect(JSON.stringify(tokens).length).toBeLessThan(1_100_000);
  expect(isMore).toBe(true);
  const huge = { ...pattern, name: 'n'.repeat(2_000_000), namespace: 'huge' };
  store.put(huge);
  expect(store.page({ only: 'huge', namespace: 'huge', id: '' }, 9)).toMatchObject({
    isMore: false,
    tokens: [huge],
  });
  while (!store.removeSome('fat', 1_000));
  expect(store.page({ only: 'fat', namespace: 'fat', id: '' }, 9)).toEqual({ tokens: [], isMore: false });
});

it('the log of changes keeps the newest thousand, however many tokens are revoked', () => {
  const changes = new ChangeLog(sql);
  sql.transaction(() => {
    for (let number = 0; number < 3_000; number++) changes.note({ kind: 'token', name: idOf(number) });
  });
  expect(changes.version()).toBe(3_000);
  expect(sql.all('SELECT version FROM directory_changes')).toHaveLength(1_000);
  expect([changes.since(1_999), changes.since(2_999)]).toEqual([
    null,
    [{ kind: 'token', name: idOf(2_999) }],
  ]);
});
