/** At rest: who waits for records is answered when they come, on every way of waiting. */

import type { Client } from './client.ts';
import { join } from './groups.ts';
import { SHARED } from './share-topology.ts';
import { insist } from './topology.ts';

const WAIT_MS = 20_000;
const BEFORE_MS = 3_000;

interface Wait {
  by: string;
  topic: string;
  method: string;
  path: string;
  body?: object;
}

export async function waitForRecords(client: Client): Promise<void> {
  const member = await join(client, 600_000, 'waiting', { topics: ['growing'], auto_offset_reset: 'latest' });
  if (member === null) throw new Error('nobody can join a group at rest');
  const group = 'share-groups/waiting';
  await insist(client, 'PUT', `/${group}`, { topics: [SHARED.topic], start: 'latest' });
  const waits: Wait[] = [
    {
      by: 'a fetch',
      topic: 'stamped',
      method: 'GET',
      path: `/topics/stamped/partitions/0/records?offset=latest&wait_ms=${WAIT_MS}`,
    },
    {
      by: 'a member of a group',
      topic: 'growing',
      method: 'GET',
      path: `/groups/waiting/members/${member.id}/records?wait_ms=${WAIT_MS}`,
    },
    {
      by: 'a member of a share group',
      topic: SHARED.topic,
      method: 'POST',
      path: `/${group}/records`,
      body: { member_id: 'rest', wait_ms: WAIT_MS },
    },
  ];
  // Each begins at the end with its first call.
  for (const { method, path, body } of waits.slice(1))
    await insist(client, method, path.replace(/wait_ms=\d+/, 'wait_ms=0'), body && { ...body, wait_ms: 0 });
  for (const [index, wait] of waits.entries()) await waitFor(client, wait, `waited-for-${index}`);
  await client.request('DELETE', '/' + group);
}

async function waitFor(client: Client, { by, topic, method, path, body }: Wait, id: string): Promise<void> {
  const { scheduler } = client.world;
  const begin = client.history.now();
  let producedMs = Infinity;
  const produced = (async (): Promise<void> => {
    await client.sleep(BEFORE_MS);
    const value = id;
    const sentAt = client.history.now();
    const answer = await client.request('POST', `/topics/${topic}/records`, {
      records: [{ value, partition: 0 }],
    });
    const offset = (answer.body['offsets'] as { offset: number }[])[0]!.offset;
    const records = [{ id, key: null, partition: 0, offset }];
    const span = { client: client.name, begin: sentAt, end: answer.end };
    const { outcome, copies } = answer;
    client.add({ kind: 'produce', topic, outcome, copies, producer: null, records, ...span });
    producedMs = scheduler.nowMs;
  })();
  const { body: answer, end } = await client.request(method, path, body, WAIT_MS);
  const answeredMs = scheduler.nowMs;
  await produced;
  const ids = ((answer['records'] ?? []) as { value: string }[]).map(({ value }) => value);
  const lateMs = answeredMs - producedMs;
  client.add({ kind: 'long-poll', client: client.name, by, id, ids, lateMs, begin, end });
}
