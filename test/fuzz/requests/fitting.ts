/** Requests with ids, tags and epochs that are right, as far as answers have given any. */

import type { Random } from '../../crash/random.ts';
import type { PartitionOffset } from '../../../protocol/schemas/groups.ts';
import type { Knowledge, KnownProducer, Named } from '../values/knowledge.ts';
import { LIVING_NAMES, pick } from '../values/schema-values.ts';
import { userHeaders, userMessage, userValue } from '../values/user-values.ts';

/** What takes the place of drawn values. */
export interface Fit {
  names?: Record<string, string>;
  query?: Record<string, string>;
  body?: Record<string, unknown>;
}

type Fitting = (known: Knowledge, random: Random) => Fit | null;

const LEASES_MS = [100, 1_000, 60_000];

/** Null if nothing is known that fits. */
export function fit(operation: string, known: Knowledge, random: Random): Fit | null {
  return FITTINGS[operation]?.(known, random) ?? null;
}

/** As many of one owner as there are, a few of them, and now and then one of another or one twice. */
function some(list: readonly Named[], random: Random): { of: string; ids: string[] } | null {
  if (list.length === 0) return null;
  const { of } = pick(random, list);
  const own = list.filter((item) => item.of === of).map(({ id }) => id);
  const ids = own.filter(() => random() < 0.4);
  if (ids.length === 0 || random() < 0.1) ids.push(pick(random, list).id);
  return { of, ids };
}

const ofMember: Fitting = ({ members }, random) => {
  if (members.length === 0) return null;
  const { group, member_id: member } = pick(random, members);
  return { names: { group, member } };
};

const memberWithEpoch: Fitting = ({ members }, random) => {
  if (members.length === 0) return null;
  const { group, member_id: member, epoch } = pick(random, members);
  return { names: { group, member }, body: { epoch } };
};

const ofTransaction: Fitting = (known, random) => {
  const producer = transactional(known, random);
  return producer && { names: { transactional_id: producer.transactionalId! } };
};

const endOfTransaction: Fitting = (known, random) => {
  const producer = transactional(known, random);
  if (!producer) return null;
  const { id, epoch, transactionalId } = producer;
  return { names: { transactional_id: transactionalId! }, body: { producer: { id, epoch } } };
};

function transactional({ producers }: Knowledge, random: Random): KnownProducer | null {
  const all = producers.filter(({ transactionalId }) => transactionalId !== null);
  return all.length === 0 ? null : pick(random, all);
}

const message: Fitting = ({ messages }, random) => {
  const found = some(messages, random);
  return found && { names: { queue: found.of, message: found.ids[0]! } };
};

const deadLetter: Fitting = ({ deadLetters }, random) => {
  const found = some(deadLetters, random);
  return found && { names: { queue: found.of, dead_letter: found.ids[0]! } };
};

const replay: Fitting = ({ replays }, random) => {
  const found = some(replays, random);
  return found && { names: { queue: found.of, replay: found.ids[0]! } };
};

const living = (name: string): Fitting => {
  return (_, random) => ({ names: { [name]: pick(random, LIVING_NAMES) } });
};

const userRecord = (random: Random): object => ({
  value: userValue(random),
  headers: userHeaders(random),
  partition: 0,
});

/** The right one, one of another topic, or none. */
function topicIdFor(topic: string, { topicIds }: Knowledge, random: Random): Record<string, string> {
  const known = topicIds.get(topic);
  const chance = random();
  if (known === undefined || chance < 0.5) return {};
  return { topic_id: String(chance < 0.85 ? known : known + pick(random, [-1, 1])) };
}

/** Offsets that say to be of their topic or, now and then, of another. */
function identified(
  offsets: readonly PartitionOffset[],
  known: Knowledge,
  random: Random,
): PartitionOffset[] {
  const isNamed = random() < 0.4;
  const added = random() < 0.7 ? 0 : 1;
  return offsets.map((offset) => {
    const id = known.topicIds.get(offset.topic);
    return isNamed && id !== undefined ? { ...offset, topic_id: id + added } : offset;
  });
}

