import type { SharedRecord, ShareAcquired } from '../history-logs.ts';
import type { Checker } from './checker.ts';

interface Taken extends SharedRecord {
  event: ShareAcquired;
}

/**
 * Each delivery of a record is one member's. While its lock runs and nobody has acknowledged it there is no other; judged by
 * the times that the answers name, so only if clocks agree.
 */
export const shareLock: Checker = {
  name: 'share-lock',
  promise: 'At most one member of a share group has a record locked',
  check: (history) => {
    const broken: string[] = [];
    const ended = new Map<string, number>();
    for (const { begin, settlements } of history.of('share-settle'))
      for (const { tag } of settlements) ended.set(tag, Math.min(begin, ended.get(tag) ?? Infinity));
    const taken = history
      .of('share-acquire')
      .flatMap((event) => event.records.map((record): Taken => ({ ...record, event })));
    const places = Map.groupBy(taken, ({ event, log, offset }) => `${event.group} ${log}/${offset}`);
    for (const [place, list] of places) {
      list.sort((a, b) => a.count - b.count);
      list.forEach((next, index) => {
        const last = list[index - 1];
        if (!last) return;
        const { member, lockMs, end } = next.event;
        if (last.tag === next.tag || last.count === next.count) {
          broken.push(`${place} was given as ${next.tag} to ${last.event.member} and to ${member}`);
          return;
        }
        if (!history.clocksAgree) return;
        const lockedMs = next.expiresMs - lockMs;
        if (lockedMs < last.expiresMs && (ended.get(last.tag) ?? Infinity) > end)
          broken.push(
            `${place} was given to ${member} ${last.expiresMs - lockedMs} ms before the lock of ${last.event.member} was over`,
          );
      });
    }
    return broken;
  },
};
