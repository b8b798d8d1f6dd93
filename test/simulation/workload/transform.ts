/**
 * Consume, transform, produce: members of a group read orders and invoices as committed, and write what follows from each to
 * the other topic, to a queue and through an exchange, in a transaction that commits the offsets too. They stop half-way,
 * fall asleep for so long that they are replaced, and go on as if nothing had happened.
 */

import type { Random } from '../../crash/random.ts';
import type { Client } from './client.ts';
import { attemptId, derivedFrom, TRANSFORMED, type Derived } from './derived.ts';
import {
  beginInstance,
  chooseInstance,
  codeOf,
  endTransaction,
  keptBy,
  sendRecords,
  untilKnown,
  type Instance,
} from './instances.ts';
import { between, mostlyFrom, pick, times, type Operation } from './operation.ts';
import { sendUntilKnown } from './producers.ts';
import { insist, TOPICS } from './topology.ts';
import { publishToAll, publishToQueue } from './transactions.ts';

const GROUP = '/groups/billing';
const QUEUE = 'plain';
/** Of what is done at rest: more than all that was left can take. */
const REST_ROUNDS_MAX = 80;

interface Member {
  id: string;
  epoch: number;
}

interface Place {
  topic: string;
  partition: number;
  offset: number;
}

interface Polled {
  records: { topic: string; id: string }[];
  /** Where they end. */
  offsets: Place[];
}

const members = new WeakMap<Client, Member[]>();
/** Those that send orders, with the next sequence in each partition. */
const producers = new WeakMap<Client, { id: number; next: number[] }>();

/** New orders, outside of transactions. */
export const order: Operation = {
  name: 'order',
  weight: 4,
  run: async (client, id, random) => {
    const topic = 'orders';
    const partition = between(random, 0, TOPICS[topic]!.partitions - 1);
    const ids = times(between(random, 1, 4), (index) => `${id}.${index}`);
    let producer = producers.get(client);
    if (!producer) {
      const { outcome, body } = await client.request('POST', '/producers', {});
      if (outcome !== 'ok') return;
      producer = { id: body['id'] as number, next: [] };
      producers.set(client, producer);
    }
    const sequence = producer.next[partition] ?? 0;
    producer.next[partition] = sequence + ids.length;
    // With sequences, so that each is there once: what follows from it is known by its id.
    const identity = { id: producer.id, epoch: 0, sequence, transactionalId: null };
    const batch = { topic, partition, ids, producer: identity, begin: null };
    if (!(await sendUntilKnown(client, batch, random, 3))) producers.delete(client);
  },
};

export const transform: Operation = {
  name: 'transform',
  weight: 8,
  run: async (client, id, random) => {
    const member = await chooseMember(client, random);
    if (member === null) return;
    const kept = keptBy(client);
    const instance = await chooseInstance(client, random);
    if (instance === null) return;
    if (random() < 0.2) {
      // An order of its own, which nobody may read before this transaction is committed, itself included.
      const partition = between(random, 0, TOPICS['orders']!.partitions - 1);
      if (!(await sendRecords(client, instance, 'orders', partition, [`${id}.w`], random))) return;
    }
    const waitMs = random() < 0.3 ? between(random, 100, 4_000) : 0;
    const polled = await poll(client, member, between(random, 1, 20), waitMs);
    if (polled === null) return;
    const done = await handle(client, member, instance, polled, id, random, true);
    if (done === 'stopped') return;
    const chance = random();
    if (chance < 0.12) {
      if (done === 'whole') kept.open.push(instance);
      return;
    }
    const asked = done === 'whole' && chance < 0.85 ? 'commit' : 'abort';
    const next = await endTransaction(client, instance, asked, random);
    if (next) kept.idle.push(next);
  },
};

/** Looks at what the group has committed. */
export const seeOffsets: Operation = {
  name: 'see-offsets',
  weight: 1,
  run: (client) => lookAtOffsets(client, false),
};

/** At rest: what the group has committed by then; and a last instance handles all that is left. */
export async function transformAll(client: Client): Promise<void> {
  const { random } = client.world.scheduler;
  const member = await join(client, 60_000);
  if (member === null) throw new Error('nobody can join the group that transforms at rest');
  await lookAtOffsets(client, true);
  let instance = await beginInstance(client, 'last', 60_000, random);
  let empty = 0;
  for (let round = 0; round < REST_ROUNDS_MAX; round++) {
    const polled = await poll(client, member, 1_000, 0);
    if (polled === null || instance === null) throw new Error('the group that transforms is stuck at rest');
    empty = polled.records.length === 0 ? empty + 1 : 0;
    if (empty === 3) return;
    if (empty > 0) {
      await client.sleep(25_000);
      continue;
    }
    const done = await handle(client, member, instance, polled, `rest${round}`, random, false);
    instance = await endTransaction(client, instance, done === 'whole' ? 'commit' : 'abort', random);
  }
  throw new Error('the group that transforms is never done');
}

