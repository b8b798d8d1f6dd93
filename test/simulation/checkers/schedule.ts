import { TIMED } from '../workload/queue-topology.ts';
import { publishedTo } from '../workload/topology.ts';
import type { Checker } from './checker.ts';

const MINUTE_MS = 60_000;

/**
 * What a schedule publishes arrives; that it does so once is for `stored-once` to say. Occurrences that were missed while
 * things failed are made good by the latest of them: so at the end of a run the last one is there.
 */
export const schedule: Checker = {
  name: 'schedule',
  promise: 'A trigger that was confirmed arrives, and after all faults the latest occurrence does',
  check: (history) => {
    const broken: string[] = [];
    const arrived = new Set(
      history
        .of('deliver')
        .flatMap(({ queue, deliveries }) =>
          publishedTo(queue) === TIMED.queue ? deliveries.map(({ id }) => id) : [],
        ),
    );
    const times = [...arrived].map((id) => Date.parse(id.split('@')[1]!.split('+')[0]!));
    for (const { what, messageId, isPublished, begin } of history.of('schedule')) {
      if (isPublished && !arrived.has(messageId!))
        broken.push(`${messageId} was published and has not arrived`);
      if (what !== 'pause') continue;
      const last = Math.floor(history.msAt(begin) / MINUTE_MS - 1) * MINUTE_MS;
      if (!times.some((ms) => ms >= last))
        broken.push(`the occurrence of ${new Date(last).toISOString()} was missed, and no later one arrived`);
    }
    return broken;
  },
};
