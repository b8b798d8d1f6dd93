import type { History } from '../history.ts';
import { isSteered } from '../workload/late-queues.ts';
import type { Checker } from './checker.ts';

/** Outcomes after which a message is nowhere any more. */
const ENDS = new Set(['settled', 'dropped']);

const isPlace = (queue: string): boolean => isSteered(queue.replace(/\.dlq$/, ''));

/**
 * Messages that an operator cancels, runs or moves are in one place at a time, and come to one end: a cancellation that was
 * answered is one.
 */
export const steering: Checker = {
  name: 'steering',
  promise: 'A cancelled message is not delivered after the answer; moves and runs neither lose nor double',
  check: (history) => [...afterCancellation(history), ...ends(history)],
};

function published(history: History): { copies: Map<string, number>; stored: Set<string> } {
  const copies = new Map<string, number>();
  const stored = new Set<string>();
  for (const { queue, copies: count, messages } of history.of('publish')) {
    if (!isSteered(queue)) continue;
    for (const { id, outcome } of messages) {
      copies.set(id, count);
      if (outcome === 'stored') stored.add(id);
    }
  }
  return { copies, stored };
}

function afterCancellation(history: History): string[] {
  const { copies } = published(history);
  const cancelled = new Map<string, { end: number; result: string }>();
  for (const { what, id, result, end } of history.of('steer'))
    if (what === 'cancel' && result !== null && copies.get(id) === 1) cancelled.set(id, { end, result });
  return history.of('deliver').flatMap(({ queue, deliveries, begin }) => {
    if (!isPlace(queue)) return [];
    return deliveries.flatMap(({ id, tag }) => {
      const known = cancelled.get(id);
      if (known === undefined || begin <= known.end) return [];
      if (known.result === 'dead_lettered' && queue.endsWith('.dlq')) return [];
      return [`queue ${queue} gave ${id} as ${tag} after it was ${known.result}`];
    });
  });
}

function ends(history: History): string[] {
  const broken: string[] = [];
  const { copies, stored } = published(history);
  const ended = new Map<string, { ways: Set<string>; end: number }>();
  const maybe = new Set<string>();
  const note = (id: string, way: string, end: number): void => {
    const known = ended.get(id) ?? { ways: new Set(), end };
    ended.set(id, { ways: known.ways.add(way), end: Math.min(known.end, end) });
  };
  for (const { queue, settlements, end } of history.of('settle')) {
    if (!isPlace(queue)) continue;
    for (const { id, tag, result } of settlements) {
      // Of a settlement that arrived twice the first may have done it.
      if (result === null || result === 'already_settled') maybe.add(id);
      else if (ENDS.has(result)) note(id, tag.split('-').slice(0, 3).join('-'), end);
    }
  }
  for (const { what, id, place, outcome, result, isGone, end } of history.of('steer')) {
    if (what !== 'cancel') continue;
    if (result === 'cancelled') note(id, `cancelled ${place}`, end);
    else if (outcome === 'unknown' || isGone) maybe.add(id);
  }
  for (const [id, { ways }] of ended)
    if (ways.size > copies.get(id)!)
      broken.push(`${id} came to an end ${ways.size} times: ${[...ways].join(', ')}`);
  for (const id of stored) if (!ended.has(id) && !maybe.has(id)) broken.push(`${id} was lost`);
  for (const { queue, deliveries, begin } of history.of('deliver')) {
    if (!isPlace(queue)) continue;
    for (const { id, tag } of deliveries)
      if (copies.get(id) === 1 && begin > (ended.get(id)?.end ?? Infinity))
        broken.push(`queue ${queue} gave ${id} as ${tag} after it had come to its end`);
  }
  return broken;
}
