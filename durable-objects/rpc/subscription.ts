/** Methods of a subscription that others call, and what comes out of them. */

import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import type { Failure } from '../../protocol/errors.ts';
import type {
  Attempt,
  SubscriptionSeek,
  SubscriptionSought,
  SubscriptionState,
} from '../../protocol/schemas/subscriptions.ts';

/** What a subscription takes from now on. Of those that one life of its object told, the queue believes the highest number. */
export interface PushRoom {
  /** Names the life of the object: a restarted one begins again, whatever its clock says. */
  life: string;
  /** Grows with each that it tells. */
  number: number;
  /** It takes nothing before, in ms. */
  untilMs: number;
  /** Messages that it may hold then; null: as its definition says. */
  max: number | null;
}

/** The queue whose messages are pushed, as a settlement names it. */
export interface PushSource {
  name: string;
  id: number;
  version: number;
}

/** Null: it does not know its definition. */
export type PushAnswer = { taken: boolean; room: PushRoom } | null;

/** How pushes go, without where the source is. */
export type PushState = Omit<SubscriptionState, 'lag' | 'positions' | 'dead_letters_waiting'>;

/** A partition has records that the subscription may not have read. */
export interface PartitionWake {
  topicId: number;
  version: number;
  partition: number;
  /** Where the partition ends. */
  endOffset: number;
}

export interface SubscriptionMethods extends Rpc.DurableObjectBranded {
  /** Takes a definition from the topology: makes the subscription, or changes it. An older one changes nothing. */
  configure(definition: SubscriptionDefinition): Promise<void>;
  /** Gives back what it holds, deletes everything and releases the storage. */
  destroy(): Promise<void>;
  /** Takes messages that are leased to it. @param frame a delivery frame (protocol/frames/delivery-frame.ts) */
  push(source: PushSource, frame: Uint8Array): PushAnswer;
  /** Returns whether it had all of the partition already; null if it does not know its definition yet. */
  wake(wake: PartitionWake): 'told' | 'at end' | null;
  /** How many messages it holds: a queue that has woken learns whether its leases stand for something. */
  held(): number;
  /** Null until the topology has told it its definition. */
  describe(): Promise<SubscriptionState | null>;
  /** Goes on elsewhere in its topic. Null until the topology has told it its definition. */
  seek(seek: SubscriptionSeek): Promise<SubscriptionSought['offsets'] | Failure | null>;
  /** The latest attempts first: an array of `Attempt` as JSON. Null until it knows its definition. */
  attempts(limit: number, onlyFailed: boolean): string | null;
  /** Does what is due: the watchdog calls, in case an alarm was lost. */
  tick(): void;
  /** Pushes a test message now. */
  test(): Promise<Attempt | null>;
}
