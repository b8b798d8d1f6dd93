import type { History } from '../history.ts';
import type { ReplaySeen } from '../queue-history.ts';
import { errorTypeOf, isReplayed } from '../workload/queue-topology.ts';
import type { Checker } from './checker.ts';

/** Outcomes after which a message is nowhere any more: rejected if it has no way on, it is dropped. */
const ENDS = new Set(['settled', 'dropped']);

/**
 * Messages that are replayed are in one place at a time: each that was confirmed comes to one end, whatever it went through,
 * and has but one. Replays go forward, and stop where they are cancelled.
 */
export const replay: Checker = {
  name: 'replay',
  promise: 'A replayed dead letter is moved once; a cancelled replay moves nothing more',
  check: (history) => [...ends(history), ...marks(history), ...progress(history)],
};

function ends(history: History): string[] {
  const broken: string[] = [];
  const copies = new Map<string, number>();
  const confirmed = new Set<string>();
  for (const { queue, copies: count, messages } of history.of('publish')) {
    if (!isReplayed(queue)) continue;
    for (const { id, outcome } of messages) {
      copies.set(id, count);
      if (outcome === 'stored') confirmed.add(id);
    }
  }
  const ended = new Map<string, { tags: Set<string>; end: number }>();
  const maybe = new Set<string>();
  for (const { queue, settlements, end } of history.of('settle')) {
    if (!isReplayed(queue)) continue;
    for (const { id, tag, result } of settlements) {
      // Of a settlement that arrived twice the first may have done it.
      if (result === null || result === 'already_settled') maybe.add(id);
      if (result === null || !ENDS.has(result)) continue;
      const known = ended.get(id) ?? { tags: new Set(), end };
      known.tags.add(tag);
      ended.set(id, known);
      if (known.tags.size > copies.get(id)!)
        broken.push(`${id} came to an end ${known.tags.size} times: ${[...known.tags].join(', ')}`);
    }
  }
  const purged = new Set(history.of('purge-letters').map(({ errorType }) => errorType));
  for (const id of confirmed) {
    if (!ended.has(id) && !maybe.has(id) && !purged.has(errorTypeOf(id)))
      broken.push(`${id} was lost between the queue it died in and the one it was replayed to`);
  }
  const isGone = (id: string, begin: number): boolean =>
    copies.get(id) === 1 && (ended.get(id)?.end ?? Infinity) < begin;
  for (const { queue, deliveries, begin } of history.of('deliver')) {
    if (!isReplayed(queue)) continue;
    for (const { id, tag } of deliveries)
      if (isGone(id, begin)) broken.push(`queue ${queue} gave ${id} as ${tag} after it had come to its end`);
  }
  for (const { letters, begin } of history.of('letters')) {
    const ids = new Set<string>();
    for (const { id, place } of letters) {
      if (!copies.has(id)) broken.push(`${place} is a dead letter ${id}, which was never sent`);
      if (isGone(id, begin)) broken.push(`${place} is the dead letter ${id}, which had come to its end`);
      if (copies.get(id) === 1 && ids.has(id)) broken.push(`${place} is the dead letter ${id} once more`);
      ids.add(id);
    }
  }
  return broken;
}

/** What was sent back changed is changed from then on. */
function marks(history: History): string[] {
  const resent = Map.groupBy(history.of('resend'), ({ id }) => id);
  const copies = new Map(
    history.of('publish').flatMap(({ copies: count, messages }) => messages.map(({ id }) => [id, count])),
  );
  return history.of('deliver').flatMap(({ queue, deliveries, begin }) => {
    if (!isReplayed(queue)) return [];
    return deliveries.flatMap(({ id, mark }) => {
      const own = resent.get(id) ?? [];
      const isChanged = own.some(({ outcome, end }) => outcome === 'ok' && end < begin);
      if (mark !== undefined && !own.some((one) => one.mark === mark))
        return [`queue ${queue} gave ${id} with ${mark}, which nobody gave it`];
      if (mark === undefined && isChanged && copies.get(id) === 1)
        return [`queue ${queue} gave ${id} as it was before it was edited`];
      return [];
    });
  });
}

function progress(history: History): string[] {
  const broken: string[] = [];
  for (const [name, seen] of Map.groupBy(history.of('replay'), (event) => event.replay)) {
    for (const one of seen) {
      const { moved, lookedAt, total, limit, ratePerS, since } = one;
      if (limit !== null && moved > limit) broken.push(`${name} moved ${moved} of at most ${limit}`);
      if (moved > lookedAt || lookedAt > total)
        broken.push(`${name} moved ${moved}, looked at ${lookedAt}, of ${total}`);
      const seconds = (history.msAt(one.end) - history.msAt(since)) / 1_000;
      if (history.clocksAgree && ratePerS !== null && moved > ratePerS * (Math.floor(seconds) + 1))
        broken.push(`${name} moved ${moved} in ${seconds.toFixed(1)} s, at most ${ratePerS} a second`);
      for (const later of seen) if (one.end < later.begin) broken.push(...backwards(name, one, later));
    }
  }
  return broken;
}

function backwards(name: string, one: ReplaySeen, later: ReplaySeen): string[] {
  if (later.moved < one.moved || later.lookedAt < one.lookedAt)
    return [`${name} went back from ${one.moved} to ${later.moved}`];
  if (one.state === 'running') return [];
  return later.state === one.state && later.moved === one.moved
    ? []
    : [`${name} was ${one.state} with ${one.moved} moved, and then ${later.state} with ${later.moved}`];
}
