/** Helpers of several checkers: consumer groups. */

import { History } from '../history.ts';

export const groupOf = ({ group = 'workers' }: { group?: string }): string => group;

/**
 * Not the groups of single clients, which are deleted now and then and begin anew with epochs that there have been, nor the
 * hasty one, of whose polls nobody notes the assignments.
 */
export const isFollowed = (group: string): boolean => !group.startsWith('own-') && group !== 'hasty';

/** What is broken in any of the groups: each is judged as if there were no other. */
export function inEachGroup(
  history: History,
  check: (part: History, group: string) => string[],
  isJudged: (group: string) => boolean = () => true,
): string[] {
  const groups = new Set(history.of('member').map(groupOf));
  return [...groups].filter(isJudged).flatMap((group) => {
    const part = new History();
    part.clocksAgree = history.clocksAgree;
    for (const event of history.events) {
      const isOther = (event.kind === 'member' || event.kind === 'commit-offset') && groupOf(event) !== group;
      if (!isOther) part.add(event);
    }
    return check(part, group).map((what) => `group ${group}: ${what}`);
  });
}

/** Another has joined as the same instance since, and so taken its place. */
export function isReplaced(history: History, member: string, before: number): boolean {
  const events = history.of('member');
  const own = events.find((event) => event.member === member);
  if (own?.instance === undefined) return false;
  return events.some(
    (event) =>
      event.what === 'join' &&
      event.instance === own.instance &&
      groupOf(event) === groupOf(own) &&
      event.member !== member &&
      event.begin < before &&
      event.end > own.begin,
  );
}
