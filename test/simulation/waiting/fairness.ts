/** Fairness among streams: which consumer with room was passed over, seen from the rows and sockets of its queue. */

import { QueueStore } from '../../../durable-objects/queue/rows/queue-store.ts';
import { StoredQueue } from '../../../durable-objects/queue/stored-queue.ts';
import type { ObjectHost } from '../platform/object-host.ts';
import { readerOf } from './due.ts';

interface Stream {
  consumerId: string;
  prefetch?: number;
  /** Of one that takes nothing. */
  keeps?: string;
  endedLeases: number;
  /** Its place in the line: it grows whenever the stream is served. */
  turn: number;
  suspectMs?: number;
  isAnswered: boolean;
}

interface InLine {
  turn: number;
  /** The turns of the others at the last look. */
  others: Map<string, number>;
  /** How often each other one was served since this one was, though it had room. */
  servedBefore: Map<string, number>;
}

/** The lines of a queue, by consumer, as they were at the last look. */
const lines = new WeakMap<ObjectHost, Map<string, InLine>>();

/** Returns who was passed over twice by the same consumer, in words; null: nobody. */
export function passedOver(host: ObjectHost, nowMs: number): string | null {
  if (host.className !== 'Queue') return null;
  const streams = (host.openAttachments as Stream[]).filter(
    ({ prefetch, keeps, isAnswered, suspectMs }) =>
      prefetch !== undefined && keeps === undefined && !isAnswered && suspectMs === undefined,
  );
  const before = lines.get(host);
  lines.delete(host);
  if (streams.length < 2) return null;
  const sql = readerOf(host.disk);
  const stored = new QueueStore(sql).readQueue();
  // With one active consumer there are no turns, and an ordering key may leave a message to one of them only.
  if (stored === null || stored.definition.config.single_active_consumer || stored.isPaused) return null;
  if (stored.definition.name === 'keyed') return null;
  const queue = new StoredQueue(sql, stored.definition, stored.isPaused, nowMs);
  const line = new Map<string, InLine>();
  for (const { consumerId, prefetch, endedLeases, turn } of streams) {
    if (prefetch! - endedLeases - queue.leasedBy(consumerId) <= 0) continue;
    const known = before?.get(consumerId);
    const servedBefore = known?.turn === turn ? known.servedBefore : new Map<string, number>();
    const others = new Map(
      streams.flatMap((one) => (one.consumerId === consumerId ? [] : [[one.consumerId, one.turn]])),
    );
    for (const [other, its] of others) {
      const last = known?.turn === turn ? known.others.get(other) : undefined;
      if (last === undefined || last === its) continue;
      const times = (servedBefore.get(other) ?? 0) + 1;
      if (times > 1) return `${host.label}: ${consumerId} had room, and ${other} was served twice before it`;
      servedBefore.set(other, times);
    }
    line.set(consumerId, { turn, others, servedBefore });
  }
  lines.set(host, line);
  return null;
}
