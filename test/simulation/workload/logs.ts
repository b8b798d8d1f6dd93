/** Operations on topics: produce, read on, read again, delete records. */

import type { Random } from '../../crash/random.ts';
import type { Fetched } from '../history.ts';
import type { Client } from './client.ts';
import { between, pick, times, type Operation } from './operation.ts';
import { TOPICS } from './topology.ts';

const KEYS = [null, null, 'a', 'b', 'c'];

export const produce: Operation = {
  name: 'produce',
  weight: 14,
  run: async (client, id, random) => {
    const topic = pick(random, ['log', 'log', 'trimmed', 'ledger']);
    const { partitions } = TOPICS[topic]!;
    const sent = times(between(random, 1, 5), (index) => ({
      id: `${id}.${index}`,
      key: pick(random, KEYS),
      partition: random() < 0.5 ? between(random, 0, partitions - 1) : null,
    }));
    await client.retried(random, async (attempt) => {
      const named = sent.map((record) => ({ ...record, id: `${record.id}#${attempt}` }));
      const records = named.map(({ id: value, key, partition }) => ({
        value,
        ...(key !== null && { key }),
        ...(partition !== null && { partition }),
      }));
      const answer = await client.request('POST', `/topics/${topic}/records`, { records });
      const { outcome, copies, begin, end } = answer;
      const offsets = (answer.body['offsets'] ?? []) as { partition: number; offset: number }[];
      const stored = named.map((record, index) => ({
        ...record,
        partition: offsets[index]?.partition ?? record.partition,
        offset: offsets[index]?.offset ?? null,
      }));
      client.add({
        kind: 'produce',
        client: client.name,
        topic,
        outcome,
        copies,
        begin,
        end,
        producer: null,
        records: stored,
      });
      return answer;
    });
  },
};

/** Goes on if this client has stopped: what Kafka calls a poll. */
export const poll: Operation = {
  name: 'poll',
  weight: 14,
  run: async (client, _, random) => {
    const topic = pick(random, Object.keys(TOPICS));
    const partition = between(random, 0, TOPICS[topic]!.partitions - 1);
    const place = `${topic}/${partition}`;
    const from = client.positions.get(place) ?? null;
    const fetched = await fetch(client, topic, partition, from, random);
    if (fetched) client.positions.set(place, fetched.next);
    else client.positions.delete(place); // perhaps its records are gone: begin anew
  },
};

/** Reads what it has read before. */
export const reread: Operation = {
  name: 'reread',
  weight: 5,
  run: async (client, _, random) => {
    const topic = pick(random, Object.keys(TOPICS));
    const partition = between(random, 0, TOPICS[topic]!.partitions - 1);
    const end = client.positions.get(`${topic}/${partition}`) ?? 0;
    await fetch(client, topic, partition, between(random, 0, end), random);
  },
};

export const deleteRecords: Operation = {
  name: 'delete-records',
  weight: 1,
  run: async (client, _, random) => {
    const end = client.positions.get('trimmed/0') ?? 0;
    const before = between(random, 0, end);
    const {
      outcome,
      begin,
      end: ended,
    } = await client.request('DELETE', `/topics/trimmed/partitions/0/records?before=${before}`);
    if (outcome === 'refused') return;
    client.add({
      kind: 'delete-records',
      client: client.name,
      topic: 'trimmed',
      partition: 0,
      before,
      begin,
      end: ended,
    });
  },
};

async function fetch(
  client: Client,
  topic: string,
  partition: number,
  from: number | null,
  random: Random,
): Promise<Fetched | null> {
  const waitMs = random() < 0.3 ? between(random, 100, 4_000) : 0;
  return await readOnce(client, topic, partition, from, between(random, 1, 50), waitMs, false);
}

export async function readOnce(
  client: Client,
  topic: string,
  partition: number,
  from: number | null,
  max: number,
  waitMs: number,
  isFinal: boolean,
  isolation: Fetched['isolation'] = 'read_uncommitted',
): Promise<Fetched | null> {
  const query = `offset=${from ?? 'earliest'}&max_records=${max}&wait_ms=${waitMs}&isolation=${isolation}`;
  const path = `/topics/${topic}/partitions/${partition}/records?${query}`;
  const { outcome, body, begin, end } = await client.request('GET', path, undefined, waitMs);
  if (outcome !== 'ok') return null;
  const found = body['records'] as {
    offset: number;
    value: string;
    timestamp: number;
    headers?: { id?: string };
  }[];
  const fetched: Fetched = {
    kind: 'fetch',
    client: client.name,
    topic,
    partition,
    from,
    records: found.map(({ offset, value, timestamp, headers }) => ({
      offset,
      id: headers?.id ?? value,
      timestamp,
    })),
    next: body['next_offset'] as number,
    high: body['high_watermark'] as number,
    start: body['log_start_offset'] as number,
    isolation,
    stable: (body['last_stable_offset'] ?? null) as number | null,
    begin,
    end,
    knownMs: client.world.scheduler.nowMs,
    isFinal,
  };
  client.add(fetched);
  return fetched;
}
