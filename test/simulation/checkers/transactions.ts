/** Helpers of several checkers: transactions. */

import type { History, SequencedBy } from '../history.ts';
import { placeOf } from './logs.ts';

export interface TransactionSeen {
  name: string;
  /** Records that were acknowledged, with when. */
  stored: { id: string; log: string; offset: number; end: number }[];
  /** When its commit was first asked for; infinite if never. */
  commitBegin: number;
  /** A commit was acknowledged. */
  isCommitted: boolean;
  /** It cannot have been committed: nobody asked for it, or the answers exclude it: an abort that was acknowledged does. */
  isAborted: boolean;
}

export const nameOf = ({ id, epoch }: { id: number; epoch: number }): string => `${id}/${epoch}`;

export const transactionOf = (producer: SequencedBy | null): string | null =>
  producer !== null && producer.transactionalId !== null ? nameOf(producer) : null;

export function transactionsOf(history: History): Map<string, TransactionSeen> {
  const known = new Map<string, TransactionSeen>();
  const get = (name: string): TransactionSeen => {
    let seen = known.get(name);
    if (!seen) {
      seen = { name, stored: [], commitBegin: Infinity, isCommitted: false, isAborted: true };
      known.set(name, seen);
    }
    return seen;
  };
  for (const { topic, producer, outcome, end, records } of history.of('produce')) {
    const name = transactionOf(producer);
    if (name === null) continue;
    const { stored } = get(name);
    if (outcome !== 'ok') continue;
    for (const { id, partition, offset } of records)
      stored.push({ id, log: placeOf(topic, partition!), offset: offset!, end });
  }
  const aborted = new Set<TransactionSeen>();
  for (const event of history.of('end-transaction')) {
    const { producerId, epoch, asked, outcome, copies, begin, nextEpoch } = event;
    if (asked === 'commit' && nextEpoch === epoch) continue; // nothing was open
    const seen = get(nameOf({ id: producerId, epoch }));
    if (asked === 'abort' && outcome === 'ok') aborted.add(seen);
    if (asked !== 'commit') continue;
    seen.commitBegin = Math.min(seen.commitBegin, begin);
    if (outcome === 'ok') seen.isCommitted = true;
    if (outcome !== 'refused' || copies > 1) seen.isAborted = false;
  }
  for (const seen of aborted) seen.isAborted = true;
  return known;
}

/** The transaction of each record, by its id. */
export function transactionByRecord(history: History): Map<string, string> {
  const byRecord = new Map<string, string>();
  for (const { producer, records } of history.of('produce')) {
    const name = transactionOf(producer);
    if (name !== null) for (const { id } of records) byRecord.set(id, name);
  }
  return byRecord;
}
