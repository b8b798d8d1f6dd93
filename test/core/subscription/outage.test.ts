/** An endpoint that is down for an hour, by a clock of its own: nothing is used up, and each key keeps its order. */

import { expect, it } from 'vitest';
import { CLOSED, noteAccepted, noteFailed, wake } from '../../../core/subscription/breaker.ts';
import { PartitionProgress, type PartitionEntry } from '../../../core/subscription/partition-progress.ts';
import { judgePush } from '../../../core/subscription/push-verdict.ts';
import { retryDelay } from '../../../core/queue/settle/retry.ts';
import { randomFrom } from '../../crash/random.ts';

const HOUR_MS = 3_600_000;
const RECORDS = 600;
const KEYS = 20;
const CONCURRENCY = 10;
const RETRY = { schedule_ms: [1_000, 5_000, 30_000] };

it.each(['key', 'partition'] as const)(
  'an hour without an endpoint uses up no attempt, and everything comes in the order of its %s',
  (order) => {
    const random = randomFrom(7);
    const progress = new PartitionProgress({ position: 0 });
    const entries = Array.from({ length: RECORDS }, (_, offset): PartitionEntry => ({
      offset,
      key: `k${offset % KEYS}`,
      bytes: 100,
      arrivedMs: 0,
    }));
    progress.add(entries, RECORDS);
    let breaker = CLOSED;
    let nowMs = 1_000;
    let requestsWhileDown = 0;
    const accepted: number[] = [];
    const dead: number[] = [];
    const isDown = (): boolean => nowMs >= 1_050 && nowMs < 1_050 + HOUR_MS;
    /** Requests under way, by the time of their reply. */
    const open: { offset: number; atMs: number; isProbe: boolean }[] = [];

    const send = (): void => {
      if (breaker.untilMs > nowMs) return;
      breaker = wake(breaker, nowMs);
      const isProbe = breaker.phase !== 'closed';
      while (open.length < (isProbe ? 1 : CONCURRENCY)) {
        const { unit } = progress.next({ order, messages: 1, bytes: 1_000 }, nowMs);
        if (unit.length === 0) return;
        progress.take(unit);
        open.push({ offset: unit[0]!.offset, atMs: nowMs + 1 + Math.floor(random() * 20), isProbe });
      }
    };
    const reply = ({ offset, isProbe }: (typeof open)[number]): void => {
      if (isDown()) requestsWhileDown += 1;
      const verdict = judgePush(isDown() ? { error: 'refused' } : { status: 204, retryAfterMs: null });
      if (verdict.kind === 'accepted') {
        breaker = noteAccepted(breaker);
        accepted.push(offset);
        progress.settle([offset]);
        return;
      }
      breaker = noteFailed(breaker, String(offset), nowMs, order === 'partition');
      if (isProbe) return progress.release([offset]);
      const gone = progress.fail([offset], nowMs, (attempts) => retryDelay(RETRY, attempts, 0));
      dead.push(...gone.map((one) => one.offset));
      progress.settle(gone.map((one) => one.offset));
    };

    while (progress.position < RECORDS) {
      send();
      const next = open.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next) {
        open.splice(open.indexOf(next), 1);
        nowMs = Math.max(nowMs, next.atMs);
        reply(next);
      } else {
        const { wakeMs } = progress.next({ order, messages: 1, bytes: 1_000 }, nowMs);
        nowMs = Math.max(nowMs + 1, breaker.untilMs, wakeMs ?? 0);
      }
      expect(nowMs).toBeLessThan(2 * HOUR_MS);
    }
    expect(dead).toEqual([]);
    expect(accepted).toHaveLength(RECORDS);
    expect(requestsWhileDown).toBeLessThan(100);
    for (let key = 0; key < KEYS; key++) {
      const ofKey = accepted.filter((offset) => offset % KEYS === key);
      expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b));
    }
    if (order === 'partition') expect(accepted).toEqual(accepted.toSorted((a, b) => a - b));
  },
);
