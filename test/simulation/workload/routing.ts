/** Publishing through exchanges of every type, while bindings come and go. */

import type { Random } from '../../crash/random.ts';
import type { BindingChanged, BindingFields, Routed } from '../queue-history.ts';
import type { Answer, Client } from './client.ts';
import { between, pick, times, type Operation } from './operation.ts';
import { ROUTED_QUEUES } from './queue-topology.ts';

const VERSION_HEADER = 'posthorn-topology-version';
const EXCHANGES = ['x-direct', 'x-direct', 'x-topic', 'x-topic', 'x-headers', 'x-fan', 'x-hash'];

export interface Destination {
  kind: string;
  name: string;
  partition?: number;
  offset?: number;
}

type Sent = Pick<Routed['messages'][number], 'id' | 'routingKey' | 'headers' | 'isMandatory'>;

export const route: Operation = {
  name: 'route',
  weight: 4,
  run: async (client, id, random) => {
    const exchange = pick(random, EXCHANGES);
    const sent = times(between(random, 1, 3), (index) => ({
      id: `${id}.${index}`,
      ...address(client, exchange, random),
      isMandatory: random() < 0.5,
    }));
    // Half of the clients say what they have seen: they are never routed by an older view.
    const seenVersion = random() < 0.5 ? lastVersion(client) : 0;
    await client.retried(random, async (attempt) => {
      const named = sent.map((message) => ({ ...message, id: `${message.id}#${attempt}` }));
      const messages = named.map(({ id: body, routingKey, headers, isMandatory }) => ({
        body,
        routing_key: routingKey,
        headers,
        mandatory: isMandatory,
      }));
      const seen = seenVersion > 0 ? { [VERSION_HEADER]: String(seenVersion) } : undefined;
      const answer = await client.request('POST', `/exchanges/${exchange}/messages`, { messages }, 0, seen);
      note(client, exchange, seenVersion, named, answer);
      return answer;
    });
  },
};

/** A routing key and headers that some binding may take; now and then one that has just been made, or has just gone. */
export function address(
  client: Client,
  exchange: string,
  random: Random,
): Pick<Sent, 'routingKey' | 'headers'> {
  const recent = client.history
    .of('binding')
    .slice(-8)
    .filter(({ binding }) => binding.source === exchange);
  if (recent.length > 0 && random() < 0.75) {
    const { routing_key: key, arguments: headers } = pick(random, recent).binding;
    return { routingKey: key.replace('*', 'any').replace('#', 'a.b'), headers };
  }
  const headers = {
    ...(random() < 0.5 && { kind: pick(random, ['gold', 'lead']) }),
    ...(random() < 0.5 && { size: pick(random, ['big', 'small']) }),
  };
  const keys = {
    'x-direct': ['a', 'b', 'c'],
    'x-topic': ['x.eu', 'order.eu', 'order', 'order.x.eu', 'a', ''],
  };
  const routingKey = pick(
    random,
    keys[exchange as keyof typeof keys] ?? times(20, (index) => `key-${index}`),
  );
  return { routingKey, headers: headers as Record<string, string> };
}

function lastVersion(client: Client): number {
  return client.history
    .of('binding')
    .reduce((most, { outcome, version }) => (outcome === 'ok' ? Math.max(most, version) : most), 0);
}

/** Each queue and topic that it may have reached was published to, and the exchange too. */
function note(
  client: Client,
  exchange: string,
  seenVersion: number,
  sent: readonly Sent[],
  { outcome, copies, body, begin, end }: Answer,
): void {
  const results = (outcome === 'ok' ? body['messages'] : null) as
    | { destinations: Destination[]; unroutable?: true }[]
    | null;
  const span = { client: client.name, outcome, begin, end };
  client.add({
    kind: 'route',
    exchange,
    seenVersion,
    ...span,
    messages: sent.map((message, index) => ({
      ...message,
      destinations: results?.[index]!.destinations.map(({ kind, name }) => `${kind}/${name}`) ?? null,
      isUnroutable: results?.[index]!.unroutable ?? false,
    })),
  });
  const placeOf = (index: number, kind: string, name: string): Destination | undefined =>
    results?.[index]!.destinations.find((one) => one.kind === kind && one.name === name);
  for (const queue of ROUTED_QUEUES) {
    const messages = sent.flatMap(({ id }, index) => {
      const isStored = placeOf(index, 'queue', queue) !== undefined;
      // A copy of the request may have been routed by another view.
      if (outcome === 'ok' && !isStored && copies === 1) return [];
      const whole = outcome === 'refused' ? ('rejected' as const) : ('unknown' as const);
      return {
        id,
        messageId: null,
        key: null,
        isDelayed: false,
        outcome: isStored ? ('stored' as const) : whole,
      };
    });
    if (messages.length > 0) client.add({ kind: 'publish', queue, copies, ...span, messages });
  }
  const records = sent.flatMap(({ id }, index) => {
    const place = placeOf(index, 'topic', 'routed');
    if (outcome === 'ok' && !place && copies === 1) return [];
    return { id, key: null, partition: place?.partition ?? null, offset: place?.offset ?? null };
  });
  const stored = records.every(({ offset }) => offset !== null) ? outcome : 'unknown';
  if (records.length > 0)
    client.add({
      kind: 'produce',
      topic: 'routed',
      copies,
      producer: null,
      ...span,
      outcome: stored,
      records,
    });
}

export const rebind: Operation = {
  name: 'rebind',
  weight: 2,
  run: async (client, id, random) => {
    const made = client.history.of('binding').filter((event) => event.what === 'bind' && event.id !== null);
    const last = made.at(-1);
    if (last && random() < 0.5) return await change(client, 'unbind', last.binding, last.id!, random);
    await change(client, 'bind', newBinding(id, random), null, random);
  },
};

/** Each is another one: nobody has to know what became of those before. */
function newBinding(id: string, random: Random): BindingFields {
  const queue = (name: string): BindingFields['destination'] => ({ kind: 'queue', name });
  const destination = pick(random, [
    queue('routed-1'),
    queue('routed-3'),
    { kind: 'exchange' as const, name: 'x-fan' },
    { kind: 'topic' as const, name: 'routed' },
  ]);
  const kind = pick(random, ['x-direct', 'x-topic', 'x-headers']);
  if (kind === 'x-headers')
    return { source: kind, destination, routing_key: '', arguments: { [`only-${id}`]: 'yes' } };
  const key = kind === 'x-direct' ? `only-${id}` : `only-${id}.${pick(random, ['*', '#'])}`;
  return { source: kind, destination, routing_key: key, arguments: {} };
}

async function change(
  client: Client,
  what: BindingChanged['what'],
  binding: BindingFields,
  id: string | null,
  random: Random,
): Promise<void> {
  const { source, ...fields } = binding;
  await client.retried(random, async () => {
    const path = `/exchanges/${source}/bindings`;
    const answer = await (what === 'bind'
      ? client.request('POST', path, fields)
      : client.request('DELETE', `${path}/${id}`));
    const { outcome, copies, body, begin, end } = answer;
    client.add({
      kind: 'binding',
      client: client.name,
      what,
      binding,
      id: (body['id'] as string | undefined) ?? id,
      outcome,
      copies,
      version: Number(body['topology_version'] ?? 0),
      begin,
      end,
    });
    return answer;
  });
}
