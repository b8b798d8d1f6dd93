/** A queue's life of seeded steps, told as text: the same on every SQL engine, or one of them does something else. */

import type { Settlement } from '../../../../core/queue/settle/settle.ts';
import { PRODUCERS_TABLE } from '../../../../durable-objects/queue/rows/queue-schema.ts';
import type { Sql } from '../../../../durable-objects/storage/sql.ts';
import { isFailure } from '../../../../protocol/errors.ts';
import { randomFrom } from '../../../crash/random.ts';
import { QueueDriver } from './queue-driver.ts';

const HELD_MAX = 400;

/** One line a step: what it answered, what the queue holds after it, and the rows that it wrote. */
export function queueSteps(sql: Sql, seed: number, count: number): string[] {
  const random = randomFrom(seed);
  const upTo = (limit: number): number => Math.floor(random() * limit);
  const pick = <Item>(...items: Item[]): Item => items[upTo(items.length)]!;
  const somePriority = (): number => pick(upTo(5), upTo(5), 15, 16, 31, upTo(32));
  const driver = new QueueDriver(sql, {
    max_priority: pick(0, 3, 31),
    max_length: pick(null, 300),
    overflow: pick('drop-head' as const, 'reject-publish' as const),
    message_ttl_ms: pick(null, 60_000),
    retry: { schedule_ms: [500, 3_000] },
    dedup_window_ms: 10_000,
  });
  sql.run(PRODUCERS_TABLE); // the engines count differently what it takes to make it
  driver.reopen();
  let held: string[] = [];
  /** The next sequence of each producer in the queue; raised with each epoch. */
  const producers = new Map<
    number,
    { epoch: number; sequence: number; last: { sequence: number; count: number } }
  >();
  let next = 0;
  let crowds = 0;
  const steps: Record<string, () => unknown> = {
    publish: () => {
      const bodies = Array.from({ length: pick(1, 3, 150) }, () => next++);
      const key = pick({}, {}, { ordering_key: `k${upTo(3)}` });
      const late = pick({}, {}, {}, { delay_ms: 700 });
      return driver.publish(bodies, { priority: somePriority(), ...key, ...late });
    },
    produce: () => {
      const id = upTo(100);
      const known = producers.get(id) ?? { epoch: 0, sequence: 0, last: { sequence: 0, count: 1 } };
      const { sequence, count } = pick(
        { sequence: known.sequence, count: pick(1, 4, 60) },
        { sequence: known.sequence, count: pick(1, 4, 60) },
        known.last,
        { sequence: known.sequence + 1, count: 1 },
      );
      const bodies = Array.from({ length: count }, () => next++);
      const properties = pick(
        {},
        { delay_ms: 700 },
        { priority: somePriority() },
        { message_id: `id-${upTo(20)}` },
      );
      const answer = driver.tryPublish(bodies, properties, {
        producer: { id, epoch: known.epoch, sequence },
      });
      const isTaken =
        !isFailure(answer) &&
        answer.exceptions.filter(({ outcome }) => outcome === 'rejected').length < count;
      if (isTaken && sequence === known.sequence) {
        producers.set(id, { ...known, sequence: sequence + count, last: { sequence, count } });
      } else if (isFailure(answer)) {
        // One that was known by its message id only is forgotten with the object.
        producers.set(id, { epoch: known.epoch + 1, sequence: 0, last: { sequence: 0, count: 1 } });
      }
      return isFailure(answer) ? answer.code : answer;
    },
    crowd: () =>
      Array.from({ length: 40 }, (_, id) => {
        const producer = { id: 1_000 + id, epoch: crowds, sequence: 0 };
        return driver.tryPublish([next++], {}, { producer });
      }).length + crowds++,
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
    list: () => driver.list(pick(3, 1_000)).map(({ details }) => details),
    cancel: () => {
      const { id } = pick(...driver.list()) ?? {};
      return id && driver.steer(id, (position) => ({ do: 'cancel', position, error: null }));
    },
    run: () => {
      const { id } = pick(...driver.list()) ?? {};
      return id && driver.steer(id, (position) => ({ do: 'run', position }));
    },
    advance: () => driver.advance(pick(1, 600, 4_000, 31_000)),
    reopen: () => driver.reopen(),
    purge: () => driver.queue.commit(() => driver.queue.purge()),
  };
  const often = [
    'publish',
    'publish',
    'publish',
    'produce',
    'produce',
    'repeat',
    'deliver',
    'deliver',
    'settle',
    'settle',
    'advance',
  ];
  return Array.from({ length: count }, (_, number) => {
    const name =
      random() < 0.12
        ? pick('reopen', 'reopen', 'purge', 'crowd', 'list', 'cancel', 'cancel', 'run', 'run')
        : pick(...often);
    let answer: unknown;
    const rows = driver.rowsWrittenBy(() => void (answer = steps[name]!()));
    driver.check();
    return `${number} ${name}: ${JSON.stringify(answer)} ${JSON.stringify(driver.counts)}, ${rows} rows`;
  });
}
