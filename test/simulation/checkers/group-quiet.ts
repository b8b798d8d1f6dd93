import type { Checker } from './checker.ts';
import { groupOf, isReplaced } from './groups.ts';

/**
 * Once nothing changes any more each partition has one owner, and a group that has read everything is not behind. Nobody
 * resets or deletes a group that has a member: one that was answered last, and whose session is not over.
 */
export const groupQuiet: Checker = {
  name: 'group-quiet',
  promise:
    'A quiet group has one owner for each partition and no lag; one with members is not reset or deleted',
  check: (history) => {
    const broken: string[] = [];
    for (const { group, state, logs, owners, lags } of history.of('group-state')) {
      if (state !== 'stable') broken.push(`group ${group} is ${state} at rest`);
      for (const log of logs) {
        const own = owners.filter((owner) => owner.logs.includes(log));
        if (own.length !== 1)
          broken.push(
            `group ${group}: ${log} belongs to ${own.map(({ member }) => member).join(', ') || 'nobody'}`,
          );
      }
      for (const { log, lag } of lags)
        if (logs.includes(log) && lag !== 0) broken.push(`group ${group} is ${lag} behind in ${log}`);
    }
    if (!history.clocksAgree) return broken;
    const byMember = Map.groupBy(history.of('member'), ({ member }) => member);
    for (const { group, begin, end, knownMs } of history.of('group-changed')) {
      for (const [member, events] of byMember) {
        if (groupOf(events[0]!) !== group) continue;
        const last = events.findLast((event) => event.outcome === 'ok' && event.end < begin);
        const isGone = events.some((event) => event.what === 'leave' && event.begin < end);
        if (last && !isGone && !isReplaced(history, member, end) && knownMs < last.askedMs + last.sessionMs)
          broken.push(`group ${group} was reset or deleted while ${member} was in it`);
      }
    }
    return broken;
  },
};
