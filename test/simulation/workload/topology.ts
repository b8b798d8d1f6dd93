/** The topics, queues and exchanges that the workload uses. Each queue is there for one promise. */

import type { QueueConfig } from '../../../protocol/schemas/queues.ts';
import type { Client } from './client.ts';
import { isCompacted, KEPT } from './kept-topics.ts';
import { isSteered, LATE_QUEUES } from './late-queues.ts';
import { SHARED } from './share-topology.ts';
import {
  FEATURE_EXCHANGES,
  FEATURE_QUEUES,
  FEATURE_TOPICS,
  isReplayed,
  STATIC_BINDINGS,
  TIMED,
} from './queue-topology.ts';

export const TOPICS: Record<string, { partitions: number; declared?: object }> = {
  /** Written to in transactions, and without. */
  ledger: { partitions: 3 },
  log: { partitions: 3 },
  /** Records of it are deleted now and then. */
  trimmed: { partitions: 1 },
  /** Fed by an exchange. */
  copied: { partitions: 2 },
  /** Read by share groups. */
  [SHARED.topic]: { partitions: SHARED.partitions },
  ...KEPT,
  /** A group reads these two, and writes what follows from each to the other, in transactions. */
  orders: { partitions: 2 },
  invoices: { partitions: 2 },
  ...FEATURE_TOPICS,
};

/** Their offsets have gaps: the markers that end transactions. */
export const hasMarkers = (topic: string): boolean => ['ledger', 'orders', 'invoices'].includes(topic);

/** Offsets of which nobody reads a record. */
export const hasGaps = (topic: string): boolean => hasMarkers(topic) || isCompacted(topic);

export const TRANSACTIONAL_IDS = ['job-1', 'job-2', 'job-3', 'job-4'];

const RETRY = { schedule_ms: [200, 2_000] };

export const QUEUES: Record<string, object> = {
  plain: { lease_ms: 5_000, retry: RETRY },
  keyed: { max_priority: 31, lease_ms: 5_000, retry: RETRY },
  deduplicated: { dedup_window_ms: 86_400_000, lease_ms: 8_000 },
  ranked: { max_priority: 31, lease_ms: 5_000, retry: RETRY },
  delayed: { lease_ms: 5_000, retry: { base_ms: 100, factor: 3, max_ms: 5_000, jitter: 0.5, attempts: 3 } },
  full: { max_length: 6, overflow: 'reject-publish', retry: RETRY },
  dropping: { max_length: 8, overflow: 'drop-head', retry: RETRY },
  expiring: { message_ttl_ms: 3_000, retry: RETRY },
  single: { single_active_consumer: true, lease_ms: 4_000, retry: RETRY },
  /** Purged, paused, and taken from without acknowledgements. */
  bin: { retry: RETRY },
  left: { retry: RETRY },
  right: { retry: RETRY },
  /** A ring: what dies in one goes to the next, and would go round for ever. */
  'ring-1': { message_ttl_ms: 1_500, retry: RETRY, dead_letter: { queue: 'ring-2' } },
  'ring-2': { message_ttl_ms: 1_500, retry: RETRY, dead_letter: { queue: 'ring-3' } },
  'ring-3': { message_ttl_ms: 1_500, retry: RETRY, dead_letter: { queue: 'ring-1' } },
};

/** Destinations of the exchange. */
export const FANOUT = { exchange: 'both', queues: ['left', 'right'], topic: 'copied' };

/** One that producers with sequences publish through; one of its queues refuses what it has no room for. */
export const ONCE = { exchange: 'once', queues: ['left', 'right', 'full'], topic: 'copied' };

export const isRing = (queue: string): boolean => queue.startsWith('ring-');

/** The queue that messages found in this one were published to. */
export function publishedTo(queue: string): string {
  if (isRing(queue)) return 'ring-1';
  if (isReplayed(queue)) return 'mended';
  if (isSteered(queue)) return 'steered';
  if (queue === SHARED.deadLetters) return SHARED.topic;
  const before = diedIn(queue);
  return before === null ? queue : publishedTo(before);
}

/** The queue whose dead letters come to this one; null if it is no such queue. */
export const diedIn = (queue: string): string | null =>
  queue === 'undertaker' ? 'mourned' : queue.endsWith('.dlq') ? queue.slice(0, -'.dlq'.length) : null;

/** What the queue was declared with; nothing for those that the broker makes. */
export const configOf = (queue: string): Partial<QueueConfig> =>
  ({ ...QUEUES, ...FEATURE_QUEUES, ...LATE_QUEUES })[queue] ?? {};

export const deadLetterQueue = (queue: string): string => `${queue}.dlq`;

/** Declares everything, for as long as it takes. */
export async function declareAll(client: Client): Promise<void> {
  for (const [name, { partitions, declared }] of Object.entries(TOPICS)) {
    await insist(client, 'PUT', `/topics/${name}`, { partitions, retention_ms: null, ...declared });
  }
  for (const [name, declaration] of Object.entries({ ...QUEUES, ...FEATURE_QUEUES })) {
    await insist(client, 'PUT', `/queues/${name}`, declaration);
  }
  for (const { exchange, queues, topic } of [FANOUT, ONCE]) {
    await insist(client, 'PUT', `/exchanges/${exchange}`, { type: 'fanout' });
    const destinations = [...queues.map((name) => ({ kind: 'queue', name })), { kind: 'topic', name: topic }];
    for (const destination of destinations) {
      await insist(client, 'POST', `/exchanges/${exchange}/bindings`, { destination });
    }
  }
  for (const [name, declaration] of Object.entries(FEATURE_EXCHANGES)) {
    await insist(client, 'PUT', `/exchanges/${name}`, declaration);
  }
  await insist(client, 'POST', '/bindings', { bindings: STATIC_BINDINGS });
  await insist(client, 'PUT', `/schedules/${TIMED.schedule}`, TIMED.declaration);
}

export async function insist(
  client: Client,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  for (;;) {
    const answer = await client.request(method, path, body);
    if (answer.outcome === 'ok') return answer.body;
    if (answer.outcome === 'refused') throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    await client.sleep(500);
  }
}
