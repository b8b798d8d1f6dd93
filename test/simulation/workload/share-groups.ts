/**
 * Members of share groups: they acquire records of one topic, and accept, release, reject or extend them, some of them too
 * late or twice. Groups differ in what becomes of records that nobody accepts.
 */

import type { Random } from '../../crash/random.ts';
import type { SharedRecord, ShareSettleKind } from '../history-logs.ts';
import type { Client } from './client.ts';
import { between, pick, times, type Operation } from './operation.ts';
import { settleOnce, takeOnce } from './queues.ts';
import { SHARED } from './share-topology.ts';
import { insist } from './topology.ts';

/** Rounds of draining at rest; each waits for the longest lock. */
const REST_ROUNDS_MAX = 60;

interface Locked extends SharedRecord {
  group: string;
  member: string;
}

const locked = new WeakMap<Client, Locked[]>();

export const produceShared: Operation = {
  name: 'produce-shared',
  weight: 3,
  run: async (client, id, random) => {
    const { topic, partitions } = SHARED;
    const sent = times(between(random, 1, 6), (index) => ({
      id: `${id}.${index}`,
      partition: between(random, 0, partitions - 1),
    }));
    await client.retried(random, async (attempt) => {
      const named = sent.map(({ id: name, partition }) => ({ id: `${name}#${attempt}`, partition }));
      const records = named.map(({ id: value, partition }) => ({ value, partition }));
      const answer = await client.request('POST', `/topics/${topic}/records`, { records });
      const { outcome, copies, begin, end } = answer;
      const offsets = (answer.body['offsets'] ?? []) as { offset: number }[];
      const stored = named.map((record, index) => ({
        ...record,
        key: null,
        offset: offsets[index]?.offset ?? null,
      }));
      const span = { client: client.name, begin, end };
      client.add({ kind: 'produce', topic, outcome, copies, producer: null, records: stored, ...span });
      return answer;
    });
  },
};

export const share: Operation = {
  name: 'share',
  weight: 8,
  run: async (client, _, random) => {
    const held = locked.get(client) ?? [];
    locked.set(client, held);
    if (random() < 0.05) return await takeDeadLetters(client, random);
    if (held.length > 0 && random() < 0.55) return await settleSome(client, held, random);
    const group = pick(random, Object.keys(SHARED.groups));
    // Two members for each client, so that one can meddle with what the other has.
    const member = `${client.name}-${between(random, 1, 2)}`;
    const waitMs = random() < 0.3 ? between(random, 100, 4_000) : 0;
    const lockMs = between(random, 500, 8_000);
    const acquired = await acquire(client, group, member, between(random, 1, 12), lockMs, waitMs, false);
    held.push(...(acquired ?? []).map((record) => ({ ...record, group, member })));
    // Some of what is held is forgotten: its lock ends.
    locked.set(
      client,
      held.filter(() => random() < 0.93),
    );
  },
};

async function settleSome(client: Client, held: readonly Locked[], random: Random): Promise<void> {
  const { group, member } = pick(random, held);
  const ours = held.filter((one) => one.group === group && one.member === member);
  const some = ours.slice(0, between(random, 1, 6));
  const kinds = some.map(() => settleKind(random));
  // Now and then what is settled is kept, and settled again later; what was extended is settled later anyway.
  locked.set(
    client,
    held.filter((one) => {
      const index = some.indexOf(one as Locked);
      return index < 0 || kinds[index] === 'extend' || random() < 0.05;
    }),
  );
  await acknowledge(client, group, member, some, kinds, between(random, 1_000, 8_000));
}

function settleKind(random: Random): ShareSettleKind {
  const chance = random();
  if (chance < 0.65) return 'accept';
  return chance < 0.82 ? 'release' : chance < 0.9 ? 'reject' : 'extend';
}

