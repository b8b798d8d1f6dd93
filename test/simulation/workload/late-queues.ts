/** Queues that operations declare when they first use one: a run without those operations has them not. */

import type { Random } from '../../crash/random.ts';
import type { Client } from './client.ts';

const RETRY = { schedule_ms: [200, 2_000] };

export const LATE_QUEUES: Record<string, object> = {
  /** Watched by streams, some of which stand still or vanish. */
  watched: { lease_ms: 5_000, retry: { schedule_ms: [200, 500, 1_000, 2_000, 4_000] } },
  /** Its mode changes while it is used: one active consumer, or many. */
  switched: { lease_ms: 3_000, retry: RETRY },
  /** Messages expire while they are away: delayed, waiting for another attempt, or held by a consumer. */
  fading: { message_ttl_ms: 4_000, lease_ms: 3_000, retry: { schedule_ms: [500, 3_000, 6_000] } },
  /** Its messages are cancelled, run now, and moved to the other. */
  steered: { lease_ms: 3_000, retry: { schedule_ms: [500, 3_000, 6_000] } },
  'steered-to': { lease_ms: 3_000, retry: { schedule_ms: [500] }, dead_letter: 'none' },
  /** Its consumers take without settling, and stop in order. */
  handed: { retry: RETRY },
};

/** Messages of these are moved, run before their time, or cancelled. */
export const isSteered = (queue: string): boolean => queue === 'steered' || queue === 'steered-to';

/** Returns whether the queue is there. */
export async function declareLate(client: Client, queue: string, random: Random): Promise<boolean> {
  let isThere = false;
  await client.retried(random, async () => {
    const answer = await client.request('PUT', `/queues/${queue}`, LATE_QUEUES[queue]);
    // Another client may have changed it meanwhile.
    isThere ||= answer.outcome === 'ok' || answer.status === 409;
    return answer;
  });
  return isThere;
}
