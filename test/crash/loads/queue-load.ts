/** Publishers and consumers of a queue, which go on through the death of the broker; and what empties the queue after it. */

import type {
  Deliveries,
  Delivery,
  QueuePublished,
  SettledReply,
} from '../../../protocol/schemas/deliveries.ts';
import type { ExchangePublished } from '../../../protocol/schemas/exchanges.ts';
import type { ProducerReply, PublishProducerFields } from '../../../protocol/schemas/producers.ts';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import type { FetchReply } from '../../../protocol/schemas/records.ts';
import { pause, postJson, put, RETRY_MS } from '../http.ts';
import type { Load } from './load.ts';
import type { QueueLedger } from '../ledgers/queue-ledger.ts';
import type { Random } from '../random.ts';

const QUEUE = 'crash-jobs';
const DEAD_LETTERS = `${QUEUE}.dlq`;
/** Hands each message to the queue and to a topic. */
const EXCHANGE = 'crash-fan';
const TOPIC = 'crash-events';

const BATCH_MAX = 50;
/** Leases end soon after a crash that took their consumer's answer with it. */
const LEASE_MS = 1_000;
const SCHEDULE_MS = [10, 30];
const EMPTY_MS_MAX = 20_000;

/** Of each hundred deliveries so many are acked, nacked and rejected; the rest is left to its lease. */
const ACKED = 80;
const NACKED = 12;
const REJECTED = 6;

export async function declareQueueLoad(namespaceUrl: string): Promise<void> {
  await put(`${namespaceUrl}/queues/${QUEUE}`, {
    lease_ms: LEASE_MS,
    retry: { schedule_ms: SCHEDULE_MS },
    dedup_window_ms: 600_000,
  });
  await put(`${namespaceUrl}/topics/${TOPIC}`, { partitions: 1 });
  await put(`${namespaceUrl}/exchanges/${EXCHANGE}`, { type: 'fanout' });
  for (const destination of [
    { kind: 'queue', name: QUEUE },
    { kind: 'topic', name: TOPIC },
  ]) {
    await postJson(`${namespaceUrl}/exchanges/${EXCHANGE}/bindings`, { destination });
  }
}

export function startQueueLoad(
  namespaceUrl: string,
  options: { publishers: number; consumers: number; name: string; random: Random; ledger: QueueLedger },
): Load {
  let isOver = false;
  const { ledger, name } = options;
  const publisher = async (prefix: string, random: Random): Promise<void> => {
    let producer = await newProducer(namespaceUrl);
    for (let request = 0; !isOver; request++) {
      const count = Math.ceil(BATCH_MAX ** random());
      const ids = Array.from({ length: count }, (_, index) => `${prefix}-${request}-${index}`);
      for (const id of ids) ledger.sent(id);
      const isByExchange = random() < 0.5;
      const send = (): Promise<string[] | null> =>
        isByExchange ? publishToExchange(namespaceUrl, ids) : publishToQueue(namespaceUrl, ids, producer);
      // Half of what got no answer is published again, under its ids or its sequence, until there is one.
      const isRepeated = random() < 0.5;
      let stored = await send();
      while (stored === null && isRepeated && !isOver) {
        await pause(RETRY_MS);
        stored = await send();
      }
      if (!isByExchange) {
        const { id, epoch, sequence } = producer;
        producer =
          stored === null ? { id, epoch: epoch + 1, sequence: 0 } : { id, epoch, sequence: sequence + count };
      }
      if (stored === null) await pause(RETRY_MS);
      else for (const id of stored) ledger.stored(id, isByExchange);
    }
  };
  const consumer = async (random: Random): Promise<void> => {
    while (!isOver) {
      const isAny = await consume(namespaceUrl, ledger, (delivery) => fateOf(delivery, random));
      if (!isAny) await pause(RETRY_MS);
    }
  };
  const random = options.random.fork();
  const all = [
    ...Array.from({ length: options.publishers }, (_, index) => publisher(`${name}-${index}`, random.fork())),
    ...Array.from({ length: options.consumers }, () => consumer(random.fork())),
  ];
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(all);
    },
  };
}

/** The ids in the dead-letter queue and in the topic. */
export interface Found {
  dead: string[];
  inTopic: Set<string>;
}

/** Acks what is left, until nothing is ready, leased, parked or on its way out. */
export async function emptyQueue(namespaceUrl: string, ledger: QueueLedger): Promise<Found> {
  const endMs = Date.now() + EMPTY_MS_MAX;
  for (;;) {
    const isAny = await consume(namespaceUrl, ledger, () => 'ack');
    if (isAny) continue;
    const { ready, leased, parked, outgoing } = await stateOf(namespaceUrl, QUEUE);
    if (ready + leased + parked + outgoing === 0) break;
    if (Date.now() > endMs) {
      throw new Error(`the queue is not empty: ${JSON.stringify({ ready, leased, parked, outgoing })}`);
    }
    await pause(RETRY_MS);
  }
  return { dead: await deadLetters(namespaceUrl), inTopic: await topicIds(namespaceUrl) };
}

type Fate = 'ack' | 'nack' | 'reject' | 'leave';

function fateOf({ delivery_count: count }: Delivery, random: Random): Fate {
  const roll = random() * 100;
  if (roll < ACKED) return 'ack';
  // One that was already tried is tried to the end, so that some die of it.
  if (roll < ACKED + NACKED || count > 1) return 'nack';
  return roll < ACKED + NACKED + REJECTED ? 'reject' : 'leave';
}

