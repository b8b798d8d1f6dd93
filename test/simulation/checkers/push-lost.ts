import { PUSHED } from '../workload/push/push-topology.ts';
import { deadLettersOf, isAccepted } from './pushes.ts';
import type { Checker } from './checker.ts';

/** Checker: what was confirmed has been accepted by the endpoint when all is at rest, or is a dead letter. */
export const pushLost: Checker = {
  name: 'push-lost',
  promise: 'Each message of a subscription is pushed until the endpoint accepts it, or is a dead letter',
  check: (history) => {
    const done = new Set<string>();
    for (const push of history.of('push')) {
      if (!isAccepted(push)) continue;
      for (const { id } of push.messages) done.add(`${push.subscription} ${id}`);
    }
    for (const letter of deadLettersOf(history)) done.add(letter);
    const messages = history
      .of('publish')
      .filter(({ queue }) => queue === PUSHED.queue)
      .flatMap(({ queue, messages: sent }) =>
        sent.filter(({ outcome }) => outcome === 'stored').map(({ id }) => `${queue} ${id}`),
      );
    const records = history
      .of('produce')
      .filter(({ topic, outcome }) => topic === PUSHED.topic && outcome === 'ok')
      .flatMap(({ topic, records: sent }) => sent.map(({ id }) => `${topic} ${id}`));
    return [...messages, ...records]
      .filter((message) => !done.has(message))
      .map((message) => `${message} was never accepted, and is no dead letter`);
  },
};
