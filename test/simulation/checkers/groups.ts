/** What several checkers need to know of consumer groups. */

import { History } from '../history.ts';

export const groupOf = ({ group = 'workers' }: { group?: string }): string => group;

/** The groups of single clients are deleted now and then, and begin anew: with epochs that there have been. */
export const hasOneLife = (group: string): boolean => !group.startsWith('own-');

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
