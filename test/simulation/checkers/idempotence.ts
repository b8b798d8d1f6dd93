import type { SequencedBy } from '../history.ts';
import type { Checker } from './checker.ts';
import { finalLogs, placeOf } from './logs.ts';

/**
 * What an idempotent producer sends is stored once, however often it arrives, in the order of its sequences without a gap;
 * all answers name the same offset; and once an epoch is in a partition, nothing of an earlier one is stored there.
 */
export const idempotence: Checker = {
  name: 'idempotence',
  promise: 'A retried produce of a producer is stored once, in sequence, and nothing of a fenced epoch',
  check: (history) => {
    const broken: string[] = [];
    const sent = new Map<string, SequencedBy>();
    const answered = new Map<string, string>();
    for (const { topic, producer, outcome, records } of history.of('produce')) {
      if (producer === null) continue;
      records.forEach(({ id, partition, offset }, index) => {
        sent.set(id, { ...producer, sequence: producer.sequence + index });
        if (outcome !== 'ok') return;
        const place = `${placeOf(topic, partition!)}/${offset}`;
        const known = answered.get(id) ?? place;
        if (known !== place) broken.push(`${id} was acknowledged at ${known} and at ${place}`);
        answered.set(id, place);
      });
    }
    for (const [log, records] of finalLogs(history)) {
      const lasts = new Map<number, SequencedBy>();
      for (const [offset, id] of [...records].sort(([a], [b]) => a - b)) {
        const own = sent.get(id);
        if (own === undefined) continue;
        const last = lasts.get(own.id);
        lasts.set(own.id, own);
        const what = `${log}/${offset} is ${id}, sequence ${own.sequence} of epoch ${own.epoch}`;
        if (last !== undefined && own.epoch < last.epoch) {
          broken.push(`${what}: fenced by epoch ${last.epoch} of producer ${own.id}`);
        } else {
          const expected = last?.epoch === own.epoch ? last.sequence + 1 : 0;
          if (own.sequence !== expected) broken.push(`${what}: expected sequence ${expected}`);
        }
      }
    }
    return broken;
  },
};
