/** Idempotent producers of queues: publishes with sequences, several under way at once, and instances that were replaced. */

import type { Random } from '../../crash/random.ts';
import type { Outcome, Published, SequencedBy } from '../history.ts';
import type { Client } from './client.ts';
import { between, pick, times, type Operation } from './operation.ts';
import { goOn, instanceOf, type SequencedInstance } from './sequenced-instance.ts';
import { messageProperties, PUBLISHED, type Properties, sentProperties } from './queues.ts';

interface SequencedPublish {
  queue: string;
  messages: { id: string; properties: Properties }[];
  producer: SequencedBy;
}

const ATTEMPTS_MAX = 5;
const producers = new WeakMap<Client, SequencedInstance<string, SequencedPublish>>();

export const publishOnce: Operation = {
  name: 'publish-once',
  weight: 9,
  run: async (client, id, random) => {
    const producer = await instanceOf(producers, client);
    if (producer === null) return;
    if (producer.doubtful.length > 0 && random() < 0.3) {
      // The instance that was replaced is still there, and sends again.
      await sendOnce(client, pick(random, producer.doubtful));
      return;
    }
    const queue = pick(random, PUBLISHED);
    let sequence = producer.next.get(queue) ?? 0;
    const publishes = times(between(random, 1, 3), (number): SequencedPublish => {
      const messages = times(between(random, 1, 4), (index) => {
        const name = `${id}.${number}.${index}`;
        return { id: name, ...messageProperties(queue, name, random) };
      });
      const of = { id: producer.id, epoch: producer.epoch, sequence, transactionalId: null };
      sequence += messages.length;
      return { queue, messages, producer: of };
    });
    const forks = publishes.map(() => random.fork());
    const stored = await Promise.all(
      publishes.map((publish, index) => sendUntilKnown(client, publish, forks[index]!)),
    );
    producer.next.set(queue, sequence);
    goOn(producers, client, publishes, stored, random);
  },
};

interface Attempt {
  outcome: Outcome;
  begin: number;
  end: number;
  /** What was answered of each message. */
  results: Published['messages'][number]['outcome'][];
  /** It may be taken another time. */
  comesAgain: boolean;
}

async function sendOnce(client: Client, { queue, messages, producer }: SequencedPublish): Promise<Attempt> {
  const { transactionalId: _, ...numbers } = producer;
  const request = {
    messages: messages.map(({ id, properties }) => ({ body: id, properties })),
    producer: numbers,
  };
  const answer = await client.request('POST', `/queues/${queue}/messages`, request, 0, {}, true);
  const { outcome, status, begin, end, body } = answer;
  const told = outcome === 'ok' ? (body['results'] as { outcome: Attempt['results'][number] }[]) : [];
  const results = told.map((one) => one.outcome);
  client.add({
    kind: 'publish-once',
    client: client.name,
    queue,
    outcome,
    begin,
    end,
    code: outcome === 'refused' ? (body['code'] as string) : null,
    producer,
    ids: messages.map(({ id }) => id),
    results,
  });
  // One before it may be under way still.
  const comesAgain = status === 429 || body['code'] === 'out_of_order_sequence';
  return { outcome, begin, end, results, comesAgain };
}

/** @returns whether it is stored; false if that is not known */
async function sendUntilKnown(client: Client, publish: SequencedPublish, random: Random): Promise<boolean> {
  const attempts: Attempt[] = [];
  for (let number = 0; number < ATTEMPTS_MAX; number++) {
    const attempt = await sendOnce(client, publish);
    attempts.push(attempt);
    if (attempt.outcome === 'ok' || (attempt.outcome === 'refused' && !attempt.comesAgain)) break;
    await client.sleep(100 * 2 ** number * (0.5 + random()));
  }
  client.add(publishedBy(client, publish, attempts));
  return attempts.at(-1)!.outcome === 'ok';
}

/** All attempts as the one publish that they are. */
function publishedBy(
  client: Client,
  { queue, messages }: SequencedPublish,
  attempts: readonly Attempt[],
): Published {
  const last = attempts.at(-1)!;
  // What is not known to be stored may be yet: the instance that was replaced sends it again.
  const isStored = last.outcome === 'ok';
  return {
    kind: 'publish',
    client: client.name,
    queue,
    outcome: isStored ? 'ok' : 'unknown',
    copies: 1,
    begin: attempts[0]!.begin,
    end: isStored ? last.end : Infinity,
    messages: messages.map(({ id, properties }, index) => ({
      id,
      messageId: properties.message_id ?? null,
      key: properties.ordering_key ?? null,
      isDelayed: properties.delay_ms !== undefined,
      ...sentProperties(properties),
      outcome: last.results[index] ?? 'unknown',
    })),
  };
}
