/**
 * Tracing: the hook that a client tells what it sends, receives, handles and settles. A client without one does nothing for
 * traces, and loads nothing. `openTelemetry` makes one.
 */

import type { RecordHeader } from '../../protocol/record-batch/index.ts';

/** Makes the tracing of a client. @param broker its address */
export type TracingHook = (broker: URL) => Tracing;

export interface Tracing {
  /** A message or record begins its way to the broker. */
  send(to: SendTarget, headers: readonly RecordHeader[]): SendSpan;
  /** Messages came, all of them from one queue or partition. */
  received(from: Source, messages: readonly TracedMessage[]): void;
  /** Runs a handler. One that returns a promise lasts until that is settled. */
  handle<Result>(from: Source, messages: readonly TracedMessage[], run: () => Result): Result;
  /** A settlement begins. */
  settle(from: Source, message: TracedMessage, how: string): SpanEnd;
}

export interface SendTarget {
  /** A queue, an exchange or a topic. */
  name: string;
  routingKey?: string | undefined;
  messageId?: string | undefined;
  correlationId?: string | undefined;
}

export interface Source {
  /** A queue or a topic. */
  name: string;
  group?: string;
  partition?: number;
}

export interface TracedMessage {
  readonly headers: readonly RecordHeader[];
  readonly properties?: { messageId?: string | undefined; correlationId?: string | undefined };
  /** Of a record of a topic. */
  readonly partition?: number;
  readonly offset?: number;
  readonly deliveryCount?: number;
}

/** Called once: null if it went well. */
export type SpanEnd = (error: unknown, place?: { partition: number; offset: number }) => void;

export interface SendSpan {
  /** To be added to those of the message. */
  readonly headers: readonly RecordHeader[];
  readonly end: SpanEnd;
}
