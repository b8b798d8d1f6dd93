/** Backlog: where a pusher takes its messages from, and where it says what became of them. A queue and a topic are one each. */

import type { PushFailure } from '../../core/subscription/push-verdict.ts';
import type { SubscriptionConfig } from '../../core/topology/subscriptions.ts';
import type { LogRecord } from '../../protocol/record-batch/index.ts';
import type { PushMessage } from './push-message.ts';

export interface Backlog<Message extends PushMessage = PushMessage> {
  /** Messages that were taken or read, and are not settled. */
  readonly held: number;
  readonly heldBytes: number;
  /** Messages that the filter has passed over. */
  readonly filtered: number;
  /** Returns the messages of the next request, or how long it waits for more of them; null: nothing can be pushed. */
  next(config: SubscriptionConfig, nowMs: number): Message[] | { waitMs: number } | null;
  /** Whether a request that has waited for its turn may still be made. */
  mayStillPush(config: SubscriptionConfig, messages: readonly Message[], nowMs: number): boolean;
  /** The endpoint has accepted them. */
  settle(messages: readonly Message[]): void;
  /** They go back, and no attempt counts. */
  release(messages: readonly Message[]): void;
  /** An attempt has failed. */
  fail(messages: readonly Message[], failure: PushFailure): void;
  /** Nothing is pushed before a time. @param untilMs null: until it is resumed */
  rest(untilMs: number | null): void;
  /** Resolves when all that was settled is stored or told. */
  done(): Promise<void>;
}

/** Which messages are pushed. */
export type Wanted = (record: LogRecord) => boolean;

/** One request with more makes the memory of the endpoint a question. */
export const REQUEST_BYTES_MAX = 8 * 1024 * 1024;

/** Of messages that are held: an object has 128 MB. */
export const HELD_BYTES_MAX = 24 * 1024 * 1024;
