/**
 * What clients did and learned, in the order in which they learned it. Checkers look at nothing else.
 *
 * Every event has a `begin` and an `end` on one scale: what it did to the broker, if anything, happened in between. The end
 * of what is unknown is never: it may still be under way.
 */

export type Outcome = 'ok' | 'refused' | 'unknown';

interface Span {
  client: string;
  begin: number;
  end: number;
}

export interface Produced extends Span {
  kind: 'produce';
  topic: string;
  outcome: Outcome;
  /** How often the request was delivered at most: what is stored may be there as often. */
  copies: number;
  /** Null without one. Attempts to send the same have the same ids, and begin with the first. */
  producer: SequencedBy | null;
  records: { id: string; key: string | null; partition: number | null; offset: number | null }[];
}

export interface SequencedBy {
  id: number;
  epoch: number;
  /** Of the first record. */
  sequence: number;
  /** The transactional id, or null. */
  transactionalId: string | null;
}

/** One attempt to end a transaction. */
export interface TransactionEnded extends Span {
  kind: 'end-transaction';
  transactionalId: string;
  producerId: number;
  epoch: number;
  asked: 'commit' | 'abort';
  outcome: Outcome;
  /** Of a refusal. */
  code: string | null;
  copies: number;
}

export interface Fetched extends Span {
  kind: 'fetch';
  topic: string;
  partition: number;
  /** Null where it was not a number: `earliest`. */
  from: number | null;
  records: { offset: number; id: string; timestamp: number }[];
  next: number;
  high: number;
  isolation: 'read_committed' | 'read_uncommitted';
  /** The last stable offset, for readers of committed records. */
  stable: number | null;
  start: number;
  /** Part of the last reading of all, after everything has come to rest. */
  isFinal: boolean;
}

export interface Published extends Span {
  kind: 'publish';
  queue: string;
  outcome: Outcome;
  copies: number;
  messages: {
    id: string;
    messageId: string | null;
    key: string | null;
    isDelayed: boolean;
    outcome: 'stored' | 'duplicate' | 'rejected' | 'unknown';
  }[];
}

/** One attempt to publish with a sequence. A `publish` sums up all attempts. */
export interface PublishedOnce extends Span {
  kind: 'publish-once';
  queue: string;
  outcome: Outcome;
  /** Of a refusal. */
  code: string | null;
  producer: SequencedBy;
  ids: string[];
  /** What was answered of each message. */
  results: Published['messages'][number]['outcome'][];
}

export interface Delivered extends Span {
  kind: 'deliver';
  queue: string;
  consumer: string;
  leaseMs: number;
  isAutoAck: boolean;
  deliveries: { tag: string; id: string; count: number; key: string | null; expiresMs: number | null }[];
  isFinal: boolean;
}

export type SettleKind = 'ack' | 'nack' | 'reject' | 'release' | 'extend';

export interface Settled extends Span {
  kind: 'settle';
  queue: string;
  /** Result null: unknown. */
  settlements: { tag: string; id: string; kind: SettleKind; result: string | null }[];
}

/** The object has seen the end of a stream: what its consumer held is free. */
export interface Left extends Span {
  kind: 'leave';
  consumer: string;
}

export interface Described extends Span {
  kind: 'state';
  queue: string;
  state: {
    ready: number;
    leased: number;
    parked: number;
    outgoing: number;
    meter: Record<'published' | 'settled' | 'dead_lettered' | 'expired' | 'dropped', number>;
  };
  isFinal: boolean;
}

export interface RecordsDeleted extends Span {
  kind: 'delete-records';
  topic: string;
  partition: number;
  before: number;
}

export interface Purged extends Span {
  kind: 'purge';
  queue: string;
}

/** The broker has answered what it should never answer: a 500, or a refusal of what was right. */
export interface Odd extends Span {
  kind: 'odd';
  what: string;
}

/** A member of a group joined, asked for more, or left: what it was told. */
export interface Membership extends Span {
  kind: 'member';
  what: 'join' | 'poll' | 'leave';
  member: string;
  outcome: Outcome;
  code: string | null;
  copies: number;
  epoch: number;
  /** What it is to read from now on, as `topic/partition`. */
  assignment: string[];
  records: { log: string; offset: number; id: string }[];
  sessionMs: number;
  /** By the clock of the simulation, when it asked and when it knew, in ms. */
  askedMs: number;
  knownMs: number;
}

export interface OffsetCommitted extends Span {
  kind: 'commit-offset';
  member: string;
  log: string;
  offset: number;
  outcome: Outcome;
  copies: number;
}

export type HistoryEvent =
  | Membership
  | OffsetCommitted
  | Produced
  | TransactionEnded
  | Fetched
  | Published
  | PublishedOnce
  | Delivered
  | Settled
  | Left
  | Described
  | RecordsDeleted
  | Purged
  | Odd;

export class History {
  readonly events: HistoryEvent[] = [];
  /** Whether leases can be judged by the times that deliveries name: not where clocks differ. */
  clocksAgree = true;
  #now = 0;

  /** The next point of the scale. */
  now(): number {
    return ++this.#now;
  }

  add(event: HistoryEvent): void {
    this.events.push(event);
  }

  of<Kind extends HistoryEvent['kind']>(kind: Kind): Extract<HistoryEvent, { kind: Kind }>[] {
    return this.events.filter((event) => event.kind === kind) as Extract<HistoryEvent, { kind: Kind }>[];
  }
}
