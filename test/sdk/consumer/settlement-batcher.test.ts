/** Settlements that share a frame, and what they wait for. */

import { describe, expect, it } from 'vitest';
import { decodeSettlementFrame, encodeOutcomeFrame } from '../../../protocol/frames/settlement-frame.ts';
import { PosthornError } from '../../../sdk/index.ts';
import {
  SettlementBatcher,
  type BatcherSettings,
  type WaitingSettlement,
} from '../../../sdk/consumer/settlement-batcher.ts';
import { timers, turns } from '../client/held-fetch.ts';

interface HeldFrame {
  count: number;
  answer: (outcome?: 'settled' | 'lease_expired') => void;
  fail: () => void;
}

function batcherOf(settings: Partial<BatcherSettings> = {}) {
  const held: HeldFrame[] = [];
  const stop = new AbortController();
  let offset = 0;
  const batcher = new SettlementBatcher(
    (bytes) => {
      const frame = decodeSettlementFrame(bytes);
      if ('code' in frame) throw new Error(frame.code);
      const count = frame.entries.reduce(
        (sum, entry) => sum + ('end' in entry ? entry.end - entry.start : 0),
        0,
      );
      const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
      const one: HeldFrame = {
        count,
        answer: (outcome = 'settled') => {
          held.splice(held.indexOf(one), 1);
          resolve(encodeOutcomeFrame({ id: frame.id, outcomes: new Array(count).fill(outcome) }));
        },
        fail: () => {
          held.splice(held.indexOf(one), 1);
          reject(new PosthornError('connection_failed', 'it broke', { retryable: true }));
        },
      };
      held.push(one);
      const end = (): void => reject(new PosthornError('aborted', 'over'));
      if (stop.signal.aborted) end();
      else stop.signal.addEventListener('abort', end);
      return promise;
    },
    {
      settleLingerMs: 0,
      settleBatch: 1_000,
      retry: { baseMs: 1, factor: 1, maxMs: 1, attempts: 1 },
      ...settings,
    },
    { failed: () => {}, settled: () => {} },
    stop.signal,
  );
  const settle = (settlement: WaitingSettlement['settlement']): Promise<string> =>
    new Promise((resolve) => {
      const message = { offset: offset++, position: { queueId: 1, lane: 0, delivery: 1 }, deliveryTag: '' };
      batcher.add({
        message: message as never,
        settlement,
        done: (error) => resolve(error?.code ?? 'settled'),
      });
    });
  const ack = (): Promise<string> => settle({ kind: 'ack' });
  return { batcher, held, ack, settle, stop };
}

describe('a settlement', () => {
  it('goes without waiting for time, with all of its turn', async () => {
    const before = timers();
    const { held, ack } = batcherOf();
    const all = [ack(), ack()];
    await Promise.resolve();
    all.push(ack());
    await turns();
    expect(held.map(({ count }) => count)).toEqual([3]);
    expect(timers()).toBeLessThanOrEqual(before);
    held[0]!.answer();
    expect(await Promise.all(all)).toEqual(['settled', 'settled', 'settled']);
  });

  it('gathers with others while some are under way', async () => {
    const { held, ack } = batcherOf();
    const all = [ack()];
    await turns();
    all.push(ack(), ack());
    await turns(1);
    held[0]!.answer();
    while (held.length === 0) await turns(1);
    expect(held.map(({ count }) => count)).toEqual([2]);
    held[0]!.answer();
    await Promise.all(all);
  });

  it('is not held up by a request that hangs', async () => {
    const before = timers();
    const { held, ack } = batcherOf();
    const hanging = ack();
    await turns();
    const next = ack();
    while (held.length < 2) await turns(1);
    held[1]!.answer();
    expect(await next).toBe('settled');
    held[0]!.answer('lease_expired');
    expect(await hanging).toBe('settlement_refused');
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it('goes as soon as a batch is full, whatever is under way', async () => {
    const { held, ack } = batcherOf({ settleBatch: 2, settleLingerMs: 60_000 });
    const all = [ack(), ack(), ack(), ack()];
    expect(held.map(({ count }) => count)).toEqual([2, 2]);
    held[1]!.answer();
    held[0]!.answer();
    await Promise.all(all);
  });

  it('lingers if it acknowledges, until one comes that does not', async () => {
    const { held, ack, settle } = batcherOf({ settleLingerMs: 60_000 });
    const all = [ack(), ack()];
    await turns();
    expect(held).toEqual([]);
    all.push(settle({ kind: 'release' }));
    await turns();
    expect(held.map(({ count }) => count)).toEqual([3]);
    held[0]!.answer();
    await Promise.all(all);
  });

  it('is concluded when the batcher is idle, also after failures, and when it is aborted', async () => {
    const before = timers();
    const { batcher, held, ack, stop } = batcherOf();
    const first = ack();
    const idle = batcher.idle();
    held[0]!.fail();
    while (held.length === 0) await turns(1);
    held[0]!.answer();
    await idle;
    expect(await first).toBe('settled');
    const second = ack();
    await turns();
    const third = ack();
    stop.abort();
    await batcher.idle();
    expect([await second, await third]).toEqual(['aborted', 'aborted']);
    expect(timers()).toBeLessThanOrEqual(before);
  });
});
