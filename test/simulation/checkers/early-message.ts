import type { Checker } from './checker.ts';
import { arrivals, heldMessages } from './transaction-messages.ts';
import { transactionsOf } from './transactions.ts';

/**
 * Checker: a message of a transaction appears nowhere before its commit was requested, and never if it was not
 * committed.
 */
export const earlyMessage: Checker = {
  name: 'early-message',
  promise: 'Messages of a transaction are delivered after its commit, or never',
  check: (history) => {
    const held = heldMessages(history);
    const transactions = transactionsOf(history);
    return [...arrivals(history)].flatMap(({ id, where, end }) => {
      const message = held.get(id);
      if (!message) return [];
      const seen = transactions.get(message.transaction);
      if (seen === undefined || seen.isAborted)
        return [`${where} gave ${id} of transaction ${message.transaction}, which was not committed`];
      return end < seen.commitBegin
        ? [`${where} gave ${id} of transaction ${message.transaction} before its commit was asked for`]
        : [];
    });
  },
};
