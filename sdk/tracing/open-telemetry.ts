/**
 * OpenTelemetry tracing: spans by the semantic conventions for messaging. A publish is the parent of what is made of its message,
 * so one trace goes from the producer over retries and dead letters to the last handler.
 */

import { cutText } from '../../protocol/cut-text.ts';
import {
  traceContextOf,
  TRACEPARENT_HEADER,
  TRACESTATE_HEADER,
} from '../../protocol/headers/trace-context.ts';
import type { RecordHeader } from '../../protocol/record-batch/index.ts';
import { VERSION } from '../../protocol/version.ts';
import { messageOf, PosthornError } from '../errors.ts';
import { headerText } from '../values/received.ts';
import { bytesOfText } from '../values/text.ts';
import type { OpenTelemetryApi, OtelContext, OtelSpan, OtelSpanContext } from './open-telemetry-api.ts';
import type {
  SendSpan,
  SendTarget,
  Source,
  SpanEnd,
  TracedMessage,
  Tracing,
  TracingHook,
} from '../client/tracing.ts';

/** Kinds of spans and a status, as the API numbers them. */
const CLIENT = 2;
const PRODUCER = 3;
const CONSUMER = 4;
const ERROR = 2;

/** What an SDK keeps of one span by default. */
const LINKS_MAX = 128;

const ATTRIBUTE_LENGTH_MAX = 255;

type Attributes = Record<string, string | number>;

/**
 * Traces what a client does.
 *
 * @param api the module: `import * as api from '@opentelemetry/api'`
 * @example const posthorn = new Posthorn({ url, tracing: openTelemetry(api) });
 */
export function openTelemetry(api: OpenTelemetryApi): TracingHook {
  return (broker) => new OpenTelemetryTracing(api, broker);
}

class OpenTelemetryTracing implements Tracing {
  readonly #api: OpenTelemetryApi;
  readonly #server: Attributes;
  /** Of messages that are or were in a handler: a settlement belongs to that. */
  readonly #handled = new WeakMap<object, OtelContext>();

  constructor(api: OpenTelemetryApi, { hostname, port, protocol }: URL) {
    this.#api = api;
    const byProtocol = protocol === 'https:' ? 443 : 80;
    this.#server = { 'server.address': hostname, 'server.port': port === '' ? byProtocol : Number(port) };
  }

  send(to: SendTarget, own: readonly RecordHeader[]): SendSpan {
    const created = this.#creation(own);
    const active = this.#api.context.active();
    const attributes = {
      ...given('messaging.message.id', to.messageId),
      ...given('messaging.message.conversation_id', to.correlationId),
      ...given('posthorn.routing_key', to.routingKey),
    };
    const links = created === undefined ? [] : [created];
    const span = this.#start('publish', 'send', PRODUCER, to.name, attributes, active, links);
    return {
      // A message that has a context of its own keeps it.
      headers: created === undefined ? this.#injected(active, span, own) : [],
      end: (error, place) => {
        if (place !== undefined) {
          span.setAttribute('messaging.destination.partition.id', String(place.partition));
          span.setAttribute('posthorn.offset', place.offset);
        }
        end(span, error);
      },
    };
  }

  received(from: Source, messages: readonly TracedMessage[]): void {
    const attributes = { ...sourceAttributes(from), 'messaging.batch.message_count': messages.length };
    const active = this.#api.context.active();
    this.#start('receive', 'receive', CLIENT, from.name, attributes, active, this.#links(messages)).end();
  }

  handle<Result>(from: Source, messages: readonly TracedMessage[], run: () => Result): Result {
    const [first] = messages;
    const isOne = messages.length === 1;
    const attributes: Attributes = isOne
      ? { ...sourceAttributes(from), ...messageAttributes(first!) }
      : { ...sourceAttributes(from), 'messaging.batch.message_count': messages.length };
    // Of many messages none is the parent.
    const parent = isOne ? this.#extracted(first!.headers) : this.#api.context.active();
    const links = isOne ? [] : this.#links(messages);
    const span = this.#start('process', 'process', CONSUMER, from.name, attributes, parent, links);
    const context = this.#api.trace.setSpan(parent, span);
    for (const message of messages) this.#handled.set(message, context);
    try {
      const result = this.#api.context.with(context, run);
      if (!isThenable(result)) {
        end(span, null);
        return result;
      }
      result.then(
        () => end(span, null),
        (error: unknown) => end(span, error),
      );
      return result;
    } catch (error) {
      end(span, error);
      throw error;
    }
  }

