import type { Checker } from './checker.ts';
import { groupOf } from './groups.ts';
import { finalLogs } from './logs.ts';

/** The topics that a group has read to their ends at rest. */
const READ: Record<string, readonly string[]> = { workers: ['log'], crew: ['log', 'growing'] };

/**
 * Checker: every record reaches some member, and committed records were read before. Judged at rest, when the group has
 * read everything.
 */
export const groupReads: Checker = {
  name: 'group-reads',
  promise: 'Each group reads every record at least once',
  check: (history) => {
    const logs = finalLogs(history);
    return Object.entries(READ).flatMap(([group, topics]) => {
      const read = new Set<string>();
      for (const event of history.of('member'))
        if (groupOf(event) === group)
          for (const { log, offset, id } of event.records) read.add(`${log}/${offset} ${id}`);
      return [...logs].flatMap(([log, records]) =>
        !topics.includes(log.split('/')[0]!)
          ? []
          : [...records].flatMap(([offset, id]) =>
              read.has(`${log}/${offset} ${id}`)
                ? []
                : [`no member of ${group} has read ${log}/${offset}, ${id}`],
            ),
      );
    });
  },
};
