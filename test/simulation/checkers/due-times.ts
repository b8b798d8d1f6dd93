import type { History } from '../history.ts';
import { isReplayed } from '../workload/queue-topology.ts';
import { isSteered } from '../workload/late-queues.ts';
import { configOf, isRing, publishedTo } from '../workload/topology.ts';
import type { Checker } from './checker.ts';

/** Clocks show whole milliseconds, in ms. */
const ROUNDING_MS = 2;

/**
 * Checker: no delayed or retried message is delivered before its time, and none is tried more often than its queue
 * allows. Judged only while clocks agree.
 */
export const dueTimes: Checker = {
  name: 'due-times',
  promise: 'A delayed message, or one that is tried again, is not delivered before its time',
  check: (history) => [...tooOften(history), ...(history.clocksAgree ? tooEarly(history) : [])],
};

function tooEarly(history: History): string[] {
  const dueMs = new Map<string, number>();
  for (const { queue, copies, begin, messages } of history.of('publish')) {
    if (copies > 1 || isSteered(queue)) continue;
    for (const { id, delayMs } of messages)
      if (delayMs !== undefined) dueMs.set(`${queue} ${id} 1`, history.msAt(begin) + delayMs);
  }
  const counts = new Map(
    history.of('deliver').flatMap(({ deliveries }) => deliveries.map(({ tag, count }) => [tag, count])),
  );
  for (const { queue, begin, settlements } of history.of('settle')) {
    if (isMoved(queue)) continue;
    for (const { id, tag, result, delayMs } of settlements) {
      if (result !== 'parked') continue;
      const delay = delayMs ?? Math.min(...(retriesOf(queue) ?? [0]));
      dueMs.set(`${queue} ${id} ${counts.get(tag)! + 1}`, history.msAt(begin) + delay);
    }
  }
  const copied = idsSentTwice(history);
  return history.of('deliver').flatMap(({ queue, end, deliveries }) =>
    deliveries.flatMap(({ id, count }) => {
      const due = dueMs.get(`${queue} ${id} ${count}`);
      const early = (due ?? 0) - history.msAt(end);
      return early > ROUNDING_MS && !copied.has(`${queue} ${id}`)
        ? [`queue ${queue} gave ${id} for the ${count}. time ${early.toFixed(0)} ms too early`]
        : [];
    }),
  );
}

function tooOften(history: History): string[] {
  const copied = idsSentTwice(history);
  const failures = new Map<string, Set<string>>();
  for (const { queue, settlements } of history.of('settle')) {
    if (isMoved(queue) || queue.endsWith('.dlq')) continue;
    for (const { id, tag, kind, result } of settlements) {
      const stays = kind === 'nack' && (result === 'parked' || result === 'requeued');
      if (!stays || copied.has(`${queue} ${id}`)) continue;
      const known = failures.get(`${queue} ${id}`) ?? new Set();
      failures.set(`${queue} ${id}`, known.add(tag));
    }
  }
  return [...failures].flatMap(([message, tags]) => {
    const most = retriesOf(message.split(' ')[0]!)?.length ?? Infinity;
    return tags.size > most ? [`${message} was tried again ${tags.size} times, at most ${most}`] : [];
  });
}

/** The delays before each attempt but the first; null if chance decides. */
function retriesOf(queue: string): readonly number[] | null {
  const { retry } = configOf(queue);
  return retry === undefined ? [1_000, 5_000, 30_000] : 'schedule_ms' in retry ? retry.schedule_ms : null;
}

/** Where the same message may come again, and be counted anew. */
const isMoved = (queue: string): boolean => isRing(queue) || isReplayed(queue) || isSteered(queue);

function idsSentTwice(history: History): Set<string> {
  const ids = new Set<string>();
  const queues = new Set(history.of('deliver').map(({ queue }) => queue));
  for (const { queue, copies, messages } of history.of('publish')) {
    if (copies === 1) continue;
    for (const other of queues)
      if (publishedTo(other) === queue) for (const { id } of messages) ids.add(`${other} ${id}`);
  }
  return ids;
}
