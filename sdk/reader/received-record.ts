/** A record that was read. */

import type { JsonValue } from '../../protocol/json-bytes.ts';
import type { LogRecord, RecordHeader } from '../../protocol/record-batch/index.ts';
import { PosthornError } from '../errors.ts';

// ignoreBOM keeps a leading U+FEFF, which is part of the text.
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/**
 * Bytes are views into the fetch that brought the record, about 1 MiB, which stays in memory as long as one of them
 * does: copy (`value.slice()`) what you keep.
 */
export class ReceivedRecord {
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** Null where there is none. */
  readonly key: Uint8Array | null;
  /** Null is a tombstone. */
  readonly value: Uint8Array | null;
  /** In the order they were sent; a name may occur more than once. */
  readonly headers: readonly RecordHeader[];

  /** Made by `Reader`. */
  constructor(partition: number, record: LogRecord) {
    this.partition = partition;
    this.offset = record.offset;
    this.timestamp = record.timestamp;
    this.key = record.key;
    this.value = record.value;
    this.headers = record.headers;
  }

  /** The key as UTF-8. */
  get keyText(): string | null {
    return this.key && decoder.decode(this.key);
  }

  /** The value as UTF-8: for a JSON string, with its quotes. */
  text(): string | null {
    return this.value && decoder.decode(this.value);
  }

  /**
   * The value as JSON; null for a tombstone.
   *
   * @throws PosthornError `unexpected_reply` where the value is not JSON
   */
  json<Value = JsonValue>(): Value | null {
    const text = this.text();
    if (text === null) return null;
    try {
      return JSON.parse(text) as Value;
    } catch (cause) {
      const where = `partition ${this.partition}, offset ${this.offset}`;
      throw new PosthornError('unexpected_reply', `the value of the record at ${where} is not JSON`, {
        cause,
      });
    }
  }

  /** The last header of that name as UTF-8; null where its value is null, undefined where there is none. */
  header(name: string): string | null | undefined {
    const header = this.headers.findLast(({ key }) => key === name);
    return header && (header.value === null ? null : decoder.decode(header.value));
  }
}
