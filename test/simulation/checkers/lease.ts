import { parseTag } from '../../../protocol/frames/delivery-tag.ts';
import type { Delivered, History } from '../history.ts';
import type { Checker } from './checker.ts';

interface Handed {
  tag: string;
  /** How often this message was handed out from its place. */
  delivery: number;
  id: string;
  expiresMs: number;
  event: Delivered;
}

/** Checker: at most one consumer holds a message at a time. */
export const lease: Checker = {
  name: 'lease',
  promise: 'At most one live lease for each message',
  check: (history) => {
    const broken: string[] = [];
    const ended = endsOfLeases(history);
    for (const handed of byPlace(history).values()) {
      handed.sort((a, b) => a.delivery - b.delivery);
      handed.forEach((next, index) => {
        const last = handed[index - 1];
        if (!last) return;
        const { queue, consumer } = next.event;
        if (last.tag === next.tag) {
          broken.push(
            `queue ${queue} gave ${next.id} as ${next.tag} to ${last.event.consumer} and to ${consumer}`,
          );
          return;
        }
        if (!history.clocksAgree || last.event.isAutoAck || next.event.isAutoAck) return;
        const handedMs = next.expiresMs - next.event.leaseMs;
        const end = Math.min(ended.get(last.tag) ?? Infinity, ended.get(last.event.consumer) ?? Infinity);
        if (handedMs < last.expiresMs && end > next.event.end) {
          broken.push(
            `queue ${queue} gave ${next.id} to ${consumer} ${last.expiresMs - handedMs} ms before the lease of ${last.event.consumer} (${last.tag}) was over`,
          );
        }
      });
    }
    return broken;
  },
};

function byPlace(history: History): Map<string, Handed[]> {
  const places = new Map<string, Handed[]>();
  for (const event of history.of('deliver')) {
    for (const { tag, id, expiresMs } of event.deliveries) {
      const { queueId, lane, offset, delivery } = parseTag(tag)!;
      const place = `${queueId}-${lane}-${offset}`;
      places.set(place, places.get(place) ?? []);
      places.get(place)!.push({ tag, delivery, id, expiresMs: expiresMs ?? 0, event });
    }
  }
  return places;
}

/** From when on the lease of a tag, or all leases of a consumer that has left, may have been given up. */
function endsOfLeases(history: History): Map<string, number> {
  const ended = new Map<string, number>();
  const note = (key: string, at: number): void =>
    void ended.set(key, Math.min(at, ended.get(key) ?? Infinity));
  for (const { begin, settlements } of history.of('settle'))
    for (const { tag } of settlements) note(tag, begin);
  for (const { begin, consumer } of history.of('leave')) note(consumer, begin);
  return ended;
}
