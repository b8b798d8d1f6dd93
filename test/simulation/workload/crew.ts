/**
 * A group whose members differ: in what they subscribe to and how, in their assignors, and some have an instance id that
 * another one takes over. And for each client a group of its own, which it leaves, resets and deletes.
 */

import { ASSIGNORS } from '../../../protocol/schemas/groups.ts';
import type { Random } from '../../crash/random.ts';
import type { Outcome, Span } from '../history.ts';
import type { Client } from './client.ts';
import { commit, join, leave, poll, type Member } from './groups.ts';
import { between, pick, type Operation } from './operation.ts';
import { TOPICS } from './topology.ts';

const CREW = 'crew';
const SUBSCRIPTIONS = [
  { topics: ['log', 'growing'] },
  { topics: ['log'] },
  { topics: ['growing'] },
  { topic_pattern: 'gro*' },
  { topics: ['log'], topic_pattern: 'g?owing' },
];
const INSTANCES = ['first', 'second'];
/** What a client's own group reads. */
const OWN_TOPIC = 'log';
/** Of reading at rest. */
const REST_ROUNDS_MAX = 60;

const members = new WeakMap<Client, Member[]>();
const own = new WeakMap<Client, Member>();

export const crew: Operation = {
  name: 'crew',
  weight: 5,
  run: async (client, _, random) => {
    const known = members.get(client) ?? [];
    members.set(client, known);
    if (known.length === 0 || (known.length < 3 && random() < 0.15)) {
      const fields = {
        ...pick(random, SUBSCRIPTIONS),
        assignor: pick(random, ASSIGNORS),
        ...(random() < 0.4 && { instance_id: pick(random, INSTANCES) }),
      };
      const joined = await join(client, between(random, 2_000, 20_000), CREW, fields);
      if (joined) known.unshift(joined);
      return;
    }
    const member = known[random() < 0.7 ? 0 : between(random, 0, known.length - 1)]!;
    const chance = random();
    if (chance < 0.05) {
      await leave(client, member);
      if (random() < 0.7) known.splice(known.indexOf(member), 1);
    } else if (chance < 0.1) {
      await client.request('GET', pick(random, ['/groups', `/groups/${CREW}`, `/groups/${CREW}/offsets`]));
    } else if (chance < 0.14) {
      await reset(client, CREW, 'earliest', random);
    } else if (chance < 0.5 && member.offsets.length > 0) {
      await commit(client, member);
    } else {
      const waitMs = random() < 0.3 ? between(random, 100, 4_000) : 0;
      const polled = await poll(client, member, between(random, 1, 30), waitMs);
      if (polled === 'gone' && random() < 0.6) known.splice(known.indexOf(member), 1);
      if (polled === 'ok' && member.offsets.length > 0 && random() < 0.6) await commit(client, member);
    }
  },
};

export const ownGroup: Operation = {
  name: 'own-group',
  weight: 2,
  run: async (client, _, random) => {
    const group = `own-${client.name}`;
    const member = own.get(client) ?? (await join(client, 600_000, group, { topics: [OWN_TOPIC] }));
    if (member === null) return;
    own.set(client, member);
    const polled = await poll(client, member, between(random, 1, 20), 0);
    if (polled === 'gone') return void own.delete(client);
    if (polled === 'ok' && member.offsets.length > 0) await commit(client, member);
    if (random() < 0.6) return;
    await leave(client, member);
    own.delete(client);
    const to = pick(random, ['earliest', 'latest', between(random, 0, 20)] as const);
    if (random() < 0.7) await reset(client, group, to, random);
    else await deleteGroup(client, group);
  },
};

