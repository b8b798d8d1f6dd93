/** What the comparison asks of a broker: one queue with its dead-letter queue, and two consumers that hold messages. */

import type { Consumer, MessageSettings, QueueSettings } from './queue-generate.ts';

export interface Taken {
  /** The number that the message was published with. */
  id: number;
  redelivered: boolean;
  /** As published, even if it is above the highest of the queue. */
  priority: number | null;
  /** How often it was delivered; null if the broker does not tell. */
  deliveryCount: number | null;
}

export interface DeadLetter extends Taken {
  reason: string;
  queue: string;
  hasExpiration: boolean;
}

export type Settling = 'ack' | 'reject' | 'release' | 'nack';

export interface QueueSide {
  declare(settings: QueueSettings): Promise<void>;
  /** True for each message that was stored. */
  publish(firstId: number, messages: readonly MessageSettings[]): Promise<boolean[]>;
  get(by: Consumer, max: number): Promise<Taken[]>;
  /** @param places in what the consumer holds, ascending */
  settle(by: Consumer, places: readonly number[], how: Settling): Promise<void>;
  leave(by: Consumer): Promise<void>;
  /** Returns how many messages were removed. */
  purge(): Promise<number>;
  held(by: Consumer): number;
  /** Messages that can be delivered; null if the broker does not count them at once. */
  ready(): Promise<number | null>;
  /** All that was dead-lettered, in the order of its arrival. `expected`: wait for that many. */
  deadLetters(expected: number | null): Promise<DeadLetter[]>;
  /** Removes the queues. */
  remove(): Promise<void>;
}
