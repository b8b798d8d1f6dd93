/**
 * Partition appender: stores the batches that one connection produces to one partition, in their order. One request is under way; what
 * comes meanwhile goes into the next one together. If such a request is refused, its parts are sent again one by one, so that each
 * gets its own answer.
 */

import { concatenate } from '../../../protocol/bytes.ts';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import type { ProduceBatchesReply } from '../../../protocol/schemas/records.ts';
import { topicPath } from '../../../sdk/client/names.ts';
import { sleep } from '../../../sdk/client/sleep.ts';
import { jsonOf, type Transport } from '../../../sdk/client/transport.ts';
import { asPosthornError, type PosthornError } from '../../../sdk/errors.ts';
import { failureOf, type KafkaFailure } from '../broker/broker-errors.ts';

/** Batches of one produce request for this partition. */
export interface Append {
  bytes: Uint8Array;
  batchCount: number;
  /** The broker knows a repetition by its sequences, so that it may be sent again whatever has happened. */
  isIdempotent: boolean;
  transactionalId: string | null;
  /** When the client gives up, as `performance.now` counts. */
  deadlineMs: number;
}

export interface Stored {
  baseOffset: number;
  /** -1 if records keep their own times. */
  appendTimeMs: number;
  logStartOffset: number;
}

interface Queued extends Append {
  resolve: (outcome: Stored | KafkaFailure) => void;
}

/** One request to the broker. */
const REQUEST_BYTES_MAX = 4 * 1024 * 1024;

const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 1_000;

/** After these the broker may have stored the records. */
const UNCERTAIN: ReadonlySet<string> = new Set([
  'connection_failed',
  'timeout',
  'no_reply',
  'internal_error',
  'unexpected_reply',
]);

export class PartitionAppender {
  readonly #transport: Transport;
  readonly #path: string;
  readonly #partition: number;
  readonly #queue: Queued[] = [];
  #isSending = false;

  constructor(transport: Transport, topic: string, partition: number) {
    this.#transport = transport;
    this.#path = `${topicPath(topic)}/records`;
    this.#partition = partition;
  }

  get isIdle(): boolean {
    return !this.#isSending;
  }

  append(append: Append): Promise<Stored | KafkaFailure> {
    return new Promise((resolve) => {
      this.#queue.push({ ...append, resolve });
      if (!this.#isSending) void this.#sendAll();
    });
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    while (this.#queue.length > 0) {
      const group = this.#nextGroup();
      if (group.length > 1 && (await this.#sendTogether(group))) continue;
      for (const one of group) one.resolve(await this.#sendOne(one));
    }
    this.#isSending = false;
  }

  #nextGroup(): Queued[] {
    const [first] = this.#queue;
    let bytes = 0;
    let count = 0;
    for (const { bytes: added, transactionalId } of this.#queue) {
      bytes += added.length;
      if (count > 0 && (bytes > REQUEST_BYTES_MAX || transactionalId !== first!.transactionalId)) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  /** @returns false if nothing is stored, and each has to be sent by itself */
  async #sendTogether(group: readonly Queued[]): Promise<boolean> {
    try {
      const stored = await this.#post(
        concatenate(group.map(({ bytes }) => bytes)),
        group[0]!.transactionalId,
      );
      let at = 0;
      for (const { batchCount, resolve } of group) {
        resolve(stored[at]!);
        at += batchCount;
      }
      return true;
    } catch (cause) {
      const error = asPosthornError(cause);
      if (!UNCERTAIN.has(error.code) || group.every(({ isIdempotent }) => isIdempotent)) return false;
      for (const { resolve } of group) resolve(failureOf(error, 'topic'));
      return true;
    }
  }

  async #sendOne({
    bytes,
    isIdempotent,
    transactionalId,
    deadlineMs,
  }: Queued): Promise<Stored | KafkaFailure> {
    for (let waitMs = RETRY_MS_MIN; ; waitMs = Math.min(2 * waitMs, RETRY_MS_MAX)) {
      try {
        return (await this.#post(bytes, transactionalId))[0]!;
      } catch (cause) {
        const error = asPosthornError(cause);
        const isOver = performance.now() + waitMs >= deadlineMs;
        if (isOver || !mayRepeat(error, isIdempotent)) return failureOf(error, 'topic');
        await sleep(waitMs, undefined);
      }
    }
  }

  async #post(bytes: Uint8Array, transactionalId: string | null): Promise<Stored[]> {
    const reply = await this.#transport.call({
      method: 'POST',
      path: this.#path,
      query: { partitions: this.#partition, transactional_id: transactionalId ?? undefined },
      headers: { 'content-type': RECORD_BATCH_TYPE },
      body: bytes,
    });
    const { batches } = jsonOf<ProduceBatchesReply>(reply);
    return batches.map(({ base_offset, append_time, log_start_offset }) => ({
      baseOffset: base_offset,
      appendTimeMs: append_time ?? -1,
      logStartOffset: log_start_offset,
    }));
  }
}

function mayRepeat({ code, retryable }: PosthornError, isIdempotent: boolean): boolean {
  return retryable && (isIdempotent || !UNCERTAIN.has(code));
}
