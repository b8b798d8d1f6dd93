/** What is pushed: messages of a queue and records of a topic, and what an operator does with their subscriptions meanwhile. */

import type { Random } from '../../../crash/random.ts';
import type { World } from '../../platform/world.ts';
import type { Client } from '../client.ts';
import { between, pick, times, type Operation } from '../operation.ts';
import { outcomesOf } from '../queues.ts';
import { insist } from '../topology.ts';
import { PUSHED } from './push-topology.ts';

const KEYS = [null, 'x', 'y'];
const POISONED = 0.12;

/** Of a run at rest. */
const ROUNDS_MAX = 60;
const ROUND_MS = 20_000;

const declared = new WeakMap<World, Promise<void>>();

export const pushMessages: Operation = {
  name: 'push-messages',
  weight: 5,
  run: async (client, id, random) => {
    await declare(client);
    const sent = drawn(id, random);
    await client.retried(random, async (attempt) => {
      const named = sent.map((one) => ({ ...one, id: `${one.id}#${attempt}` }));
      const messages = named.map(({ id: body, key }) => ({
        body,
        ...(key !== null && { properties: { ordering_key: key } }),
      }));
      const answer = await client.request('POST', `/queues/${PUSHED.queue}/messages`, { messages });
      const { outcome, copies, begin, end } = answer;
      const outcomeOf = outcomesOf(answer);
      client.add({
        kind: 'publish',
        client: client.name,
        queue: PUSHED.queue,
        outcome,
        copies,
        begin,
        end,
        messages: named.map(({ id: name, key }, index) => ({
          id: name,
          messageId: null,
          key,
          isDelayed: false,
          outcome: outcomeOf(index),
        })),
      });
      return answer;
    });
  },
};

export const pushRecords: Operation = {
  name: 'push-records',
  weight: 5,
  run: async (client, id, random) => {
    await declare(client);
    const sent = drawn(id, random);
    await client.retried(random, async (attempt) => {
      const named = sent.map((one) => ({ ...one, id: `${one.id}#${attempt}` }));
      const records = named.map(({ id: value, key }) => ({ value, ...(key !== null && { key }) }));
      const answer = await client.request('POST', `/topics/${PUSHED.topic}/records`, { records });
      const { outcome, copies, begin, end } = answer;
      const offsets = (answer.body['offsets'] ?? []) as { partition: number; offset: number }[];
      client.add({
        kind: 'produce',
        client: client.name,
        topic: PUSHED.topic,
        outcome,
        copies,
        begin,
        end,
        producer: null,
        records: named.map((record, index) => ({
          ...record,
          partition: offsets[index]?.partition ?? null,
          offset: offsets[index]?.offset ?? null,
        })),
      });
      return answer;
    });
  },
};

export const pushControl: Operation = {
  name: 'push-control',
  weight: 3,
  run: async (client, _, random) => {
    await declare(client);
    const path = `/subscriptions/${pick(random, [PUSHED.queue, PUSHED.topic])}`;
    const chance = random();
    if (chance < 0.1) await client.request('POST', `${path}/test`);
    else if (chance < 0.2) await client.request('GET', `${path}/attempts`);
    else if (chance < 0.4) await client.request('GET', path);
    else if (chance < 0.6) await client.request('POST', `${path}/pause`);
    else await client.request('POST', `${path}/resume`); // also after a 410
  },
};

function drawn(id: string, random: Random): { id: string; key: string | null }[] {
  return times(between(random, 1, 4), (index) => ({
    id: `${id}.${index}${random() < POISONED ? '!' : ''}`,
    key: pick(random, KEYS),
  }));
}

/** The first that needs them declares them, for as long as it takes. */
function declare(client: Client): Promise<void> {
  let done = declared.get(client.world);
  if (!done) declared.set(client.world, (done = declareAll(client)));
  return done;
}

async function declareAll(client: Client): Promise<void> {
  await insist(client, 'PUT', `/queues/${PUSHED.queue}`, PUSHED.queueDeclaration);
  await insist(client, 'PUT', `/topics/${PUSHED.topic}`, {
    partitions: PUSHED.partitions,
    retention_ms: null,
  });
  await insist(client, 'PUT', `/subscriptions/${PUSHED.queue}`, PUSHED.ofQueue);
  await insist(client, 'PUT', `/subscriptions/${PUSHED.topic}`, PUSHED.ofTopic);
}

export const hasPushes = ({ world }: Client): boolean => declared.has(world);

interface QueueState {
  ready: number;
  leased: number;
  parked: number;
}

/** At rest: all is pushed, or a dead letter, soon after the endpoint works again. */
export async function finishPushes(client: Client): Promise<void> {
  if (!hasPushes(client)) return;
  for (const name of [PUSHED.queue, PUSHED.topic])
    await insist(client, 'POST', `/subscriptions/${name}/resume`);
  let left = '';
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const { state: queue } = (await insist(client, 'GET', `/queues/${PUSHED.queue}`)) as {
      state: QueueState;
    };
    const { state: topic } = (await insist(client, 'GET', `/subscriptions/${PUSHED.topic}`)) as {
      state: { lag: number | null; dead_letters_waiting: number };
    };
    if (
      queue.ready + queue.leased + queue.parked === 0 &&
      topic.lag === 0 &&
      topic.dead_letters_waiting === 0
    )
      return;
    left = JSON.stringify({ queue, topic });
    await client.sleep(ROUND_MS);
  }
  throw new Error(`subscriptions are never done with pushing: ${left}`);
}
