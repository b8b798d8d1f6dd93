/** Operations on queues: publish, take, settle, look, purge, pause. */

import type { Random } from '../../crash/random.ts';
import type { Delivered, Described, Published, Settled, SettleKind } from '../history.ts';
import type { Answer, Client, Held } from './client.ts';
import { between, pick, times, type Operation } from './operation.ts';
import { errorTypeOf, isReplayed, TIMED } from './queue-topology.ts';
import { deadLetterQueue, publishedTo, QUEUES } from './topology.ts';

type Outcome = Published['messages'][number]['outcome'];

const FED_BY_OTHERS = new Set(['left', 'right', 'ring-2', 'ring-3']);
export const PUBLISHED = Object.keys(QUEUES).filter((name) => !FED_BY_OTHERS.has(name));

export const publish: Operation = {
  name: 'publish',
  weight: 15,
  run: (client, id, random) => publishTo(client, id, random, pick(random, PUBLISHED)),
};

export async function publishTo(client: Client, id: string, random: Random, queue: string): Promise<void> {
  const sent = times(between(random, 1, 4), (index) => ({
    id: `${id}.${index}`,
    ...messageProperties(queue, `${id}.${index}`, random),
  }));
  await client.retried(random, async (attempt) => {
    const named = sent.map((message) => ({ ...message, id: `${message.id}#${attempt}` }));
    const messages = named.map(({ id: body, properties }) => ({ body, properties }));
    const answer = await client.request('POST', `/queues/${queue}/messages`, { messages }, 0, {}, true);
    const { outcome, copies, begin, end } = answer;
    const outcomeOf = outcomesOf(answer);
    client.add({
      kind: 'publish',
      client: client.name,
      queue,
      outcome,
      copies,
      ...(answer.body['code'] === 'queue_full' && { isFull: true }),
      begin,
      end,
      messages: named.map(({ id: name, properties }, index) => ({
        id: name,
        messageId: properties.message_id ?? null,
        key: properties.ordering_key ?? null,
        isDelayed: properties.delay_ms !== undefined,
        outcome: outcomeOf(index),
        ...sentProperties(properties),
      })),
    });
    return answer;
  });
}

/** What became of each message of a publish. */
export function outcomesOf({ outcome, body }: Answer): (index: number) => Outcome {
  const results = (body['results'] ?? []) as { outcome: Outcome }[];
  const whole = outcome === 'refused' ? 'rejected' : 'unknown';
  return (index) => results[index]?.outcome ?? whole;
}

/** What of the properties checkers look at, if it was given. */
export const sentProperties = ({ priority, delay_ms: delayMs, expiration_ms: expirationMs }: Properties) => ({
  ...(priority !== undefined && { priority }),
  ...(delayMs !== undefined && { delayMs }),
  ...(expirationMs !== undefined && { expirationMs }),
});

export interface Properties {
  ordering_key?: string;
  message_id?: string;
  priority?: number;
  delay_ms?: number;
  expiration_ms?: number;
}

export function messageProperties(queue: string, id: string, random: Random): { properties: Properties } {
  const chance = random();
  if (queue === 'keyed') {
    const properties = { ordering_key: pick(random, ['x', 'y']) };
    // Refused; were it taken, the checker of the keys' order would see it overtake or be overtaken.
    if (chance < 0.03) return { properties: { ...properties, priority: between(random, 1, 31) } };
    if (chance < 0.06) return { properties: { ...properties, delay_ms: between(random, 1, 3_000) } };
    return { properties };
  }
  if (queue === 'deduplicated') return { properties: { message_id: id } };
  if (queue === 'ranked')
    return { properties: { priority: pick(random, [0, 1, 2, 3, 15, 16, 31, between(random, 0, 31)]) } };
  if (queue === 'delayed' && chance < 0.7) return { properties: { delay_ms: between(random, 1, 8_000) } };
  if (queue === 'expiring' && chance < 0.3)
    return { properties: { expiration_ms: between(random, 1, 2_000) } };
  if (queue === 'steered' && chance < 0.6)
    return { properties: { delay_ms: between(random, 1_000, 20_000) } };
  if (queue === 'fading' && chance < 0.5) return { properties: { delay_ms: between(random, 1, 6_000) } };
  if (queue === 'fading' && chance < 0.8)
    return { properties: { expiration_ms: between(random, 500, 5_000) } };
  return { properties: {} };
}

