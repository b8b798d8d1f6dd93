/** Pushed message: a message or record that a subscription pushed to a Worker, and what the Worker says of it. */

import type { JsonValue } from '../../protocol/json/json-text.ts';
import { RESERVED_PREFIX } from '../../protocol/headers/message-headers.ts';
import type { PushBatchMessage } from '../../protocol/push-batch.ts';
import type { RecordHeader } from '../../protocol/record-batch/types.ts';
import { invalidArgument } from '../errors.ts';
import { headerText, jsonOfBytes, textOf } from '../values/received.ts';

export interface RetryOptions {
  /** When it is tried again, in ms from now. Default: as the retry schedule of the queue, or of the subscription, says. */
  delayMs?: number;
}

/** What becomes of a message; undefined: nothing was said. */
export type Settlement = { readonly kind: 'ack' } | { readonly kind: 'retry'; readonly delayMs?: number };

export class PushedMessage {
  /** The same for each attempt: deduplicate by it. */
  readonly id: string;
  /** Which attempt this is: from 1. */
  readonly attempts: number;
  /** When it was published, in ms since 1970. */
  readonly timestamp: number;
  /** The ordering key of a message, or the key of a record. */
  readonly key: Uint8Array | null;
  /** Null if it was published so; for a record: a tombstone. */
  readonly body: Uint8Array | null;
  /** Its own, in the order they were sent; a name may occur more than once. */
  readonly headers: readonly RecordHeader[];
  /** Where a record is in its topic; undefined: it came from a queue. */
  readonly position: { readonly partition: number; readonly offset: number } | undefined;
  #settlement: Settlement | undefined;

  /** Made by `subscriber`. */
  constructor({ id, attempt, timestamp, key, body, headers, position }: PushBatchMessage) {
    this.id = id;
    this.attempts = attempt;
    this.timestamp = timestamp;
    this.key = key;
    this.body = body;
    this.headers = headers.filter((header) => !header.key.startsWith(RESERVED_PREFIX));
    this.position = position;
  }

  /** The key as UTF-8. */
  get keyText(): string | null {
    return textOf(this.key);
  }

  /** The last header of that name as UTF-8; null if its value is null, undefined if there is none. */
  header(name: string): string | null | undefined {
    return headerText(this.headers, name);
  }

  /** The body as UTF-8: for a JSON string, with its quotes. */
  text(): string | null {
    return textOf(this.body);
  }

  /**
   * The body as `JSON.parse` reads it. `text()` has the text that was sent.
   *
   * @throws PosthornError `unexpected_reply` if it is not JSON
   */
  json<Value = JsonValue>(): Value | null {
    return jsonOfBytes<Value>(this.body, () => `the body of message ${this.id}`);
  }

  /** The message is done, whatever becomes of the others. The first of `ack` and `retry` counts. */
  ack(): void {
    this.#settlement ??= { kind: 'ack' };
  }

  /** The attempt has failed: the message is tried again, or becomes a dead letter after its last attempt. */
  retry(options: RetryOptions = {}): void {
    this.#settlement ??= { kind: 'retry', ...checked(options) };
  }

  /** For the batch. */
  get settlement(): Settlement | undefined {
    return this.#settlement;
  }
}

/** @throws PosthornError `invalid_argument` */
export function checked({ delayMs }: RetryOptions): RetryOptions {
  if (delayMs === undefined) return {};
  if (Number.isFinite(delayMs) && delayMs >= 0) return { delayMs };
  throw invalidArgument(`expected delayMs to be a number of at least 0, got ${delayMs}`);
}
