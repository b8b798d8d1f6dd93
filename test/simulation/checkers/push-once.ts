import type { Checker } from './checker.ts';
import { deadLettersOf, isAccepted } from './pushes.ts';

/** Checker: what the endpoint has accepted is settled, where nothing fails that may bring it twice, and what was stored once. */
export const pushOnce: Checker = {
  name: 'push-once',
  promise: 'Where nothing fails, an accepted message is neither pushed again nor a dead letter',
  check: (history) => {
    if (!history.isCalm) return [];
    const broken: string[] = [];
    const accepted = new Set<string>();
    for (const push of history.of('push')) {
      for (const { id } of push.messages) {
        const name = `${push.subscription} ${id}`;
        if (accepted.has(name)) broken.push(`${name} was pushed again after it was accepted`);
      }
      if (isAccepted(push)) for (const { id } of push.messages) accepted.add(`${push.subscription} ${id}`);
    }
    for (const letter of deadLettersOf(history))
      if (accepted.has(letter)) broken.push(`${letter} was accepted, and is a dead letter`);
    return broken;
  },
};
