import type { History } from '../history.ts';
import { finalLogs } from './logs.ts';
import type { Checker } from './checker.ts';

/**
 * Checker: where every answer has reached its client, at-most-once modes lose nothing: what a queue or a group gave without
 * waiting for a settlement or a commit was given to somebody. Of a queue or group with a lost answer nothing is said; for a
 * group that may be the answer of a partition to the router, which the client does not see.
 */
export const orderlyStop: Checker = {
  name: 'orderly-stop',
  promise: 'Consumers that stop in order lose nothing, also with auto_ack and auto_commit',
  check: (history) => {
    const isJudged = (place: string): boolean =>
      !history.of('take-unknown').some((event) => event.place === place);
    return [
      ...(isJudged('handed') ? lostByQueue(history) : []),
      ...(isJudged('hasty') && history.answersArrive ? lostByGroup(history) : []),
    ];
  },
};

function lostByQueue(history: History): string[] {
  const given = new Set(
    history
      .of('deliver')
      .flatMap(({ queue, deliveries }) => (queue === 'handed' ? deliveries.map(({ id }) => id) : [])),
  );
  return history
    .of('publish')
    .flatMap(({ queue, messages }) =>
      messages.flatMap(({ id, outcome }) =>
        queue === 'handed' && outcome === 'stored' && !given.has(id)
          ? [`nobody was given ${id} of ${queue}`]
          : [],
      ),
    );
}

/** Judged if a member has read all at rest. */
function lostByGroup(history: History): string[] {
  const polls = history.of('hasty-poll');
  if (!polls.some(({ isFinal }) => isFinal)) return [];
  const given = new Set(polls.flatMap(({ records }) => records.map(({ log, offset }) => `${log}/${offset}`)));
  return [...finalLogs(history)].flatMap(([log, records]) =>
    log.startsWith('log/')
      ? [...records.keys()].flatMap((offset) =>
          given.has(`${log}/${offset}`) ? [] : [`no member of hasty was given ${log}/${offset}`],
        )
      : [],
  );
}
