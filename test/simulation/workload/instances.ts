/**
 * Instances of transactional producers. All clients share a few transactional ids, so that each is now and then the instance
 * that was replaced; some leave their transaction open, and come back to it when it may be too late.
 */

import type { Random } from '../../crash/random.ts';
import type { Outcome } from '../history.ts';
import type { Answer, Client } from './client.ts';
import { mostlyFrom, pick } from './operation.ts';
import { sendUntilKnown } from './producers.ts';
import { TRANSACTIONAL_IDS } from './topology.ts';

const ATTEMPTS_MAX = 3;
/** Refusals that end by themselves. */
const PASSING = new Set(['transaction_in_progress', 'offsets_pending']);

export interface Instance {
  name: string;
  id: number;
  epoch: number;
  /** The next sequence, by topic and partition. */
  next: Map<string, number>;
  /** Messages published in the transaction. */
  held: number;
  /** Something of the transaction was sent: otherwise there is nothing to end. */
  hasSent: boolean;
}

export interface Kept {
  /** After a transaction that has ended: ready for the next. */
  idle: Instance[];
  /** With a transaction that was left open, and that may be committed. */
  open: Instance[];
}

const instances = new WeakMap<Client, Kept>();

export function keptBy(client: Client): Kept {
  const kept = instances.get(client) ?? { idle: [], open: [] };
  instances.set(client, kept);
  return kept;
}

export async function chooseInstance(client: Client, random: Random): Promise<Instance | null> {
  const kept = keptBy(client);
  const chance = random();
  if (chance < 0.3 && kept.open.length > 0) return kept.open.shift()!;
  if (chance < 0.6 && kept.idle.length > 0) return kept.idle.shift()!;
  return await beginInstance(
    client,
    pick(random, TRANSACTIONAL_IDS),
    mostlyFrom(random, 1_000, 20_000),
    random,
  );
}

export async function beginInstance(
  client: Client,
  name: string,
  timeoutMs: number,
  random: Random,
): Promise<Instance | null> {
  const request = { transactional_id: name, transaction_timeout_ms: timeoutMs };
  let instance: Instance | null = null;
  await client.retried(random, async () => {
    const answer = await client.request('POST', '/producers', request);
    const { id, epoch } = answer.body as { id: number; epoch: number };
    const { outcome, begin, end } = answer;
    if (outcome === 'ok') {
      instance = { name, id, epoch, next: new Map(), held: 0, hasSent: false };
      const span = { client: client.name, begin, end };
      client.add({ kind: 'instance', ...span, transactionalId: name, producerId: id, epoch });
    }
    return answer;
  });
  return instance;
}

/** @returns whether they are stored; false if that is not known: then nothing is left but to abort */
export async function sendRecords(
  client: Client,
  instance: Instance,
  topic: string,
  partition: number,
  ids: string[],
  random: Random,
): Promise<boolean> {
  const { name, id, epoch, next } = instance;
  instance.hasSent = true;
  const place = `${topic}/${partition}`;
  const sequence = next.get(place) ?? 0;
  const producer = { id, epoch, sequence, transactionalId: name };
  next.set(place, sequence + ids.length);
  return await sendUntilKnown(client, { topic, partition, ids, producer, begin: null }, random, ATTEMPTS_MAX);
}

/** Publishes to a queue or through an exchange. @returns as `sendRecords` */
export async function holdMessages(
  client: Client,
  instance: Instance,
  target: { queue: string } | { exchange: string },
  places: { queues: string[]; topics: string[] },
  ids: string[],
  random: Random,
): Promise<boolean> {
  const { name, id, epoch, held: sequence } = instance;
  instance.hasSent = true;
  instance.held += ids.length;
  const whole = { outcome: 'unknown', copies: 1 } as const;
  const span = { client: client.name, begin: client.history.now(), end: Infinity };
  // So that whoever finds them knows that they were sent; what becomes of them is for the checkers of transactions.
  for (const queue of places.queues) {
    const messages = ids.map((body) => ({ id: body, messageId: null, key: null, isDelayed: false }) as const);
    const unknown = messages.map((message) => ({ ...message, outcome: 'unknown' as const }));
    client.add({ kind: 'publish', queue, ...whole, ...span, messages: unknown });
  }
  for (const topic of places.topics) {
    const records = ids.map((record) => ({ id: record, key: null, partition: null, offset: null }));
    client.add({ kind: 'produce', topic, ...whole, ...span, producer: null, records });
  }
  const messages = ids.map((body) => ({ body, ...('exchange' in target && { routing_key: 'any' }) }));
  const body = { producer: { id, epoch }, sequence, ...target, messages };
  return await untilKnown(client, random, async () => {
    const answer = await client.request('POST', `/transactions/${name}/messages`, body);
    const { outcome, begin, end } = answer;
    client.add({
      kind: 'hold-messages',
      ...{ client: client.name, begin, end, outcome, code: codeOf(answer) },
      ...{ transactionalId: name, producerId: id, epoch },
      ...places,
      ids,
    });
    return answer;
  });
}

/** @returns the instance for the next transaction, or null if this one does not know how it ended */
export async function endTransaction(
  client: Client,
  instance: Instance,
  asked: 'commit' | 'abort',
  random: Random,
): Promise<Instance | null> {
  if (!instance.hasSent) return instance;
  const { name, id, epoch } = instance;
  let next: Instance | null = null;
  await client.retried(random, async () => {
    const answer = await client.request('POST', `/transactions/${name}/${asked}`, {
      producer: { id, epoch },
    });
    const { outcome, copies, begin, end, body } = answer;
    const identity = body['producer'] as { id: number; epoch: number } | undefined;
    client.add({
      kind: 'end-transaction',
      client: client.name,
      transactionalId: name,
      producerId: id,
      epoch,
      asked,
      outcome,
      code: codeOf(answer),
      copies,
      nextEpoch: outcome === 'ok' ? identity!.epoch : null,
      begin,
      end,
    });
    if (outcome === 'ok') next = { name, ...identity!, next: new Map(), held: 0, hasSent: false };
    return answer;
  });
  return next;
}

/** @returns whether one attempt was answered with success */
export async function untilKnown(
  client: Client,
  random: Random,
  attempt: () => Promise<Answer>,
): Promise<boolean> {
  for (let number = 0; number < ATTEMPTS_MAX; number++) {
    const answer = await attempt();
    if (answer.outcome === 'ok') return true;
    if (!isPassing(answer.outcome, answer)) return false;
    await client.sleep(100 * 2 ** number * (0.5 + random()));
  }
  return false;
}

function isPassing(outcome: Outcome, { status, body }: Answer): boolean {
  return outcome === 'unknown' || status === 429 || PASSING.has(String(body['code']));
}

export function codeOf({ outcome, body }: Answer): string | null {
  return outcome === 'refused' ? String(body['code']) : null;
}
