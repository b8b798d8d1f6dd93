/** What clients of AMQP are promised. */

import { AMQP_QUEUE } from '../amqp/amqp-queue.ts';
import type { Delivered, History } from '../history.ts';
import type { Checker } from './checker.ts';

/** What was sent so long before the end of a connection has arrived, in ms. */
const ARRIVED_MS = 100;

/** What was read at rest, from the queue itself. */
const readAtRest = (history: History): Delivered[] =>
  history.of('deliver').filter(({ queue }) => queue === AMQP_QUEUE);

/** What was confirmed is acknowledged by a consumer, or still there at rest, perhaps as a dead letter. */
export const amqpLost: Checker = {
  name: 'amqp-lost',
  promise: 'A message that was confirmed by AMQP stays until it is acknowledged or rejected',
  check: (history) => {
    const known = new Set<string>();
    for (const { what, ids } of history.of('amqp-settle'))
      if (what === 'ack') for (const id of ids) known.add(id);
    for (const { queue, deliveries } of history.of('deliver'))
      if (queue.startsWith(AMQP_QUEUE)) for (const { id } of deliveries) known.add(id);
    return history
      .of('amqp-publish')
      .filter(({ outcome, id }) => outcome === 'confirmed' && !known.has(id))
      .map(({ id }) => `${id} was confirmed, and is lost`);
  },
};

/** Acknowledgements have no answer: where nothing fails, they are known to arrive all the same. */
export const amqpSettled: Checker = {
  name: 'amqp-settled',
  promise:
    'A message that was acknowledged or rejected by AMQP does not come back, unless something fails meanwhile',
  check: (history) => {
    if (!history.answersArrive || !history.clocksAgree || history.of('gateway-killed').length > 0) return [];
    const ends = new Map(history.of('amqp-end').map((event) => [event.connection, event]));
    const gone = new Map<string, number>();
    for (const { connection, what, ids, begin } of history.of('amqp-settle')) {
      const end = ends.get(connection);
      const isSure =
        end === undefined ||
        end.how === 'closed' ||
        history.msAt(end.begin) - history.msAt(begin) > ARRIVED_MS;
      if (what !== 'requeue' && isSure) for (const id of ids) gone.set(id, begin);
    }
    const later = [
      ...history.of('amqp-deliver').map(({ id, begin }) => ({ id, begin })),
      ...readAtRest(history).flatMap(({ begin, deliveries }) => deliveries.map(({ id }) => ({ id, begin }))),
    ];
    return later
      .filter(({ id, begin }) => begin > (gone.get(id) ?? Infinity))
      .map(({ id }) => `${id} came back after it was acknowledged or rejected`);
  },
};

/** Whoever gets a message that somebody has had before is told so. */
export const amqpRedelivered: Checker = {
  name: 'amqp-redelivered',
  promise: 'A message that was delivered by AMQP before is marked as redelivered',
  check: (history) => {
    const seen = new Set<string>();
    const broken: string[] = [];
    for (const { id, isRedelivered, consumer } of history.of('amqp-deliver')) {
      // What was on its way for long may come after another client was given the message.
      if (history.requestsArrive && seen.has(id) && !isRedelivered)
        broken.push(`${consumer} got ${id} again, and was not told so`);
      seen.add(id);
    }
    for (const { deliveries } of readAtRest(history))
      for (const { id, count } of deliveries)
        if (seen.has(id) && count === 1) broken.push(`${id} counts as delivered once, at rest`);
    return broken;
  },
};

/** Of what a channel has published, a consumer gets what nobody had before in its order. */
export const amqpOrder: Checker = {
  name: 'amqp-order',
  promise: 'A consumer gets the messages of a channel in the order in which they were published',
  check: (history) => {
    const published = new Map(history.of('amqp-publish').map((event) => [event.id, event]));
    const last = new Map<string, number>();
    const broken: string[] = [];
    for (const { id, consumer, isRedelivered } of history.of('amqp-deliver')) {
      const sent = published.get(id);
      if (sent === undefined) {
        broken.push(`${consumer} got ${id}, which nobody has published`);
        continue;
      }
      if (isRedelivered) continue;
      const line = `${consumer} ${sent.channel}`;
      const before = last.get(line) ?? 0;
      if (sent.number < before) broken.push(`${consumer} got ${id} after number ${before} of its channel`);
      last.set(line, Math.max(before, sent.number));
    }
    return broken;
  },
};
