/** A topic whose old records move to the bucket, while clients write to it, read it from anywhere, and delete records before an offset. */

import { orphansOf, objectsIn } from '../waiting/tier-rows.ts';
import type { Random } from '../../crash/random.ts';
import type { Client } from './client.ts';
import { fetchFrom, note, sendBatch, sendJson } from './kept-records.ts';
import { between, pick, times, type Operation } from './operation.ts';

export const TIERED = 'tiered';

/** As many as fill some objects of 16 KiB within a short run. */
const HOT_BYTES = 65_536;

const isDeclared = new WeakSet<object>();

/** Runs without these operations do not have the topic. */
async function declare(client: Client, random: Random): Promise<void> {
  if (isDeclared.has(client.history)) return;
  const declaration = { retention_ms: null, hot_bytes: HOT_BYTES };
  await client.retried(random, async () => {
    const answer = await client.request('PUT', `/topics/${TIERED}`, declaration);
    if (answer.outcome === 'ok') isDeclared.add(client.history);
    return answer;
  });
}

export const isTiered = (client: Client): boolean => isDeclared.has(client.history);

export const produceTiered: Operation = {
  name: 'produce-tiered',
  weight: 3,
  run: async (client, id, random) => {
    await declare(client, random);
    const asBatches = random() < 0.5;
    const sent = times(between(random, 1, 5), (index) => ({
      id: `${id}.${index}`,
      key: null,
      partition: 0,
      timestamp: Math.floor(client.world.scheduler.nowMs),
      isTombstone: false,
    }));
    await client.retried(random, async (attempt) => {
      const named = sent.map((record) => ({ ...record, id: `${record.id}#${attempt}` }));
      const answer = await (asBatches
        ? sendBatch(client, TIERED, named)
        : sendJson(client, TIERED, named, false));
      note(client, TIERED, named, answer);
      return answer;
    });
  },
};

export const fetchTiered: Operation = {
  name: 'fetch-tiered',
  weight: 3,
  run: async (client, _, random) => {
    await declare(client, random);
    const place = `${TIERED}/0 kept`;
    const position = client.positions.get(place) ?? null;
    const chance = random();
    const seek = chance < 0.25 ? Math.floor(client.world.scheduler.nowMs) - between(random, 0, 60_000) : null;
    const fetched = await fetchFrom(client, TIERED, 0, {
      from: seek === null && chance < 0.8 ? position : null,
      seek,
      recordsMax: between(random, 1, 30),
      bytesMax: pick(random, [1, 30_000, 200_000]),
      waitMs: random() < 0.2 ? between(random, 100, 4_000) : 0,
      asBatches: random() < 0.4,
    });
    if (fetched) client.positions.set(place, fetched.next);
    else client.positions.delete(place);
  },
};

export const trimTiered: Operation = {
  name: 'trim-tiered',
  weight: 0.3,
  run: async (client, _, random) => {
    const before = between(random, 0, client.positions.get(`${TIERED}/0 kept`) ?? 0);
    const path = `/topics/${TIERED}/partitions/0/records?before=${before}`;
    const { outcome, begin, end } = await client.request('DELETE', path);
    if (outcome === 'refused') return;
    client.add({
      kind: 'delete-records',
      client: client.name,
      topic: TIERED,
      partition: 0,
      before,
      begin,
      end,
    });
  },
};

/** At rest: compares the bucket with the rows of all partitions. */
export function compareBucket(client: Client): void {
  const { world } = client;
  const inBucket = new Set(world.bucket.objects.keys());
  const begin = client.history.now();
  const problems: string[] = [];
  const known = new Set<string>();
  let objects = 0;
  for (const host of world.objects) {
    if (host.className !== 'Partition') continue;
    for (const { key, bytes } of objectsIn(host)) {
      objects += 1;
      known.add(key);
      const stored = world.bucket.objects.get(key)?.bytes.length;
      if (stored !== bytes)
        problems.push(`${host.name} names ${key} of ${bytes} bytes; the bucket has ${stored}`);
    }
    for (const key of orphansOf(host)) known.add(key);
  }
  for (const key of inBucket) if (!known.has(key)) problems.push(`no partition knows of ${key}`);
  client.add({ kind: 'bucket', client: client.name, begin, end: client.history.now(), objects, problems });
}
