/** A queue's life of seeded steps, told as text: the same on every SQL engine, or one of them does something else. */

import type { Settlement } from '../../../core/queue/settle.ts';
import type { Sql } from '../../../durable-objects/storage/sql.ts';
import { randomFrom } from '../../crash/random.ts';
import { QueueDriver } from './queue-driver.ts';

const HELD_MAX = 400;

/** One line a step: what it answered, what the queue holds after it, and the rows that it wrote. */
export function queueSteps(sql: Sql, seed: number, count: number): string[] {
  const random = randomFrom(seed);
  const upTo = (limit: number): number => Math.floor(random() * limit);
  const pick = <Item>(...items: Item[]): Item => items[upTo(items.length)]!;
  const driver = new QueueDriver(sql, {
    max_priority: pick(0, 3),
    max_length: pick(null, 300),
    overflow: pick('drop-head' as const, 'reject-publish' as const),
    message_ttl_ms: pick(null, 60_000),
    retry: { schedule_ms: [500, 3_000] },
    dedup_window_ms: 10_000,
  });
  let held: string[] = [];
  let next = 0;
  const steps: Record<string, () => unknown> = {
    publish: () => {
      const bodies = Array.from({ length: pick(1, 3, 150) }, () => next++);
      const key = pick({}, {}, { ordering_key: `k${upTo(3)}` });
      const late = pick({}, {}, {}, { delay_ms: 700 });
      return driver.publish(bodies, { priority: upTo(5), ...key, ...late });
    },
    repeat: () => driver.publish([next], { message_id: `id-${upTo(20)}` }),
    deliver: () => {
      const taken = driver.deliver(pick(1, 5, 200), pick('a', 'b'), random() < 0.2);
      held = [...held, ...taken.map(({ tag }) => tag)].slice(-HELD_MAX);
      return taken.map(({ body, count: times }) => `${String(body)}/${times}`).join(' ');
    },
    settle: () => {
      const tags = Array.from({ length: pick(1, 4, 120) }, () => pick(...held)).filter(Boolean);
      const settlement = pick<Settlement>(
        { kind: 'ack' },
        { kind: 'ack' },
        { kind: 'nack' },
        { kind: 'release' },
        { kind: 'reject' },
      );
      return [settlement.kind, ...driver.settle([...new Set(tags)], settlement)].join(' ');
    },
    advance: () => driver.advance(pick(1, 600, 4_000, 31_000)),
    reopen: () => driver.reopen(),
    purge: () => driver.queue.commit(() => driver.queue.purge()),
  };
  const often = [
    'publish',
    'publish',
    'publish',
    'repeat',
    'deliver',
    'deliver',
    'settle',
    'settle',
    'advance',
  ];
  return Array.from({ length: count }, (_, number) => {
    const name = random() < 0.06 ? pick('reopen', 'reopen', 'purge') : pick(...often);
    let answer: unknown;
    const rows = driver.rowsWrittenBy(() => void (answer = steps[name]!()));
    driver.check();
    return `${number} ${name}: ${JSON.stringify(answer)} ${JSON.stringify(driver.counts)}, ${rows} rows`;
  });
}
