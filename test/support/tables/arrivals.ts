/**
 * Arrivals in tables: one word a message, and one word for what becomes of it.
 *
 *   m        a message of 10 bytes          0>        stored in that lane
 *   ^3       of priority 3                  0>@150    parked for that lane until 150
 *   @150     due at 150                     duplicate known by its id
 *   #x       with the message id x          rejected  refused
 *   <90      with a time to live of 90      dead      refused and dead-lettered
 */

import { admit, type Arrival } from '../../../core/queue/publish/arrive.ts';
import type { QueueConfig } from '../../../protocol/schemas/queues.ts';
import { drawQueue, labelOf, MESSAGE_BYTES, NOW, type DrawnQueue } from './queue-picture.ts';
import { wordsOf } from './text-table.ts';

export function arrivalsOf(text: string): Arrival[] {
  return text
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word, index) => {
      const found = /^m(?:\^(?<priority>\d+))?(?:@(?<due>\d+))?(?:#(?<id>\w+))?(?:<(?<ttl>\d+))?$/.exec(word);
      if (!found) throw new Error(`no message arrives like this: ${word}`);
      const { priority, due, id, ttl } = found.groups!;
      return {
        index,
        record: { offset: 0, timestamp: NOW, key: null, value: null, headers: [] },
        bytes: MESSAGE_BYTES,
        metadata: {
          timestampMs: NOW,
          expirationMs: ttl === undefined ? null : Number(ttl),
          key: null,
          deliveriesBefore: 0,
          failuresBefore: 0,
          isDeadLetter: false,
          priority: Number(priority ?? 0),
          dueMs: due === undefined ? null : Number(due),
          messageId: id ?? null,
        },
      };
    });
}

/** The queue of a row: its picture, and `length=2 bytes=50 overflow=… parked=1 seen=x dead=none window=100 priority=3`. */
export function queueWith(meets: string, settings: string): DrawnQueue {
  const { options } = wordsOf(`with ${settings}`);
  const number = (name: string): number | null =>
    options[name] === undefined ? null : Number(options[name]);
  const queue = drawQueue(meets, {
    max_length: number('length'),
    max_bytes: number('bytes'),
    max_priority: number('priority') ?? 0,
    dedup_window_ms: number('window') ?? 0,
    overflow: (options['overflow'] ?? 'drop-head') as QueueConfig['overflow'],
    ...(options['dead'] === 'none' && { dead_letter: 'none' as const }),
  });
  queue.machine.parked = number('parked') ?? 0;
  queue.machine.parkedBytes = queue.machine.parked * MESSAGE_BYTES;
  queue.machine.counters.published += queue.machine.parked;
  for (const text of options['seen']?.split(',') ?? []) {
    const [id, untilMs] = text.split('@');
    queue.machine.dedup.add(id!, Number(untilMs));
  }
  return queue;
}

/** What becomes of each message, and `cut` where no room ends the publish. */
export function admitted(queue: DrawnQueue, arrives: string, rules: string): string {
  const arrivals = arrivalsOf(arrives);
  const isTransfer = rules.includes('transfer');
  const keepsOrder = rules.includes('ordered');
  const result = admit(queue.machine, arrivals, { count: 0, bytes: 0 }, NOW, { isTransfer, keepsOrder });
  const words = new Map<number, string>();
  for (const { index, outcome } of result.exceptions) words.set(index, outcome);
  for (const { index } of result.dead) words.set(index, 'dead');
  for (const [lane, stored] of result.stored)
    for (const { index } of stored) words.set(index, `${labelOf(lane)}>`);
  for (const { dueMs, lane, arrivals: parked } of result.parked)
    for (const { index } of parked) words.set(index, `${labelOf(lane)}>@${dueMs}`);
  return [...arrivals.map(({ index }) => words.get(index)), ...(result.isCutShort ? ['cut'] : [])].join(' ');
}