/** @returns null if there was no answer */
async function acquire(
  client: Client,
  group: string,
  member: string,
  max: number,
  lockMs: number,
  waitMs: number,
  isFinal: boolean,
): Promise<SharedRecord[] | null> {
  const request = { member_id: member, max_records: max, lock_duration_ms: lockMs, wait_ms: waitMs };
  const { outcome, body, begin, end } = await client.request(
    'POST',
    `/share-groups/${group}/records`,
    request,
    waitMs,
  );
  if (outcome !== 'ok') return null;
  interface Wire {
    topic: string;
    partition: number;
    offset: number;
    value: string;
    acquisition_tag: string;
    delivery_count: number;
    lock_expires_at: number;
  }
  const records = (body['records'] as Wire[]).map((one) => ({
    log: `${one.topic}/${one.partition}`,
    offset: one.offset,
    id: one.value,
    tag: one.acquisition_tag,
    count: one.delivery_count,
    expiresMs: one.lock_expires_at,
  }));
  const span = { client: client.name, begin, end };
  if (records.length > 0)
    client.add({ kind: 'share-acquire', group, member, lockMs, records, isFinal, ...span });
  return records;
}

async function acknowledge(
  client: Client,
  group: string,
  member: string,
  records: readonly SharedRecord[],
  kinds: readonly ShareSettleKind[],
  extendMs: number,
): Promise<void> {
  const request: Record<string, unknown> = { member_id: member };
  records.forEach(({ tag }, index) => {
    const kind = kinds[index]!;
    ((request[kind] ??= []) as unknown[]).push(kind === 'extend' ? { tag, lock_duration_ms: extendMs } : tag);
  });
  const { outcome, body, begin, end } = await client.request(
    'POST',
    `/share-groups/${group}/acknowledgements`,
    request,
  );
  if (outcome === 'refused') return;
  const results = new Map(
    ((body['results'] ?? []) as { tag: string; outcome: string }[]).map((one) => [one.tag, one.outcome]),
  );
  const settlements = records.map(({ tag, log, offset }, index) => ({
    tag,
    log,
    offset,
    kind: kinds[index]!,
    result: results.get(tag) ?? null,
  }));
  client.add({ kind: 'share-settle', client: client.name, group, member, settlements, begin, end });
}

async function takeDeadLetters(client: Client, random: Random): Promise<void> {
  const taken = await takeOnce(client, SHARED.deadLetters, 10, 60_000, 0, false, false);
  if (!taken || taken.deliveries.length === 0) return;
  const held = taken.deliveries.map(({ tag, id }) => ({ queue: SHARED.deadLetters, tag, id }));
  const kinds = held.map(() => 'ack' as const);
  await settleOnce(client, SHARED.deadLetters, held, kinds, random);
}

export async function declareShared(client: Client): Promise<void> {
  await insist(client, 'PUT', `/queues/${SHARED.deadLetters}`, {});
  for (const [group, settings] of Object.entries(SHARED.groups)) {
    await insist(client, 'PUT', `/share-groups/${group}`, { topics: [SHARED.topic], ...settings });
  }
}

/** At rest: one member accepts all that is left, once every lock has ended. Dead letters are drained with the queues. */
export async function drainShared(client: Client): Promise<void> {
  for (const group of Object.keys(SHARED.groups)) {
    for (let round = 0; ; round++) {
      if (round === REST_ROUNDS_MAX) throw new Error(`share group ${group} is never done with reading`);
      const records = await acquire(client, group, 'rest', 500, 60_000, 0, true);
      if (records === null) throw new Error(`share group ${group} cannot be read at rest`);
      if (records.length === 0 && (await describe(client, group, false))) break;
      if (records.length === 0) await client.sleep(10_000);
      else
        await acknowledge(
          client,
          group,
          'rest',
          records,
          records.map(() => 'accept'),
          0,
        );
    }
  }
  // What the last calls archived is on its way.
  await client.sleep(20_000);
  for (const group of Object.keys(SHARED.groups)) await describe(client, group, true);
}

/** @returns whether everything is done */
async function describe(client: Client, group: string, isFinal: boolean): Promise<boolean> {
  const { outcome, body, begin, end } = await client.request('GET', `/share-groups/${group}`);
  if (outcome !== 'ok') throw new Error(`share group ${group} cannot be described at rest`);
  const partitions = (body['partitions'] as Record<string, number | string>[]).map((one) => ({
    log: `${one['topic']}/${one['partition']}`,
    start: one['start_offset'] as number,
    end: one['end_offset'] as number,
    inFlight: one['in_flight'] as number,
    available: one['available'] as number,
    archived: one['archived'] as number,
    lag: one['lag'] as number,
    deadLettersWaiting: one['dead_letters_waiting'] as number,
  }));
  client.add({ kind: 'share-state', client: client.name, group, partitions, isFinal, begin, end });
  return partitions.every(({ lag }) => lag === 0);
}