const FITTINGS: Record<string, Fitting> = {
  settle: ({ tags }, random) => {
    const found = some(tags, random);
    if (!found) return null;
    const body: Record<string, unknown[]> = {};
    for (const tag of found.ids) {
      const kind = pick(random, ['ack', 'nack', 'reject', 'reject', 'release', 'extend']);
      const item = {
        nack: { tag, ...(random() < 0.5 && { delay_ms: pick(random, [0, 1, 50]) }) },
        reject: { tag, ...(random() < 0.5 && { error: { type: 'Odd', message: 'drawn' } }) },
        extend: { tag, lease_ms: pick(random, LEASES_MS) },
      }[kind];
      (body[kind] ??= []).push(item ?? tag);
    }
    return { names: { queue: found.of }, body };
  },
  deliver: (_, random) => ({
    names: { queue: pick(random, LIVING_NAMES) },
    body: { max: pick(random, [1, 10, 100]), lease_ms: pick(random, LEASES_MS), consumer_id: '' },
  }),
  joinGroup: (_, random) => ({
    names: { group: pick(random, LIVING_NAMES) },
    body: { topics: [pick(random, LIVING_NAMES)] },
  }),
  heartbeat: memberWithEpoch,
  leaveGroup: ofMember,
  fetchForMember: ofMember,
  fetchFromPositions: (known, random) => {
    const { members } = known;
    if (members.length === 0) return null;
    const { group, member_id: member, epoch, assignment, offsets } = pick(random, members);
    const positions = identified(offsets, known, random).filter(() => random() < 0.5);
    const partitions = random() < 0.3 ? { partitions: assignment } : {};
    return { names: { group, member }, body: { epoch, positions, ...partitions } };
  },
  commitOffsets: (known, random) => {
    const able = known.members.filter(({ offsets }) => offsets.length > 0);
    if (able.length === 0) return null;
    const { group, member_id, epoch, offsets } = pick(random, able);
    return { names: { group }, body: { member_id, epoch, offsets: identified(offsets, known, random) } };
  },
  readOffsets: living('group'),
  describeGroup: living('group'),
  resetOffsets: living('group'),
  makeProducer: (_, random) =>
    random() < 0.5 ? { body: { transactional_id: pick(random, LIVING_NAMES) } } : null,
  getTransaction: ofTransaction,
  commitTransaction: endOfTransaction,
  abortTransaction: endOfTransaction,
  addPartitions: (known, random) => {
    const ended = endOfTransaction(known, random);
    const partitions = [{ topic: pick(random, LIVING_NAMES), partition: 0 }];
    return ended && { ...ended, body: { ...ended.body, partitions } };
  },
  addOffsets: (known, random) => {
    const producer = transactional(known, random);
    const able = known.members.filter(({ offsets }) => offsets.length > 0);
    if (!producer || able.length === 0) return null;
    const { id, epoch, transactionalId } = producer;
    const { group, member_id, epoch: groupEpoch, offsets } = pick(random, able);
    return {
      names: { transactional_id: transactionalId! },
      body: { producer: { id, epoch }, group, member_id, epoch: groupEpoch, offsets },
    };
  },
  publishInTransaction: (known, random) => {
    const producer = transactional(known, random);
    if (!producer) return null;
    const { id, epoch, transactionalId, messages: sequence } = producer;
    const queue = pick(random, LIVING_NAMES);
    return {
      names: { transactional_id: transactionalId! },
      body: {
        producer: { id, epoch },
        sequence,
        queue,
        exchange: undefined,
        messages: [userMessage(random)],
      },
    };
  },
  produce: ({ producers }, random) => {
    const topic = pick(random, LIVING_NAMES);
    const roll = random();
    if (roll < 0.2) return { names: { topic } };
    // To several partitions, of which some may refuse: one that has heard of a ceiling, say.
    if (roll < 0.3) {
      const records = [0, 1, 0, 2].map((partition) => ({
        value: userValue(random),
        headers: userHeaders(random),
        partition,
      }));
      return {
        names: { topic },
        body: { records, producer: undefined, acks: undefined, delivery: undefined },
      };
    }
    const plain = { records: [userRecord(random)], producer: undefined };
    if (producers.length === 0 || roll < 0.4) return { names: { topic }, body: plain };
    const { id, epoch, transactionalId, sequences } = pick(random, producers);
    const sequence = sequences.get(`${topic}/0`) ?? 0;
    const transaction = transactionalId === null ? {} : { transactional_id: transactionalId };
    return {
      names: { topic },
      body: {
        producer: { id, epoch, sequence, ...transaction },
        records: [userRecord(random), ...(random() < 0.3 ? [userRecord(random)] : [])],
        acks: undefined,
        delivery: undefined,
      },
    };
  },
  fetch: (known, random) => {
    const topic = pick(random, LIVING_NAMES);
    const offset = pick(random, ['0', 'earliest', 'latest', '@0']);
    return { names: { topic, partition: '0' }, query: { offset, ...topicIdFor(topic, known, random) } };
  },
  publishToQueue: (_, random) => ({
    names: { queue: pick(random, LIVING_NAMES) },
    ...(random() < 0.6 && {
      body: {
        messages: [userMessage(random), userMessage(random)],
        producer: undefined,
        delivery: undefined,
      },
    }),
  }),
  peekQueue: living('queue'),
  publish: (_, random) => ({
    names: { exchange: pick(random, [...LIVING_NAMES, 'amq.default', 'amq.fanout']) },
    body: { messages: [{ ...userMessage(random), routing_key: pick(random, LIVING_NAMES) }] },
  }),
  bind: (_, random) => ({
    names: { exchange: pick(random, [...LIVING_NAMES, 'amq.fanout', 'amq.topic']) },
    body: {
      destination: { kind: pick(random, ['queue', 'topic', 'exchange']), name: pick(random, LIVING_NAMES) },
    },
  }),
  bindMany: (_, random) => ({
    body: {
      bindings: [
        {
          source: pick(random, LIVING_NAMES),
          destination: { kind: 'queue', name: pick(random, LIVING_NAMES) },
        },
      ],
    },
  }),
  unbind: ({ bindings }, random) => {
    const found = some(bindings, random);
    return found && { names: { exchange: found.of, binding: found.ids[0]! } };
  },
  request: (_, random) => ({
    names: { exchange: 'amq.default' },
    body: { routing_key: pick(random, LIVING_NAMES) },
  }),
  putShareGroup: (_, random) => ({
    names: { share_group: pick(random, LIVING_NAMES) },
    body: {
      topics: [pick(random, LIVING_NAMES)],
      dead_letter: pick(random, ['none', { queue: 'other' }, { topic: 'other' }]),
    },
  }),
  acquireRecords: living('share_group'),
  describeShareGroup: living('share_group'),
  resetShareGroup: living('share_group'),
  acknowledgeRecords: ({ acquisitions }, random) => {
    const found = some(acquisitions, random);
    if (!found) return null;
    const kind = pick(random, ['accept', 'release', 'reject']);
    return { names: { share_group: found.of }, body: { [kind]: found.ids, member_id: undefined } };
  },
  putSchedule: (_, random) => ({
    body: {
      cron: pick(random, ['* * * * *', '*/5 * * * *', '@hourly', '0 0 29 2 *']),
      time_zone: pick(random, ['UTC', 'Europe/Berlin', 'Pacific/Chatham']),
      target: pick(random, [{ queue: 'victim' }, { topic: 'other' }, { exchange: 'amq.fanout' }]),
      ends_at: null,
      message: { body: userValue(random), headers: userHeaders(random) },
    },
  }),
  putPolicy: (_, random) => ({
    body: {
      pattern: pick(random, ['third', 'v*', '*']),
      definition: { max_length: pick(random, [5, 1_000]) },
    },
  }),
  putAlert: (_, random) => ({
    body: { pattern: pick(random, ['third', '*']), webhook: { url: 'https://hooks.invalid/alert' } },
  }),
  deleteRecords: (known, random) => {
    const topic = pick(random, LIVING_NAMES);
    const before = pick(random, ['0', '1', '5']);
    return { names: { topic, partition: '0' }, query: { before, ...topicIdFor(topic, known, random) } };
  },
  listDeadLetters: living('queue'),
  listMessages: living('queue'),
  replayDeadLetters: (known, random) => {
    const found = some(known.deadLetters, random);
    if (!found) return null;
    return {
      names: { queue: found.of },
      body: { ids: pick(random, [found.ids, undefined]), to: pick(random, [undefined, { queue: 'third' }]) },
    };
  },
  getMessage: message,
  cancelMessage: message,
  runMessage: message,
  getDeadLetter: deadLetter,
  resendDeadLetter: deadLetter,
  getReplay: replay,
  cancelReplay: replay,
};
