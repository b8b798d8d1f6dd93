/**
 * Orders as events: one topic, three teams that each read all of it at their own pace, and a team that comes late and
 * replays from a time.
 *
 *   order-events, 10 partitions by order id, kept for 7 days
 *     order-processing     two workers share the partitions
 *     analytics-pipeline   one worker, in batches
 *     fraud-detection      one worker
 *     payments             reads again from the time of an incident
 */

import { Posthorn, type GroupConsumer, type GroupRecord } from '../../sdk/index.ts';
import { conclude, uniqueName, type ExampleContext } from '../example.ts';

export const EVENT_TYPES = ['order created', 'payment processed', 'inventory updated', 'email sent'] as const;

interface OrderEvent {
  order: string;
  type: (typeof EVENT_TYPES)[number];
}

const PARTITIONS = 10;
const SEVEN_DAYS_MS = 7 * 24 * 3_600_000;

/** What a team has seen: the event types of each order, in the order in which they came. */
type Seen = Map<string, string[]>;

/** @param orderCount how many orders are placed; the second half comes after the incident */
export async function orders(context: ExampleContext, orderCount = 1_000): Promise<boolean> {
  const { broker, say, progress, signal } = context;
  const posthorn = new Posthorn(broker);
  const topic = uniqueName('order-events');
  await posthorn.topics.declare(topic, { partitions: PARTITIONS, retentionMs: SEVEN_DAYS_MS });
  say(`The topic ${topic} has ${PARTITIONS} partitions and keeps its records for 7 days.`);

  const half = Math.floor(orderCount / 2);
  await placeOrders(posthorn, topic, 0, half);
  await new Promise((resolve) => setTimeout(resolve, 5)); // the incident is later than every record before it
  const incident = new Date();
  await placeOrders(posthorn, topic, half, orderCount);
  const total = orderCount * EVENT_TYPES.length;
  say(`${orderCount} orders have left ${total} events, ${EVENT_TYPES.length} each, keyed by the order.`);

  const teams = { 'order-processing': 2, 'analytics-pipeline': 1, 'fraud-detection': 1 };
  const results = new Map<string, Seen>();
  for (const [team, members] of Object.entries(teams)) {
    const seen = await readAsTeam(posthorn, topic, uniqueName(team), members, total, progress, signal);
    results.set(team, seen);
    say(`  ${team}: ${members} worker(s) handled ${countOf(seen)} events of ${seen.size} orders`);
  }

  const payments = uniqueName('payments');
  await posthorn.groups.reset(payments, { topic, to: incident });
  const expected = (orderCount - half) * EVENT_TYPES.length;
  say(`The payments team replays from ${incident.toISOString()} on, in one call.`);
  const replayed = await readAsTeam(posthorn, topic, payments, 1, expected, progress, signal);
  say(`  payments: ${countOf(replayed)} events of ${replayed.size} orders`);
  await posthorn.topics.delete(topic);

  return conclude(say, [
    ...[...results].map(([team, seen]) => ({
      claim: `${team} saw every event of every order, in order`,
      holds: seen.size === orderCount && [...seen.values()].every(isLifeOfOrder),
    })),
    {
      claim: 'payments saw the orders placed after the incident, and no other',
      holds:
        replayed.size === orderCount - half &&
        [...replayed].every(([order, types]) => Number(order.slice(6)) >= half && isLifeOfOrder(types)),
    },
  ]);
}

async function placeOrders(posthorn: Posthorn, topic: string, first: number, end: number): Promise<void> {
  await using producer = posthorn.producer();
  const sent: Promise<unknown>[] = [];
  for (let number = first; number < end; number++) {
    for (const type of EVENT_TYPES) {
      const order = `order-${number}`;
      sent.push(producer.send(topic, { key: order, value: { order, type } satisfies OrderEvent }));
    }
    await producer.ready();
  }
  await Promise.all(sent);
}

/** Reads until `total` events are handled, with `members` workers of one group, and returns what they saw. */
async function readAsTeam(
  posthorn: Posthorn,
  topic: string,
  group: string,
  members: number,
  total: number,
  progress: ExampleContext['progress'],
  signal: AbortSignal,
): Promise<Seen> {
  const seen: Seen = new Map();
  let handled = 0;
  const isDone = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => isDone.reject(signal.reason as Error), { once: true });
  const handle = (record: GroupRecord): void => {
    const { order, type } = record.json<OrderEvent>()!;
    seen.set(order, [...(seen.get(order) ?? []), type]);
    progress(`  ${group}: ${++handled} of ${total}`);
    if (handled === total) isDone.resolve();
  };
  const workers: GroupConsumer[] = Array.from({ length: members }, () =>
    posthorn.consumer({ group, topics: [topic], eachRecord: handle, concurrency: PARTITIONS }),
  );
  try {
    await Promise.race([isDone.promise, ...workers.map(({ done }) => done)]);
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
  return seen;
}

function isLifeOfOrder(types: readonly string[]): boolean {
  return types.join() === EVENT_TYPES.join();
}

function countOf(seen: Seen): number {
  return [...seen.values()].reduce((sum, { length }) => sum + length, 0);
}
