/**
 * Broker port: everything that the AMQP machines ask of a broker. Calls return at once and answer later through `done`, so
 * that the machines need neither clock nor promises. A port belongs to one connection.
 */

import type { ExchangeSpec } from './arguments/exchange-arguments.ts';
import type { QueueArguments } from './arguments/queue-arguments.ts';
import type { ComparedArguments } from './arguments/queue-equivalence.ts';
import type { BasicProperties } from './codec/properties.ts';
import type { FieldTable } from './codec/field-table.ts';
import type { PortError } from './reply-codes.ts';

/** Called once. */
export type Done<Value> = (answer: Value | PortError) => void;

export interface QueueSpec {
  queue: string;
  exclusive: boolean;
  autoDelete: boolean;
  arguments: QueueArguments;
  /** What has to be the same when it is declared again. */
  compared: ComparedArguments;
}

export interface QueueCounts {
  messageCount: number;
  consumerCount: number;
}

export interface BindingSpec {
  source: string;
  destination: { queue: string } | { exchange: string };
  routingKey: string;
  arguments: FieldTable;
}

/** A message on its way to the broker. */
export interface PublishedMessage {
  exchange: string;
  routingKey: string;
  /** Of the headers `CC` and `BCC`: a queue that several keys reach gets the message once. */
  furtherKeys: readonly string[];
  mandatory: boolean;
  properties: BasicProperties;
  /** As they were sent. */
  rawProperties: Uint8Array;
  body: Uint8Array;
}

/** `rejected`: the queue is full and refuses messages. `refused`: the broker has not taken the message for another reason. */
export type PublishOutcome = 'stored' | 'unroutable' | 'rejected' | 'refused';

/** What becomes of a delivery. `reject`: dead-lettered, or dropped. */
export type Settlement = 'ack' | 'requeue' | 'reject';

/** A message on its way to a client. */
export interface Delivery {
  exchange: string;
  routingKey: string;
  redelivered: boolean;
  /** As a content header has them. */
  rawProperties: Uint8Array;
  body: Uint8Array;
  /** Called once. */
  readonly settle: (settlement: Settlement) => void;
}

export interface ConsumeSpec {
  queue: string;
  /** Unsettled deliveries at most; 0: as many as the broker gives. */
  prefetch: number;
  /** Nobody else may consume. */
  exclusive: boolean;
  /** Of several consumers with room, the highest gets messages first. */
  priority: number;
}

export interface ConsumerListener {
  deliver(delivery: Delivery): void;
  /** The queue is gone, or the broker has ended the consumer for another reason. */
  cancelled(): void;
}

export interface PortConsumer {
  /** Begins deliveries. */
  start(): void;
  /** Changes how many unsettled deliveries there may be; 0: as many as the broker gives. What is delivered stays. */
  setPrefetch(prefetch: number): void;
  /** Ends deliveries. Those that are unsettled can still be settled. */
  cancel(): void;
}

export interface BrokerPort {
  /** The name of a queue or consumer that nobody else has. */
  uniqueName(prefix: string): string;
  declareExchange(spec: ExchangeSpec, done: Done<null>): void;
  checkExchange(exchange: string, done: Done<null>): void;
  deleteExchange(exchange: string, ifUnused: boolean, done: Done<null>): void;
  bind(binding: BindingSpec, done: Done<null>): void;
  unbind(binding: BindingSpec, done: Done<null>): void;
  declareQueue(spec: QueueSpec, done: Done<QueueCounts>): void;
  checkQueue(queue: string, done: Done<QueueCounts>): void;
  /** @returns how many messages there were */
  purgeQueue(queue: string, done: Done<number>): void;
  deleteQueue(queue: string, conditions: { ifUnused: boolean; ifEmpty: boolean }, done: Done<number>): void;
  publish(message: PublishedMessage, done: Done<PublishOutcome>): void;
  get(queue: string, done: Done<{ delivery: Delivery; messageCount: number } | null>): void;
  consume(spec: ConsumeSpec, listener: ConsumerListener, done: Done<PortConsumer>): void;
}
