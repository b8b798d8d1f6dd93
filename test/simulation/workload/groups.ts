/**
 * Members of a consumer group that poll, handle, commit and poll again, one call at a time. Some leave, some are not heard
 * of any more, and some come back when their time is over, and commit all the same.
 */

import type { Membership } from '../history.ts';
import type { Answer, Client } from './client.ts';
import { between, type Operation } from './operation.ts';

const GROUP = 'workers';
const TOPIC = 'log';
const GONE = new Set(['member_not_found', 'instance_fenced']);
/** Of reading at rest: more than all members that were left behind can take. */
const REST_ROUNDS_MAX = 60;

export interface Member {
  id: string;
  group: string;
  instance?: string;
  epoch: number;
  sessionMs: number;
  /** What it has read and not committed. */
  offsets: { topic: string; partition: number; offset: number }[];
}

const members = new WeakMap<Client, Member[]>();

export const worker: Operation = {
  name: 'worker',
  weight: 9,
  run: async (client, _, random) => {
    const known = members.get(client) ?? [];
    members.set(client, known);
    if (known.length === 0 || (known.length < 3 && random() < 0.1)) {
      const joined = await join(client, between(random, 2_000, 20_000));
      if (joined) known.unshift(joined);
      return;
    }
    // The newest mostly; the others are those that one took for gone.
    const member = known[random() < 0.8 ? 0 : between(random, 0, known.length - 1)]!;
    const chance = random();
    if (chance < 0.04) {
      await leave(client, member);
      if (random() < 0.7) known.splice(known.indexOf(member), 1);
      return;
    }
    if (member.offsets.length > 0 && chance < 0.6) return await commit(client, member);
    const waitMs = random() < 0.3 ? between(random, 100, 4_000) : 0;
    const polled = await poll(client, member, between(random, 1, 30), waitMs);
    if (polled === 'gone' && random() < 0.6) known.splice(known.indexOf(member), 1);
    if (polled === 'ok' && member.offsets.length > 0 && random() < 0.6) await commit(client, member);
  },
};

/** At rest: a new member reads all that is left, once those that have gone are removed. */
export async function readAsGroup(client: Client): Promise<void> {
  const member = await join(client, 60_000);
  if (member === null) throw new Error('nobody can join the group at rest');
  let empty = 0;
  for (let round = 0; round < REST_ROUNDS_MAX; round++) {
    if ((await poll(client, member, 1_000, 0)) !== 'ok') throw new Error('the group cannot be read at rest');
    empty = member.offsets.length === 0 ? empty + 1 : 0;
    if (empty === 3) return;
    if (member.offsets.length > 0) await commit(client, member);
    else await client.sleep(25_000);
  }
  throw new Error('the group is never done with reading');
}

/** @param fields what it says beside its session timeout */
export async function join(
  client: Client,
  sessionMs: number,
  group = GROUP,
  fields: { instance_id?: string; [name: string]: unknown } = { topics: [TOPIC] },
): Promise<Member | null> {
  const askedMs = client.world.scheduler.nowMs;
  const answer = await client.request('POST', `/groups/${group}/members`, {
    ...fields,
    session_timeout_ms: sessionMs,
  });
  const { instance_id: instance } = fields;
  const of = { group, ...(instance !== undefined && { instance }), sessionMs, offsets: [] };
  if (answer.outcome !== 'ok') {
    note(client, 'join', { ...of, id: 'unknown', epoch: 0 }, answer, askedMs);
    return null;
  }
  const { member_id: id, epoch } = answer.body as { member_id: string; epoch: number };
  const member: Member = { ...of, id, epoch };
  note(client, 'join', member, answer, askedMs);
  return member;
}

export async function poll(
  client: Client,
  member: Member,
  max: number,
  waitMs: number,
): Promise<'ok' | 'gone' | 'unknown'> {
  const path = `/groups/${member.group}/members/${member.id}/records?max_records=${max}&wait_ms=${waitMs}`;
  const askedMs = client.world.scheduler.nowMs;
  const answer = await client.request('GET', path, undefined, waitMs);
  if (answer.outcome === 'ok') {
    member.epoch = answer.body['epoch'] as number;
    member.offsets = answer.body['offsets'] as Member['offsets'];
  }
  note(client, 'poll', member, answer, askedMs);
  if (answer.outcome === 'ok') return 'ok';
  return GONE.has(String(answer.body['code'])) ? 'gone' : 'unknown';
}

export async function leave(client: Client, member: Member): Promise<void> {
  const askedMs = client.world.scheduler.nowMs;
  const answer = await client.request('DELETE', `/groups/${member.group}/members/${member.id}`);
  note(client, 'leave', member, answer, askedMs);
}

export async function commit(client: Client, member: Member): Promise<void> {
  const { id, group, epoch, offsets } = member;
  const answer = await client.request('POST', `/groups/${group}/offsets`, { member_id: id, epoch, offsets });
  const { copies, begin, end, body } = answer;
  const places = (list: unknown): Set<string> =>
    new Set(((list ?? []) as Member['offsets']).map(({ topic, partition }) => `${topic}/${partition}`));
  const [taken, refused] = [places(body['committed']), places(body['refused'])];
  for (const { topic, partition, offset } of offsets) {
    const log = `${topic}/${partition}`;
    const own = taken.has(log) ? 'ok' : refused.has(log) ? outcomeOf(body, log) : answer.outcome;
    const span = { client: client.name, begin, end: own === 'unknown' ? Infinity : end };
    client.add({ kind: 'commit-offset', group, member: id, log, offset, outcome: own, copies, ...span });
  }
  if (answer.outcome === 'ok') member.offsets = [];
}

/** Of one that was not taken: it may have been all the same if the partition did not answer. */
function outcomeOf(body: Record<string, unknown>, log: string): 'refused' | 'unknown' {
  const refused = body['refused'] as { topic: string; partition: number; code: string }[];
  const own = refused.find(({ topic, partition }) => `${topic}/${partition}` === log);
  return own!.code.endsWith('unavailable') ? 'unknown' : 'refused';
}

function note(
  client: Client,
  what: Membership['what'],
  member: Member,
  { outcome, copies, begin, end, body }: Answer,
  askedMs: number,
): void {
  const assignment = (body['assignment'] ?? []) as { topic: string; partition: number }[];
  const records = (body['records'] ?? []) as {
    topic: string;
    partition: number;
    offset: number;
    value: string;
    headers?: { id?: string };
  }[];
  client.add({
    kind: 'member',
    client: client.name,
    what,
    group: member.group,
    ...(member.instance !== undefined && { instance: member.instance }),
    member: member.id,
    outcome,
    code: outcome === 'refused' ? String(body['code']) : null,
    copies,
    epoch: member.epoch,
    assignment: assignment.map(({ topic, partition }) => `${topic}/${partition}`),
    records: records.map(({ topic, partition, offset, value, headers }) => ({
      log: `${topic}/${partition}`,
      offset,
      id: headers?.id ?? value,
    })),
    sessionMs: member.sessionMs,
    askedMs,
    knownMs: client.world.scheduler.nowMs,
    begin,
    end,
  });
}
