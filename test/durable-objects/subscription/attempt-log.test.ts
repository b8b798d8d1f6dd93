import { expect, it } from 'vitest';
import { AttemptLog } from '../../../durable-objects/subscription/attempt-log.ts';
import { SubscriptionStore } from '../../../durable-objects/subscription/subscription-store.ts';
import { ATTEMPTS_KEPT, type Attempt } from '../../../protocol/schemas/subscriptions.ts';
import { NodeSql } from '../../support/broker/node-sql.ts';

/** Of a row of the platform. */
const ROW_BYTES_MAX = 2_000_000;

it('stores all attempts in one row, whatever endpoints answer', () => {
  const sql = new NodeSql();
  const store = new SubscriptionStore(sql);
  store.write({} as never);
  const log = new AttemptLog(store);
  const reply = '\u0001'.repeat(4_096);
  for (let at = 0; at < ATTEMPTS_KEPT; at++) log.note({ at, error: reply, reply } as Attempt, 0);
  log.store(0);
  const [row] = sql.all<{ bytes: number }>('SELECT length(CAST(json AS BLOB)) AS bytes FROM attempts');
  expect(row!.bytes).toBeLessThan(ROW_BYTES_MAX);
  expect(new AttemptLog(store).latest(ATTEMPTS_KEPT, false)).toHaveLength(ATTEMPTS_KEPT);
});
