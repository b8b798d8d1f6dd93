/** Received message: a message that a queue delivered. */

import type { JsonValue } from '../../protocol/json/json-text.ts';
import { formatTag } from '../../protocol/frames/delivery-tag.ts';
import {
  DEATHS_HEADER,
  DELIVERIES_HEADER,
  EXCHANGE_HEADER,
  RESERVED_PREFIX,
  ROUTING_KEY_HEADER,
} from '../../protocol/headers/message-headers.ts';
import type { LogRecord, RecordHeader } from '../../protocol/record-batch/index.ts';
import { claimOf, type BodyClaim } from '../claims/claim.ts';
import { invalidArgument, type PosthornError } from '../errors.ts';
import { PROPERTY_OF_HEADER, type MessageProperties } from '../values/message-input.ts';
import { headerText, jsonOfBytes, textOf } from '../values/received.ts';
import type { NackFields, Settlement } from './settlement.ts';

/** The properties of a message that was delivered: times are numbers, and an ordering key is text. */
export type ReceivedProperties = Omit<MessageProperties, 'deliverAt' | 'timestamp' | 'orderingKey'> & {
  deliverAt?: number;
  timestamp?: number;
  orderingKey?: string;
};

/** How often a message died in a queue for one reason. Times are in ms since 1970. */
export interface DeathOfMessage {
  queue: string;
  /** As with dead letters; `replayed` for one that was sent back from there. */
  reason: string;
  count: number;
  firstAt: number;
  lastAt: number;
  /** The exchange and the routing key by which the letter left. Absent: it went straight to a queue. */
  to?: readonly [exchange: string, routingKey: string];
}

/** What a delivery is, beside its record. */
export interface DeliveryPosition {
  queueId: number;
  lane: number;
  delivery: number;
}

/** The messages of one delivery. Each knows it as its `hand` while it is unsettled. */
export interface Hand {
  /** How many of them are unsettled. */
  left: number;
  /** When to extend their leases, in ms of `performance.now()`. */
  dueMs: number;
}

/** Settles messages: the consumer that holds them. */
export interface Settler {
  settle(message: ReceivedMessage, settlement: Settlement): Promise<void>;
  acknowledge(message: ReceivedMessage): void;
}

/**
 * A delivered message. Its bytes are views into the reply that brought it, and each view keeps that reply in memory.
 * Copy (`body.slice()`) what you keep.
 */
export class ReceivedMessage {
  /** Null if it was published so. */
  readonly body: Uint8Array | null;
  /** As bytes; `properties.orderingKey` has it as text. */
  readonly orderingKey: Uint8Array | null;
  /** In ms since 1970. */
  readonly publishedAt: number;
  /** How often it was delivered, this time included. */
  readonly deliveryCount: number;
  /** For the consumer. */
  readonly position: DeliveryPosition;
  /** For the consumer: its place in the lane. */
  readonly offset: number;
  /** For the consumer: those it is kept with while it is in hand. */
  hand: Hand | null = null;
  readonly #record: readonly RecordHeader[];
  readonly #settler: Settler;
  #isSettled = false;
  #lost: AbortController | null = null;
  #lostFor: PosthornError | null = null;

  /** Made by `Consumer`. */
  constructor(record: LogRecord, position: DeliveryPosition, settler: Settler) {
    this.body = record.value;
    this.orderingKey = record.key;
    this.publishedAt = record.timestamp;
    this.#record = record.headers;
    this.offset = record.offset;
    this.position = position;
    this.#settler = settler;
    const before = this.#record.length === 0 ? undefined : this.#reserved(DELIVERIES_HEADER);
    this.deliveryCount = position.delivery + (before === undefined ? 0 : Number(before));
  }

  /** What this delivery is settled by. */
  get deliveryTag(): string {
    const { queueId, lane, delivery } = this.position;
    return formatTag({ queueId, lane, offset: this.offset, delivery });
  }

  /** It was delivered before. */
  get redelivered(): boolean {
    return this.deliveryCount > 1;
  }

  /** The message's own, in the order they were sent; a name may occur more than once. */
  get headers(): readonly RecordHeader[] {
    return this.#record.filter(({ key }) => !key.startsWith(RESERVED_PREFIX));
  }

  get properties(): ReceivedProperties {
    const properties: Record<string, string | number> = {};
    for (const { key, value } of this.#record) {
      const property = PROPERTY_OF_HEADER.get(key);
      if (property === undefined || value === null) continue;
      const text = textOf(value);
      properties[property.name] = property.isNumber ? Number(text) : text;
    }
    if (this.orderingKey !== null) properties['orderingKey'] = textOf(this.orderingKey);
    return properties as ReceivedProperties;
  }

