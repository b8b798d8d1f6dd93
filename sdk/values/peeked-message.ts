/** Peeked message: a message that was read without taking it. */

import type { JsonValue } from '../../protocol/json/json-text.ts';
import type { MessageOut } from '../../protocol/schemas/messages.ts';
import type { MessageProperties } from './message-input.ts';
import { fromWire } from '../client/wire.ts';

export class PeekedMessage {
  /**
   * As `JSON.parse` reads it; bytes are `{ $base64: '...' }`, among them what would be taken for something else: the JSON value
   * null (null is no value) and an object with a member `$base64`.
   */
  readonly body: JsonValue;
  /** By name; an array for a name that occurs more than once. Bytes that are no text are `{ $base64: '...' }`. */
  readonly headers: Readonly<Record<string, JsonValue>>;
  readonly properties: MessageProperties;
  /** In ms since 1970. */
  readonly publishedAt: number;
  /** The exchange that it was published to, undefined if it went straight to the queue. */
  readonly exchange: string | undefined;
  readonly routingKey: string | undefined;

  private constructor(message: MessageOut) {
    this.body = message.body;
    this.headers = message.headers ?? {};
    this.properties = fromWire<MessageProperties>(message.properties);
    this.publishedAt = message.published_at;
    this.exchange = message.exchange;
    this.routingKey = message.routing_key;
  }

  /** @internal */
  static of(message: MessageOut): PeekedMessage {
    return new PeekedMessage(message);
  }
}