/** Writes what follows from what was read, and adds the offsets: in any order, as they are one transaction. */
async function handle(
  client: Client,
  member: Member,
  instance: Instance,
  { records, offsets }: Polled,
  operation: string,
  random: Random,
  mayStop: boolean,
): Promise<'whole' | 'broken' | 'stopped'> {
  const derived = records.flatMap(({ topic, id }) => derivedFrom(topic, id));
  const idsOf = (some: Derived[]): string[] => some.map(({ key }) => attemptId(key, operation));
  const byLog = Map.groupBy(
    derived.filter(({ to }) => to === 'record'),
    ({ topic, partition }) => `${topic}/${partition}`,
  );
  const steps: (() => Promise<boolean>)[] = [...byLog.values()].map((some) => async () => {
    const { topic, partition } = some[0]!;
    return await sendRecords(client, instance, topic, partition, idsOf(some), random);
  });
  const toQueue = idsOf(derived.filter(({ to }) => to === 'queue'));
  if (toQueue.length > 0) steps.push(() => publishToQueue(client, instance, QUEUE, toQueue, random));
  const toAll = idsOf(derived.filter(({ to }) => to === 'exchange'));
  if (toAll.length > 0) steps.push(() => publishToAll(client, instance, toAll, random));
  if (offsets.length > 0) {
    const at = between(random, 0, steps.length);
    steps.splice(at, 0, () => addOffsets(client, member, instance, offsets, random));
  }
  for (const step of steps) {
    if (mayStop && random() < 0.03) return 'stopped';
    if (mayStop && random() < 0.05) await client.sleep(mostlyFrom(random, 1_000, 30_000));
    if (!(await step())) return 'broken';
  }
  return 'whole';
}

async function addOffsets(
  client: Client,
  member: Member,
  instance: Instance,
  places: Place[],
  random: Random,
): Promise<boolean> {
  instance.hasSent = true;
  const { name, id, epoch } = instance;
  const body = {
    producer: { id, epoch },
    group: 'billing',
    member_id: member.id,
    epoch: member.epoch,
    offsets: places,
  };
  const offsets = places.map(({ topic, partition, offset }) => ({ log: `${topic}/${partition}`, offset }));
  return await untilKnown(client, random, async () => {
    const answer = await client.request('POST', `/transactions/${name}/offsets`, body);
    const { outcome, begin, end } = answer;
    client.add({
      kind: 'add-offsets',
      ...{ client: client.name, begin, end, outcome, code: codeOf(answer) },
      ...{ transactionalId: name, producerId: id, epoch },
      ...{ member: member.id, offsets },
    });
    return answer;
  });
}

async function chooseMember(client: Client, random: Random): Promise<Member | null> {
  const known = members.get(client) ?? [];
  members.set(client, known);
  const chance = random();
  if (known.length === 0 || (known.length < 3 && chance < 0.1)) {
    const joined = await join(client, mostlyFrom(random, 2_000, 20_000));
    if (joined) known.unshift(joined);
    return joined;
  }
  // The newest mostly; the others are those that one took for gone.
  const member = random() < 0.8 ? known[0]! : pick(random, known);
  if (chance > 0.97) {
    await client.request('DELETE', `${GROUP}/members/${member.id}`);
    if (random() < 0.7) known.splice(known.indexOf(member), 1);
  }
  return member;
}

async function join(client: Client, sessionMs: number): Promise<Member | null> {
  const body = { topics: TRANSFORMED, session_timeout_ms: sessionMs };
  const answer = await client.request('POST', `${GROUP}/members`, body);
  if (answer.outcome !== 'ok') return null;
  const { member_id: id, epoch } = answer.body as { member_id: string; epoch: number };
  return { id, epoch };
}

async function poll(client: Client, member: Member, max: number, waitMs: number): Promise<Polled | null> {
  const query = `isolation=read_committed&max_records=${max}&wait_ms=${waitMs}`;
  const path = `${GROUP}/members/${member.id}/records?${query}`;
  const { outcome, begin, end, body } = await client.request('GET', path, undefined, waitMs);
  if (outcome !== 'ok') {
    const known = members.get(client);
    if (body['code'] === 'member_not_found' && known && client.world.scheduler.random() < 0.6)
      members.set(
        client,
        known.filter((other) => other !== member),
      );
    return null;
  }
  member.epoch = body['epoch'] as number;
  const found = body['records'] as { topic: string; partition: number; offset: number; value: string }[];
  if (found.length > 0) {
    client.add({
      kind: 'transform-read',
      ...{ client: client.name, begin, end, member: member.id },
      records: found.map(({ topic, partition, offset, value }) => ({
        log: `${topic}/${partition}`,
        offset,
        id: value,
      })),
    });
  }
  const records = found.map(({ topic, value }) => ({ topic, id: value }));
  return { records, offsets: body['offsets'] as Place[] };
}

async function lookAtOffsets(client: Client, isFinal: boolean): Promise<void> {
  interface Seen {
    topic: string;
    partition: number;
    offset: number | null;
    pending?: true;
  }
  const path = `${GROUP}/offsets`;
  const begin = client.history.now();
  const body = isFinal ? await insist(client, 'GET', path) : (await client.request('GET', path)).body;
  if (body['offsets'] === undefined) return;
  const offsets = (body['offsets'] as Seen[]).map(({ topic, partition, offset, pending }) => ({
    log: `${topic}/${partition}`,
    offset,
    isPending: pending === true,
  }));
  const end = client.history.now();
  client.add({ kind: 'see-offsets', client: client.name, begin, end, offsets, isFinal });
}
