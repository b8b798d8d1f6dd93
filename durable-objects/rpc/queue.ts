/** Methods of a queue that others call, and what goes in and out of them. */

import type { DeliveryError } from '../../core/queue/settle/settle.ts';
import type { KnownReport, ObjectReport } from '../../core/overview/object-report.ts';
import type { PublishRange } from '../../core/producers/gapped-sequences.ts';
import type { PublishException, PublishProducer } from '../../core/queue/publish/queue-producers.ts';
import type { QueueDeletion } from '../../core/topology/queues/queue-deletion.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import type { Failure } from '../../protocol/errors.ts';
import type { SettleFields, StreamKeeps } from '../../protocol/schemas/deliveries.ts';
import type { QueueStatus } from '../../protocol/schemas/queues.ts';
import type { SettleOutcome } from '../../protocol/settlements.ts';
import type { DeadLetterAnswer, DeadLetterCall } from './dead-letters.ts';
import type { MessageAnswer, MessageCall } from './queue-messages.ts';
import type { PushRoom } from './subscription.ts';
import type { PublishLimits } from './publish-limits.ts';
import type { Stale } from './stale.ts';

export type { DeliveryError } from '../../core/queue/settle/settle.ts';

/** Options of a publish. */
export interface PublishOptions extends PublishLimits {
  /**
   * Set by a broker object that hands on messages at least once: its name and the number of the first message, which
   * grow by one per message unless `numbers` gives each its own, in order. Messages with a number that was taken before are
   * duplicates. Where there is no room for one, it and all that follow are `rejected`, and are to be sent again.
   */
  source?: { name: string; firstNumber: number; numbers?: number[] };
  /** All batches are its, and one publish to it: stored once, however often it comes. */
  producer?: PublishProducer;
  /** Its messages are some of a publish through an exchange, and each is stored once: at these places of it, or all. */
  publish?: { range: PublishRange; indexes: readonly number[] | null };
}

/** What became of the messages of a publish. Those not named in `exceptions` are stored durably. */
export interface Published {
  /** Messages in all batches. */
  count: number;
  /** In order of `index`, the place of the message in the batches, from 0. */
  exceptions: PublishException[];
}

export interface DeliverRequest {
  /** The version of the queue's definition that the caller knows. */
  version: number;
  /** Messages at most. */
  max: number;
  /** Bytes of messages at most, but at least one message. */
  bytesMax: number;
  /** Default: the queue's. */
  leaseMs?: number;
  /** Who takes them. Empty: nobody in particular. */
  consumerId: string;
  /** Settles them in the same step: at most once, and no lease. */
  autoAck?: boolean;
  /** The reply says how many messages are ready besides. */
  countsReady?: boolean;
  /** A stream: messages that its consumer may hold at the same time. `max` is then of no account. */
  prefetch?: number;
  /** A stream of delivery frames instead of JSON. */
  isBinary?: boolean;
  /** A stream: its client sends something at least so often, in ms. */
  heartbeatMs?: number;
  /** A stream: those of the highest are served first. Default 0. */
  priority?: number;
  /** A stream that takes nothing: it keeps what its `consumerId` takes by requests, and perhaps the queue. */
  keeps?: StreamKeeps;
}

/** A socket that the queue accepts: for deliveries, or for frames that are publishes. */
export type SocketRequest = DeliverRequest | { version: number; publishes: true };

export interface NackedTag {
  tag: string;
  /** Default: as the queue's retry schedule says. 0: at once, at its old place. */
  delayMs?: number;
  error?: DeliveryError;
}

export interface SettleRequest {
  ack?: string[];
  nack?: NackedTag[];
  reject?: { tag: string; error?: DeliveryError }[];
  release?: string[];
  extend?: { tag: string; leaseMs: number }[];
  /** The subscription that settles, and what it takes from now on. */
  subscription?: { name: string; room: PushRoom };
  /** Where it is given, only deliveries of this consumer are settled. */
  consumerId?: string;
}

/** In the order of the request: ack, nack, reject, release, extend. */
export type Settled = SettleOutcome[];

/** It may be deleted within `CLOSED_MS`, and takes nothing before it has asked whether it was. */
export interface Closed {
  closed: true;
}

export const CLOSED_MS = 30_000;

export type QueueDescription = Omit<QueueStatus, never>;

/** The methods of a queue that can be called. `version`: of the queue's definition that the caller knows. */
export interface QueueMethods extends Rpc.DurableObjectBranded {
  /** Takes a definition from the topology: creates or changes the queue. An older definition changes nothing. */
  configure(definition: QueueDefinition): void;
  /** Closes the queue if it may be deleted. From this answer on it accepts nothing. */
  closeIf(version: number, deletion: QueueDeletion): Closed | Failure | Stale;
  /** Deletes everything and releases the storage. */
  destroy(): Promise<void>;
  /** Takes whole batches, checked by the caller. Answers when they are durable. */
  publish(version: number, bytes: Uint8Array, options?: PublishOptions): Promise<Published | Failure | Stale>;
  /** Delivers ready messages. Returns a frame (protocol/frames/delivery-frame.ts), or null if none is ready. */
  deliver(request: DeliverRequest): Promise<Uint8Array | null | Failure | Stale>;
  /** @param requestJson a `SettleRequest` as JSON in UTF-8: as text, errors in other scripts would take twice the bytes. */
  settle(version: number, requestJson: Uint8Array): Promise<Settled | Stale>;
  /** Settles the entries of a frame (protocol/frames/settlement-frame.ts). The answer is a frame too. */
  settleFrame(
    version: number,
    bytes: Uint8Array,
    consumerId: string | undefined,
  ): Promise<Uint8Array | Failure | Stale>;
  /** Ends the polls of a consumer that wait, after a last look for messages. Returns how many. */
  endWaits(version: number, consumerId: string): number | Stale;
  describe(version: number): QueueDescription | Stale;
  /** Removes messages that are ready or parked. Returns how many. */
  purge(version: number): number | Stale;
  /** Returns the next messages, as record batches in the order of delivery, without taking them. */
  peek(version: number, max: number, bytesMax: number): Uint8Array | Stale;
  /** Lists, sends again, replays and purges the dead letters that it holds. */
  deadLetters(version: number, call: DeadLetterCall): DeadLetterAnswer | Stale;
  /** Lists messages, cancels one, or has it delivered before its turn. */
  messages(version: number, call: MessageCall): MessageAnswer | Stale;
  setPaused(version: number, isPaused: boolean): boolean | Stale;
  /** Bytes that count for the quota of the namespace. */
  storedBytes(): number;
  /** Tells the overview what has changed. @param known the last report that it has. Null: nothing has changed since */
  reportChanges(known: KnownReport): ObjectReport | null;
  /** Runs due tasks. The watchdog calls it in case an alarm was lost. */
  tick(): void;
}

/** What HTTP and sockets send, as the call takes it. */
export function settleRequestOf({
  ack,
  nack,
  reject,
  release,
  extend,
  consumer_id,
}: SettleFields): SettleRequest {
  return {
    ...(ack && { ack }),
    ...(nack && {
      nack: nack.map(({ tag, delay_ms, error }) => ({
        tag,
        ...(delay_ms !== undefined && { delayMs: delay_ms }),
        ...(error && { error }),
      })),
    }),
    ...(reject && { reject: reject.map(({ tag, error }) => ({ tag, ...(error && { error }) })) }),
    ...(release && { release }),
    ...(extend && { extend: extend.map(({ tag, lease_ms }) => ({ tag, leaseMs: lease_ms })) }),
    ...(consumer_id !== undefined && { consumerId: consumer_id }),
  };
}