/** Takes a batch and settles it. False if there was none. */
async function consume(
  namespaceUrl: string,
  ledger: QueueLedger,
  fate: (delivery: Delivery) => Fate,
): Promise<boolean> {
  const askedMs = performance.now();
  const taken = await postJson<Deliveries>(`${namespaceUrl}/queues/${QUEUE}/deliveries`, { max: BATCH_MAX });
  if (!taken || taken.deliveries.length === 0) return false;
  const byTag = new Map<string, { id: string; fate: Fate }>();
  for (const delivery of taken.deliveries) {
    const id = idOf(delivery);
    const place = delivery.delivery_tag.split('-').slice(0, 3).join('-');
    ledger.delivered(id, askedMs, delivery.delivery_count === 1 ? place : null);
    byTag.set(delivery.delivery_tag, { id, fate: fate(delivery) });
  }
  const tagsOf = (wanted: Fate): string[] =>
    [...byTag].filter(([, { fate: chosen }]) => chosen === wanted).map(([tag]) => tag);
  const settlement = {
    ack: tagsOf('ack'),
    nack: tagsOf('nack').map((tag) => ({ tag })),
    reject: tagsOf('reject').map((tag) => ({ tag })),
  };
  const settled = await postJson<SettledReply>(`${namespaceUrl}/queues/${QUEUE}/settlements`, settlement);
  const nowMs = performance.now();
  if (settled === null) {
    for (const { id, fate: chosen } of byTag.values()) {
      if (chosen !== 'leave') ledger.settled(id, 'unknown', nowMs);
    }
    return true;
  }
  for (const { tag, outcome } of settled.results) {
    if (outcome === 'settled' || outcome === 'dead_lettered') {
      ledger.settled(byTag.get(tag)!.id, outcome, nowMs);
    }
  }
  return true;
}

async function newProducer(namespaceUrl: string): Promise<PublishProducerFields> {
  for (;;) {
    const reply = await postJson<ProducerReply>(`${namespaceUrl}/producers`, {});
    if (reply) return { ...reply, sequence: 0 };
    await pause(RETRY_MS);
  }
}

/**
 * Without message ids: that it is stored once is for the sequence to see to. Returns the ids of those stored, or null
 * if nobody knows.
 */
async function publishToQueue(
  namespaceUrl: string,
  ids: string[],
  producer: PublishProducerFields,
): Promise<string[] | null> {
  const reply = await postJson<QueuePublished>(`${namespaceUrl}/queues/${QUEUE}/messages`, {
    messages: ids.map((body) => ({ body })),
    producer,
  });
  return reply && ids.filter((_, index) => reply.results[index]!.outcome !== 'rejected');
}

async function publishToExchange(namespaceUrl: string, ids: string[]): Promise<string[] | null> {
  const reply = await postJson<ExchangePublished>(`${namespaceUrl}/exchanges/${EXCHANGE}/messages`, {
    messages: ids.map((id) => ({ routing_key: id, ...messageOf(id) })),
  });
  if (!reply) return null;
  const isComplete = reply.messages.every(({ destinations }) => destinations.length === 2);
  if (!isComplete) throw new Error(`a message missed a destination: ${JSON.stringify(reply)}`);
  return ids;
}

function messageOf(id: string): { body: string; properties: { message_id: string } } {
  return { body: id, properties: { message_id: id } };
}

function idOf({ body, properties }: Delivery): string {
  const id = properties.message_id ?? (body as string);
  if (body !== id) throw new Error(`${id} has another body than it was sent with`);
  return id;
}

/** Takes everything from the dead-letter queue, and gives it back. */
async function deadLetters(namespaceUrl: string): Promise<string[]> {
  const path = `${namespaceUrl}/queues/${DEAD_LETTERS}`;
  if ((await fetch(path)).status === 404) return []; // nothing has died yet
  const ids: string[] = [];
  const tags: string[] = [];
  for (;;) {
    const taken = await postJson<Deliveries>(`${path}/deliveries`, { max: 1_000, lease_ms: 60_000 });
    if (!taken) throw new Error('the dead-letter queue does not answer');
    if (taken.deliveries.length === 0) break;
    ids.push(...taken.deliveries.map(idOf));
    tags.push(...taken.deliveries.map(({ delivery_tag: tag }) => tag));
  }
  for (let at = 0; at < tags.length; at += 1_000) {
    await postJson(`${path}/settlements`, { release: tags.slice(at, at + 1_000) });
  }
  const { ready, leased } = await stateOf(namespaceUrl, DEAD_LETTERS);
  if (ready !== ids.length || leased !== 0) throw new Error(`${ids.length} dead letters, ${ready} ready`);
  return ids;
}

async function topicIds(namespaceUrl: string): Promise<Set<string>> {
  const ids = new Set<string>();
  for (let next = 0; ;) {
    const path = `${namespaceUrl}/topics/${TOPIC}/partitions/0/records?offset=${next}&max_records=1000`;
    const { records, next_offset: end } = (await (await fetch(path)).json()) as FetchReply;
    if (records.length === 0) return ids;
    for (const { value } of records) ids.add(value as string);
    next = end;
  }
}

async function stateOf(namespaceUrl: string, queue: string): Promise<QueueWithStateReply['state']> {
  const response = await fetch(`${namespaceUrl}/queues/${queue}`);
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return ((await response.json()) as QueueWithStateReply).state;
}
