import type { History, Membership } from '../history.ts';
import type { Checker } from './checker.ts';
import { isFollowed, inEachGroup, isReplaced } from './groups.ts';

/**
 * In one epoch a partition is assigned to one member; and while a member is told by nobody that it has lost a partition,
 * and its session has not timed out, nobody else is given it.
 */
export const groupOwners: Checker = {
  name: 'group-owners',
  promise: 'A partition has at most one member of a group at a time',
  check: (history) => inEachGroup(history, check, isFollowed),
};

function check(history: History): string[] {
  const broken: string[] = [];
  const told = history.of('member').filter(({ outcome }) => outcome === 'ok');
  const owners = new Map<string, string>();
  for (const { member, epoch, assignment } of told) {
    for (const log of assignment) {
      const owner = owners.get(`${log} ${epoch}`) ?? member;
      owners.set(`${log} ${epoch}`, owner);
      if (owner !== member) broken.push(`${log} was assigned to ${owner} and to ${member} in epoch ${epoch}`);
    }
  }
  if (!history.clocksAgree) return broken;
  for (const { member, log, begin, end, askedMs, sessionMs } of holdings(history)) {
    const other = told.find(
      (event) =>
        event.member !== member &&
        event.assignment.includes(log) &&
        event.begin > begin &&
        event.end < end &&
        event.knownMs < askedMs + sessionMs,
    );
    if (other && !isReplaced(history, member, other.end))
      broken.push(`${log} was given to ${other.member} while ${member} had it`);
  }
  return broken;
}

interface Holding {
  member: string;
  log: string;
  /** From the answer that assigned it to the next request of the member. */
  begin: number;
  end: number;
  askedMs: number;
  sessionMs: number;
}

/** Only of members whose requests all arrived once and were answered: what else they have said nobody knows. */
function holdings(history: History): Holding[] {
  return [...Map.groupBy(history.of('member'), ({ member }) => member).values()].flatMap((events) => {
    const unclear = events.findIndex(({ copies, outcome }) => copies > 1 || outcome === 'unknown');
    const clear: Membership[] = unclear < 0 ? events : events.slice(0, unclear);
    return clear.flatMap(({ member, outcome, assignment, end, askedMs, sessionMs }, index) =>
      outcome !== 'ok'
        ? []
        : assignment.map((log) => ({
            member,
            log,
            begin: end,
            end: events[index + 1]?.begin ?? Infinity,
            askedMs,
            sessionMs,
          })),
    );
  });
}
