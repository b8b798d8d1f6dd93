import { parseTag } from '../../../protocol/frames/delivery-tag.ts';
import { isFleeting } from '../workload/queue-topology.ts';
import type { Checker } from './checker.ts';

/** Outcomes after which a message is no longer in the place where it was. */
const GONE = new Set(['settled', 'parked', 'dead_lettered', 'dropped']);

/** A settled message is never delivered again, and a tag that was given is known. */
export const settled: Checker = {
  name: 'settled',
  promise: 'A settled message is never delivered again',
  check: (history) => {
    const broken: string[] = [];
    const gone = new Map<string, { tag: string; result: string }>();
    /** By queue and id, where what was sent cannot be there twice. */
    const done = new Map<string, number>();
    const single = idsSentOnce(history.of('publish'));
    for (const { queue, settlements, end } of history.of('settle')) {
      for (const { tag, id, kind, result } of settlements) {
        if (result === 'unknown_tag' && !isFleeting(queue))
          broken.push(`queue ${queue} does not know ${tag}, which it gave out for ${id}`);
        if (result === null || !GONE.has(result)) continue;
        const place = placeOfTag(tag);
        const known = gone.get(place);
        if (known)
          broken.push(`queue ${queue}: ${id} was ${known.result} as ${known.tag} and ${result} as ${tag}`);
        gone.set(place, { tag, result });
        if (kind === 'ack' && single.has(`${queue} ${id}`)) done.set(`${queue} ${id}`, end);
      }
    }
    for (const { queue, deliveries, begin, consumer } of history.of('deliver')) {
      for (const { tag, id } of deliveries) {
        const known = gone.get(placeOfTag(tag));
        if (known && parseTag(known.tag)!.delivery < parseTag(tag)!.delivery) {
          broken.push(
            `queue ${queue} gave ${id} as ${tag} to ${consumer}, which was ${known.result} as ${known.tag}`,
          );
        } else if (begin > (done.get(`${queue} ${id}`) ?? Infinity)) {
          broken.push(`queue ${queue} gave ${id} as ${tag} to ${consumer} after it was acknowledged`);
        }
      }
    }
    return broken;
  },
};

function placeOfTag(tag: string): string {
  return tag.split('-').slice(0, 3).join('-');
}

function idsSentOnce(
  published: readonly { queue: string; copies: number; messages: { id: string }[] }[],
): Set<string> {
  const ids = new Set<string>();
  for (const { queue, copies, messages } of published) {
    if (copies === 1) for (const { id } of messages) ids.add(`${queue} ${id}`);
  }
  return ids;
}
