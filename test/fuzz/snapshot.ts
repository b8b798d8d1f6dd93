/** What a refused request must leave as it was: definitions, ends of logs, and how much was published. */

import type { QueueWithStateReply } from '../../protocol/queues.ts';
import type { TestBroker } from '../support/test-broker.ts';

const QUEUES = ['victim', 'other', 'third'];
const TOPICS = ['victim', 'other'];

export interface Snapshot {
  /** Definitions, and the ends of logs, as text. */
  lasting: string;
  /** Of each queue, since when its object is awake, and what was published since. */
  published: ({ since: number; count: number } | null)[];
}

/** What has changed, in words; null where nothing has. An object that has slept meanwhile counts anew. */
export function difference(before: Snapshot, after: Snapshot): string | null {
  if (before.lasting !== after.lasting) {
    let at = 0;
    while (before.lasting[at] === after.lasting[at]) at += 1;
    const around = (text: string): string => text.slice(Math.max(0, at - 100), at + 200);
    return `${around(before.lasting)}\nis now\n${around(after.lasting)}`;
  }
  const changed = QUEUES.find((_, index) => {
    const [known, found] = [before.published[index], after.published[index]];
    return known && found && known.since === found.since && known.count !== found.count;
  });
  return changed === undefined ? null : `queue ${changed} has taken messages`;
}

/** Leaves out what changes by itself: queues that go when unused, dead-letter queues, what leases and times move. */
export async function snapshot(broker: TestBroker): Promise<Snapshot> {
  const get = async <Body>(path: string): Promise<Body> =>
    (await broker.call<Body>('GET', `/v1/default${path}`)).body;
  type Named = { queue: string; expires_ms: number | null; auto_delete: boolean };
  type Ends = { high_watermark?: number };
  const [topics, queues, exchanges, bindings, policies, states, ends] = await Promise.all([
    get('/topics'),
    get<{ queues: Named[] }>('/queues'),
    get('/exchanges'),
    get('/bindings'),
    get('/policies'),
    Promise.all(QUEUES.map((queue) => get<QueueWithStateReply>(`/queues/${queue}`))),
    Promise.all(TOPICS.map((topic) => get<Ends>(`/topics/${topic}/partitions/0`))),
  ]);
  const stays = queues.queues.filter(
    ({ queue, expires_ms: expiresMs, auto_delete: isAutoDelete }) =>
      expiresMs === null && !isAutoDelete && !queue.endsWith('.dlq'),
  );
  const published = states.map(({ state }) =>
    state ? { since: state.meter.since, count: state.meter.published } : null,
  );
  const highs = ends.map(({ high_watermark: high }) => high);
  return { lasting: JSON.stringify({ topics, stays, exchanges, bindings, policies, highs }), published };
}
