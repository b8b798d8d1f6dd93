import { parseTag } from '../../../protocol/frames/delivery-tag.ts';
import type { History, SequencedBy } from '../history.ts';
import { isRing, publishedTo } from '../workload/topology.ts';
import type { Checker } from './checker.ts';

/** Queues that lose, refuse or hide nothing: what is missing from the sequences of a producer in them was left out. */
const COMPLETE = new Set(['plain', 'keyed', 'deduplicated', 'ranked', 'delayed', 'single']);

interface Sent extends SequencedBy {
  queue: string;
}

/**
 * What an idempotent producer publishes to a queue is stored once, however often it arrives, in the order of its sequences
 * without a gap; all answers say the same; what follows an acknowledged publish is not refused as if that had not been; and once an epoch is in a queue, nothing of an earlier one is stored there.
 */
export const queueIdempotence: Checker = {
  name: 'queue-idempotence',
  promise: 'A retried publish of a producer is stored once, in sequence, and nothing of a fenced epoch',
  check: (history) => {
    const broken: string[] = [];
    const sent = new Map<string, Sent>();
    const answered = new Map<string, string>();
    for (const { queue, producer, ids, outcome, results } of history.of('publish-once')) {
      ids.forEach((id, index) =>
        sent.set(`${queue} ${id}`, { ...producer, queue, sequence: producer.sequence + index }),
      );
      if (outcome !== 'ok') continue;
      const answer = results.join(' ');
      const known = answered.get(ids[0]!) ?? answer;
      answered.set(ids[0]!, known);
      if (known !== answer) broken.push(`queue ${queue}: ${ids[0]} was answered ${known}, then ${answer}`);
    }
    /** Where each message was delivered first, by lane of a queue. */
    const lanes = new Map<string, { offset: number; id: string; own: Sent }[]>();
    const places = new Map<string, string>();
    const seen = new Set<string>();
    for (const { queue, deliveries } of history.of('deliver')) {
      for (const { id, tag, count } of deliveries) {
        const message = `${publishedTo(queue)} ${id}`;
        const own = sent.get(message);
        if (own === undefined) continue;
        seen.add(message);
        // What was tried again has another place, and what was rejected in a ring may come round.
        if (count > 1 || queue !== own.queue || isRing(queue)) continue;
        const { queueId, lane, offset } = parseTag(tag)!;
        const place = `${queueId}-${lane}-${offset}`;
        const known = places.get(message);
        if (known !== undefined && known !== place)
          broken.push(`queue ${queue} has ${id} at ${known} and at ${place}`);
        if (known === undefined) {
          const ofLane = lanes.get(`${queue}/${lane}`) ?? [];
          lanes.set(`${queue}/${lane}`, [...ofLane, { offset, id, own }]);
        }
        places.set(message, place);
      }
    }
    const delayed = new Set(
      history
        .of('publish')
        .flatMap(({ queue, messages }) =>
          messages.flatMap(({ id, isDelayed }) => (isDelayed ? [`${queue} ${id}`] : [])),
        ),
    );
    for (const [lane, stored] of lanes) {
      const lasts = new Map<number, Sent>();
      for (const { offset, id, own } of stored.toSorted((a, b) => a.offset - b.offset)) {
        if (delayed.has(`${own.queue} ${id}`)) continue;
        const last = lasts.get(own.id);
        lasts.set(own.id, own);
        const what = `lane ${lane}/${offset} is ${id}, sequence ${own.sequence} of epoch ${own.epoch}`;
        if (last === undefined || own.epoch > last.epoch) continue;
        if (own.epoch < last.epoch)
          broken.push(`${what}: fenced by epoch ${last.epoch} of producer ${own.id}`);
        else if (own.sequence <= last.sequence) broken.push(`${what}: comes after ${last.sequence}`);
      }
    }
    return [...broken, ...forgotten(history), ...gaps(sent, seen)];
  },
};

/** Publishes that were refused although the one before them had been acknowledged. */
function forgotten(history: History): string[] {
  const placeOf = (queue: string, { id, epoch }: SequencedBy, sequence: number): string =>
    `queue ${queue}, sequence ${sequence} of epoch ${epoch} of producer ${id}`;
  const attempts = history.of('publish-once');
  const acknowledged = new Map<string, number>();
  for (const { queue, producer, ids, outcome, end } of attempts) {
    const next = placeOf(queue, producer, producer.sequence + ids.length);
    if (outcome === 'ok') acknowledged.set(next, Math.min(end, acknowledged.get(next) ?? Infinity));
  }
  return attempts.flatMap(({ queue, producer, code, begin }) => {
    if (code !== 'unknown_producer' && code !== 'out_of_order_sequence') return [];
    const place = placeOf(queue, producer, producer.sequence);
    return (acknowledged.get(place) ?? Infinity) < begin ? [`${place}: ${code}, and it follows`] : [];
  });
}

/** Messages that are not there, though later ones of the same producer and epoch are. */
function gaps(sent: ReadonlyMap<string, Sent>, seen: ReadonlySet<string>): string[] {
  const complete = [...sent].filter(([, { queue }]) => COMPLETE.has(queue));
  const broken: string[] = [];
  for (const ofEpoch of Map.groupBy(complete, ([, own]) => `${own.queue} ${own.id}/${own.epoch}`).values()) {
    const last = Math.max(-1, ...ofEpoch.flatMap(([id, { sequence }]) => (seen.has(id) ? [sequence] : [])));
    for (const [id, { sequence }] of ofEpoch)
      if (sequence < last && !seen.has(id))
        broken.push(`${id}, sequence ${sequence}, is missing before ${last}`);
  }
  return broken;
}