export const take: Operation = {
  name: 'take',
  weight: 17,
  run: async (client, _, random) => {
    const name = pick(random, Object.keys(QUEUES));
    const queue = random() < 0.15 ? deadLetterQueue(name) : name;
    const isAutoAck = queue === 'bin' && random() < 0.5;
    const leaseMs = between(random, 1_000, 15_000);
    const waitMs = random() < 0.4 ? between(random, 100, 4_000) : 0;
    const taken = await takeOnce(client, queue, between(random, 1, 5), leaseMs, waitMs, isAutoAck, false);
    if (!taken || isAutoAck) return;
    client.held.push(...taken.deliveries.map(({ tag, id }) => ({ queue, tag, id })));
  },
};

export async function takeOnce(
  client: Client,
  queue: string,
  max: number,
  leaseMs: number,
  waitMs: number,
  isAutoAck: boolean,
  isFinal: boolean,
): Promise<Delivered | null> {
  const request = { max, lease_ms: leaseMs, wait_ms: waitMs, consumer_id: client.name, auto_ack: isAutoAck };
  const { outcome, body, copies, begin, end } = await client.request(
    'POST',
    `/queues/${queue}/deliveries`,
    request,
    waitMs,
  );
  if (isAutoAck && (outcome === 'unknown' || copies > 1))
    client.add({ kind: 'take-unknown', client: client.name, place: queue, begin, end });
  if (outcome !== 'ok') return null;
  const event = deliveredEvent(
    client.name,
    queue,
    client.name,
    leaseMs,
    isAutoAck,
    isFinal,
    begin,
    end,
    body,
  );
  if (event.deliveries.length > 0) client.add(event);
  return event;
}

export function deliveredEvent(
  client: string,
  queue: string,
  consumer: string,
  leaseMs: number,
  isAutoAck: boolean,
  isFinal: boolean,
  begin: number,
  end: number,
  body: Record<string, unknown>,
): Delivered {
  interface Wire {
    delivery_tag: string;
    body: string;
    delivery_count: number;
    lease_expires_at: number | null;
    properties: { ordering_key?: string; message_id?: string };
    headers?: Record<string, string>;
  }
  const deliveries = (body['deliveries'] as Wire[]).map((one) => ({
    tag: one.delivery_tag,
    // What a schedule publishes has always the same body.
    id: publishedTo(queue) === TIMED.queue ? one.properties.message_id! : one.body,
    count: one.delivery_count,
    key: one.properties.ordering_key ?? null,
    expiresMs: one.lease_expires_at,
    ...(one.headers?.['mark'] !== undefined && { mark: one.headers['mark'] }),
  }));
  return { kind: 'deliver', client, queue, consumer, leaseMs, isAutoAck, isFinal, begin, end, deliveries };
}

export const settle: Operation = {
  name: 'settle',
  weight: 24,
  run: async (client, _, random) => {
    if (client.held.length === 0) return;
    const { queue } = pick(random, client.held);
    const ours = client.held.filter((held) => held.queue === queue).slice(0, between(random, 1, 4));
    const kinds = ours.map((): SettleKind => settleKind(random));
    // Now and then what is settled is kept, and settled again later.
    client.held = client.held.filter((held) => !ours.includes(held) || random() < 0.05);
    await settleOnce(client, queue, ours, kinds, random);
  },
};

export function settleKind(random: Random): SettleKind {
  const chance = random();
  if (chance < 0.7) return 'ack';
  if (chance < 0.84) return 'nack';
  return chance < 0.9 ? 'reject' : chance < 0.96 ? 'release' : 'extend';
}

