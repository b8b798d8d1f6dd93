import type { Checker } from './checker.ts';
import { finalLogs } from './logs.ts';

/** Every record is given to some member: what is committed was read before. Judged at rest, when the group has read all. */
export const groupReads: Checker = {
  name: 'group-reads',
  promise: 'A group reads every record at least once',
  check: (history) => {
    const read = new Set<string>();
    for (const { records } of history.of('member'))
      for (const { log, offset, id } of records) read.add(`${log}/${offset} ${id}`);
    return [...finalLogs(history)].flatMap(([log, records]) =>
      !log.startsWith('log/')
        ? []
        : [...records].flatMap(([offset, id]) =>
            read.has(`${log}/${offset} ${id}`) ? [] : [`no member has read ${log}/${offset}, ${id}`],
          ),
    );
  },
};