/** Offsets of the topic that everybody reads, to a place in it. Refused while there are members. */
async function reset(client: Client, group: string, to: string | number, random: Random): Promise<void> {
  const isDryRun = random() < 0.2;
  const askedMs = client.world.scheduler.nowMs;
  const body = { topic: OWN_TOPIC, to, ...(isDryRun && { dry_run: true }) };
  const answer = await client.request('PUT', `/groups/${group}/offsets`, body);
  const { outcome, copies, begin, end } = answer;
  if (isDryRun) return;
  const knownMs = client.world.scheduler.nowMs;
  const span = { client: client.name, begin, end };
  const found = (answer.body['offsets'] ?? []) as { partition: number; to: number }[];
  if (outcome === 'ok') client.add({ kind: 'group-changed', group, askedMs, knownMs, ...span });
  // If one partition did not answer the others may have changed, nobody knows to what.
  for (let partition = 0; partition < TOPICS[OWN_TOPIC]!.partitions; partition++) {
    const offset = found.find((one) => one.partition === partition)?.to ?? null;
    const log = `${OWN_TOPIC}/${partition}`;
    const wasRefused = outcome === 'refused' && answer.body['code'] === 'group_not_empty';
    const state = outcome === 'ok' ? 'ok' : wasRefused ? 'refused' : 'unknown';
    noteOffset(client, group, log, offset, state, copies, span);
  }
}

function noteOffset(
  client: Client,
  group: string,
  log: string,
  offset: number | null,
  outcome: Outcome,
  copies: number,
  span: Span,
): void {
  const end = outcome === 'unknown' ? Infinity : span.end;
  client.add({
    kind: 'commit-offset',
    group,
    member: 'operator',
    log,
    offset,
    outcome,
    copies,
    ...span,
    end,
  });
}

/** What is read next begins at the start. */
async function deleteGroup(client: Client, group: string): Promise<void> {
  const askedMs = client.world.scheduler.nowMs;
  const { outcome, copies, begin, end } = await client.request('DELETE', `/groups/${group}`);
  const knownMs = client.world.scheduler.nowMs;
  const span = { client: client.name, begin, end };
  if (outcome === 'ok') client.add({ kind: 'group-changed', group, askedMs, knownMs, ...span });
  for (let partition = 0; partition < TOPICS[OWN_TOPIC]!.partitions; partition++) {
    const log = `${OWN_TOPIC}/${partition}`;
    const state = outcome === 'refused' ? 'unknown' : outcome;
    noteOffset(client, group, log, 0, state, copies, span);
  }
}

/** At rest: two members share all topics, read what is left, and then nothing is behind and each partition is one's. */
export async function readAsCrew(client: Client): Promise<void> {
  const joined = [
    await join(client, 600_000, CREW, { topics: ['log', 'growing'], assignor: 'range' }),
    await join(client, 600_000, CREW, { topics: ['log', 'growing'], assignor: 'round-robin' }),
  ];
  let quiet = 0;
  for (let round = 0; quiet < 4; round++) {
    if (round === REST_ROUNDS_MAX) throw new Error(`group ${CREW} is never done with reading`);
    let count = 0;
    for (const member of joined) {
      if (member === null || (await poll(client, member, 1_000, 0)) !== 'ok')
        throw new Error(`group ${CREW} cannot be read at rest`);
      count += member.offsets.length;
      if (member.offsets.length > 0) await commit(client, member);
    }
    quiet = count === 0 ? quiet + 1 : 0;
    if (count === 0) await client.sleep(15_000);
  }
  const { outcome, body, begin, end } = await client.request('GET', `/groups/${CREW}`);
  if (outcome !== 'ok') throw new Error(`group ${CREW} cannot be described at rest`);
  interface Place {
    topic: string;
    partition: number;
  }
  const placeOf = ({ topic, partition }: Place): string => `${topic}/${partition}`;
  const state = body as unknown as {
    state: string;
    members: { member_id: string; assignment: Place[] }[];
    offsets: (Place & { lag: number })[];
  };
  client.add({
    kind: 'group-state',
    client: client.name,
    group: CREW,
    state: state.state,
    logs: ['log', 'growing'].flatMap((topic) =>
      Array.from({ length: TOPICS[topic]!.partitions }, (_, partition) => `${topic}/${partition}`),
    ),
    owners: state.members.map(({ member_id: member, assignment }) => ({
      member,
      logs: assignment.map(placeOf),
    })),
    lags: state.offsets.map((one) => ({ log: placeOf(one), lag: one.lag })),
    begin,
    end,
  });
}
