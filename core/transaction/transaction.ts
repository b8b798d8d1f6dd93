/**
 * The coordinator of one transactional id (Kafka's transaction coordinator, KIP-98; epochs as KIP-890 has them). States:
 *
 *   empty    nothing is open. `begin` of a partition opens; a new instance gets the next epoch, as does an abort
 *   open     has partitions. Ends by commit or abort of its producer, by its timeout, or when a new instance asks
 *   ending   decided, and the decision is on disk. Left when every partition has the marker; nothing else leaves it
 *
 * Each end raises the epoch by one, and the markers carry the raised one: what comes late, of whatever kind, has a lower
 * epoch and is fenced. So all that is done here can be done twice.
 *
 * Producers of Kafka's older protocol keep their epoch when they end a transaction. So the transactions of an epoch have
 * numbers too, which records and offsets carry into the partitions. A marker that keeps the epoch carries the number of
 * its transaction, and fences what has this number or a lower one.
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import { PRODUCER_EPOCH_MAX, TRANSACTION_PARTITIONS_MAX } from '../../protocol/limits.ts';
import type { TransactionEnd } from '../log/producer-state.ts';

export type Outcome = 'commit' | 'abort';

/** Why it ended: its producer asked, its time was over, or a new instance took its place. */
export type EndReason = 'asked' | 'timeout' | 'superseded';

export interface Transaction<Part> {
  readonly transactionalId: string;
  readonly producerId: number;
  /** Of the open transaction or the next one; while ending, the one after. */
  readonly epoch: number;
  /** Of the transaction that is open or was the last of the epoch, from 1; 0 if there was none. */
  readonly number: number;
  readonly timeoutMs: number;
  readonly phase: 'empty' | 'open' | 'ending';
  /** When the open transaction began. */
  readonly startedMs: number | null;
  /** The partitions in it, by key; while ending, those that the marker goes to. */
  readonly parts: Readonly<Record<string, Part>>;
  /** What records of its messages in topics are produced by; null if there were none since the instance began. */
  readonly topicProducerId: number | null;
  /** How the last transaction ended; null if there was none since the instance began. */
  readonly last: LastEnd | null;
  /** The epoch in which the instance asked to go on with the next one; null if it is a new instance. */
  readonly resumedEpoch: number | null;
}

export interface LastEnd {
  readonly outcome: Outcome;
  readonly reason: EndReason;
  /** The next transaction has the same epoch. Absent: it has the one after. */
  readonly isEpochKept?: true;
}

/** A marker has an int32 for it. The end of a transaction with this number raises the epoch. */
export const TRANSACTION_NUMBER_MAX = 2 ** 31 - 1;

export interface Identity {
  id: number;
  epoch: number;
}

/** What a call makes of the state; the same object if nothing has changed and nothing is to be written. */
export type Decision<Part> = Transaction<Part> | Failure;

/**
 * A new instance asks. One that finds a transaction open aborts it: call again when it has ended.
 * @param freshId used for the first instance, and when the epochs of the id are used up
 * @param resumed who asks if it is the instance that is there already (`checkResumed`)
 */
export function initialise<Part>(
  known: Transaction<Part> | null,
  transactionalId: string,
  timeoutMs: number,
  freshId: number,
  resumed: Identity | null = null,
): Transaction<Part> {
  if (known?.phase === 'open')
    return { ...ended(known, 'abort', resumed === null ? 'superseded' : 'asked'), timeoutMs };
  if (known?.phase === 'ending') return known;
  const isFresh = known === null || known.epoch >= PRODUCER_EPOCH_MAX;
  return {
    transactionalId,
    producerId: isFresh ? freshId : known.producerId,
    epoch: isFresh ? 0 : known.epoch + 1,
    number: 0,
    timeoutMs,
    phase: 'empty',
    startedMs: null,
    parts: {},
    topicProducerId: null,
    last: null,
    resumedEpoch: resumed?.epoch ?? null,
  };
}

/**
 * Whether the instance may go on with the next epoch, as it does after a failure: it does not know what has arrived.
 * @returns 'repeated' if it has asked before and has that epoch already; a failure if another has taken its place
 */
export function checkResumed(
  known: Transaction<unknown> | null,
  transactionalId: string,
  resumed: Identity,
): 'admitted' | 'repeated' | Failure {
  if (known === null) return notFound(transactionalId);
  if (isRepeatedResume(known, resumed)) return 'repeated';
  return mayResume(known, resumed) ? 'admitted' : fencedBy(known, resumed);
}

/** Its epoch is the current one, or was until its transaction ended by something else than a new instance. */
function mayResume(known: Transaction<unknown>, { id, epoch }: Identity): boolean {
  if (id !== known.producerId) return false;
  return epoch === known.epoch || (epoch === endedEpoch(known) && known.last!.reason !== 'superseded');
}

function isRepeatedResume(known: Transaction<unknown>, { id, epoch }: Identity): boolean {
  return id === known.producerId && epoch === known.resumedEpoch && known.last === null && known.number === 0;
}

