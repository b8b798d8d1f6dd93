/**
 * Position: up to where the changes of a database are stored. It is a record in a topic of its own, written in the same transaction as
 * the changes. So it is never behind them, and never ahead.
 */

import type { Posthorn } from '../../posthorn.ts';
import { PosthornError } from '../../errors.ts';

/** How many records are read from the end; ten times as many if none of them is committed. */
const LOOK_BACK = 100;

export const positionTopic = (name: string): string => `${name}.cdc-position`;

export function positionRecord(name: string, lsn: string): { key: string; value: Uint8Array } {
  return { key: name, value: new TextEncoder().encode(JSON.stringify({ lsn })) };
}

/** Makes the topic if it is missing. The latest position of each name is kept for ever. */
export async function preparePositions(posthorn: Posthorn, name: string): Promise<void> {
  await makeTopic(posthorn, positionTopic(name), { partitions: 1, cleanupPolicy: 'compact' });
}

/** Returns the LSN of the last commit that is stored; null: there is none. Transactions of earlier instances have to be over. */
export async function readPosition(posthorn: Posthorn, name: string): Promise<string | null> {
  const topic = positionTopic(name);
  const { logStartOffset, highWatermark } = await posthorn.topics.describePartition(topic, 0);
  for (let back = LOOK_BACK; ; back *= 10) {
    const from = Math.max(logStartOffset, highWatermark - back);
    let last: string | null = null;
    const reader = posthorn.reader(topic, { from, follow: false, isolation: 'read_committed' });
    for await (const record of reader) last = (record.json() as { lsn: string }).lsn;
    if (last !== null || from === logStartOffset) return last;
  }
}

export async function makeTopic(
  posthorn: Posthorn,
  topic: string,
  fields: Parameters<Posthorn['topics']['declare']>[1],
): Promise<void> {
  try {
    await posthorn.topics.get(topic);
  } catch (error) {
    if (!(error instanceof PosthornError && error.code === 'topic_not_found')) throw error;
    await posthorn.topics.declare(topic, fields);
  }
}
