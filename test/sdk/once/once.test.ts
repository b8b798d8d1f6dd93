/** The idempotent consumer: the same cases with both stores, in Node and in workerd. */

import { DatabaseSync } from 'node:sqlite';
import { Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleWorker } from '../../../scripts/broker/bundle.ts';
import { once, PosthornError, sqliteStore, type IdempotencyStore } from '../../../sdk/index.ts';
import { errorOf, until } from '../harness.ts';

let worker: Miniflare;
beforeAll(async () => {
  worker = new Miniflare({
    modules: [
      { type: 'ESModule', path: 'index.mjs', contents: await bundleWorker('test/sdk/once/once-worker.ts') },
    ],
    compatibilityDate: '2026-07-30',
    durableObjects: { HANDLED_MESSAGES: { className: 'HandledMessages', useSQLite: true } },
    telemetry: { enabled: false },
  });
  await worker.ready;
});
afterAll(() => worker.dispose());

type Fate = 'done' | 'throw' | 'crash';
/** Handles one message; the answer has `isFirst` and the number of the run as `result`, or an `error`. */
type Handle = (id: string, fate: Fate, leaseMs?: number) => Promise<unknown>;

function inNode(): Handle {
  const database = new DatabaseSync(':memory:');
  let runs = 0;
  return async (id, fate, leaseMs = 60_000) => {
    const store = sqliteStore(database); // one for each message, as after a restart
    const crash = (): Promise<never> => Promise.reject(new Error('crashed'));
    const used: IdempotencyStore = fate === 'crash' ? { ...store, release: crash, complete: crash } : store;
    try {
      const handler = (): number => {
        runs += 1;
        if (fate === 'throw') throw new Error('thrown');
        return runs;
      };
      return await once(used, id, handler, { leaseMs });
    } catch (error) {
      return { error: error instanceof PosthornError ? error.code : (error as Error).message };
    }
  };
}

const inWorkerd: Handle = async (id, fate, leaseMs = 60_000) => {
  const body = JSON.stringify({ id, fate, leaseMs });
  return await (await worker.dispatchFetch('http://worker/', { method: 'POST', body })).json();
};

describe.each([
  ['node:sqlite', inNode],
  ['a Durable Object', () => inWorkerd],
])('once, with %s', (_, start) => {
  it('runs a handler once for each id, and gives the others its result', async () => {
    const handle = start();
    const first = (await handle('once-a', 'done')) as { result: number };
    expect(first).toMatchObject({ isFirst: true });
    expect(await handle('once-a', 'done')).toEqual({ isFirst: false, result: first.result });
    expect(await handle('once-b', 'done')).toMatchObject({ isFirst: true, result: first.result + 1 });
  });

  it('gives an id back when the handler throws', async () => {
    const handle = start();
    expect(await handle('thrown', 'throw')).toEqual({ error: 'thrown' });
    expect(await handle('thrown', 'done')).toMatchObject({ isFirst: true });
  });

  it('keeps others out while a run may still be going on, and lets one in when its lease is over', async () => {
    const handle = start();
    expect(await handle('crashed', 'crash')).toEqual({ error: 'crashed' });
    expect(await handle('crashed', 'done')).toEqual({ error: 'message_in_progress' });
    expect(await handle('crashed-soon', 'crash', 20)).toEqual({ error: 'crashed' });
    await until(async () => 'isFirst' in ((await handle('crashed-soon', 'done')) as object));
    expect(await handle('crashed-soon', 'done')).toMatchObject({ isFirst: false });
  });

  it('lets one of many that come at once in', async () => {
    const handle = start();
    const answers = await Promise.all(Array.from({ length: 10 }, () => handle('many', 'done')));
    expect(answers.filter((answer) => (answer as { isFirst?: boolean }).isFirst === true)).toHaveLength(1);
  });
});

describe('once', () => {
  it('tells a run that took longer than its lease that another has begun', async () => {
    let nowMs = 1_000;
    const store = sqliteStore(new DatabaseSync(':memory:'), () => nowMs);
    const slow = once(
      store,
      'slow',
      async () => {
        nowMs += 100;
        expect(await once(store, 'slow', () => 'fast')).toEqual({ isFirst: true, result: 'fast' });
        return 'slow';
      },
      { leaseMs: 50 },
    );
    expect((await errorOf(slow)).code).toBe('lease_lost');
    expect(await once(store, 'slow', () => 'again')).toEqual({ isFirst: false, result: 'fast' });
  });

  it('forgets an id when its time is over, and its row', async () => {
    let nowMs = 1_000;
    const database = new DatabaseSync(':memory:');
    const store = sqliteStore(database, () => nowMs);
    for (const id of ['a', 'b']) await once(store, id, () => null, { keepMs: 10_000_000 });
    nowMs += 9_999_999;
    expect(await once(store, 'a', () => 1)).toMatchObject({ isFirst: false });
    nowMs += 3_600_001;
    expect(await once(store, 'a', () => 1)).toMatchObject({ isFirst: true });
    expect(database.prepare('SELECT id FROM handled_messages').all()).toHaveLength(1);
  });

  it('refuses a message without an id', async () => {
    const store = sqliteStore(new DatabaseSync(':memory:'));
    expect((await errorOf(once(store, undefined, () => 1))).code).toBe('invalid_argument');
  });
});
