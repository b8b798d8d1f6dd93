/**
 * A topic that is deleted and made again under its name while clients write to it and read it, and routers still know the
 * old one. Its offsets begin anew each time, so that it has events and a checker of its own.
 */

import type { Client } from './client.ts';
import { between, times, type Operation } from './operation.ts';
import { insist } from './topology.ts';

const TOPIC = 'reborn';
const GROUP = 'wanderers';
const SHARE_GROUP = 'nomads';
/** Rounds in which those who read the old topic have to find the new one, and the pause between them. */
const ROUNDS_MAX = 15;
const ROUND_MS = 5_000;

export const rebirth: Operation = {
  name: 'rebirth',
  weight: 0.4,
  run: async (client, _, random) => {
    await deleteOnce(client);
    await client.sleep(random() < 0.5 ? 0 : between(random, 1, 3_000));
    await client.retried(random, () => client.request('PUT', `/topics/${TOPIC}`, { retention_ms: null }));
  },
};

export const produceReborn: Operation = {
  name: 'produce-reborn',
  weight: 1.5,
  run: async (client, id, random) => {
    const ids = times(between(random, 1, 4), (index) => `${id}.${index}`);
    await client.retried(random, async (attempt) => {
      const named = ids.map((name) => `${name}#${attempt}`);
      return await produceOnce(client, named);
    });
  },
};

export const fetchReborn: Operation = {
  name: 'fetch-reborn',
  weight: 1.5,
  run: async (client, _, random) => {
    await fetchOnce(client, random() < 0.3 ? between(random, 100, 4_000) : 0, false);
  },
};

async function deleteOnce(client: Client): Promise<void> {
  const { outcome, copies, begin, end, body } = await client.request('DELETE', `/topics/${TOPIC}`);
  const isGone = outcome === 'ok' || body['code'] === 'topic_not_found';
  client.add({ kind: 'topic-deleted', client: client.name, topic: TOPIC, isGone, copies, begin, end });
}

async function produceOnce(client: Client, ids: readonly string[]) {
  const records = ids.map((value) => ({ value }));
  const answer = await client.request('POST', `/topics/${TOPIC}/records`, { records });
  const { outcome, copies, begin, end } = answer;
  client.add({ kind: 'reborn-produce', client: client.name, ids: [...ids], outcome, copies, begin, end });
  return answer;
}

async function fetchOnce(client: Client, waitMs: number, isFinal: boolean): Promise<string[] | null> {
  const path = `/topics/${TOPIC}/partitions/0/records?offset=earliest&wait_ms=${waitMs}`;
  const { outcome, begin, end, body } = await client.request('GET', path, undefined, waitMs);
  if (outcome !== 'ok') return null;
  const ids = (body['records'] as { value: string }[]).map(({ value }) => value);
  client.add({ kind: 'reborn-fetch', client: client.name, ids, isFinal, begin, end });
  return ids;
}

export async function declareReborn(client: Client): Promise<void> {
  await insist(client, 'PUT', `/topics/${TOPIC}`, { retention_ms: null });
  await insist(client, 'PUT', `/share-groups/${SHARE_GROUP}`, {
    topics: [TOPIC],
    delivery_limit: 100,
    dead_letter: 'none',
  });
}

/** At rest: once more, with those who read the old topic and go on with the new one. */
export async function bearAgain(client: Client): Promise<void> {
  const declare = async (): Promise<void> =>
    void (await insist(client, 'PUT', `/topics/${TOPIC}`, { retention_ms: null }));
  await declare();
  await fetchOnce(client, 0, true);
  await insistOn(client, ['old-1', 'old-2', 'old-3']);
  const { member_id: member } = await insist(client, 'POST', `/groups/${GROUP}/members`, {
    topics: [TOPIC],
    session_timeout_ms: 600_000,
  });
  const asGroup = (): Promise<string[]> => pollAndCommit(client, String(member));
  const asShareGroup = (): Promise<string[]> => acquireAndAccept(client);
  for (const read of [asGroup, asShareGroup]) await readUntil(client, 'old-3', read);
  await deleteOnce(client);
  await declare();
  const expected = ['new-1', 'new-2'];
  await insistOn(client, expected);
  const note = (by: string, found: string[]): void => {
    const now = client.history.now();
    client.add({ kind: 'reborn-read', client: client.name, by, expected, found, begin: now, end: now });
  };
  note('a fetch', (await fetchOnce(client, 0, false)) ?? []);
  note('a group', await readUntil(client, 'new-2', asGroup));
  note('a share group', await readUntil(client, 'new-2', asShareGroup));
}

async function insistOn(client: Client, ids: readonly string[]): Promise<void> {
  const { outcome, body } = await produceOnce(client, ids);
  if (outcome !== 'ok') throw new Error(`topic ${TOPIC} cannot be written at rest: ${JSON.stringify(body)}`);
}

/** All that is read until the record is among it, or for long enough. */
async function readUntil(client: Client, last: string, read: () => Promise<string[]>): Promise<string[]> {
  const found: string[] = [];
  for (let round = 0; round < ROUNDS_MAX && !found.includes(last); round++) {
    found.push(...(await read()));
    if (!found.includes(last)) await client.sleep(ROUND_MS);
  }
  return found;
}

async function pollAndCommit(client: Client, member: string): Promise<string[]> {
  const { body, outcome } = await client.request('GET', `/groups/${GROUP}/members/${member}/records`);
  if (outcome !== 'ok') return [];
  const { epoch, offsets, records } = body as {
    epoch: number;
    offsets: object[];
    records: { value: string }[];
  };
  if (offsets.length > 0)
    await insist(client, 'POST', `/groups/${GROUP}/offsets`, { member_id: member, epoch, offsets });
  return records.map(({ value }) => value);
}

async function acquireAndAccept(client: Client): Promise<string[]> {
  const path = `/share-groups/${SHARE_GROUP}`;
  const { body, outcome } = await client.request('POST', `${path}/records`, { member_id: 'rest' });
  if (outcome !== 'ok') return [];
  const records = body['records'] as { value: string; acquisition_tag: string }[];
  const accept = records.map((record) => record.acquisition_tag);
  if (accept.length > 0) await insist(client, 'POST', `${path}/acknowledgements`, { accept });
  return records.map(({ value }) => value);
}
