/** What a refused request must leave as it was: definitions, ends of logs, offsets of groups, how much was published. */

import type { GroupOffsetReply } from '../../protocol/schemas/groups.ts';
import type { CostLimitsReply } from '../../protocol/schemas/cost-limits.ts';
import type { QueueWithStateReply } from '../../protocol/schemas/queues.ts';
import type { TestBroker } from '../support/broker/test-broker.ts';
import { call } from './requests/call.ts';
import { LIVING_NAMES } from './values/schema-values.ts';

export interface Snapshot {
  /** When it was begun, in ms. */
  atMs: number;
  /** Each part as text. */
  lasting: Record<string, string>;
  /** Of each queue, since when its object is awake, and what was published since. */
  published: Record<string, { since: number; count: number } | null>;
  /** Of the partition 0 of each topic, where its log ends; null if there is none. */
  ends: Record<string, number | null>;
  /** Some queue or exchange goes by itself when it is not used. */
  isExpiring: boolean;
  /** Some topic removes records by itself. */
  isCleaning: boolean;
}

/** Bindings by where they lead to. */
const BINDING_LISTS = LIVING_NAMES.flatMap((name) => [
  `/queues/${name}/bindings`,
  `/topics/${name}/bindings`,
  `/exchanges/${name}/bindings?end=destination`,
]);

export interface Difference {
  /** `queues`, `queue victim`, `logs`, ... */
  part: string;
  /** In words. */
  text: string;
}

/** Null if nothing has changed. An object that has slept meanwhile counts anew. */
export function difference(before: Snapshot, after: Snapshot): Difference | null {
  for (const [part, text] of Object.entries(before.lasting)) {
    const now = after.lasting[part]!;
    if (text === now) continue;
    let at = 0;
    while (text[at] === now[at]) at += 1;
    const around = (shown: string): string => shown.slice(Math.max(0, at - 100), at + 200);
    return { part, text: `${part}: ${around(text)}\nis now\n${around(now)}` };
  }
  for (const [queue, known] of Object.entries(before.published)) {
    const found = after.published[queue];
    if (known && found && known.since === found.since && known.count !== found.count)
      return {
        part: `queue ${queue}`,
        text: `queue ${queue} has taken ${found.count - known.count} messages`,
      };
  }
  return null;
}

type Named = { queue: string; expires_ms: number | null; auto_delete: boolean };

/** Leaves out what changes by itself: queues that go when unused, dead-letter queues, what leases and times move. */
export async function snapshot(broker: TestBroker): Promise<Snapshot> {
  const atMs = Date.now();
  const get = async <Body>(path: string): Promise<Body> =>
    (await call<Body>(broker, 'GET', `/v1/default${path}`)).body;
  const text = async (path: string): Promise<string> => JSON.stringify(await get(path));
  type Log = { high_watermark?: number; log_start_offset?: number };
  const logs = Promise.all(LIVING_NAMES.map((topic) => get<Log>(`/topics/${topic}/partitions/0`)));
  const lists = Promise.all(['/queues', '/exchanges', '/policies', '/topics'].map(text));
  const lasting: Record<string, () => Promise<string>> = {
    topics: () => text('/topics'),
    queues: async () => {
      const { queues } = await get<{ queues: Named[] }>('/queues');
      const stays = queues.filter(
        ({ queue, expires_ms: expiresMs, auto_delete: isAutoDelete }) =>
          expiresMs === null && !isAutoDelete && !queue.endsWith('.dlq'),
      );
      return JSON.stringify(stays);
    },
    exchanges: () => text('/exchanges'),
    bindings: async () => JSON.stringify(await Promise.all(BINDING_LISTS.map(bindingsOf))),
    policies: () => text('/policies'),
    alerts: () => text('/alerts'),
    schedules: () => text('/schedules'),
    groups: () => text('/groups'),
    hooks: () => text('/hooks'),
    'share groups': () => text('/share-groups'),
    limits: async () => String((await get<CostLimitsReply>('/limits')).rows_written_per_hour),
    'log starts': async () => JSON.stringify((await logs).map(({ log_start_offset: start }) => start)),
    'log ends': async () => JSON.stringify((await logs).map(({ high_watermark: end }) => end)),
    offsets: async () => JSON.stringify(await Promise.all(LIVING_NAMES.map(offsetsOf))),
  };
  const offsetsOf = async (group: string): Promise<unknown> => {
    const { offsets } = await get<{ offsets?: GroupOffsetReply[] }>(`/groups/${group}/offsets`);
    // A partition without an offset is listed as soon as a member is given it, which happens by time.
    return offsets
      ?.filter(({ offset, pending }) => offset !== null || (pending ?? null) !== null)
      .map(({ topic, partition, offset, pending }) => [topic, partition, offset, pending]);
  };
  const bindingsOf = async (path: string): Promise<unknown> =>
    (await get<{ bindings?: { id: string }[] }>(path)).bindings?.map(({ id }) => id);
  const parts = Object.entries(lasting);
  const [texts, states] = await Promise.all([
    Promise.all(parts.map(([, read]) => read())),
    Promise.all(LIVING_NAMES.map((queue) => get<QueueWithStateReply>(`/queues/${queue}`))),
  ]);
  const [queues, exchanges, policies, topics] = await lists;
  return {
    atMs,
    ends: Object.fromEntries(
      (await logs).map(({ high_watermark: end }, index) => [LIVING_NAMES[index]!, end ?? null]),
    ),
    isExpiring: /"expires_ms":\d|"auto_delete":true/.test(`${queues}${exchanges}${policies}`),
    // Seven days is the default.
    isCleaning: /"retention_ms":\d{1,8},|"retention_bytes":\d|"cleanup_policy":"compact/.test(topics!),
    lasting: Object.fromEntries(parts.map(([part], index) => [part, texts[index]!])),
    published: Object.fromEntries(
      LIVING_NAMES.map((queue, index) => {
        const { state, overflow } = states[index]!;
        // What such a queue refuses becomes a dead letter of it, and counts as published.
        const isCounted = state && overflow !== 'reject-publish-dlx';
        return [queue, isCounted ? { since: state.meter.since, count: state.meter.published } : null];
      }),
    ),
  };
}
