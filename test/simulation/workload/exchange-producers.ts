/** Idempotent producers that publish through exchanges: a request at a time, and instances that were replaced. */

import type { Random } from '../../crash/random.ts';
import type { Outcome, Published } from '../history.ts';
import type { RoutedOnce } from '../queue-history.ts';
import type { Client } from './client.ts';
import { between, pick, times, type Operation } from './operation.ts';
import { ROUTED_QUEUES } from './queue-topology.ts';
import { address, type Destination } from './routing.ts';
import { goOn, instanceOf, type SequencedInstance } from './sequenced-instance.ts';
import { ONCE } from './topology.ts';

interface SequencedRoute {
  exchange: string;
  messages: { id: string; key: string | null; routingKey: string; headers: Record<string, string> }[];
  producer: RoutedOnce['producer'];
}

const ATTEMPTS_MAX = 6;
const EXCHANGES = [ONCE.exchange, ONCE.exchange, 'x-direct', 'x-topic', 'x-hash'];
const producers = new WeakMap<Client, SequencedInstance<string, SequencedRoute>>();

export const routeOnce: Operation = {
  name: 'route-once',
  weight: 8,
  run: async (client, id, random) => {
    const producer = await instanceOf(producers, client);
    if (producer === null) return;
    if (producer.doubtful.length > 0 && random() < 0.3) {
      // The instance that was replaced is still there, and sends again.
      await sendOnce(client, pick(random, producer.doubtful), true);
      return;
    }
    const exchange = pick(random, EXCHANGES);
    const sequence = producer.next.get(exchange) ?? 0;
    const messages = times(between(random, 1, 5), (index) => ({
      id: `${id}.${index}`,
      key: random() < 0.5 ? pick(random, ['a', 'b', 'c', 'd']) : null,
      ...address(client, exchange, random),
    }));
    const sent: SequencedRoute = {
      exchange,
      messages,
      producer: { id: producer.id, epoch: producer.epoch, sequence },
    };
    producer.next.set(exchange, sequence + messages.length);
    goOn(producers, client, [sent], [await sendUntilKnown(client, sent, random)], random);
  },
};

interface Attempt {
  outcome: Outcome;
  status: number | null;
  begin: number;
  end: number;
  /** Of each message, if the answer says so. */
  results: Destination[][] | null;
}

async function sendOnce(
  client: Client,
  { exchange, messages, producer }: SequencedRoute,
  isLate: boolean,
): Promise<Attempt> {
  const { outcome, status, begin, end, body } = await client.request(
    'POST',
    `/exchanges/${exchange}/messages`,
    {
      messages: messages.map(({ id, key, routingKey, headers }) => ({
        body: id,
        routing_key: routingKey,
        headers,
        ...(key !== null && { properties: { ordering_key: key } }),
      })),
      producer,
    },
  );
  const told = outcome === 'ok' ? (body['messages'] as { destinations: Destination[] }[]) : null;
  const results = told && told.map(({ destinations }) => destinations);
  client.add({
    kind: 'route-once',
    client: client.name,
    exchange,
    outcome,
    begin,
    end,
    code: outcome === 'refused' ? (body['code'] as string) : null,
    producer,
    isLate,
    ids: messages.map(({ id }) => id),
    destinations:
      results &&
      results.map((ofMessage) =>
        ofMessage.map(({ kind, name, partition, offset }) =>
          kind === 'topic' ? `${kind}/${name} ${partition}/${offset}` : `${kind}/${name}`,
        ),
      ),
  });
  return { outcome, status, begin, end, results };
}

/** @returns whether every destination has it; false if that is not known */
async function sendUntilKnown(client: Client, sent: SequencedRoute, random: Random): Promise<boolean> {
  const attempts: Attempt[] = [];
  for (let number = 0; number < ATTEMPTS_MAX; number++) {
    // Now and then the client has given the first attempt up while it is still under way.
    const copies = random() < 0.1 ? 2 : 1;
    attempts.push(...(await Promise.all(times(copies, () => sendOnce(client, sent, false)))));
    const last = attempts.at(-1)!;
    if (last.outcome === 'ok' || (last.outcome === 'refused' && last.status !== 429)) break;
    await client.sleep(100 * 2 ** number * (0.5 + random()));
  }
  note(client, sent, attempts);
  return attempts.at(-1)!.outcome === 'ok';
}

/** All attempts as the one publish to each queue, and produce to each topic, that they are. */
function note(client: Client, { exchange, messages }: SequencedRoute, attempts: readonly Attempt[]): void {
  const last = attempts.at(-1)!;
  const isStored = last.outcome === 'ok';
  // What is not known to be stored may be yet: the instance that was replaced sends it again.
  const span = {
    client: client.name,
    copies: 1,
    begin: attempts[0]!.begin,
    end: isStored ? last.end : Infinity,
    outcome: isStored ? ('ok' as const) : ('unknown' as const),
  };
  const isOnce = exchange === ONCE.exchange;
  const placeOf = (index: number, kind: string, name: string): Destination | undefined =>
    last.results?.[index]!.find((one) => one.kind === kind && one.name === name);
  for (const queue of isOnce ? ONCE.queues : ROUTED_QUEUES) {
    const ofQueue = messages.map(({ id, key }, index): Published['messages'][number] => ({
      id,
      messageId: null,
      key,
      isDelayed: false,
      outcome: placeOf(index, 'queue', queue) ? 'stored' : 'unknown',
    }));
    client.add({ kind: 'publish', queue, ...span, messages: ofQueue });
  }
  const topic = isOnce ? ONCE.topic : 'routed';
  for (const [index, { id, key }] of messages.entries()) {
    const place = placeOf(index, 'topic', topic);
    client.add({
      kind: 'produce',
      topic,
      ...span,
      outcome: place ? span.outcome : 'unknown',
      producer: null,
      records: [{ id, key, partition: place?.partition ?? null, offset: place?.offset ?? null }],
    });
  }
}