  settle(from: Source, message: TracedMessage, how: string): SpanEnd {
    const parent = this.#handled.get(message) ?? this.#extracted(message.headers);
    const attributes = { ...sourceAttributes(from), ...messageAttributes(message) };
    const created = this.#creation(message.headers);
    const links = created === undefined ? [] : [created];
    const span = this.#start(how, 'settle', CLIENT, from.name, attributes, parent, links);
    return (error) => end(span, error);
  }

  #start(
    operation: string,
    type: 'send' | 'receive' | 'process' | 'settle',
    kind: number,
    destination: string,
    more: Attributes,
    parent: OtelContext,
    links: readonly OtelSpanContext[],
  ): OtelSpan {
    // Asked each time: an application may set its provider up after it has made the client.
    const tracer = this.#api.trace.getTracer('posthorn', VERSION);
    const attributes = {
      'messaging.system': 'posthorn',
      'messaging.operation.name': operation,
      'messaging.operation.type': type,
      'messaging.destination.name': destination,
      ...this.#server,
      ...more,
    };
    const options = { kind, attributes, links: links.map((context) => ({ context })) };
    return tracer.startSpan(`${operation} ${destination}`, options, parent);
  }

  /** The headers that carry the span, by the propagators of the application, and by the W3C's in any case. */
  #injected(active: OtelContext, span: OtelSpan, own: readonly RecordHeader[]): RecordHeader[] {
    const spanContext = span.spanContext();
    if (!isValid(spanContext)) return [];
    const carrier: Record<string, string> = {};
    this.#api.propagation.inject(this.#api.trace.setSpan(active, span), carrier);
    const { traceId, spanId, traceFlags, traceState } = spanContext;
    carrier[TRACEPARENT_HEADER] ??=
      `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`;
    const state = traceState?.serialize();
    if (state) carrier[TRACESTATE_HEADER] ??= state;
    return Object.entries(carrier)
      .filter(([name]) => own.every(({ key }) => key.toLowerCase() !== name.toLowerCase()))
      .map(([key, text]) => ({ key, value: bytesOfText(text) }));
  }

  /** The context in which a message was made, with the baggage that came with it. */
  #extracted(headers: readonly RecordHeader[]): OtelContext {
    const { propagation, trace, ROOT_CONTEXT } = this.#api;
    const carrier: Record<string, string> = {};
    for (const { key } of headers) carrier[key] ??= headerText(headers, key) ?? '';
    const extracted = propagation.extract(ROOT_CONTEXT, carrier);
    if (trace.getSpanContext(extracted) !== undefined) return extracted;
    const created = this.#creation(headers);
    return created === undefined ? extracted : trace.setSpanContext(extracted, created);
  }

  /** Undefined if the message has no valid context. */
  #creation(headers: readonly RecordHeader[]): OtelSpanContext | undefined {
    const context = traceContextOf(headerText(headers, TRACEPARENT_HEADER), null);
    if (context === null) return undefined;
    const [, traceId, spanId, flags] = context.traceparent.split('-');
    return {
      traceId: traceId!,
      spanId: spanId!,
      traceFlags: Number.parseInt(flags!, 16) & 1,
      isRemote: true,
    };
  }

  #links(messages: readonly TracedMessage[]): OtelSpanContext[] {
    return messages.slice(0, LINKS_MAX).flatMap(({ headers }) => this.#creation(headers) ?? []);
  }
}

function sourceAttributes({ group, partition }: Source): Attributes {
  return {
    ...given('messaging.consumer.group.name', group),
    ...(partition !== undefined && { 'messaging.destination.partition.id': String(partition) }),
  };
}

function messageAttributes({ properties, partition, offset, deliveryCount }: TracedMessage): Attributes {
  return {
    ...given('messaging.message.id', properties?.messageId),
    ...given('messaging.message.conversation_id', properties?.correlationId),
    ...(partition !== undefined && offset !== undefined && { 'posthorn.offset': offset }),
    ...(deliveryCount !== undefined && { 'posthorn.delivery_count': deliveryCount }),
  };
}

function given(name: string, text: string | undefined): Attributes {
  return text === undefined || text === '' ? {} : { [name]: cutText(text, ATTRIBUTE_LENGTH_MAX) };
}

function end(span: OtelSpan, error: unknown): void {
  if (error !== null && error !== undefined) {
    const isError = error instanceof Error;
    span.recordException(isError ? error : messageOf(error));
    span.setAttribute('error.type', typeOf(error));
    span.setStatus({ code: ERROR, message: messageOf(error) });
  }
  span.end();
}

function typeOf(error: unknown): string {
  if (error instanceof PosthornError) return error.code;
  return error instanceof Error ? error.name : '_OTHER';
}

function isValid({ traceId, spanId }: OtelSpanContext): boolean {
  return /[^0]/.test(traceId) && /[^0]/.test(spanId);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}
