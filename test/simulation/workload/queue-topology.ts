/** The queues and exchanges of features that are tried apart from the others, because there messages move by other rules. */

import type { BindingFields } from '../queue-history.ts';

const RETRY = { schedule_ms: [200, 2_000] };

export const FEATURE_QUEUES: Record<string, object> = {
  /** What dies in these two goes to `broken`, is replayed from there, edited, or purged. */
  mended: { lease_ms: 5_000, retry: { schedule_ms: [300] }, dead_letter: { queue: 'broken' } },
  elsewhere: { lease_ms: 5_000, retry: { schedule_ms: [] }, dead_letter: { queue: 'broken' } },
  broken: { lease_ms: 4_000, retry: { schedule_ms: [500] }, dead_letter: 'none' },
  /** What it refuses is a dead letter. */
  overflowing: { max_length: 5, overflow: 'reject-publish-dlx', retry: RETRY },
  /** Its dead letters go through an exchange. */
  mourned: { message_ttl_ms: 6_000, retry: RETRY, dead_letter: { exchange: 'x-dead', routing_key: 'dead' } },
  undertaker: { retry: RETRY },
  /** What dies in it is gone. */
  nowhere: { lease_ms: 3_000, retry: { schedule_ms: [] }, dead_letter: 'none' },
  /** What a schedule publishes. */
  timed: { lease_ms: 5_000, retry: RETRY },
  /** Destinations of the exchanges. */
  'routed-1': { lease_ms: 5_000, retry: RETRY },
  'routed-2': { lease_ms: 5_000, retry: RETRY },
  'routed-3': { lease_ms: 5_000, retry: RETRY },
  'routed-rest': { lease_ms: 5_000, retry: RETRY },
  'hashed-1': { lease_ms: 5_000, retry: RETRY },
  'hashed-2': { lease_ms: 5_000, retry: RETRY },
};

/** What exchanges lead to. */
export const ROUTED_QUEUES = ['routed-1', 'routed-2', 'routed-3', 'routed-rest', 'hashed-1', 'hashed-2'];

export const FEATURE_TOPICS: Record<string, { partitions: number }> = {
  /** Fed by exchanges. */
  routed: { partitions: 1 },
};

/** Taken from like any other. */
export const TAKEN = [
  'mended',
  'mended',
  'mended',
  'elsewhere',
  'broken',
  'overflowing',
  'overflowing.dlq',
  'mourned',
  'undertaker',
  'nowhere',
  'timed',
  'routed-1',
  'routed-2',
  'routed-3',
];

/** Messages of these are replayed: they move between queues, and come again to where they have been. */
const REPLAYED = new Set(['mended', 'elsewhere', 'broken']);
export const isReplayed = (queue: string): boolean => REPLAYED.has(queue);

export const TIMED = {
  queue: 'timed',
  schedule: 'tick',
  declaration: { cron: '* * * * *', target: { queue: 'timed' }, message: { body: 'tick' } },
};

/** Deleted and declared anew, again and again. */
export const FLEETING = 'fleeting';
export const isFleeting = (queue: string): boolean => queue.replace(/\.dlq$/, '') === FLEETING;

/** Half of the messages that fail do so without hope; those are purged. */
export const errorTypeOf = (id: string): string =>
  Number(id.split('.')[0]) % 3 === 0 ? 'hopeless' : 'passing';

export const FEATURE_EXCHANGES: Record<string, object> = {
  'x-direct': { type: 'direct', alternate_exchange: 'x-rest' },
  'x-topic': { type: 'topic' },
  'x-headers': { type: 'headers' },
  'x-fan': { type: 'fanout' },
  'x-rest': { type: 'fanout' },
  'x-hash': { type: 'consistent-hash' },
  'x-dead': { type: 'fanout' },
};

const binding = (source: string, to: string, routingKey = '', args = {}): BindingFields => {
  const [kind, name] = to.split('/') as [BindingFields['destination']['kind'], string];
  return { source, destination: { kind, name }, routing_key: routingKey, arguments: args };
};

/** They are never removed. Two exchanges lead to each other. */
export const STATIC_BINDINGS: readonly BindingFields[] = [
  binding('x-direct', 'queue/routed-1', 'a'),
  binding('x-direct', 'queue/routed-2', 'a'),
  binding('x-direct', 'exchange/x-fan', 'b'),
  binding('x-topic', 'queue/routed-1', '*.eu'),
  binding('x-topic', 'queue/routed-3', 'order.#'),
  binding('x-topic', 'exchange/x-fan', 'order.eu'),
  binding('x-topic', 'exchange/x-direct', '#.eu'),
  binding('x-headers', 'queue/routed-1', '', { 'x-match': 'any', kind: 'gold', size: 'big' }),
  binding('x-headers', 'queue/routed-2', '', { 'x-match': 'all', kind: 'gold', size: 'big' }),
  binding('x-fan', 'queue/routed-2'),
  binding('x-fan', 'topic/routed'),
  binding('x-fan', 'exchange/x-direct'),
  binding('x-rest', 'queue/routed-rest'),
  binding('x-hash', 'queue/hashed-1', '1'),
  binding('x-hash', 'queue/hashed-2', '2'),
  binding('x-dead', 'queue/undertaker'),
];
