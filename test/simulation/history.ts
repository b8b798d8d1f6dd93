/**
 * History: what clients did and learned, in the order in which they learned it. Checkers read nothing else.
 *
 * Every event has a `begin` and an `end` on one scale: what it did to the broker, if anything, happened in between. The end
 * of what is unknown is never: it may still be under way.
 */

import type { AmqpEvent } from './amqp/amqp-history.ts';
import type { LogEvent } from './history-logs.ts';
import type { QueueHistoryEvent } from './queue-history.ts';

export type Outcome = 'ok' | 'refused' | 'unknown';

export interface Span {
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
  /** When this attempt began; left out if there is one only. */
  attemptBegin?: number;
  records: {
    id: string;
    key: string | null;
    partition: number | null;
    offset: number | null;
    /** If the client has set it. */
    timestamp?: number;
    isTombstone?: boolean;
  }[];
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
  /** Of the next transaction; the same if nothing was open. Null if it did not succeed. */
  nextEpoch: number | null;
}

export interface Fetched extends Span {
  kind: 'fetch';
  topic: string;
  partition: number;
  /** Null if it was not a number: `earliest`, or what `seek` says. */
  from: number | null;
  /** From the first record at or after a time in ms, or from the end. */
  seek?: number | 'latest' | null;
  /** By the clock of the simulation, when the answer was known, in ms. */
  knownMs?: number;
  /** How many were asked for at most. */
  recordsMax?: number;
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
  /** Refused as a whole, because there is no room. */
  isFull?: true;
  messages: {
    id: string;
    messageId: string | null;
    key: string | null;
    isDelayed: boolean;
    outcome: 'stored' | 'duplicate' | 'rejected' | 'unknown';
    /** As sent; left out if it was not given. */
    priority?: number;
    delayMs?: number;
    expirationMs?: number;
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
  deliveries: {
    tag: string;
    id: string;
    count: number;
    key: string | null;
    expiresMs: number | null;
    /** The header that an edited dead letter was given. */
    mark?: string;
  }[];
  isFinal: boolean;
}

export type SettleKind = 'ack' | 'nack' | 'reject' | 'release' | 'extend';

export interface Settled extends Span {
  kind: 'settle';
  queue: string;
  /** Result null: unknown. */
  settlements: { tag: string; id: string; kind: SettleKind; result: string | null; delayMs?: number }[];
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
    meter: Record<'published' | 'settled' | 'dead_lettered' | 'expired' | 'dropped' | 'replayed', number>;
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

/** A request that reached the endpoint of a subscription, in the order in which they came. */
export interface Pushed extends Span {
  kind: 'push';
  /** `pushed` takes from the queue of that name, `pushed-log` from the topic. */
  subscription: string;
  messages: {
    id: string;
    attempt: number;
    /** The ordering key, or the key of the record. */
    key: string | null;
    /** Of a topic. */
    place?: { partition: number; offset: number };
  }[];
  /** Null: nothing was answered. */
  status: number | null;
}

/** Between two events somebody waited for what was there (unserved.ts). */
export interface Unserved extends Span {
  kind: 'unserved';
  what: string;
}

/** Between two events a stream with room had been passed over (waiting/fairness.ts). */
export interface Unfair extends Span {
  kind: 'unfair';
  what: string;
}

/** What was taken without settling, from a queue or by a group, may not have reached the client. */
export interface TakeUnknown extends Span {
  kind: 'take-unknown';
  place: string;
}

/** A member of a group joined, asked for more, or left: what it was told. */
export interface Membership extends Span {
  kind: 'member';
  /** Left out: of the one that all clients share. */
  group?: string;
  /** Its instance id: who joins under it next takes the place of this one. */
  instance?: string;
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
  group?: string;
  /** `operator`: the group was reset, or deleted. */
  member: string;
  log: string;
  /** Null if nobody knows. */
  offset: number | null;
  outcome: Outcome;
  copies: number;
}

/** An instance began to work under a transactional id: from its identity on all before it is fenced. */
export interface InstanceBegun extends Span {
  kind: 'instance';
  transactionalId: string;
  producerId: number;
  epoch: number;
}

/** A member of the group that transforms was given committed records. */
export interface TransformRead extends Span {
  kind: 'transform-read';
  member: string;
  records: { log: string; offset: number; id: string }[];
}

/** One attempt to add offsets of a group to a transaction. */
export interface OffsetsAdded extends Span {
  kind: 'add-offsets';
  transactionalId: string;
  producerId: number;
  epoch: number;
  member: string;
  offsets: { log: string; offset: number }[];
  outcome: Outcome;
  code: string | null;
}

/** One attempt to publish within a transaction. Attempts to publish the same have the same ids. */
export interface MessagesHeld extends Span {
  kind: 'hold-messages';
  transactionalId: string;
  producerId: number;
  epoch: number;
  queues: string[];
  topics: string[];
  ids: string[];
  outcome: Outcome;
  code: string | null;
}

/** What the group that transforms has committed. */
export interface OffsetsSeen extends Span {
  kind: 'see-offsets';
  offsets: { log: string; offset: number | null; isPending: boolean }[];
  /** At rest, before the last instance handles what is left. */
  isFinal: boolean;
}

export type HistoryEvent =
  | AmqpEvent
  | InstanceBegun
  | TransformRead
  | OffsetsAdded
  | MessagesHeld
  | OffsetsSeen
  | QueueHistoryEvent
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
  | Odd
  | Unserved
  | Unfair
  | TakeUnknown
  | Pushed
  | LogEvent;

export class History {
  readonly events: HistoryEvent[] = [];
  /** Whether leases can be judged by the times that deliveries name: not if clocks differ. */
  clocksAgree = true;
  /** Whether each answer between objects and routers arrives, because nothing is lost on the way or ends meanwhile. */
  answersArrive = true;
  /** Whether what is sent arrives, and soon: an answer that comes late is none. */
  requestsArrive = true;
  /** Whether nothing fails that could bring a message twice, but for clocks and alarms. */
  isCalm = true;
  /** The time of the simulation, in ms. */
  clock: () => number = () => 0;
  /** By point of the scale, from 1. */
  readonly #times: number[] = [];

  /** The next point of the scale. */
  now(): number {
    return this.#times.push(this.clock());
  }

  /** When a point of the scale was, in ms by the clock of the simulation; never for the end of what is unknown. */
  msAt(point: number): number {
    return this.#times[point - 1] ?? Infinity;
  }

  add(event: HistoryEvent): void {
    this.events.push(event);
  }

  of<Kind extends HistoryEvent['kind']>(kind: Kind): Extract<HistoryEvent, { kind: Kind }>[] {
    return this.events.filter((event) => event.kind === kind) as Extract<HistoryEvent, { kind: Kind }>[];
  }
}
