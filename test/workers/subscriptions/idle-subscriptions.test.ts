/**
 * Subscriptions for which nothing waits cost nothing: the watchdog leaves them alone for as long as the overview knows that they rest,
 * and finds those again that have lost their alarm.
 */

import { afterAll, beforeAll, expect, it } from 'vitest';
import type {
  SubscriptionReply,
  SubscriptionWithStateReply,
} from '../../../protocol/schemas/subscriptions.ts';
import type { TopicReply } from '../../../protocol/schemas/topics.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { PushEndpoint } from '../../support/clients/push-endpoint.ts';
import { until } from '../../support/clients/webhook-receiver.ts';

const TOPICS = ['one', 'two', 'three'];
const PARTITIONS = 2;
const QUEUES = ['four', 'five'];
/** Of each topic and queue. */
const EACH = 8;
const OF_TOPICS = TOPICS.length * EACH;

/** A day of the watchdog takes longer than the broker keeps a connection. */
const CLOSE = { connection: 'close' };

interface PushCosts {
  starts: number;
  wakes: number;
  visits: number;
  reads: number;
  reports: number;
}

let broker: TestBroker;
let endpoint: PushEndpoint;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'all its objects are counted and evicted' });
  endpoint = await PushEndpoint.start();
});
afterAll(async () => {
  await broker.stop();
  await endpoint.stop();
});

const ids = new Map<string, number>();
const put = async (path: string, body: object): Promise<number> =>
  (await broker.call<TopicReply>('PUT', `/v1/default/${path}`, body)).body.topology_version;
async function subscribe(name: string, source: object): Promise<void> {
  const target = { url: endpoint.url };
  const made = await broker.call<SubscriptionReply>('PUT', `/v1/default/subscriptions/${name}`, {
    source,
    target,
  });
  expect(made.status).toBe(201);
  ids.set(name, made.body.topology_version - 1); // its source learns of it with the next one
}
const subscriptionsOf = (source: string): string[] =>
  Array.from({ length: EACH }, (_, number) => `${source}-${number}`);
const stateOf = async (name: string): Promise<SubscriptionWithStateReply['state']> =>
  (
    await broker.call<SubscriptionWithStateReply>(
      'GET',
      `/v1/default/subscriptions/${name}`,
      undefined,
      CLOSE,
    )
  ).body.state;
const ask = async (path: string): Promise<string> =>
  await (await fetch(`${broker.url}/test/${path}`, { headers: CLOSE })).text();
const costs = async (reset = ''): Promise<PushCosts> =>
  JSON.parse(await ask(`push-costs?${reset}`)) as PushCosts;
const dayOfTheWatchdog = (): Promise<string> => ask('watchdog');
const alarmOf = async (name: string, die = ''): Promise<unknown> =>
  JSON.parse(await ask(`subscription-alarm?name=${name}&id=${ids.get(name)}${die}`)) as unknown;

async function evict(className: string, name: string): Promise<void> {
  try {
    await broker.evictObject(className, name);
  } catch (error) {
    if (!String(error).includes('not currently running')) throw error; // it has left memory by itself
  }
}

async function evictAll(): Promise<void> {
  for (const topic of TOPICS)
    for (let partition = 0; partition < PARTITIONS; partition++)
      await evict('Partition', `default/${topic}/${partition}#${ids.get(topic)}`);
  for (const queue of QUEUES) await evict('Queue', `default/${queue}#${ids.get(queue)}`);
  for (const name of [...TOPICS, ...QUEUES].flatMap(subscriptionsOf))
    await evict('Subscription', `default/${name}#${ids.get(name)}`);
}

/** Until they have said that they have nothing to do. */
async function comeToRest(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await broker.advance(40_000); // after the alarms that guard what was pushed
    await dayOfTheWatchdog();
    await broker.askObjects();
  }
}

it(
  'costs a call of each partition on a day without records, and nothing at a queue',
  { timeout: 180_000 },
  async () => {
    for (const topic of TOPICS) {
      ids.set(topic, await put(`topics/${topic}`, { partitions: PARTITIONS }));
      for (const name of subscriptionsOf(topic)) await subscribe(name, { topic });
      await broker.produce(topic, [{ value: 1, partition: 0 }]);
    }
    for (const queue of QUEUES) {
      ids.set(queue, await put(`queues/${queue}`, {}));
      for (const name of subscriptionsOf(queue)) await subscribe(name, { queue });
      await broker.call('POST', `/v1/default/queues/${queue}/messages`, { messages: [{ body: 1 }] });
    }
    await endpoint.untilRequests(OF_TOPICS + QUEUES.length);
    for (const name of TOPICS.flatMap(subscriptionsOf))
      await until(async () => (await stateOf(name)).lag === 0, 'no lag');
    await comeToRest();
    // On a busy machine some are not at rest yet on the first days.
    for (let day = 1; ; day++) {
      const cost = await costsOfADay();
      if (day < 5 && !isOfRest(cost)) continue;
      expect(cost).toMatchObject({ visits: 0, reads: 0, reports: 0, alarms: [] });
      expect(isOfRest(cost)).toBe(true);
      break;
    }
    expect(endpoint.requests).toHaveLength(OF_TOPICS + QUEUES.length);
  },
);

/** Calls of partitions: one that has left memory does not know whether it has told a subscription of the end. */
const WAKES = OF_TOPICS * PARTITIONS;

type DayCosts = PushCosts & { alarms: unknown[] };

async function costsOfADay(): Promise<DayCosts> {
  const alarms = await Promise.all(TOPICS.flatMap(subscriptionsOf).map((name) => alarmOf(name)));
  await evictAll();
  await costs('reset');
  await dayOfTheWatchdog();
  // A partition that something else has woken since knows it, and tells nobody: a busy machine gives that the time.
  await until(async () => (await costs()).wakes >= WAKES, 'all to be told').catch(() => {});
  const cost = await costs();
  const after = await Promise.all(TOPICS.flatMap(subscriptionsOf).map((name) => alarmOf(name)));
  return { ...cost, alarms: after.filter((alarm, index) => alarm !== null && alarm !== alarms[index]) };
}

function isOfRest({ starts, wakes, visits, reads, reports, alarms }: DayCosts): boolean {
  return (
    starts <= OF_TOPICS &&
    wakes <= WAKES &&
    visits === 0 &&
    reads === 0 &&
    reports === 0 &&
    alarms.length === 0
  );
}

it('pushes again where an alarm was lost with its object', { timeout: 60_000 }, async () => {
  let isDown = true;
  endpoint.answer = () => (isDown ? 422 : 204);
  const before = endpoint.requests.length;
  await broker.produce('one', [{ value: 'in trouble', partition: 1 }]);
  await endpoint.untilRequests(before + EACH);
  isDown = false;
  expect(await alarmOf('one-0', '&die')).toBe(null);
  await costs('reset');
  await dayOfTheWatchdog();
  await until(async () => (await stateOf('one-0')).lag === 0, 'no lag');
  expect((await costs()).visits).toBeGreaterThan(0);
});