export const SETTLE_ORDER = ['ack', 'nack', 'reject', 'release', 'extend'] as const;

export function settleRequest(
  held: readonly Held[],
  kinds: readonly SettleKind[],
  random: Random,
): Record<string, unknown[]> {
  const request: Record<string, unknown[]> = {};
  held.forEach(({ queue, tag, id }, index) => {
    const kind = kinds[index]!;
    const delay = random() < 0.3 ? { delay_ms: pick(random, [0, 50, 3_000]) } : {};
    const error = isReplayed(queue) ? { error: { type: errorTypeOf(id) } } : {};
    const item = {
      ack: tag,
      nack: { tag, ...delay, ...error },
      reject: { tag, ...error },
      release: tag,
      extend: { tag, lease_ms: 6_000 },
    }[kind];
    (request[kind] ??= []).push(item);
  });
  return request;
}

/** The delay that a nack names. */
export function nackDelay(request: Record<string, unknown[]>, tag: string): { delayMs?: number } {
  const nacks = (request['nack'] ?? []) as { tag: string; delay_ms?: number }[];
  const delayMs = nacks.find((nack) => nack.tag === tag)?.delay_ms;
  return delayMs === undefined ? {} : { delayMs };
}

export async function settleOnce(
  client: Client,
  queue: string,
  held: readonly Held[],
  kinds: readonly SettleKind[],
  random: Random,
): Promise<void> {
  const request = settleRequest(held, kinds, random);
  const { outcome, body, begin, end } = await client.request('POST', `/queues/${queue}/settlements`, request);
  if (outcome === 'refused') return;
  const results = new Map(
    ((body['results'] ?? []) as { tag: string; outcome: string }[]).map((one) => [one.tag, one.outcome]),
  );
  const settlements: Settled['settlements'] = held.map(({ tag, id }, index) => ({
    tag,
    id,
    kind: kinds[index]!,
    result: results.get(tag) ?? null,
    ...nackDelay(request, tag),
  }));
  client.add({ kind: 'settle', client: client.name, queue, begin, end, settlements });
}

export const look: Operation = {
  name: 'look',
  weight: 5,
  run: async (client, _, random) => {
    await describe(client, pick(random, Object.keys(QUEUES)), false);
  },
};

export async function describe(
  client: Client,
  queue: string,
  isFinal: boolean,
): Promise<Described['state'] | null> {
  const { outcome, body, begin, end } = await client.request('GET', `/queues/${queue}`);
  if (outcome !== 'ok') return null;
  const { ready, leased, parked, outgoing, meter } = body['state'] as Described['state'];
  const { published, settled, dead_lettered, expired, dropped, replayed } = meter;
  const state = {
    ready,
    leased,
    parked,
    outgoing,
    meter: { published, settled, dead_lettered, expired, dropped, replayed },
  };
  client.add({ kind: 'state', client: client.name, queue, begin, end, state, isFinal });
  return state;
}

export const purge: Operation = {
  name: 'purge',
  weight: 0.5,
  run: async (client) => {
    const { begin, end } = await client.request('POST', '/queues/bin/purge');
    client.add({ kind: 'purge', client: client.name, queue: 'bin', begin, end });
  },
};

export const pause: Operation = {
  name: 'pause',
  weight: 1,
  run: async (client, _, random) => {
    await client.request('POST', `/queues/bin/${pick(random, ['pause', 'resume', 'resume'])}`);
  },
};

/** Changes what is not needed by any checker, while messages are in the queue. */
export const change: Operation = {
  name: 'change',
  weight: 1,
  run: async (client, _, random) => {
    const queue = pick(random, ['plain', 'keyed', 'ranked', 'delayed']);
    await client.request('PATCH', `/queues/${queue}`, { lease_ms: between(random, 3_000, 9_000) });
  },
};
