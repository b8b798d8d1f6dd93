import { parseTag } from '../../../protocol/frames/delivery-tag.ts';
import type { RoutedOnce } from '../queue-history.ts';
import type { Checker } from './checker.ts';
import { finalLogs } from './logs.ts';

interface Sent extends Pick<RoutedOnce, 'exchange' | 'producer'> {
  /** The place among the messages of all its requests, in the order in which they were sent. */
  request: number;
}

/**
 * What an idempotent producer publishes through an exchange is in each destination once, however often it was sent and
 * whatever became of the bindings meanwhile: in a topic in one of its partitions. Requests of an epoch are in order in each
 * destination, and nothing of an earlier epoch comes after. All answers name the same offset. A producer that sends one
 * request at a time is never told that it is out of order.
 */
export const exchangeIdempotence: Checker = {
  name: 'exchange-idempotence',
  promise:
    'A retried publish through an exchange is stored once in each destination, in order of its requests',
  check: (history) => {
    const broken: string[] = [];
    const sent = new Map<string, Sent>();
    const answered = new Map<string, string>();
    for (const { exchange, producer, ids, outcome, code, isLate, destinations } of history.of('route-once')) {
      ids.forEach((id) => sent.set(id, { exchange, producer, request: producer.sequence }));
      if (!isLate && (code === 'out_of_order_sequence' || code === 'unknown_producer'))
        broken.push(`${ids[0]}, through ${exchange}: ${code}, and it was the only one under way`);
      if (outcome !== 'ok') continue;
      destinations!.forEach((ofMessage, index) => {
        for (const place of ofMessage) {
          const [destination, offset] = place.split(' ');
          if (offset === undefined) continue;
          const message = `${ids[index]} in ${destination}`;
          const known = answered.get(message) ?? offset;
          answered.set(message, known);
          if (known !== offset) broken.push(`${message} was acknowledged at ${known} and at ${offset}`);
        }
      });
    }
    const judge = (place: string, ids: readonly string[]): void => {
      const lasts = new Map<string, Sent>();
      for (const id of ids) {
        const own = sent.get(id);
        if (own === undefined) continue;
        const line = `${own.producer.id} ${own.exchange}`;
        const last = lasts.get(line);
        lasts.set(line, own);
        if (last === undefined) continue;
        const isOlder =
          own.producer.epoch === last.producer.epoch
            ? own.request < last.request
            : own.producer.epoch < last.producer.epoch;
        if (isOlder)
          broken.push(
            `${place} has ${id}, of request ${own.request} of epoch ${own.producer.epoch}, after ${last.request} of epoch ${last.producer.epoch}`,
          );
      }
    };
    const inTopics = new Map<string, string>();
    for (const [log, records] of finalLogs(history)) {
      const topic = log.split('/')[0]!;
      const inOrder = [...records].toSorted(([a], [b]) => a - b);
      judge(
        log,
        inOrder.map(([, id]) => id),
      );
      for (const [offset, id] of inOrder) {
        if (!sent.has(id)) continue;
        const known = inTopics.get(`${topic} ${id}`);
        if (known !== undefined) broken.push(`${id} is at ${known} and at ${log}/${offset}`);
        inTopics.set(`${topic} ${id}`, `${log}/${offset}`);
      }
    }
    /** By queue and lane: where each message was delivered first. */
    const lanes = new Map<string, Map<number, string>>();
    for (const { queue, deliveries } of history.of('deliver')) {
      for (const { id, tag, count } of deliveries) {
        // What was tried again has another place; that each has one is `stored-once`.
        if (count > 1 || !sent.has(id) || queue.endsWith('.dlq')) continue;
        const { queueId, lane, offset } = parseTag(tag)!;
        const place = `${queue}#${queueId}-${lane}`;
        lanes.set(place, (lanes.get(place) ?? new Map<number, string>()).set(offset, id));
      }
    }
    for (const [place, offsets] of lanes) {
      const inOrder = [...offsets].toSorted(([a], [b]) => a - b);
      judge(
        place,
        inOrder.map(([, id]) => id),
      );
    }
    return broken;
  },
};
