import type { History } from '../history.ts';
import type { QueueChanged } from '../queue-history.ts';
import { isFleeting } from '../workload/queue-topology.ts';
import type { Checker } from './checker.ts';

/** Whether the event may have deleted the queue whatever it held. */
const takesAll = ({ what, outcome, copies }: QueueChanged): boolean =>
  // Of two copies one may have been refused because of the other.
  (what === 'delete' || what === 'delete-if-unused') && (outcome !== 'refused' || copies > 1);

/**
 * A queue that is deleted is gone with what it held, and nothing comes back with its name. Deleted "if empty", it holds
 * nothing: a message that was confirmed before or meanwhile is delivered.
 */
export const deletion: Checker = {
  name: 'deletion',
  promise:
    'No confirmed message goes with a queue that is deleted if it is empty; nothing outlives a deletion',
  check: (history) => {
    const broken: string[] = [];
    const changes = history.of('queue');
    const deletions = changes.filter(({ what }) => what !== 'declare');
    const done = deletions.filter(({ outcome, copies }) => outcome === 'ok' && copies === 1);
    const declared = changes.filter(({ what }) => what === 'declare');
    const delivered = deliveries(history);
    for (const { queue, copies, begin, end, messages } of history.of('publish')) {
      if (!isFleeting(queue)) continue;
      const mayGo = deletions.some((one) => takesAll(one) && one.end > begin);
      for (const { id, outcome } of messages) {
        if (outcome !== 'stored') continue;
        const seen = delivered.get(id) ?? [];
        if (!mayGo && seen.length === 0) broken.push(`${id} went with a queue that was deleted if empty`);
        const before = done.find((one) => end < one.begin);
        const late = before && copies === 1 && seen.find((one) => one.begin > before.end);
        if (late) broken.push(`${id} was delivered as ${late.tag} after its queue had been deleted`);
        const gone = done.find(
          (one) => one.end < begin && !declared.some((again) => again.end > one.begin && again.begin < end),
        );
        if (gone) broken.push(`${id} was stored by a queue that had been deleted`);
      }
    }
    return broken;
  },
};

function deliveries(history: History): Map<string, { begin: number; tag: string }[]> {
  const found = new Map<string, { begin: number; tag: string }[]>();
  for (const { queue, begin, deliveries: given } of history.of('deliver')) {
    if (!isFleeting(queue)) continue;
    for (const { id, tag } of given) found.set(id, [...(found.get(id) ?? []), { begin, tag }]);
  }
  return found;
}
