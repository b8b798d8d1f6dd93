import { parseTag } from '../../../protocol/frames/delivery-tag.ts';
import type { History } from '../history.ts';
import { configOf, deadLetterQueue } from '../workload/topology.ts';
import type { Checker } from './checker.ts';

/**
 * A queue holds no more messages that are ready than its limit allows. Which those are follows from what was published and
 * delivered: a message was ready from its confirmation until somebody asked for what brought it the first time.
 */
export const lengthLimit: Checker = {
  name: 'length-limit',
  promise: 'A queue holds no more than its limit; what it refuses with reject-publish-dlx is a dead letter',
  check: (history) => [...tooMany(history), ...refused(history)],
};

function tooMany(history: History): string[] {
  const broken: string[] = [];
  const takenAt = new Map<string, number>();
  for (const { queue, begin, consumer, deliveries } of history.of('deliver')) {
    if (consumer.startsWith('stream-')) continue;
    for (const { id, tag, count } of deliveries)
      if (count === 1 && parseTag(tag)!.delivery === 1) takenAt.set(`${queue} ${id}`, begin);
  }
  for (const [queue, published] of Map.groupBy(history.of('publish'), (event) => event.queue)) {
    const most = configOf(queue).max_length ?? Infinity;
    if (most === Infinity) continue;
    const waits = published.flatMap(({ copies, end, messages }) =>
      messages.flatMap(({ id, outcome }) => {
        const until = takenAt.get(`${queue} ${id}`);
        return copies === 1 && outcome === 'stored' && until !== undefined ? [{ from: end, until }] : [];
      }),
    );
    for (const { from } of waits) {
      const ready = waits.filter((one) => one.from <= from && one.until > from).length;
      if (ready > most) broken.push(`queue ${queue} held ${ready} messages, at most ${most}`);
    }
  }
  for (const { queue, state } of history.of('state')) {
    const { max_length: limit, overflow } = configOf(queue);
    const most = limit ?? Infinity;
    if (overflow === 'drop-head' && state.ready > most)
      broken.push(`queue ${queue} says that it holds ${state.ready} messages, at most ${most}`);
  }
  return broken;
}

function refused(history: History): string[] {
  const arrived = new Set<string>();
  for (const { queue, deliveries } of history.of('deliver'))
    for (const { id } of deliveries) arrived.add(`${queue} ${id}`);
  return history.of('publish').flatMap(({ queue, copies, outcome, isFull, messages }) => {
    if (configOf(queue).overflow !== 'reject-publish-dlx' || copies > 1) return [];
    return messages.flatMap((message) => {
      const { id } = message;
      // Refused as a whole it may be for another reason than the limit.
      if (message.outcome !== 'rejected' || (outcome === 'refused' && !isFull)) return [];
      if (arrived.has(`${queue} ${id}`)) return [`queue ${queue} gave ${id}, which it had refused`];
      const isDead = arrived.has(`${deadLetterQueue(queue)} ${id}`);
      return isDead ? [] : [`queue ${queue} refused ${id}, and it is no dead letter`];
    });
  });
}
