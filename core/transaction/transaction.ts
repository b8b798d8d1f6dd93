/**
 * The coordinator of one transactional id (Kafka's transaction coordinator, KIP-98; epochs as KIP-890 has them). States:
 *
 *   empty    nothing is open. `begin` of a partition opens; a new instance gets the next epoch, as does an abort
 *   open     has partitions. Ends by commit or abort of its producer, by its timeout, or when a new instance asks
 *   ending   decided, and the decision is on disk. Left when every partition has the marker; nothing else leaves it
 *
 * Each end raises the epoch by one, and the markers carry the raised one: what comes late, of whatever kind, has a lower
 * epoch and is fenced. So all that is done here can be done twice.
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import { PRODUCER_EPOCH_MAX, TRANSACTION_PARTITIONS_MAX } from '../../protocol/limits.ts';

export type Outcome = 'commit' | 'abort';

/** Why it ended: its producer asked, its time was over, or a new instance took its place. */
export type EndReason = 'asked' | 'timeout' | 'superseded';

export interface Transaction<Part> {
  readonly transactionalId: string;
  readonly producerId: number;
  /** Of the open transaction or the next one; while ending, the one after. */
  readonly epoch: number;
  readonly timeoutMs: number;
  readonly phase: 'empty' | 'open' | 'ending';
  /** When the open transaction began. */
  readonly startedMs: number | null;
  /** The partitions in it, by key; while ending, those that the marker goes to. */
  readonly parts: Readonly<Record<string, Part>>;
  /** What records of its messages in topics are produced by; null if there were none since the instance began. */
  readonly topicProducerId: number | null;
  /** How the transaction of the epoch before this one ended; null if there was none. */
  readonly last: { readonly outcome: Outcome; readonly reason: EndReason } | null;
}

export interface Identity {
  id: number;
  epoch: number;
}

/** What a call makes of the state; the same object if nothing has changed and nothing is to be written. */
export type Decision<Part> = Transaction<Part> | Failure;

/**
 * A new instance asks. One that finds a transaction open aborts it: call again when it has ended.
 * @param freshId used for the first instance, and when the epochs of the id are used up
 */
export function initialise<Part>(
  known: Transaction<Part> | null,
  transactionalId: string,
  timeoutMs: number,
  freshId: number,
): Transaction<Part> {
  if (known?.phase === 'open') return { ...ended(known, 'abort', 'superseded'), timeoutMs };
  if (known?.phase === 'ending') return known;
  const isFresh = known === null || known.epoch >= PRODUCER_EPOCH_MAX;
  return {
    transactionalId,
    producerId: isFresh ? freshId : known.producerId,
    epoch: isFresh ? 0 : known.epoch + 1,
    timeoutMs,
    phase: 'empty',
    startedMs: null,
    parts: {},
    topicProducerId: null,
    last: null,
  };
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
  return { ...known, phase: 'open', startedMs: known.startedMs ?? nowMs, parts: all };
}

/**
 * The producer ends its transaction; a repetition finds that it has. One that has nothing in it is committed as it is, but
 * aborted by the next epoch: who aborts does not know what of it has arrived, and what comes later must not join the next.
 */
export function end<Part>(
  known: Transaction<Part> | null,
  transactionalId: string,
  identity: Identity,
  outcome: Outcome,
): Decision<Part> {
  if (known === null) return notFound(transactionalId);
  if (identity.id === known.producerId && identity.epoch === known.epoch - 1 && known.last !== null) {
    const { last } = known;
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
  if (known.phase === 'open') return ended(known, outcome, 'asked');
  if (outcome === 'commit') return known;
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

function ended<Part>(known: Transaction<Part>, outcome: Outcome, reason: EndReason): Transaction<Part> {
  return {
    ...known,
    epoch: known.epoch + 1,
    phase: 'ending',
    startedMs: null,
    last: { outcome, reason },
  };
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
