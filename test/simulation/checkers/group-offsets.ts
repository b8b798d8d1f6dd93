import type { History } from '../history.ts';
import type { Checker } from './checker.ts';
import { inEachGroup } from './groups.ts';

/**
 * A member reads on at the committed offset: at one that was committed, and not at one that was over when a later commit,
 * which was acknowledged, began.
 */
export const groupOffsets: Checker = {
  name: 'group-offsets',
  promise: 'Reading goes on at the offset that was committed last',
  check: (history) => inEachGroup(history, check),
};

function check(history: History): string[] {
  const broken: string[] = [];
  const commits = Map.groupBy(
    history.of('commit-offset').filter(({ outcome, copies }) => outcome !== 'refused' || copies > 1),
    ({ log }) => log,
  );
  for (const { member, outcome, records, begin, end } of history.of('member')) {
    if (outcome !== 'ok') continue;
    const firsts = new Map<string, number>();
    for (const { log, offset } of records) firsts.set(log, Math.min(offset, firsts.get(log) ?? Infinity));
    for (const [log, from] of firsts) {
      const known = (commits.get(log) ?? []).filter((commit) => commit.begin < end);
      const sources = known.filter(({ offset }) => offset === from || offset === null);
      if (from > 0 && sources.length === 0) {
        broken.push(`${member} went on at ${log}/${from}, which nobody has committed`);
        continue;
      }
      const until = Math.max(0, ...sources.map((commit) => (commit.copies > 1 ? Infinity : commit.end)));
      const later = known.find(
        (commit) =>
          commit.outcome === 'ok' && commit.offset !== from && commit.begin > until && commit.end < begin,
      );
      if (later) broken.push(`${member} went on at ${log}/${from} after ${later.offset} was committed`);
    }
  }
  return broken;
}