  /** Where the body is, if it was too large for the message. With `bodies: 'claim'` it is still there, and `body` is empty. */
  get claim(): BodyClaim | undefined {
    return claimOf(this.#record);
  }

  /** The exchange that it was published to; undefined if it went straight to the queue. */
  get exchange(): string | undefined {
    return this.#reserved(EXCHANGE_HEADER);
  }

  /** The routing key that it was published with. */
  get routingKey(): string | undefined {
    return this.#reserved(ROUTING_KEY_HEADER);
  }

  /** Where the message died before, the latest first; empty if it is no dead letter and never was. */
  get deaths(): readonly DeathOfMessage[] {
    const text = this.#reserved(DEATHS_HEADER);
    if (text === undefined) return [];
    const entries = JSON.parse(text) as {
      queue: string;
      reason: string;
      count: number;
      first: number;
      last: number;
      to?: [string, string];
    }[];
    return entries.map(({ first, last, ...entry }) => ({ ...entry, firstAt: first, lastAt: last }));
  }

  /** The last header of that name as UTF-8; null if its value is null, undefined if there is none. */
  header(name: string): string | null | undefined {
    return name.startsWith(RESERVED_PREFIX) ? undefined : headerText(this.#record, name);
  }

  /** The body as UTF-8: for a JSON string, with its quotes. */
  text(): string | null {
    return textOf(this.body);
  }

  /**
   * The body as `JSON.parse` reads it: a number beyond 2^53 is rounded, and members named like integers come first. `text()`
   * has the text that was sent.
   *
   * @throws PosthornError `unexpected_reply` if it is not JSON
   */
  json<Value = JsonValue>(): Value | null {
    return jsonOfBytes<Value>(this.body, () => `the body of message ${this.deliveryTag}`);
  }

  /** Fires when the consumer loses the message: its lease ended, or the consumer was aborted. */
  get signal(): AbortSignal {
    this.#lost ??= new AbortController();
    if (this.#lostFor !== null) this.#lost.abort(this.#lostFor);
    return this.#lost.signal;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /**
   * Acknowledges the message. Resolves when the broker has stored that. You need not await it; then a failure only goes
   * to `onError`.
   *
   * @throws PosthornError `settlement_refused`, `timeout`, `aborted`; `invalid_argument` if it is settled already
   */
  ack(): Promise<void> {
    return this.#settle({ kind: 'ack' });
  }

  /**
   * Reports a failed attempt. The message is tried again by the queue's retry schedule, or after `delayMs` (0: at once,
   * at its old position). After the last retry it becomes a dead letter. Otherwise as `ack`.
   *
   * @param fields.error an Error, or anything else that was thrown; the dead letter keeps it
   */
  nack(fields: NackFields = {}): Promise<void> {
    return this.#settle({ kind: 'nack', ...fields });
  }

  /** Dead-letters the message now. Otherwise as `nack`. */
  reject(fields: Pick<NackFields, 'error'> = {}): Promise<void> {
    return this.#settle({ kind: 'reject', ...fields });
  }

  /** Gives the message back unprocessed, to its old position. This is not a failure. Otherwise as `ack`. */
  release(): Promise<void> {
    return this.#settle({ kind: 'release' });
  }

  /**
   * Extends the lease to that time from now. The consumer extends leases by itself; use this before a pause in which
   * the process cannot.
   */
  extend(leaseMs: number): Promise<void> {
    return this.#settler.settle(this, { kind: 'extend', leaseMs });
  }

  /** For the consumer: `ack` without a promise. */
  ackByConsumer(): void {
    this.#isSettled = true;
    this.#settler.acknowledge(this);
  }

  /** For the consumer: there is nothing to settle. */
  cameSettled(): void {
    this.#isSettled = true;
  }

  /** For the consumer. */
  lose(reason: PosthornError): void {
    this.#lostFor ??= reason;
    this.#lost?.abort(reason);
  }

  #settle(settlement: Settlement): Promise<void> {
    if (this.#isSettled) {
      return Promise.reject(invalidArgument(`message ${this.deliveryTag} is settled already`));
    }
    this.#isSettled = true;
    return this.#settler.settle(this, settlement);
  }

  #reserved(name: string): string | undefined {
    const value = this.#record.find(({ key }) => key === name)?.value;
    return value ? textOf(value) : undefined;
  }
}
