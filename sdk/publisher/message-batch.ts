/** Message batch: messages of one destination that are sent together. */

import {
  BATCH_OVERHEAD,
  encodeBatch,
  gzipBatch,
  recordSizeUpperBound,
  type RecordHeader,
  type RecordInput,
} from '../../protocol/record-batch/index.ts';
import { ROUTING_KEY_HEADER } from '../../protocol/headers/message-headers.ts';
import type { PosthornError } from '../errors.ts';
import {
  MESSAGE_ID_HEADER,
  messageHeaders,
  orderingKeyBytes,
  type OutgoingMessage,
} from '../values/message-input.ts';
import { producerOptions } from '../producer/batch.ts';
import { RECORD_ALLOWANCE_BYTES, type Sink } from '../producer/pending.ts';
import type { BatchProducer, SequencedBatch } from '../producer/sequences.ts';
import { valueBytes } from '../values/record-input.ts';
import { bytesOfText } from '../values/text.ts';

/** What became of a message. */
export interface Confirmation {
  /**
   * `stored`: it is durable in every destination. `duplicate`: the queue has seen its message id within its
   * deduplication window, and did not store it again.
   */
  outcome: 'stored' | 'duplicate';
  /** Its own, or the one that it was given. */
  messageId: string | undefined;
  /** Where it is, with `destinations: true`. */
  destinations?: MessageDestination[];
}

/** A place that has a message. `reply`: it was handed to a call that waited for it. */
export type MessageDestination =
  | { queue: string }
  | { topic: string; partition: number; offset: number }
  | { reply: string };

/** What an id that the publisher makes may take, header included, in bytes. */
const ID_BYTES_MAX = 48;

export class PendingMessage implements RecordInput {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  headers: readonly RecordHeader[];
  /** Of no account: the broker stamps messages when they come. */
  readonly timestamp = 0;
  messageId: string | undefined;
  /** Through an exchange: fails if no binding takes it. */
  readonly isMandatory: boolean;
  /** Its caller knows what became of it. It stays in its batch, which goes again as it was. */
  isSettled = false;
  /** What it takes in a batch at most, in bytes. */
  readonly sizeBytes: number;
  readonly sink: Sink<Confirmation>;

  /** @param routingKey undefined for a message that goes straight to a queue */
  constructor(
    message: OutgoingMessage & { mandatory?: boolean | undefined },
    routingKey: string | undefined,
    sink: Sink<Confirmation>,
  ) {
    this.isMandatory = routingKey !== undefined && message.mandatory === true;
    this.key = orderingKeyBytes(message.properties?.orderingKey);
    this.value = valueBytes(message.body);
    this.headers = messageHeaders(message);
    if (routingKey) {
      this.headers = [...this.headers, { key: ROUTING_KEY_HEADER, value: bytesOfText(routingKey) }];
    }
    this.messageId = message.properties?.messageId;
    this.sizeBytes = recordSizeUpperBound(this) + (this.messageId === undefined ? ID_BYTES_MAX : 0);
    this.sink = sink;
  }

  get heldBytes(): number {
    return this.sizeBytes + RECORD_ALLOWANCE_BYTES;
  }

  /** Before it is first encoded: what is tried again must have the same id. */
  identify(id: string): void {
    this.messageId = id;
    this.headers = [...this.headers, { key: MESSAGE_ID_HEADER, value: bytesOfText(id) }];
  }
}

export class MessageBatch implements SequencedBatch {
  messages: PendingMessage[] = [];
  /** An upper bound. */
  sizeBytes = BATCH_OVERHEAD;
  /** No attempt begins after this; in ms of `performance.now()`. */
  deadlineMs: number;
  /** Attempts that failed. */
  failures = 0;
  producer: BatchProducer | null = null;
  #encoded: Uint8Array | undefined;
  #gzipped: Uint8Array | undefined;

  constructor(deadlineMs: number) {
    this.deadlineMs = deadlineMs;
  }

  add(message: PendingMessage): void {
    this.messages.push(message);
    this.sizeBytes += message.sizeBytes;
  }

  get count(): number {
    return this.messages.length;
  }

  identify(producer: BatchProducer | null): void {
    this.producer = producer;
    this.#encoded = undefined;
    this.#gzipped = undefined;
  }

  /** Encoded once: what is tried again is the same bytes. */
  bytes(): Uint8Array {
    this.#encoded ??= encodeBatch(this.messages, producerOptions(this.producer));
    return this.#encoded;
  }

  /** As `bytes`, compressed if that makes it smaller. */
  async gzipped(): Promise<Uint8Array> {
    if (this.#gzipped === undefined) {
      const plain = this.bytes();
      const gzipped = await gzipBatch(plain);
      this.#gzipped = gzipped.length < plain.length ? gzipped : plain;
    }
    return this.#gzipped;
  }

  /** Some are settled; the rest goes again, as another batch to the broker. */
  keep(messages: PendingMessage[]): void {
    if (messages.length === this.messages.length) return;
    this.messages = messages;
    this.identify(null);
  }
}

/** What one attempt did: for each message a confirmation, why it failed, or null if it has to go again. */
export type Outcomes = (Confirmation | PosthornError | null)[];
