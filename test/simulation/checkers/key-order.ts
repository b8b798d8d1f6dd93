import type { Checker } from './checker.ts';

/** Outcomes that leave a message in its queue. */
const STAYS = new Set(['requeued', 'parked', 'extended', 'lease_expired', 'not_yours', 'unknown_tag']);

/**
 * Messages of one ordering key are delivered one at a time, in the order in which they were published: none before those
 * that were confirmed before it was sent are done with.
 */
export const keyOrder: Checker = {
  name: 'key-order',
  promise: 'Per ordering key, order is publish order',
  check: (history) => {
    const broken: string[] = [];
    /** From when on a message may be done with. */
    const done = new Map<string, number>();
    for (const { queue, begin, settlements } of history.of('settle')) {
      for (const { id, kind, result } of settlements) {
        if (kind === 'release' || kind === 'extend' || (result !== null && STAYS.has(result))) continue;
        const message = `${queue} ${id}`;
        done.set(message, Math.min(begin, done.get(message) ?? Infinity));
      }
    }
    // One that died as its lease ended: from its last delivery on.
    const dead = new Set(
      history
        .of('deliver')
        .flatMap(({ queue, deliveries }) =>
          queue.endsWith('.dlq') ? deliveries.map(({ id }) => `${queue.replace(/\.dlq$/, '')} ${id}`) : [],
        ),
    );
    const last = new Map<string, number>();
    for (const { queue, begin, deliveries } of history.of('deliver'))
      for (const { id } of deliveries) last.set(`${queue} ${id}`, begin);
    for (const message of dead)
      done.set(message, Math.min(last.get(message) ?? 0, done.get(message) ?? Infinity));
    const first = new Map<string, { end: number; consumer: string }>();
    for (const { queue, end, consumer, deliveries } of history.of('deliver')) {
      for (const { id } of deliveries)
        if (!first.has(`${queue} ${id}`)) first.set(`${queue} ${id}`, { end, consumer });
    }
    const keyed = history
      .of('publish')
      .flatMap(({ queue, copies, begin, end, messages }) =>
        messages.flatMap(({ id, key, outcome }) =>
          key !== null && outcome === 'stored' && copies === 1 ? [{ queue, key, id, begin, end }] : [],
        ),
      );
    for (const ofKey of Map.groupBy(keyed, ({ queue, key }) => `${queue} ${key}`).values()) {
      for (const later of ofKey) {
        const delivered = first.get(`${later.queue} ${later.id}`);
        if (!delivered) continue;
        for (const earlier of ofKey) {
          const isBefore =
            earlier.end < later.begin ||
            (earlier.begin === later.begin && ofKey.indexOf(earlier) < ofKey.indexOf(later));
          if (!isBefore || (done.get(`${earlier.queue} ${earlier.id}`) ?? Infinity) < delivered.end) continue;
          broken.push(
            `queue ${later.queue}, key ${later.key}: ${later.id} went to ${delivered.consumer} while ${earlier.id}, published before it, was not done`,
          );
        }
      }
    }
    return broken;
  },
};