/** The producer is about to write to these, or to publish; the first opens the transaction. */
export function addParts<Part>(
  known: Transaction<Part> | null,
  transactionalId: string,
  identity: Identity,
  parts: Readonly<Record<string, Part>>,
  nowMs: number,
): Decision<Part> {
  if (known === null) return notFound(transactionalId);
  const fenced = checkIdentity(known, identity);
  if (fenced) return fenced;
  if (known.phase === 'ending') {
    return stillEnding();
  }
  const isNew = Object.keys(parts).some((key) => !(key in known.parts));
  if (!isNew && known.phase === 'open') return known;
  const all = { ...known.parts, ...parts };
  const count = Object.keys(all).length;
  if (count > TRANSACTION_PARTITIONS_MAX) {
    return failure(
      'transaction_too_large',
      `${count} partitions; a transaction may have ${TRANSACTION_PARTITIONS_MAX}`,
      { partitions_max: TRANSACTION_PARTITIONS_MAX },
    );
  }
  const number = known.phase === 'open' ? known.number : known.number + 1;
  return { ...known, phase: 'open', number, startedMs: known.startedMs ?? nowMs, parts: all };
}

/**
 * The producer ends its transaction; a repetition finds that it has. One that has nothing in it is committed as it is, but
 * aborted by the next epoch: who aborts does not know what of it has arrived, and what comes later must not join the next.
 * @param keepsEpoch as producers of Kafka's older protocol do. They ask for the next epoch if they do not know what has arrived
 */
export function end<Part>(
  known: Transaction<Part> | null,
  transactionalId: string,
  identity: Identity,
  outcome: Outcome,
  keepsEpoch = false,
): Decision<Part> {
  if (known === null) return notFound(transactionalId);
  const isOfCurrent = known.phase === 'open' && identity.epoch === known.epoch;
  if (!isOfCurrent && identity.id === known.producerId && identity.epoch === endedEpoch(known)) {
    const last = known.last!;
    if (last.reason === 'superseded') return fencedBy(known, identity);
    if (last.outcome === outcome) return known;
    const why =
      last.reason === 'timeout' ? `it was open for more than ${known.timeoutMs} ms` : 'as was asked';
    return last.outcome === 'abort'
      ? failure(
          'transaction_aborted',
          `the transaction was aborted: ${why}; none of it will be read as committed`,
        )
      : failure('transaction_committed', 'the transaction was committed, which cannot be undone');
  }
  const fenced = checkIdentity(known, identity);
  if (fenced) return fenced;
  if (known.phase === 'open') return ended(known, outcome, 'asked', keepsEpoch);
  if (outcome === 'commit' || keepsEpoch) return known;
  if (known.phase === 'ending') return stillEnding();
  return { ...ended(known, 'abort', 'asked'), phase: 'empty' };
}

/** Aborts a transaction whose time is over. */
export function expire<Part>(known: Transaction<Part>, nowMs: number): Transaction<Part> {
  const dueMs = expiresMs(known);
  return dueMs !== null && dueMs <= nowMs ? ended(known, 'abort', 'timeout') : known;
}

export function expiresMs({ phase, startedMs, timeoutMs }: Transaction<unknown>): number | null {
  return phase === 'open' && startedMs !== null ? startedMs + timeoutMs : null;
}

/** Every partition has the marker. */
export function completed<Part>(known: Transaction<Part>): Transaction<Part> {
  return known.phase === 'ending' ? { ...known, phase: 'empty', parts: {} } : known;
}

function ended<Part>(
  known: Transaction<Part>,
  outcome: Outcome,
  reason: EndReason,
  keepsEpoch = false,
): Transaction<Part> {
  const isEpochKept = keepsEpoch && known.number < TRANSACTION_NUMBER_MAX;
  return {
    ...known,
    ...(!isEpochKept && { epoch: known.epoch + 1, number: 0 }),
    phase: 'ending',
    startedMs: null,
    last: { outcome, reason, ...(isEpochKept && { isEpochKept }) },
  };
}

/** The epoch of the transaction that ended last; null if none has ended since the instance began. */
export function endedEpoch({ epoch, last }: Transaction<unknown>): number | null {
  if (last === null) return null;
  return last.isEpochKept ? epoch : epoch - 1;
}

/** What the partitions of the transaction that is ending are told. */
export function endOf({ producerId, epoch, number, last }: Transaction<unknown>): TransactionEnd {
  return { producerId, producerEpoch: epoch, number, outcome: last?.outcome ?? 'abort' };
}

function checkIdentity(known: Transaction<unknown>, identity: Identity): Failure | null {
  if (identity.id !== known.producerId || identity.epoch !== known.epoch) return fencedBy(known, identity);
  if (identity.epoch <= PRODUCER_EPOCH_MAX) return null;
  return failure(
    'producer_fenced',
    `the epochs of producer ${identity.id} are used up; POST /producers gives a new one`,
  );
}

function fencedBy(known: Transaction<unknown>, { id, epoch }: Identity): Failure {
  const { transactionalId, producerId, last } = known;
  const timedOut = last?.reason === 'timeout' && id === producerId && epoch === known.epoch - 1;
  const why = timedOut ? 'its transaction timed out and was aborted' : 'a newer instance has taken its place';
  return failure(
    'producer_fenced',
    `producer ${id} of epoch ${epoch} is not that of transactional id "${transactionalId}" any more: ${why}`,
    { producer_id: producerId },
  );
}

function stillEnding(): Failure {
  return failure('transaction_in_progress', 'the transaction before this one is still ending; try again');
}

function notFound(transactionalId: string): Failure {
  return failure(
    'transaction_not_found',
    `there is no transactional id "${transactionalId}" in use; POST /producers begins with it`,
  );
}
