import type { Checker } from './checker.ts';
import { arrivals, heldMessages } from './transaction-messages.ts';
import { transactionsOf } from './transactions.ts';

/**
 * At rest each message of a committed transaction has been seen in every queue and topic that it goes to, once; and of a
 * transaction either all messages have come, or none.
 */
export const messageOnce: Checker = {
  name: 'message-once',
  promise: 'Messages of a committed transaction arrive, each once',
  check: (history) => {
    const broken: string[] = [];
    const places = new Map<string, Set<string>>();
    for (const { id, where, place } of arrivals(history)) {
      const known = places.get(`${where} ${id}`) ?? new Set();
      places.set(`${where} ${id}`, known);
      if (place !== '') known.add(place);
    }
    const transactions = transactionsOf(history);
    const held = [...heldMessages(history).values()];
    const cameOf = new Set<string>();
    for (const { id, transaction, queues, topics } of held)
      if ([...queues, ...topics].some((where) => places.has(`${where} ${id}`))) cameOf.add(transaction);
    for (const { id, transaction, queues, topics, isHeld } of held) {
      const isCommitted = transactions.get(transaction)?.isCommitted ?? false;
      for (const where of [...queues, ...topics]) {
        const known = places.get(`${where} ${id}`);
        if (known && known.size > 1)
          broken.push(`${id} of transaction ${transaction} is in ${where} at ${[...known].join(' and ')}`);
        if (known || !isHeld || !(isCommitted || cameOf.has(transaction))) continue;
        const why = isCommitted ? 'which was committed' : 'of which others have come';
        broken.push(`${id} of transaction ${transaction}, ${why}, never came to ${where}`);
      }
    }
    return broken;
  },
};
