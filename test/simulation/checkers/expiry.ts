import { configOf, isRing } from '../workload/topology.ts';
import type { Checker } from './checker.ts';

/** Clocks show whole milliseconds, in ms. */
const ROUNDING_MS = 2;

/**
 * Checker: a consumer that asks after a message has expired does not get it. Times are those of clients: the publish
 * happened before its answer. Judged only while clocks agree.
 */
export const expiry: Checker = {
  name: 'expiry',
  promise: 'A message is not delivered after it has expired',
  check: (history) => {
    if (!history.clocksAgree) return [];
    const deadMs = new Map<string, number>();
    for (const { queue, copies, end, messages } of history.of('publish')) {
      if (isRing(queue)) continue;
      const ttlMs = configOf(queue).message_ttl_ms ?? Infinity;
      for (const { id, expirationMs = Infinity, delayMs = 0 } of messages) {
        if (copies === 1)
          deadMs.set(
            `${queue} ${id}`,
            history.msAt(end) + dueAfterMs(delayMs) + Math.min(ttlMs, expirationMs),
          );
      }
    }
    return history.of('deliver').flatMap(({ queue, begin, deliveries, consumer, isFinal }) =>
      deliveries.flatMap(({ id, count }) => {
        const late = history.msAt(begin) - (deadMs.get(`${queue} ${id}`) ?? Infinity);
        // What a stream brings was sent before it was known.
        if (late <= ROUNDING_MS || consumer.startsWith('stream-')) return [];
        return [
          `queue ${queue} gave ${id} for the ${count}. time ${late.toFixed(0)} ms after it had expired${isFinal ? ', at rest' : ''}`,
        ];
      }),
    );
  },
};

/** The time to live of a delayed message begins when it is due. The broker rounds delays up, to two digits. */
const dueAfterMs = (delayMs: number): number => delayMs * 1.1;
