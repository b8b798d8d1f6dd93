import type { History } from '../history.ts';
import type { Checker } from './checker.ts';
import { isFollowed, inEachGroup } from './groups.ts';

/**
 * Once a member has left, was told that it is not one any more, or another has read its partition, it cannot commit there,
 * unless it was assigned the partition again.
 */
export const fencedCommit: Checker = {
  name: 'fenced-commit',
  promise: 'A commit of a member that was fenced changes nothing',
  check: (history) => inEachGroup(history, check, isFollowed),
};

function check(history: History): string[] {
  const broken: string[] = [];
  const events = history.of('member');
  const commits = history
    .of('commit-offset')
    .filter(({ member, outcome, copies }) => member !== 'operator' && outcome === 'ok' && copies === 1);
  for (const { member, log, offset, begin } of commits) {
    const gone = events.find(
      (event) =>
        event.member === member &&
        event.end < begin &&
        (event.code === 'member_not_found' ||
          event.code === 'instance_fenced' ||
          (event.what === 'leave' && event.outcome === 'ok')),
    );
    if (gone) broken.push(`${member} committed ${log}/${offset} after it was gone`);
    const assigned = events.findLast(
      (event) => event.member === member && event.end < begin && event.assignment.includes(log),
    );
    const other = events.find(
      (event) =>
        event.member !== member &&
        event.begin > (assigned?.end ?? 0) &&
        event.end < begin &&
        event.records.some((record) => record.log === log),
    );
    if (other) broken.push(`${member} committed ${log}/${offset} after ${other.member} had read there`);
  }
  return broken;
}
