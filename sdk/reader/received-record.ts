/** A record that was read. */

import type { JsonValue } from '../../protocol/json/json-text.ts';
import type { LogRecord, RecordHeader } from '../../protocol/record-batch/index.ts';
import { claimOf, type BodyClaim } from '../claims/claim.ts';
import { headerText, jsonOfBytes, textOf } from '../values/received.ts';

/**
 * A record that was read. Its bytes are views into the fetch that brought it, about 1 MiB, and each view keeps that
 * fetch in memory. Copy (`value.slice()`) what you keep.
 */
export class ReceivedRecord {
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** Null if there is none. */
  readonly key: Uint8Array | null;
  /** Null is a tombstone. */
  readonly value: Uint8Array | null;
  /** In the order they were sent; a name may occur more than once. */
  readonly headers: readonly RecordHeader[];
  /** The topic that the offset belongs to: one that is deleted and made again under its name has another id. */
  readonly topicId: number;

  /** Made by `Reader`. */
  constructor(partition: number, record: LogRecord, topicId: number) {
    this.topicId = topicId;
    this.partition = partition;
    this.offset = record.offset;
    this.timestamp = record.timestamp;
    this.key = record.key;
    this.value = record.value;
    this.headers = record.headers;
  }

  /** The key as UTF-8. */
  get keyText(): string | null {
    return textOf(this.key);
  }

  /** The value as UTF-8: for a JSON string, with its quotes. */
  text(): string | null {
    return textOf(this.value);
  }

  /**
   * The value as `JSON.parse` reads it; null for a tombstone, and for the JSON value null, which `value` tells apart. A number
   * beyond 2^53 is rounded, and members named like integers come first: `text()` has the text that was sent.
   *
   * @throws PosthornError `unexpected_reply` if the value is not JSON
   */
  json<Value = JsonValue>(): Value | null {
    const where = (): string =>
      `the value of the record at partition ${this.partition}, offset ${this.offset}`;
    return jsonOfBytes<Value>(this.value, where);
  }

  /** Where the value is, if it was too large for the record. With `bodies: 'claim'` it is still there, and `value` is empty. */
  get claim(): BodyClaim | undefined {
    return claimOf(this.headers);
  }

  /** The last header of that name as UTF-8; null if its value is null, undefined if there is none. */
  header(name: string): string | null | undefined {
    return headerText(this.headers, name);
  }
}
