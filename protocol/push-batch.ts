/**
 * Push batch: what the broker calls a Worker with that a subscription pushes to, and what that may return. Both are copied by the
 * runtime (structured clone), so bytes stay bytes.
 */

import type { RecordHeader } from './record-batch/types.ts';

export interface PushBatch {
  namespace: string;
  subscription: string;
  source: { queue: string } | { topic: string };
  /** A test delivery: its message comes from no queue, and is settled nowhere. */
  is_test: boolean;
  messages: PushBatchMessage[];
}

export interface PushBatchMessage {
  /** The same for each attempt: what the Worker deduplicates by. */
  id: string;
  /** Which attempt this is: from 1. */
  attempt: number;
  /** When it was published, in ms since 1970. */
  timestamp: number;
  /** Of a queue: the ordering key. */
  key: Uint8Array | null;
  /** Null if it was published so; of a topic: a tombstone. */
  body: Uint8Array | null;
  /** Those of the broker, such as properties of messages, have names that begin with a colon. */
  headers: RecordHeader[];
  /** Of a topic. */
  position?: { partition: number; offset: number };
}

/** Without `retry`, or if nothing is returned, all messages are accepted. */
export interface PushBatchReply {
  /** Messages that are to be tried again, by their index in the batch. */
  retry?: { index: number; delay_ms?: number }[];
  /** What the handler has thrown. */
  error?: { message: string; stack?: string };
}
